"""Attention masks of trees behind a cache.

A cache of several rows is padded on the left: its columns end together, and row b has tokens in its last
``lengths[b]`` columns. New nodes stand in the columns behind. So key column c of row b is position ``c - pads[b]`` in
the sequence, where ``pads[b] = columns - lengths[b]``, and a node is at position ``lengths[b] + depth``.

Masks are made on the host, by NumPy: for a tree of some dozens of nodes this takes less time than launching the
operations that would make them elsewhere.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

__all__ = ["additive", "see", "within_window"]

_Mask = NDArray[np.bool_]


def see(trees: _Mask, columns: int, pads: Sequence[int]) -> _Mask:
    """Extends masks of trees by the columns of the cache.

    Args:
        trees: Which node sees which, bool[batch, nodes, nodes].
        columns: The number of columns of the cache.
        pads: How many of them hold nothing, on the left of each row.

    Returns:
        bool[batch, nodes, columns + nodes]: every node sees all of its row's tokens, itself and its ancestors.
    """
    if columns == 0:
        return trees
    batch, nodes, _ = trees.shape
    mask = np.empty((batch, nodes, columns + nodes), np.bool_)
    mask[:, :, :columns] = True
    mask[:, :, columns:] = trees
    for row, pad in enumerate(pads):
        if pad:
            mask[row, :, :pad] = False
    return mask


def within_window(mask: _Mask, depths: NDArray[np.int64], window: int) -> _Mask:
    """Hides what is `window` or more positions back.

    Args:
        mask: As :func:`see` gives it.
        depths: The depth of each node, int64[batch, nodes].
        window: How many positions a node sees, its own included.

    Returns:
        A mask of the same shape.
    """
    columns = mask.shape[2] - depths.shape[1]
    near = mask.copy()
    height = int(depths.max(initial=0)) + 1
    # The last column of the cache is one position before depth 0, whatever the padding.
    first = np.arange(height) + (columns - window + 1)
    of_depth = np.arange(columns) >= first[:, None]
    near[:, :, :columns] &= of_depth[depths]
    if height > window:
        near[:, :, columns:] &= depths[:, :, None] - depths[:, None, :] < window
    return near


def additive(mask: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    """Gives a mask in the form that is added to scores: 0 where it is true, else the least number of the data type."""
    seen, hidden = _bounds(dtype, mask.device)
    return torch.where(mask, seen, hidden)


@functools.lru_cache(maxsize=16)
def _bounds(dtype: torch.dtype, device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    return (
        torch.zeros((), dtype=dtype, device=device),
        torch.full((), torch.finfo(dtype).min, dtype=dtype, device=device),
    )
