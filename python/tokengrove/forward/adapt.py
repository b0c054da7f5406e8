"""Whatever can be asked for logits as a tree model."""

from __future__ import annotations

from typing import Any

from tokengrove.errors import InvalidArgumentError
from tokengrove.forward.callable import CallableModel
from tokengrove.forward.protocol import TreeModel

__all__ = ["adapt", "is_tree_model"]


def adapt(model: Any, *, vocab_size: int | None = None) -> TreeModel:
    """Makes a tree model of a model.

    Args:
        model: A tree model, which is given back as it is; a causal language model of the transformers library; or a
            function from a list of token ids to logits, see :class:`CallableModel`.
        vocab_size: The number of logits of a function, where it is known; not for other models, which know it.

    Returns:
        The tree model.

    Raises:
        TypeError: If `model` is none of these.
        InvalidArgumentError: If `vocab_size` is given for a model that knows its own, and differs.
    """
    adapted = _adapt(model, vocab_size)
    if vocab_size is not None and adapted.vocab_size != vocab_size:
        raise InvalidArgumentError(f"vocab_size is {vocab_size}; the model has {adapted.vocab_size}")
    return adapted


def is_tree_model(model: object) -> bool:
    """Whether an object has the methods of :class:`TreeModel`; asks for no attribute that may take time to compute."""
    return all(callable(getattr(model, name, None)) for name in ("new_cache", "forward", "head", "start"))


def _adapt(model: Any, vocab_size: int | None) -> TreeModel:
    if is_tree_model(model):
        return model  # type: ignore[no-any-return]
    # A class of transformers, asked without importing the library: it need not be installed.
    if any(kind.__module__ == "transformers.modeling_utils" for kind in type(model).__mro__):
        from tokengrove.forward.causal_lm import adapt_causal_lm

        return adapt_causal_lm(model)
    if callable(model):
        return CallableModel(model, vocab_size=vocab_size)
    raise TypeError(
        "model must be a TreeModel, a causal language model of transformers, or a function from token ids to logits, "
        f"not {type(model).__name__}"
    )
