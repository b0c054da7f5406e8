"""Causal language models of transformers that take no mask of a tree: one pass for each path from a root to a leaf."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import torch

from tokengrove._native import TokenTree
from tokengrove.forward.backbone import Backbone, same
from tokengrove.forward.base import CacheBase, check_batch_size, check_rows, check_trees
from tokengrove.forward.protocol import TreeCache, Trees

__all__ = ["RowByRowCache", "RowByRowModel"]

# How far the rest of a sequence after a cache may be from the same rest without, in units of the precision.
_TOLERANCE = 256


@dataclass(frozen=True)
class _Memory:
    """What the model remembers of the first `length` tokens of a row. Never changed: the model gets a copy."""

    past: Any = None
    length: int = 0


class RowByRowCache(CacheBase):
    """Tokens, and the model's own memory of a beginning of each row."""

    def __init__(self, owner: object, batch_size: int) -> None:
        super().__init__(owner, batch_size)
        self._memory = [_Memory()] * batch_size
        # The memory at each leaf of the last trees.
        self._leaves: list[dict[int, _Memory]] = []

    def _keep(self, paths: list[list[int]]) -> None:
        for row, (path, leaves) in enumerate(zip(paths, self._leaves, strict=True)):
            # A path that ends above a leaf leaves the memory behind; the next evaluation makes up for it.
            if path and path[-1] in leaves:
                self._memory[row] = leaves[path[-1]]
        self._leaves = []

    def _shorten(self, lengths: list[int]) -> None:
        self._memory = [
            memory if memory.length <= length else _Memory()
            for memory, length in zip(self._memory, lengths, strict=True)
        ]
        self._leaves = []

    def _copy(self, rows: list[int] | None) -> Self:
        order = range(self.batch_size) if rows is None else rows
        new = type(self)(self._owner, len(order))
        new._memory = [self._memory[row] for row in order]
        new._leaves = [self._leaves[row] for row in order] if self._leaves else []
        return new


class RowByRowModel:
    """A tree model that passes each path through the model alone.

    It costs a pass for each leaf and a copy of the model's memory, so it gains nothing over plain decoding; it is there
    so that everything works with every model. Models whose memory cannot be continued by several tokens at once are
    given the whole sequence each time.

    Args:
        backbone: The model.
    """

    prefers_chains = True
    """Every leaf of a tree costs a pass."""

    def __init__(self, backbone: Backbone) -> None:
        self._backbone = backbone
        self._remembers = self._memory_works()

    @property
    def model(self) -> Any:
        """The model of transformers."""
        return self._backbone.model

    @property
    def vocab_size(self) -> int:
        """See :attr:`TreeModel.vocab_size`."""
        return self._backbone.vocab_size

    @property
    def device(self) -> torch.device:
        """See :attr:`TreeModel.device`."""
        return self._backbone.device

    @property
    def max_length(self) -> int | None:
        """The longest sequence that the model takes, in tokens; None if it has no hard limit."""
        return self._backbone.max_length

    def new_cache(self, batch_size: int = 1) -> RowByRowCache:
        """See :meth:`TreeModel.new_cache`."""
        return RowByRowCache(self, check_batch_size(batch_size))

    def forward(self, trees: Trees, cache: TreeCache) -> torch.Tensor:
        """See :meth:`TreeModel.forward`.

        Raises:
            InvalidArgumentError: Besides, if the model is in training mode.
        """
        backbone = self._backbone
        listed, own = check_trees(trees, cache, RowByRowCache, self, backbone.vocab_size, backbone.max_length)
        backbone.check_mode()
        rows, leaves = [], []
        for row, tree in enumerate(listed):
            memory = self._caught_up(own._tokens[row], own._memory[row]) if len(tree) else own._memory[row]
            own._memory[row] = memory
            states, ends = self._tree(tree, own._tokens[row][memory.length :], memory)
            rows.append(states)
            leaves.append(ends)
        own._trees, own._leaves = listed, leaves
        return torch.cat(rows)

    def head(self, rows: torch.Tensor) -> torch.Tensor:
        """See :meth:`TreeModel.head`."""
        check_rows(rows, self._backbone.width, self._backbone.row_dtype)
        return self._backbone.head(rows)

    def start(self) -> torch.Tensor | None:
        """See :meth:`TreeModel.start`: None."""
        return None

    def _tree(self, tree: TokenTree, before: list[int], memory: _Memory) -> tuple[torch.Tensor, dict[int, _Memory]]:
        """Hidden rows of a tree after some tokens that the memory lacks, and the memory at its leaves."""
        states: list[torch.Tensor] = []
        ends: dict[int, _Memory] = {}
        for leaf, tokens in zip(tree.leaves.tolist(), tree.to_paths(), strict=True):
            rows, past = self._pass(before + tokens, memory)
            states.append(rows[len(before) :])
            ends[leaf] = past
        if not states:
            return torch.empty(0, self._backbone.width, dtype=self._backbone.row_dtype, device=self.device), ends
        places = zip(tree.leaf_rows().tolist(), tree.depths.tolist(), strict=True)
        return torch.stack([states[row][depth] for row, depth in places]), ends

    def _caught_up(self, tokens: list[int], memory: _Memory) -> _Memory:
        """The memory of a row, of all its tokens if the model remembers."""
        if memory.length == len(tokens) or not self._remembers:
            return memory
        return self._pass(tokens[memory.length :], memory)[1]

    def _pass(self, tokens: Sequence[int], memory: _Memory) -> tuple[torch.Tensor, _Memory]:
        """Hidden rows of tokens after a memory, and the memory with them."""
        backbone = self._backbone
        ids = torch.tensor([tokens], device=self.device)
        if not self._remembers or backbone.cache_argument is None:
            return backbone.run(ids)[0], _Memory()
        given = {backbone.cache_argument: copy.deepcopy(memory.past)}
        output = backbone.output(ids, use_cache=True, **given)
        states = output.logits if backbone.whole else output.last_hidden_state
        return states[0], _Memory(getattr(output, backbone.cache_argument), memory.length + len(tokens))

    def _memory_works(self) -> bool:
        """Whether two tokens after a remembered one give what three tokens together give."""
        backbone = self._backbone
        self._remembers = True
        ids = backbone.sample(3)[0].tolist()
        try:
            _, memory = self._pass(ids[:1], _Memory())
            if memory.past is None:
                return False
            rest, _ = self._pass(ids[1:], memory)
        except (TypeError, ValueError, RuntimeError, AttributeError, NotImplementedError):
            return False
        return same(rest, backbone.run(backbone.sample(3))[0, 1:], _TOLERANCE)
