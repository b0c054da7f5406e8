"""Keys and values in memory of a fixed size: a tree cache whose tensors keep their shapes and addresses.

The tokens of row b stand in columns ``0 .. lengths[b] - 1`` of its memory, whatever the other rows hold, and the nodes
of the last trees in the columns behind. Which columns those are is told to the device as numbers, so one CUDA graph
serves every length. Columns beyond hold what was written there before; nothing sees them.

A commit is a note of which columns have to be moved. The next evaluation moves them first, as a part of its own work.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Self

import torch

from tokengrove._native import TokenTree
from tokengrove.forward.base import CacheBase

__all__ = ["MOVES", "Memory", "StaticTreeCache", "Writer"]

MOVES = 16
"""Tokens of an accepted path that an evaluation moves; what is longer is moved at once, by itself."""


@dataclass(eq=False)
class Memory:
    """The tensors of one cache.

    Attributes:
        keys: float[layers, batch, heads, columns, size].
        values: float[layers, batch, heads, columns, value_size].
        graphs: What was captured with these tensors, by whatever tells captures apart.
        inputs: The tensors that steps are given their input in, by their number of nodes.
    """

    keys: torch.Tensor
    values: torch.Tensor
    graphs: dict[Any, Any] = field(default_factory=dict)
    inputs: dict[int, Any] = field(default_factory=dict)

    @property
    def columns(self) -> int:
        """How many columns each row has."""
        return int(self.keys.shape[3])

    def move(self, source: torch.Tensor, target: torch.Tensor) -> None:
        """Copies columns of each row, all of them read before any is written.

        Args:
            source: int64[batch, m].
            target: int64[batch, m], all different in a row, or equal to their source.
        """
        for tensor in (self.keys, self.values):
            layers, batch, heads, _, size = tensor.shape
            shape = (layers, batch, heads, source.shape[1], size)
            kept = tensor.gather(3, source[None, :, None, :, None].expand(shape))
            tensor.scatter_(3, target[None, :, None, :, None].expand(shape), kept)


class Writer:
    """What a network of transformers is given as its cache: it writes new columns and gives the first of all columns.

    Args:
        memory: Where to.
        columns: The columns of the new tokens, int64[batch, nodes].
        seen: How many columns attention looks at.
    """

    is_compileable = False
    is_sliding: tuple[bool, ...] = (False,)

    def __init__(self, memory: Memory, columns: torch.Tensor, seen: int) -> None:
        self._memory = memory
        self._columns = columns
        self._seen = seen

    def update(
        self, keys: torch.Tensor, values: torch.Tensor, layer: int, *_: Any, **__: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Takes float[batch, heads, nodes, size] each, and gives float[batch, heads, seen, size] each."""
        found = []
        for memory, new in ((self._memory.keys[layer], keys), (self._memory.values[layer], values)):
            if len(memory) == 1:
                memory.index_copy_(2, self._columns[0], new)
            else:
                at = self._columns[:, None, :, None].expand(new.shape)
                memory.scatter_(2, at, new)
            found.append(memory[:, :, : self._seen])
        return found[0], found[1]

    def get_seq_length(self, layer: int = 0) -> int:
        """Positions are given explicitly; nobody has to count them."""
        return 0


class StaticTreeCache(CacheBase):
    """A tree cache of a fixed size.

    Args:
        owner: The model that the cache belongs to.
        memory: Its tensors, which nothing else uses.
    """

    def __init__(self, owner: object, memory: Memory) -> None:
        super().__init__(owner, int(memory.keys.shape[1]))
        self.memory = memory
        # For each row, the tokens before and the path whose columns have yet to be moved behind them.
        self._pending: list[tuple[int, list[int]]] = []

    def begin(self) -> None:
        """Forgets the nodes of the last trees, to evaluate new ones."""
        self._trees = None

    def finish(self, trees: Sequence[TokenTree]) -> None:
        """Notes that the memory now holds the nodes of some trees."""
        self._trees = list(trees)

    def take_moves(self) -> list[tuple[int, list[int]]]:
        """Gives what has to be moved before the next evaluation, and takes it for done.

        Returns:
            For each row its columns before, and the nodes behind them to be kept, at most :data:`MOVES`; or nothing.
        """
        pending, self._pending = self._pending, []
        return pending

    def flush(self) -> None:
        """Moves now what has yet to be moved."""
        if not (pending := self.take_moves()):
            return
        width = max(len(path) for _, path in pending)
        source = [[start + at for at in (*path, *range(len(path), width))] for start, path in pending]
        target = [[start + at for at in range(width)] for start, _ in pending]
        device = self.memory.keys.device
        self.memory.move(torch.tensor(source, device=device), torch.tensor(target, device=device))

    def _keep(self, paths: list[list[int]]) -> None:
        if all(path == list(range(len(path))) for path in paths):
            return
        self._pending = list(zip(self.lengths, paths, strict=True))
        if max(map(len, paths)) > MOVES:
            self.flush()

    def _shorten(self, lengths: list[int]) -> None:
        self.flush()

    def _copy(self, rows: list[int] | None) -> Self:
        self.flush()
        order = list(range(self.batch_size)) if rows is None else rows
        chosen = torch.tensor(order, device=self.memory.keys.device)
        memory = Memory(self.memory.keys.index_select(1, chosen), self.memory.values.index_select(1, chosen))
        return type(self)(self._owner, memory)
