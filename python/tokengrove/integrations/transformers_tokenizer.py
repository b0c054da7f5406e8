"""Transformers tokenizers on tokengrove's encoder.

:func:`accelerate` takes a fast tokenizer of transformers 5 and gives the same tokenizer with another backend::

    from transformers import AutoTokenizer
    from tokengrove.integrations.transformers_tokenizer import accelerate

    tokenizer = accelerate(AutoTokenizer.from_pretrained(folder))

The class, its methods and everything they return stay those of transformers; only what it calls for text and ids is
replaced. :func:`from_pretrained` does both steps, and :func:`patch` does it for all tokenizers that are loaded within a
``with`` block. A tokenizer that cannot be accelerated (its model is not BPE) is given back as it is, with one warning
that says why. Nothing here needs torch.
"""

from __future__ import annotations

import contextlib
import copy
import warnings
from typing import TYPE_CHECKING, Any, TypeVar

from tokengrove.compat.tokenizers import Tokenizer
from tokengrove.compat.tokenizers.decoders import DecodeStream
from tokengrove.errors import UnsupportedTokenizerError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from os import PathLike

__all__ = ["accelerate", "from_pretrained", "is_accelerated", "patch"]

T = TypeVar("T")

_warned: set[str] = set()


class _Backend(Tokenizer):
    """The drop-in as transformers wants it: added tokens are given as objects of the original library."""

    def get_added_tokens_decoder(self) -> Any:
        """Give a new dict from ids to added tokens."""
        from tokenizers import AddedToken

        tokens = sorted(self._added.by_id.items())
        return {number: AddedToken(**token.__getstate__()) for number, token in tokens}


def is_accelerated(tokenizer: object) -> bool:
    """Tell whether a transformers tokenizer has tokengrove's backend."""
    return isinstance(getattr(tokenizer, "_tokenizer", None), _Backend)


def accelerate(tokenizer: T) -> T:
    """Give a transformers tokenizer tokengrove's backend.

    Args:
        tokenizer: A fast tokenizer of transformers; it stays as it is.

    Returns:
        A copy with the other backend, or ``tokenizer`` itself if that is not possible; then there is a warning that
        names the component, once for each.
    """
    backend = getattr(tokenizer, "_tokenizer", None)
    if isinstance(backend, _Backend):
        return tokenizer
    if backend is None or not hasattr(backend, "to_str"):
        _warn(f"a tokenizer of class {type(tokenizer).__name__}, which has no backend of the package tokenizers")
        return tokenizer
    try:
        ours = _Backend._load(backend.to_str().encode())
        ours._ready()
    except UnsupportedTokenizerError as error:
        _warn(str(error))
        return tokenizer
    except Exception as error:
        # A component written in Python has no JSON form.
        _warn(f"{type(tokenizer).__name__}: {error}")
        return tokenizer
    ours.encode_special_tokens = backend.encode_special_tokens
    # The copy must not copy the old backend, only to throw it away.
    return copy.deepcopy(tokenizer, {id(backend): ours})


def from_pretrained(name_or_path: str | PathLike[str], *args: Any, **kwargs: Any) -> Any:
    """Load a tokenizer as ``transformers.AutoTokenizer.from_pretrained`` does, and accelerate it.

    Args:
        name_or_path: A local folder, or the name of a model.
        *args: Passed on.
        **kwargs: Passed on.

    Returns:
        The tokenizer; see :func:`accelerate`.
    """
    from transformers import AutoTokenizer

    return accelerate(AutoTokenizer.from_pretrained(name_or_path, *args, **kwargs))


@contextlib.contextmanager
def patch() -> Iterator[None]:
    """Accelerate every tokenizer that transformers loads while the ``with`` block runs.

    ``tokenizers.decoders.DecodeStream`` takes accelerated backends in the block too. Afterwards both are as before;
    tokenizers that were loaded stay accelerated. Blocks may be nested.
    """
    import tokenizers.decoders
    import transformers

    # Seen as `Any`: their names are replaced here.
    loader: Any = transformers.PreTrainedTokenizerFast
    decoders: Any = tokenizers.decoders
    had_own = "from_pretrained" in loader.__dict__
    before = loader.__dict__.get("from_pretrained")
    original = loader.from_pretrained.__func__
    stream = decoders.DecodeStream

    def loaded(cls: type[Any], *args: Any, **kwargs: Any) -> Any:
        return accelerate(original(cls, *args, **kwargs))

    loader.from_pretrained = classmethod(loaded)
    decoders.DecodeStream = DecodeStream
    try:
        yield
    finally:
        decoders.DecodeStream = stream
        if had_own:
            loader.from_pretrained = before
        else:
            del loader.from_pretrained


def _warn(reason: str) -> None:
    """Say once why something is not accelerated."""
    if reason not in _warned:
        _warned.add(reason)
        warnings.warn(f"not accelerated by tokengrove: {reason}", UserWarning, stacklevel=3)
