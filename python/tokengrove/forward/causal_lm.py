"""Causal language models of transformers as tree models: which way to evaluate trees each of them allows."""

from __future__ import annotations

import warnings
from typing import TypeAlias
from weakref import WeakKeyDictionary

import torch
from transformers import DynamicCache, PreTrainedModel

from tokengrove._native import TokenTree
from tokengrove.errors import RowByRowWarning
from tokengrove.forward.backbone import Backbone, Shape, same
from tokengrove.forward.row_by_row import RowByRowModel
from tokengrove.forward.tree_attention import MASKED_IMPLEMENTATIONS, TreeAttentionModel

__all__ = ["adapt_causal_lm"]

_Circumstances: TypeAlias = tuple[torch.dtype, str | None]
"""Data type and attention implementation: with other ones a model has to be tried out again."""

# How much of the effect of a token may be left when the mask hides it.
_LEAK = 0.01
# How far a position may be from the same position counted by the model itself, in units of the precision.
_TOLERANCE = 256

_FINDINGS: WeakKeyDictionary[PreTrainedModel, tuple[_Circumstances, Shape, str | None]] = WeakKeyDictionary()
"""What was found about models that were tried out, so that adapting one again runs it not once."""


def adapt_causal_lm(model: PreTrainedModel) -> TreeAttentionModel | RowByRowModel:
    """Makes a tree model of a causal language model, trying out whether it respects masks of trees.

    Args:
        model: The model, in evaluation mode.

    Returns:
        A model that evaluates trees in one pass; or, with a warning, one that goes row by row.

    Raises:
        InvalidArgumentError: If it is not a causal language model of tokens, or is in training mode.
    """
    circumstances = (model.dtype, model.config.get_text_config(decoder=True)._attn_implementation)
    before, shape, reason = _FINDINGS.get(model, (None, None, None))
    if shape is not None and before == circumstances:
        backbone = Backbone(model, shape)
    else:
        backbone = Backbone(model)
        reason = _obstacle(backbone)
        _FINDINGS[model] = circumstances, backbone.shape, reason
    if reason is None:
        return TreeAttentionModel(backbone)
    warnings.warn(
        f"{type(model).__name__} runs token trees row by row, which is slow: {reason}", RowByRowWarning, stacklevel=4
    )
    return RowByRowModel(backbone)


def _obstacle(backbone: Backbone) -> str | None:
    """Why a model cannot evaluate trees through a mask; None if it can."""
    missing = {"attention_mask", "position_ids", "past_key_values"} - backbone.arguments
    if missing:
        return f"its forward has no {', '.join(sorted(missing))}"
    if backbone.implementation not in MASKED_IMPLEMENTATIONS:
        return (
            f"its attention implementation {backbone.implementation!r} takes no mask of a tree "
            f"(choose with model.set_attn_implementation: {', '.join(MASKED_IMPLEMENTATIONS)})"
        )
    others = set(getattr(backbone.config, "layer_types", None) or ()) - {"full_attention", "sliding_attention"}
    if others:
        return f"it has layers of other kinds than attention to all tokens or to a window: {', '.join(sorted(others))}"
    try:
        return _tried_out(backbone)
    except (TypeError, ValueError, RuntimeError, AttributeError, KeyError, IndexError, NotImplementedError) as error:
        return f"it fails when given the mask of a tree ({type(error).__name__}: {error})"


def _tried_out(backbone: Backbone) -> str | None:
    """Evaluates a root with two children: whether one child sees the other, and is where it should be."""
    root, first, other, second = backbone.sample(4)[0].tolist()
    model = TreeAttentionModel(backbone)

    def last(tokens: list[int], parents: list[int]) -> torch.Tensor:
        return model.forward(TokenTree(tokens, parents), model.new_cache())[-1]

    with_first, with_other = (last([root, sibling, second], [-1, 0, 0]) for sibling in (first, other))
    seen = last([root, first, second], [-1, 0, 1]) - last([root, other, second], [-1, 0, 1])
    if (with_first - with_other).abs().max() > _LEAK * seen.abs().max():
        return "it does not respect the mask of a tree"
    path = torch.tensor([[root, second]], device=backbone.device)
    alone = backbone.run(path, past_key_values=DynamicCache(), use_cache=True)[0, -1]
    if not same(with_first, alone, _TOLERANCE):
        return "it does not take the position of a token from position_ids"
    return None
