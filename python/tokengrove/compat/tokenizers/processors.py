"""Post-processors: what is added around the tokens of one text or two."""

from __future__ import annotations

from collections.abc import Sequence as Items
from typing import Any

from tokengrove._native import Encoding, ProcessorCore
from tokengrove.compat.tokenizers._component import CHANGES, Component, Field, SequenceComponent, boolean, string
from tokengrove.compat.tokenizers._template import Template, check, read_special_tokens, read_template, show

__all__ = ["BertProcessing", "ByteLevel", "PostProcessor", "RobertaProcessing", "Sequence", "TemplateProcessing"]


class PostProcessor(Component):
    """The base of all post-processors."""

    KIND = "post_processor"

    def num_special_tokens_to_add(self, is_pair: bool) -> int:
        """Give the number of tokens that are added.

        Args:
            is_pair: Whether to two inputs.
        """
        return self._compile(ProcessorCore).num_special_tokens_to_add(is_pair)

    def process(self, encoding: Encoding, pair: Encoding | None = None, add_special_tokens: bool = True) -> Encoding:
        """Add tokens to one encoding or two, and join these.

        Args:
            encoding: The first.
            pair: The second.
            add_special_tokens: Whether to add tokens at all.

        Returns:
            A new encoding.
        """
        return self._compile(ProcessorCore).process(encoding, pair, add_special_tokens)


class Sequence(SequenceComponent, PostProcessor):
    """Post-processors one after another."""

    ITEMS = "processors"
    BASE = PostProcessor

    def __init__(self, processors: list[Any]) -> None:
        super().__init__(processors)


def _mark(value: Any) -> list[Any]:
    """Read a token and its id."""
    token, number = value
    return [string(token), int(number)]


def _pair(value: list[Any]) -> tuple[str, int]:
    return value[0], value[1]


class BertProcessing(PostProcessor):
    """``[CLS] A [SEP]``, ``[CLS] A [SEP] B [SEP]``."""

    TYPE = "BertProcessing"

    sep = Field["tuple[str, int]"](_mark, write=_pair)
    cls = Field["tuple[str, int]"](_mark, write=_pair)

    def __init__(self, sep: tuple[str, int], cls: tuple[str, int]) -> None:
        self._set(sep=sep, cls=cls)


class RobertaProcessing(PostProcessor):
    """``<s> A </s>``, ``<s> A </s></s> B </s>``."""

    TYPE = "RobertaProcessing"

    sep = Field["tuple[str, int]"](_mark, write=_pair)
    cls = Field["tuple[str, int]"](_mark, write=_pair)
    trim_offsets = Field[bool](boolean)
    add_prefix_space = Field[bool](boolean)

    def __init__(
        self,
        sep: tuple[str, int],
        cls: tuple[str, int],
        trim_offsets: bool = True,
        add_prefix_space: bool = True,
    ) -> None:
        self._set(sep=sep, cls=cls, trim_offsets=trim_offsets, add_prefix_space=add_prefix_space)


class ByteLevel(PostProcessor):
    """Adds nothing, and takes white space off offsets."""

    TYPE = "ByteLevel"

    add_prefix_space = Field[bool](boolean)
    trim_offsets = Field[bool](boolean)
    use_regex = Field[bool](boolean)

    def __init__(
        self,
        add_prefix_space: bool | None = None,
        trim_offsets: bool | None = None,
        use_regex: bool | None = None,
        **_kwargs: Any,
    ) -> None:
        given = {"add_prefix_space": add_prefix_space, "trim_offsets": trim_offsets, "use_regex": use_regex}
        self._set(**{name: True if value is None else value for name, value in given.items()})


class TemplateProcessing(PostProcessor):
    """Tokens and inputs in the order of a template.

    Args:
        single: The template for one input: a str of pieces with spaces between, or a list of pieces. ``$A`` and ``$B``
            (or ``$0``, ``$1`` ...) are the inputs, everything else is a special token; ``:1`` at the end of a piece is
            its type id.
        pair: The template for two inputs.
        special_tokens: Each special token of the templates as a tuple of token and id (in either order), or as a dict
            with ``id``, ``ids`` and ``tokens``.

    Raises:
        ValueError: If a piece is not understood, a token is not given, or ``pair`` does not name both inputs.
    """

    TYPE = "TemplateProcessing"

    def __init__(
        self,
        single: str | Items[str] | None = None,
        pair: str | Items[str] | None = None,
        special_tokens: Items[Any] | None = None,
    ) -> None:
        templates: dict[str, Template] = {
            "single": read_template("$0" if single is None else single),
            "pair": read_template("$A:0 $B:1" if pair is None else pair),
        }
        tokens = read_special_tokens(special_tokens or [])
        check(templates, tokens, pair is not None)
        self._state = {**templates, "special_tokens": tokens}

    @property
    def single(self) -> str:
        """The template for one input, as the reference library shows it."""
        return show(self._state["single"])

    @single.setter
    def single(self, single: str | Items[str]) -> None:
        self._state = {**self._state, "single": read_template(single)}
        CHANGES.note()
