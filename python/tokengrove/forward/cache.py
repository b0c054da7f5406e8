"""Keys and values that grow: tree caches over a list of layers, such as those of transformers' ``DynamicCache``.

Between calls the layers hold, for each row, left padding, the committed tokens, and the nodes of the last trees. A
commit moves the nodes of the path to the front of the nodes and cuts off the rest.

The kind of cache with memory of a fixed size, for CUDA graphs, is in :mod:`tokengrove.forward.static_cache`.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any, Protocol, Self

import numpy as np
import torch

from tokengrove._native import TokenTree
from tokengrove.forward.base import CacheBase

__all__ = ["DynamicTreeCache", "Layer"]


class Layer(Protocol):
    """Keys and values of one layer: float[batch, heads, columns, size] each, grown by concatenation."""

    keys: torch.Tensor | None
    values: torch.Tensor | None


class DynamicTreeCache(CacheBase):
    """A tree cache whose layers grow.

    Every layer keeps all tokens, those of sliding-window attention too: the mask hides what is out of the window, and
    what a crop brings back into the window is still there.

    Args:
        owner: The model that the cache belongs to.
        batch_size: The number of rows.
        past: Holds the layers in a list `layers`, to which the model adds as it first meets them.
    """

    def __init__(self, owner: object, batch_size: int, past: Any) -> None:
        super().__init__(owner, batch_size)
        self.past = past
        self._columns = 0
        self._nodes = 0
        # Whether a fork may read the nodes in the same memory, so that a commit must not move them there.
        self._shared = False

    @property
    def columns(self) -> int:
        """How many columns the committed tokens take, padding included."""
        return self._columns

    @property
    def pads(self) -> list[int]:
        """How many columns on the left of each row hold nothing."""
        return [self._columns - len(tokens) for tokens in self._tokens]

    def begin(self) -> None:
        """Forgets the nodes of the last trees, to evaluate new ones."""
        if self._nodes:
            self._cut(self._columns)
        self._trees, self._nodes = None, 0

    def finish(self, trees: Sequence[TokenTree], nodes: int) -> None:
        """Notes that the layers now hold the nodes of some trees, `nodes` columns of them."""
        self._trees, self._nodes = list(trees), nodes
        self._shared = False

    def undo(self) -> None:
        """Forgets what an evaluation that failed has left in some of the layers, to be called instead of `finish`.

        Nothing was kept for this, which would take the memory of a second cache: a layer grows at its end alone.
        """
        if self._columns == 0:
            self._layers.clear()
        self._cut(self._columns)

    def _keep(self, paths: list[list[int]]) -> None:
        counts = [len(path) for path in paths]
        count = counts[0]
        if any(other != count for other in counts):
            self._gather(paths, self.lengths)
        elif all(path == list(range(count)) for path in paths):
            # Plain decoding keeps all that it has evaluated, and then there is nothing to cut off.
            if count < self._nodes:
                self._cut(self._columns + count)
        else:
            self._move(paths, count)
        self._columns = max(length + count for length, count in zip(self.lengths, counts, strict=True))
        self._nodes = 0

    def _shorten(self, lengths: list[int]) -> None:
        removed = {len(tokens) - length for tokens, length in zip(self._tokens, lengths, strict=True)}
        if len(removed) == 1:
            self._cut(self._columns - removed.pop())
        else:
            self._gather([[] for _ in lengths], lengths)
        self._columns = max(lengths)
        self._nodes = 0

    def _copy(self, rows: list[int] | None) -> Self:
        past = copy.copy(self.past)
        past.layers = [copy.copy(layer) for layer in self._layers]
        new = type(self)(self._owner, self.batch_size if rows is None else len(rows), past)
        new._columns, new._nodes = self._columns, self._nodes
        new._shared = self._shared = True
        if rows is not None:
            # The longest row may not be among them: then all have padding that none needs.
            spare = self._columns - max(len(self._tokens[row]) for row in rows)
            new._columns -= spare
            for layer in new._filled():
                chosen = torch.tensor(rows, device=layer.keys.device)
                layer.keys = layer.keys[:, :, spare:].index_select(0, chosen)
                layer.values = layer.values[:, :, spare:].index_select(0, chosen)
        return new

    @property
    def _layers(self) -> list[Any]:
        layers: list[Any] = self.past.layers
        return layers

    def _filled(self) -> list[Any]:
        return [layer for layer in self._layers if layer.keys is not None and layer.keys.ndim == 4]

    def _cut(self, columns: int) -> None:
        """Keeps the first columns."""
        for layer in self._filled():
            layer.keys, layer.values = layer.keys[:, :, :columns], layer.values[:, :, :columns]

    def _move(self, paths: list[list[int]], count: int) -> None:
        """Moves as many nodes of each row to the front of the nodes, and cuts off the rest."""
        start, end = self._columns, self._columns + count
        index: torch.Tensor | None = None
        for layer in self._filled():
            # Made once for each device, of which most models have one.
            if index is None or index.device != layer.keys.device:
                index = _columns_of(paths, start, layer.keys.device)
            # All paths are read before any is written: they may overlap.
            keys, values = _take(layer.keys, index), _take(layer.values, index)
            if self._shared:
                layer.keys = torch.cat([layer.keys[:, :, :start], keys], dim=2)
                layer.values = torch.cat([layer.values[:, :, :start], values], dim=2)
            else:
                layer.keys[:, :, start:end], layer.values[:, :, start:end] = keys, values
                layer.keys, layer.values = layer.keys[:, :, :end], layer.values[:, :, :end]

    def _gather(self, paths: list[list[int]], lengths: Sequence[int]) -> None:
        """Keeps of each row the first `lengths` tokens and a path of nodes, aligned on the right."""
        width = max(length + len(path) for length, path in zip(lengths, paths, strict=True))
        rows = []
        for pad, length, path in zip(self.pads, lengths, paths, strict=True):
            kept = [*range(pad, pad + length), *(self._columns + node for node in path)]
            # What stands in the padding is never seen; column 0 is as good as any.
            rows.append([*[0] * (width - len(kept)), *kept])
        index: torch.Tensor | None = None
        for layer in self._filled():
            if index is None or index.device != layer.keys.device:
                index = _columns_of(rows, 0, layer.keys.device)
            layer.keys, layer.values = _take(layer.keys, index), _take(layer.values, index)


def _columns_of(rows: list[list[int]], start: int, device: torch.device) -> torch.Tensor:
    return torch.from_numpy(np.array(rows, np.int64) + start).to(device)


def _take(tensor: torch.Tensor, index: torch.Tensor) -> torch.Tensor:
    """Columns of each row: float[batch, heads, columns, size] and int64[batch, m] to float[batch, heads, m, size]."""
    if index.shape[0] == 1:
        return tensor.index_select(2, index[0])
    batch, heads, _, size = tensor.shape
    return tensor.gather(2, index[:, None, :, None].expand(batch, heads, index.shape[1], size))
