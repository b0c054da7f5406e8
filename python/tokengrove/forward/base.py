"""What all caches have in common: committed tokens, the trees of the last evaluation, and checks before any change.

A kind of cache adds how its memory changes: :class:`CacheBase` has one abstract method for each change, called only
with arguments that were found right.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from operator import index
from typing import Self, TypeVar

import numpy as np
import torch

from tokengrove._native import TokenTree
from tokengrove.errors import InvalidArgumentError, UnknownTokenError
from tokengrove.forward.protocol import Path, Trees

__all__ = ["CacheBase", "check_batch_size", "check_rows", "check_trees"]


class CacheBase(ABC):
    """Committed tokens, trees of the last evaluation, and everything of :class:`TreeCache` but the memory itself.

    Args:
        owner: The model that the cache belongs to.
        batch_size: The number of rows.
    """

    def __init__(self, owner: object, batch_size: int) -> None:
        self._owner = owner
        self._tokens: list[list[int]] = [[] for _ in range(batch_size)]
        self._trees: list[TokenTree] | None = None

    @property
    def batch_size(self) -> int:
        """See :attr:`TreeCache.batch_size`."""
        return len(self._tokens)

    @property
    def lengths(self) -> tuple[int, ...]:
        """See :attr:`TreeCache.lengths`."""
        return tuple(map(len, self._tokens))

    @property
    def length(self) -> int:
        """See :attr:`TreeCache.length`."""
        return max(map(len, self._tokens))

    @property
    def trees(self) -> tuple[TokenTree, ...] | None:
        """The trees of the last ``forward``, while a path of them can be committed."""
        return None if self._trees is None else tuple(self._trees)

    def tokens(self, row: int = 0) -> list[int]:
        """See :meth:`TreeCache.tokens`."""
        return list(self._tokens[self._row(row)])

    def commit(self, path: Path | Sequence[Path]) -> None:
        """See :meth:`TreeCache.commit`."""
        paths = self._paths(path)
        trees = self._trees
        if trees is None:
            if any(paths):
                raise InvalidArgumentError("no tree to commit a path of: call forward first")
            return
        for row, (tree, nodes) in enumerate(zip(trees, paths, strict=True)):
            try:
                tree.check_path(nodes)
            except InvalidArgumentError as error:
                raise InvalidArgumentError(f"row {row}: {error}") if len(trees) > 1 else error from None
        added = [tree.tokens[nodes].tolist() for tree, nodes in zip(trees, paths, strict=True)]
        self._keep(paths)
        for tokens, new in zip(self._tokens, added, strict=True):
            tokens.extend(new)
        self._trees = None

    def crop(self, length: int | Sequence[int]) -> None:
        """See :meth:`TreeCache.crop`."""
        lengths = _integers(length, "length") if _is_sequence(length) else [_integer(length, "length")]
        if not _is_sequence(length):
            lengths *= self.batch_size
        if len(lengths) != self.batch_size:
            raise InvalidArgumentError(f"found {len(lengths)} lengths for a cache of {self.batch_size} rows")
        for row, (wanted, tokens) in enumerate(zip(lengths, self._tokens, strict=True)):
            if not 0 <= wanted <= len(tokens):
                raise InvalidArgumentError(f"row {row} has {len(tokens)} tokens: cannot keep the first {wanted}")
        self._shorten(lengths)
        for wanted, tokens in zip(lengths, self._tokens, strict=True):
            del tokens[wanted:]
        self._trees = None

    def fork(self, rows: Sequence[int] | None = None) -> Self:
        """See :meth:`TreeCache.fork`."""
        chosen = None if rows is None else [self._row(row) for row in rows]
        if chosen == []:
            raise InvalidArgumentError("a cache has at least one row; rows is empty")
        new = self._copy(chosen)
        order = range(self.batch_size) if chosen is None else chosen
        new._owner = self._owner
        new._tokens = [list(self._tokens[row]) for row in order]
        new._trees = None if self._trees is None else [self._trees[row] for row in order]
        return new

    @abstractmethod
    def _keep(self, paths: list[list[int]]) -> None:
        """Keeps of the last trees what belongs to one path of each, behind what was committed; forgets the rest."""

    @abstractmethod
    def _shorten(self, lengths: list[int]) -> None:
        """Keeps the beginning of each row alone."""

    @abstractmethod
    def _copy(self, rows: list[int] | None) -> Self:
        """Makes a cache with the memory of some rows, or of all; its tokens and trees are then set by the caller."""

    def _row(self, row: int) -> int:
        number = _integer(row, "row")
        if not 0 <= number < self.batch_size:
            raise InvalidArgumentError(f"row {row} is not in the cache, whose rows are 0 to {self.batch_size - 1}")
        return number

    def _paths(self, path: Path | Sequence[Path]) -> list[list[int]]:
        """One list of node numbers per row."""
        items = list(path)
        if items and all(map(_is_sequence, items)):
            paths = [_integers(item, "a path") for item in items]
        elif self.batch_size == 1:
            paths = [_integers(items, "a path")]
        else:
            raise InvalidArgumentError(f"a cache of {self.batch_size} rows takes a list of as many paths")
        if len(paths) != self.batch_size:
            raise InvalidArgumentError(f"found {len(paths)} paths for a cache of {self.batch_size} rows")
        return paths


_Cache = TypeVar("_Cache", bound=CacheBase)


def check_batch_size(batch_size: int) -> int:
    """Checks the number of rows of a new cache.

    Args:
        batch_size: The number asked for.

    Returns:
        The number.

    Raises:
        InvalidArgumentError: If it is less than 1.
        TypeError: If it is not an integer.
    """
    if (size := _integer(batch_size, "batch_size")) < 1:
        raise InvalidArgumentError(f"batch_size is {size}; a cache has at least one row")
    return size


def check_trees(
    trees: Trees,
    cache: object,
    kind: type[_Cache],
    owner: object,
    vocab_size: int | None,
    max_length: int | None = None,
) -> tuple[list[TokenTree], _Cache]:
    """Checks the arguments of ``forward``.

    Args:
        trees: As given to ``forward``.
        cache: As given to ``forward``.
        kind: The class of the model's caches.
        owner: The model.
        vocab_size: Tokens are less than this, if it is known.
        max_length: The longest sequence that the model takes, if there is one.

    Returns:
        One tree per row, and the cache.

    Raises:
        InvalidArgumentError: If the numbers of trees and rows differ, the cache is another model's, or a sequence would
            be too long.
        UnknownTokenError: If a token is not in the vocabulary.
        TypeError: If `trees` are not trees or `cache` is not a cache of this kind.
    """
    if not isinstance(cache, kind):
        raise TypeError(f"cache must be a {kind.__name__} made by new_cache of this model, not {type(cache).__name__}")
    if cache._owner is not owner:
        raise InvalidArgumentError("the cache was made by another model")
    listed = [trees] if isinstance(trees, TokenTree) else list(trees)
    for tree in listed:
        if not isinstance(tree, TokenTree):
            raise TypeError(f"trees must be TokenTree, not {type(tree).__name__}")
    if len(listed) != cache.batch_size:
        raise InvalidArgumentError(f"found {len(listed)} trees for a cache of {cache.batch_size} rows")
    for row, tree in enumerate(listed):
        if vocab_size is not None and len(tree) and int(tree.tokens.max()) >= vocab_size:
            node = int(np.argmax(tree.tokens >= vocab_size))
            raise UnknownTokenError(
                f"token {tree.tokens[node]} of node {node} (tree {row}) is not in the model's vocabulary: "
                f"its ids are 0 to {vocab_size - 1}"
            )
        if max_length is not None and len(cache._tokens[row]) + tree.height > max_length:
            raise InvalidArgumentError(
                f"row {row} has {len(cache._tokens[row])} tokens, and the tree's longest path {tree.height} more: "
                f"the model takes at most {max_length}"
            )
    return listed, cache


def check_rows(rows: torch.Tensor, width: int, dtype: torch.dtype | None = None) -> None:
    """Checks the argument of ``head``.

    Args:
        rows: As given to ``head``.
        width: The width of a hidden row.
        dtype: The data type of hidden rows, if there is one alone.

    Raises:
        InvalidArgumentError: If they are not hidden rows.
        TypeError: If they are not a tensor.
    """
    if not isinstance(rows, torch.Tensor):
        raise TypeError(f"rows must be a tensor, not {type(rows).__name__}")
    if rows.ndim != 2 or rows.shape[1] != width or (dtype is not None and rows.dtype != dtype):
        expected = f"{dtype or 'floating-point numbers'} of shape [rows, {width}]"
        raise InvalidArgumentError(f"found rows of {rows.dtype} and shape {list(rows.shape)}; allowed are {expected}")


def _is_sequence(item: object) -> bool:
    return hasattr(item, "__len__") and not isinstance(item, str | bytes)


def _integer(value: object, what: str) -> int:
    try:
        return index(value)  # type: ignore[arg-type]
    except TypeError:
        raise TypeError(f"{what} must be an integer, not {type(value).__name__}") from None


def _integers(values: object, what: str) -> list[int]:
    if isinstance(values, np.ndarray) and values.ndim == 1:
        values = values.tolist()
    return [_integer(value, what) for value in values]  # type: ignore[attr-defined]
