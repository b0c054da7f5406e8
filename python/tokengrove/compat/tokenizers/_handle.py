"""What a ``Tokenizer`` is made of: components, settings, and the immutable core that is compiled from them.

What a user sets (components, added tokens, padding, truncation) is plain Python state. The core is compiled from it
when the tokenizer is next used and then shared by all threads without a lock; compiling takes over what has not
changed, the model above all. Setting truncation or padding compiles nothing.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from tokengrove._native import HfCore
from tokengrove.compat.tokenizers import _load, models
from tokengrove.compat.tokenizers._added_vocabulary import AddedVocabulary
from tokengrove.compat.tokenizers._component import CHANGES, Component
from tokengrove.compat.tokenizers._settings import Padding, Truncation
from tokengrove.compat.tokenizers.decoders import Decoder
from tokengrove.compat.tokenizers.normalizers import Normalizer
from tokengrove.compat.tokenizers.pre_tokenizers import PreTokenizer
from tokengrove.compat.tokenizers.processors import PostProcessor

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["KINDS", "Handle"]

KINDS = ("normalizer", "pre_tokenizer", "post_processor", "decoder")
"""The components beside the model."""


class _Compiled(NamedTuple):
    """What was compiled, and of what."""

    changes: int
    """The number of changes of components at the time."""
    recipe: tuple[Any, ...]
    base: HfCore
    """Without settings."""
    core: HfCore
    custom: bool
    """Whether a component written in Python has to run outside of the core."""


class Handle:
    """Components and settings, compiled when they are needed.

    Args:
        model: The model, a ``models.BPE``.
    """

    def __init__(self, model: models.Model) -> None:
        self._components: dict[str, Any] = dict.fromkeys(KINDS)
        self._model = _bpe(model)
        self._added = AddedVocabulary()
        self._truncation: Truncation | None = None
        self._padding: Padding | None = None
        self._encode_special_tokens = False
        self._compiled: _Compiled | None = None

    # --- the core ------------------------------------------------------------------------------------------------

    def _changed(self) -> None:
        self._compiled = None if self._compiled is None else self._compiled._replace(changes=-1)

    def _ready(self) -> _Compiled:
        """Give the core, compiled anew if something has changed."""
        compiled = self._compiled
        changes = CHANGES.number
        if compiled is not None and compiled.changes == changes:
            return compiled
        custom = {kind: one for kind, one in self._components.items() if one is not None and one._is_custom()}
        # With a normalizer or a pre-tokenizer written in Python, the core has the model and the added tokens alone.
        outside = "normalizer" in custom or "pre_tokenizer" in custom
        inside = ("post_processor", "decoder") if outside else KINDS
        components = {kind: one._json() for kind in inside if (one := self._components[kind]) and kind not in custom}
        normalizer = self._components["normalizer"]
        normalize: Callable[[str], str] | None = None
        if outside and normalizer is not None:
            normalize = normalizer.normalize_str
        recipe = (self._model._native, json.dumps(components), self._added.native(normalize))
        if compiled is not None and _same(compiled.recipe, recipe):
            base = compiled.base
        else:
            base = HfCore(*recipe, compiled.base if compiled is not None else None)
        core = base.with_settings(
            None if self._truncation is None else self._truncation.native(),
            None if self._padding is None else self._padding.native(),
            self._encode_special_tokens,
        )
        compiled = _Compiled(changes, recipe, base, core, outside)
        self._compiled = compiled
        return compiled

    def _set(self, kind: str, component: Component | None, base: type[Component]) -> None:
        if component is not None and not isinstance(component, base):
            component = _foreign(kind, component, base)
        self._components = {**self._components, kind: component}
        self._changed()

    # --- components ----------------------------------------------------------------------------------------------

    @property
    def model(self) -> Any:
        """The model."""
        return self._model

    @model.setter
    def model(self, model: models.Model) -> None:
        self._model = _bpe(model)
        self._changed()

    @property
    def normalizer(self) -> Any:
        """The normalizer, or None."""
        return self._components["normalizer"]

    @normalizer.setter
    def normalizer(self, normalizer: Normalizer | None) -> None:
        self._set("normalizer", normalizer, Normalizer)

    @property
    def pre_tokenizer(self) -> Any:
        """The pre-tokenizer, or None."""
        return self._components["pre_tokenizer"]

    @pre_tokenizer.setter
    def pre_tokenizer(self, pretok: PreTokenizer | None) -> None:
        self._set("pre_tokenizer", pretok, PreTokenizer)

    @property
    def post_processor(self) -> Any:
        """The post-processor, or None."""
        return self._components["post_processor"]

    @post_processor.setter
    def post_processor(self, processor: PostProcessor | None) -> None:
        self._set("post_processor", processor, PostProcessor)

    @property
    def decoder(self) -> Any:
        """The decoder, or None."""
        return self._components["decoder"]

    @decoder.setter
    def decoder(self, decoder: Decoder | None) -> None:
        self._set("decoder", decoder, Decoder)

    @property
    def encode_special_tokens(self) -> bool:
        """Whether special tokens in the text are text."""
        return self._encode_special_tokens

    @encode_special_tokens.setter
    def encode_special_tokens(self, value: bool) -> None:
        self._encode_special_tokens = bool(value)
        self._changed()

    # --- settings ------------------------------------------------------------------------------------------------

    @property
    def truncation(self) -> dict[str, Any] | None:
        """The truncation, as arguments of ``enable_truncation``, or None."""
        return None if self._truncation is None else self._truncation.arguments()

    def enable_truncation(self, max_length: int, **kwargs: Any) -> None:
        """Cut encodings that are too long.

        Args:
            max_length: The most tokens, added ones included.
            **kwargs: ``stride`` (0), how many tokens of a window are the last of the window before; ``strategy``
                ("longest_first", "only_first" or "only_second"), which input of a pair is cut; ``direction`` ("right"
                or "left"), the side that is cut off.

        Raises:
            ValueError: If a value is not one of these, or windows would not move on.
            TypeError: If an argument has another name.
        """
        truncation = Truncation.read(max_length, kwargs)
        truncation.check(self.num_special_tokens_to_add(False))
        self._truncation = truncation
        self._changed()

    def no_truncation(self) -> None:
        """Cut nothing any more."""
        self._truncation = None
        self._changed()

    @property
    def padding(self) -> dict[str, Any] | None:
        """The padding, as arguments of ``enable_padding``, or None."""
        return None if self._padding is None else self._padding.arguments()

    def enable_padding(self, **kwargs: Any) -> None:
        """Fill encodings up.

        Args:
            **kwargs: ``direction`` ("right" or "left"); ``pad_id`` (0), ``pad_type_id`` (0) and ``pad_token``
                ("[PAD]"), what is put there; ``length`` (None: the longest of a batch); ``pad_to_multiple_of``.

        Raises:
            ValueError: If the direction is neither.
            TypeError: If an argument has another name.
        """
        self._padding = Padding.read(kwargs)
        self._changed()

    def no_padding(self) -> None:
        """Fill nothing up any more."""
        self._padding = None
        self._changed()

    def num_special_tokens_to_add(self, is_pair: bool) -> int:
        """Give how many tokens the post-processor adds to one input or two."""
        processor = self._components["post_processor"]
        return 0 if processor is None else processor.num_special_tokens_to_add(is_pair)


def _same(one: tuple[Any, ...], other: tuple[Any, ...]) -> bool:
    return one[0] is other[0] and one[1:] == other[1:]


def _bpe(model: Any) -> models.BPE:
    if isinstance(model, models.BPE):
        return model
    if type(model).__name__ == "BPE" and hasattr(model, "__getstate__"):
        # A model of the reference library, as libraries built on it make them.
        return models._load(model.__getstate__())
    raise TypeError(f"a model must be a BPE of this package, not {type(model).__name__}")


def _foreign(kind: str, component: Any, base: type[Component]) -> Component:
    """Make a component of one of the reference library, as libraries built on it set them."""
    if type(component).__module__.partition(".")[0] == "tokenizers" and hasattr(component, "__getstate__"):
        made: Component = _load.component(kind, json.loads(component.__getstate__()))
        return made
    raise TypeError(f"'{type(component).__name__}' object is not an instance of '{base.__name__}'")
