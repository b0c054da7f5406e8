"""What a tree model must give, computed without trees: one plain pass over each path. Needs torch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from tokengrove import TokenTree

__all__ = ["logits_of_paths"]


def logits_of_paths(model: Any, context: Sequence[int], tree: TokenTree) -> torch.Tensor:
    """Gives the logits of every node of a tree from separate passes over the paths to its leaves.

    Each pass is over the whole sequence, context and path: no cache, no mask, no batch.

    Args:
        model: A causal language model of transformers.
        context: The token ids before the tree.
        tree: The tree.

    Returns:
        float[nodes, vocabulary].
    """
    found: dict[int, torch.Tensor] = {}
    for leaf, tokens in zip(tree.leaves.tolist(), tree.to_paths(), strict=True):
        ids = torch.tensor([[*context, *tokens]], device=model.device)
        with torch.no_grad():
            logits = model(input_ids=ids, use_cache=False).logits[0, len(context) :]
        found.update(zip(tree.path(leaf).tolist(), logits, strict=True))
    return torch.stack([found[node] for node in range(len(tree))])
