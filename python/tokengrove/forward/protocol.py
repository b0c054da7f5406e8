"""What byte-level sampling and speculative decoding ask of a model: two protocols.

A :class:`TreeModel` evaluates token trees at the end of what a :class:`TreeCache` holds. One evaluation never changes
what the cache holds; the caller looks at the result and commits one path of each tree, or none:

    cache = model.new_cache()
    rows = model.forward(TokenTree.chain(prompt), cache)      # [len(prompt), hidden]
    cache.commit(range(len(prompt)))
    rows = model.forward(tree, cache)                          # [len(tree), hidden]; row i belongs to node i
    logits = model.head(rows[-1:])                             # [1, vocab_size]; only of the rows asked for
    cache.commit(tree.path(node))                              # or nothing: the next forward replaces the tree

Row i of ``forward`` is what the model computes for the last token of the sequence "context, then the path to node i",
just as if that sequence alone had been passed through the model.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, Self, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray

from tokengrove._native import TokenTree

__all__ = ["Path", "TreeCache", "TreeModel", "Trees"]

Path: TypeAlias = Sequence[int] | NDArray[np.integer]
"""Node numbers from a root down, each node the child of the one before; as :meth:`TokenTree.path` gives them."""

Trees: TypeAlias = TokenTree | Sequence[TokenTree]
"""One tree for each row of a cache; a tree alone is a batch of one."""


class TreeCache(Protocol):
    """Sequences of committed tokens and what a model remembers of them; made by :meth:`TreeModel.new_cache`.

    A cache has one or more rows, each a sequence of its own length. Calls that raise leave it as it was; an error in
    the middle of an evaluation, such as a lack of memory, leaves the committed tokens alone. It belongs to the model
    that made it and is not safe to share between threads.
    """

    @property
    def batch_size(self) -> int:
        """The number of rows."""
        ...

    @property
    def lengths(self) -> tuple[int, ...]:
        """The number of committed tokens of each row."""
        ...

    @property
    def length(self) -> int:
        """The number of committed tokens of the longest row; for one row simply its length."""
        ...

    def tokens(self, row: int = 0) -> list[int]:
        """Gives the committed tokens of a row.

        Args:
            row: The row.

        Returns:
            Token ids, a new list.

        Raises:
            InvalidArgumentError: If there is no such row.
        """
        ...

    def commit(self, path: Path | Sequence[Path]) -> None:
        """Appends the tokens of one path of each tree of the last ``forward`` and forgets the rest of the trees.

        Args:
            path: For a cache of one row a path, or a list of one path. For more rows a list of paths, one per row. A
                path starts at a root and may end anywhere; an empty path commits nothing in its row.

        Raises:
            InvalidArgumentError: If it is not a path of the tree, there are not as many paths as rows, or no tree was
                evaluated since the last commit or crop.
            TypeError: If it does not consist of integers.
        """
        ...

    def crop(self, length: int | Sequence[int]) -> None:
        """Forgets all but the first tokens of each row, and the trees of the last ``forward``.

        Args:
            length: How many tokens to keep: of every row, or one number per row. Not more than the row has.

        Raises:
            InvalidArgumentError: If a number is negative or above the length of its row, or there are not as many
                numbers as rows.
        """
        ...

    def fork(self, rows: Sequence[int] | None = None) -> Self:
        """Makes an independent cache with the same content, the trees of the last ``forward`` included.

        What follows on one changes nothing in the other. Memory is shared as far as the kind of cache allows.

        Args:
            rows: Rows of this cache that the new one has, in this order; a row may be named more than once. None is
                all rows.

        Returns:
            The new cache.

        Raises:
            InvalidArgumentError: If there is no such row, or none is named.
        """
        ...


class TreeModel(Protocol):
    """A causal language model that evaluates token trees.

    Two more attributes are read where a model has them: `max_length`, the longest sequence that it takes, which drafts
    must not exceed; and `prefers_chains`, true if a tree costs it a pass for each leaf, so that drafts are chains.
    """

    @property
    def vocab_size(self) -> int:
        """The number of columns of the logits; every token of a tree is less than this."""
        ...

    @property
    def device(self) -> torch.device:
        """Where the rows and logits are."""
        ...

    def new_cache(self, batch_size: int = 1) -> TreeCache:
        """Makes an empty cache.

        Args:
            batch_size: The number of rows, at least 1.

        Returns:
            The cache, every row of length 0.

        Raises:
            InvalidArgumentError: If `batch_size` is less than 1.
        """
        ...

    def forward(self, trees: Trees, cache: TreeCache) -> torch.Tensor:
        """Evaluates one tree at the end of each row of a cache.

        The cache keeps what it needs to commit a path of these trees; its lengths stay. Trees that were evaluated
        before and not committed are forgotten. No gradients are recorded.

        Args:
            trees: A tree for each row of the cache; trees may differ in size and may be empty. A bare tree is for a
                cache of one row.
            cache: A cache of this model.

        Returns:
            Hidden rows, float[nodes, hidden] on :attr:`device`: those of the first tree's nodes in order, then those of
            the second, and so on. What they hold is the model's affair; :meth:`head` makes logits of them.

        Raises:
            InvalidArgumentError: If there are not as many trees as rows, the cache is another model's, or a path would
                be longer than the model allows.
            UnknownTokenError: If a token is not less than :attr:`vocab_size`.
            TypeError: If `trees` are not trees, or `cache` is not a cache of this kind of model.
        """
        ...

    def head(self, rows: torch.Tensor) -> torch.Tensor:
        """Makes logits of hidden rows.

        Args:
            rows: Rows of :meth:`forward` or :meth:`start`, any selection of them: float[m, hidden]. A caller that needs
                only the best few of a large vocabulary takes the rows in pieces.

        Returns:
            Unnormalised log-probabilities of the next token, float[m, vocab_size], in the model's data type.

        Raises:
            InvalidArgumentError: If the rows have another shape or data type than this model's.
            TypeError: If they are not a tensor.
        """
        ...

    def start(self) -> torch.Tensor | None:
        """Gives the hidden row of the empty context.

        Returns:
            float[1, hidden], of which :meth:`head` makes the logits of a first token; or None if the model says nothing
            before it has seen a token, as transformers do.
        """
        ...
