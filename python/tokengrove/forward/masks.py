"""Positions and attention masks of trees behind a cache.

A cache of several rows is padded on the left: its columns end together, and row b has tokens in its last
``lengths[b]`` columns. New nodes stand in the columns behind. So key column c of row b is position ``c - pads[b]`` in
the sequence, where ``pads[b] = columns - lengths[b]``, and a node is at position ``lengths[b] + depth``.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

__all__ = ["additive", "node_positions", "see", "within_window"]


def node_positions(depths: torch.Tensor, lengths: Sequence[int]) -> torch.Tensor:
    """Gives where nodes stand in their sequences.

    Args:
        depths: int64[batch, nodes].
        lengths: The number of tokens of each row of the cache.

    Returns:
        int64[batch, nodes], on the device of `depths`.
    """
    if len(set(lengths)) == 1:
        return depths + lengths[0]
    return depths + torch.tensor(lengths, device=depths.device).unsqueeze(1)


def see(trees: torch.Tensor, columns: int, pads: Sequence[int]) -> torch.Tensor:
    """Extends masks of trees by the columns of the cache.

    Args:
        trees: Which node sees which, bool[batch, nodes, nodes].
        columns: The number of columns of the cache.
        pads: How many of them hold nothing, on the left of each row.

    Returns:
        bool[batch, 1, nodes, columns + nodes]: every node sees all of its row's tokens, itself and its ancestors.
    """
    batch, nodes, _ = trees.shape
    if columns == 0:
        return trees.unsqueeze(1)
    mask = torch.ones(batch, 1, nodes, columns + nodes, dtype=torch.bool, device=trees.device)
    mask[:, 0, :, columns:] = trees
    if any(pads):
        filled = torch.arange(columns, device=trees.device) >= torch.tensor(pads, device=trees.device).unsqueeze(1)
        mask[..., :columns] = filled[:, None, None, :]
    return mask


def within_window(mask: torch.Tensor, positions: torch.Tensor, pads: Sequence[int], window: int) -> torch.Tensor:
    """Hides what is `window` or more positions back.

    Args:
        mask: As :func:`see` gives it.
        positions: As :func:`node_positions` gives them.
        pads: As for :func:`see`.
        window: How many positions a node sees, its own included.

    Returns:
        A mask of the same shape.
    """
    nodes = positions.shape[1]
    columns = torch.arange(mask.shape[-1] - nodes, device=mask.device)
    before = columns - torch.tensor(pads, device=mask.device).unsqueeze(1)
    keys = torch.cat([before, positions], dim=1)
    near = positions[:, :, None] - keys[:, None, :] < window
    return mask & near.unsqueeze(1)


def additive(mask: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    """Gives a mask in the form that is added to scores: 0 where it is true, else the least number of the data type."""
    zeros = torch.zeros(mask.shape, dtype=dtype, device=mask.device)
    return zeros.masked_fill_(~mask, torch.finfo(dtype).min)
