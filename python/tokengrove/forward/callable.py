"""Any function from token ids to logits as a tree model: one call for each node, remembered."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any, Self

import numpy as np
import torch

from tokengrove.errors import InvalidArgumentError
from tokengrove.forward.base import CacheBase, check_batch_size, check_rows, check_trees
from tokengrove.forward.protocol import TreeCache, Trees

__all__ = ["CallableCache", "CallableModel"]

_Key = tuple[int, ...]


class CallableCache(CacheBase):
    """Tokens alone: the function is given whole sequences, and the model remembers its answers."""

    def _keep(self, paths: list[list[int]]) -> None:
        pass

    def _shorten(self, lengths: list[int]) -> None:
        pass

    def _copy(self, rows: list[int] | None) -> Self:
        return type(self)(self._owner, self.batch_size if rows is None else len(rows))


class CallableModel:
    """A tree model whose logits come from a function of the token ids.

    Hidden rows are the logits themselves, in the data type that the function gives.

    Args:
        function: Takes a list of token ids and gives the logits of the next token: a flat sequence, array or tensor
            of the same length at each call. It must depend on the ids alone. Called with an empty list only by
            :meth:`start`.
        vocab_size: The number of logits. If left out, it is learned from the first call.
        empty: Whether the function takes an empty list; if not, :meth:`start` gives None.
        memory: How many bytes of logits to remember, those used last. Asking again for the same sequence costs
            nothing while it is remembered.
        device: Where rows and logits are.

    Raises:
        TypeError: If `function` is not callable.
        InvalidArgumentError: If `vocab_size` or `memory` is out of range.
    """

    def __init__(
        self,
        function: Callable[[list[int]], Any],
        *,
        vocab_size: int | None = None,
        empty: bool = True,
        memory: int = 1 << 26,
        device: torch.device | str = "cpu",
    ) -> None:
        if not callable(function):
            raise TypeError(f"function must be callable, not {type(function).__name__}")
        if vocab_size is not None and vocab_size < 1:
            raise InvalidArgumentError(f"vocab_size is {vocab_size}; a vocabulary has at least one token")
        if memory < 0:
            raise InvalidArgumentError(f"memory is {memory} bytes; it cannot be negative")
        self._function = function
        self._vocab_size = vocab_size
        self._empty = empty
        self._room = memory
        self._device = torch.device(device)
        self._known: OrderedDict[_Key, torch.Tensor] = OrderedDict()

    @property
    def vocab_size(self) -> int:
        """See :attr:`TreeModel.vocab_size`; calls the function once, with token 0, if it is not known yet."""
        return self._row((0,)).numel() if self._vocab_size is None else self._vocab_size

    @property
    def device(self) -> torch.device:
        """See :attr:`TreeModel.device`."""
        return self._device

    def new_cache(self, batch_size: int = 1) -> CallableCache:
        """See :meth:`TreeModel.new_cache`."""
        return CallableCache(self, check_batch_size(batch_size))

    def forward(self, trees: Trees, cache: TreeCache) -> torch.Tensor:
        """See :meth:`TreeModel.forward`.

        Raises:
            InvalidArgumentError: Besides, if the function gives something that is not a flat list of logits.
        """
        listed, own = check_trees(trees, cache, CallableCache, self, self._vocab_size)
        rows: list[torch.Tensor] = []
        for number, tree in enumerate(listed):
            context = tuple(own._tokens[number])
            prefixes: list[_Key] = []
            for token, parent in zip(tree.tokens.tolist(), tree.parents.tolist(), strict=True):
                prefixes.append((*(prefixes[parent] if parent >= 0 else context), token))
            rows += map(self._row, prefixes)
        own._trees = listed
        return torch.stack(rows) if rows else torch.empty(0, self.vocab_size, device=self._device)

    def head(self, rows: torch.Tensor) -> torch.Tensor:
        """See :meth:`TreeModel.head`."""
        check_rows(rows, self.vocab_size)
        return rows

    def start(self) -> torch.Tensor | None:
        """See :meth:`TreeModel.start`."""
        return self._row(()).unsqueeze(0) if self._empty else None

    def _row(self, prefix: _Key) -> torch.Tensor:
        if (row := self._known.get(prefix)) is not None:
            self._known.move_to_end(prefix)
            return row
        row = self._checked(self._function(list(prefix)), prefix)
        self._known[prefix] = row
        # All rows are of one size.
        while len(self._known) * row.nbytes > max(self._room, row.nbytes):
            self._known.popitem(last=False)
        return row

    def _checked(self, logits: torch.Tensor | Sequence[float] | Any, prefix: _Key) -> torch.Tensor:
        row = logits if isinstance(logits, torch.Tensor) else torch.as_tensor(np.asarray(logits))
        if row.ndim != 1 or not row.is_floating_point() or row.numel() == 0:
            raise InvalidArgumentError(
                f"the function gave {row.dtype} of shape {list(row.shape)} for {len(prefix)} ids; "
                "logits are a flat array of floating-point numbers"
            )
        if self._vocab_size is None:
            self._vocab_size = row.numel()
        if row.numel() != self._vocab_size:
            raise InvalidArgumentError(
                f"the function gave {row.numel()} logits for {len(prefix)} ids; the vocabulary has {self._vocab_size}"
            )
        # A copy: the function may write the next answer to the same memory.
        return row.detach().to(self._device, copy=True)
