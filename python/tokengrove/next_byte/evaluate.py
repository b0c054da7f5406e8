"""Logits of histories: from a function, or from a tree model with a cache."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from tokengrove.errors import InvalidArgumentError
from tokengrove.next_byte.batches import (
    BATCH_NODES,
    Request,
    Rows,
    TreeRows,
    common,
    groups,
    joined,
    shared_by,
    start_row,
    to_numpy,
)

if TYPE_CHECKING:
    import torch
    from numpy.typing import NDArray

    from tokengrove.forward import TreeModel

__all__ = ["CallableEvaluator", "Evaluator", "TreeEvaluator", "evaluator_for"]

CHUNK_NODES = 1024
"""Most nodes of a tree that are evaluated in one pass."""

ROWS_AT_ONCE = 1 << 24
"""Most logits that are made at once."""


class Evaluator(Protocol):
    """Gives logits of histories, and counts what that takes.

    Attributes:
        evaluations: Tokens evaluated so far.
        passes: Calls of the model so far.
    """

    evaluations: int
    passes: int

    def rows(self, histories: Sequence[list[int]]) -> list[NDArray[Any]]:
        """Give the logits after each of some histories, each float[vocabulary]."""
        ...

    def tree(self, history: list[int], tokens: NDArray[np.int64], parents: NDArray[np.int64]) -> Iterator[NDArray[Any]]:
        """Give the logits after a history, then after each node of a tree behind it, as blocks float[n, vocabulary]."""
        ...

    def trees(self, requests: Sequence[Request]) -> Iterator[tuple[int, NDArray[Any]]]:
        """Give what :meth:`tree` gives for each of several, with its number; the numbers in any order."""
        ...

    def batch(self, count: int) -> Rows:
        """Begin sequences that grow side by side."""
        ...


def evaluator_for(model: Any) -> Evaluator:
    """Choose how a model is asked.

    Args:
        model: A function from a list of ids to logits, a tree model, or a causal model of the transformers library.

    Returns:
        The evaluator.

    Raises:
        TypeError: If the model is none of these.
    """
    is_tree_model = callable(getattr(model, "new_cache", None)) and callable(getattr(model, "head", None))
    is_transformers = hasattr(model, "config") and callable(getattr(model, "generate", None))
    if is_tree_model or is_transformers:
        from tokengrove.forward import adapt

        return TreeEvaluator(adapt(model))
    if callable(model):
        return CallableEvaluator(model)
    raise TypeError(
        "model must be a causal model of transformers, a TreeModel, or a function from a list of ids to logits, "
        f"not {type(model).__name__}"
    )


class CallableEvaluator:
    """Asks a function; it is called once for each history.

    Args:
        function: From a list of ids, which may be empty, to the logits of what follows.
    """

    def __init__(self, function: Callable[[list[int]], Any]) -> None:
        self._function = function
        self.evaluations = 0
        self.passes = 0

    def rows(self, histories: Sequence[list[int]]) -> list[NDArray[Any]]:
        """See :meth:`Evaluator.rows`."""
        return [self._row(history) for history in histories]

    def tree(self, history: list[int], tokens: NDArray[np.int64], parents: NDArray[np.int64]) -> Iterator[NDArray[Any]]:
        """See :meth:`Evaluator.tree`."""
        yield self._row(history)[None]
        paths: list[list[int]] = []
        for token, parent in zip(tokens.tolist(), parents.tolist(), strict=True):
            paths.append([*(paths[parent] if parent >= 0 else history), token])
            yield self._row(paths[-1])[None]

    def trees(self, requests: Sequence[Request]) -> Iterator[tuple[int, NDArray[Any]]]:
        """See :meth:`Evaluator.trees`: one after the other."""
        for number, request in enumerate(requests):
            for block in self.tree(*request):
                yield number, block

    def batch(self, count: int) -> Rows:
        """See :meth:`Evaluator.batch`: a function knows no batches."""
        return _OneByOne(self)

    def _row(self, history: list[int]) -> NDArray[Any]:
        self.evaluations += 1
        self.passes += 1
        logits = self._function(list(history))
        if hasattr(logits, "detach"):
            logits = to_numpy(logits)
        row = np.asarray(logits)
        if row.ndim != 1 or row.dtype.kind not in "fiu":
            raise InvalidArgumentError(
                f"the model gave an array of shape {row.shape} and type {row.dtype} for {len(history)} ids; "
                "logits are numbers, one for each id of the vocabulary"
            )
        return row if row.dtype in (np.float32, np.float64) else row.astype(np.float64)


class _OneByOne:
    """Sequences of a function, which are asked for one by one."""

    def __init__(self, evaluator: CallableEvaluator) -> None:
        self._evaluator = evaluator

    def rows(self, asked: Mapping[int, Sequence[list[int]]]) -> dict[int, list[NDArray[Any]]]:
        """See :meth:`Rows.rows`."""
        return {number: self._evaluator.rows(histories) for number, histories in asked.items()}

    def keep(self, numbers: Sequence[int]) -> None:
        """See :meth:`Rows.keep`: there is nothing to forget."""


class TreeEvaluator:
    """Asks a tree model, and keeps one cache: what a new history shares with the last one is not evaluated again.

    Consecutive bytes ask for histories that differ in their last tokens, so that a byte costs one token evaluation, and
    now and then two.

    Args:
        model: The model.
    """

    def __init__(self, model: TreeModel) -> None:
        self._model = model
        self._cache = model.new_cache()
        self.evaluations = 0
        self.passes = 0

    def rows(self, histories: Sequence[list[int]]) -> list[NDArray[Any]]:
        """See :meth:`Evaluator.rows`."""
        found: dict[int, NDArray[Any]] = {}
        asked = [(index, history) for index, history in enumerate(histories) if history]
        for index, history in enumerate(histories):
            if not history:
                found[index] = start_row(self._model)
        if asked:
            found |= self._paths(asked)
        return [found[index] for index in range(len(histories))]

    def _paths(self, asked: list[tuple[int, list[int]]]) -> dict[int, NDArray[Any]]:
        """Evaluate histories that are not empty in one pass behind what they have in common with the cache."""
        histories = [history for _, history in asked]
        shared = shared_by(histories)
        self._advance_to(histories[0][:shared])
        tokens, parents, paths = joined(histories, shared)
        hidden = self._forward(tokens, parents)
        logits = to_numpy(self._model.head(hidden[[path[-1] for path in paths]]))
        self._cache.commit(paths[0])
        return {index: logits[place] for place, (index, _) in enumerate(asked)}

    def tree(self, history: list[int], tokens: NDArray[np.int64], parents: NDArray[np.int64]) -> Iterator[NDArray[Any]]:
        """See :meth:`Evaluator.tree`. One pass for up to :data:`CHUNK_NODES` nodes."""
        if history:
            # The last token of the history is the root of the tree: what follows it comes from the same pass.
            self._advance_to(history[:-1])
            ids = [history[-1], *tokens.tolist()]
            above = [-1, *(parents + 1).tolist()]
        else:
            yield start_row(self._model)[None]
            self._advance_to([])
            ids, above = tokens.tolist(), parents.tolist()
        tip = -1  # the last node that the cache holds
        for first in range(0, len(ids), CHUNK_NODES):
            end = min(first + CHUNK_NODES, len(ids))
            nodes = _with_ancestors(above, first, end, tip)
            place = {node: index for index, node in enumerate(nodes)}
            hidden = self._forward([ids[n] for n in nodes], [place.get(above[n], -1) for n in nodes])
            yield from self._blocks(hidden[[place[node] for node in range(first, end)]])
            # Nodes of earlier pieces are in this tree only if something in it is below them.
            trunk = list(itertools.takewhile(place.__contains__, _trunk(above, end, len(ids), tip)))
            self._cache.commit([place[node] for node in trunk])
            tip = trunk[-1] if trunk else tip

    def trees(self, requests: Sequence[Request]) -> Iterator[tuple[int, NDArray[Any]]]:
        """See :meth:`Evaluator.trees`. One pass for trees that together have up to :data:`BATCH_NODES` nodes."""
        if getattr(self._model, "prefers_chains", False):
            # Trees cost such a model a pass for every leaf, in batches too, and it would share nothing between them.
            for number, request in enumerate(requests):
                for block in self.tree(*request):
                    yield number, block
            return
        sizes = [len(request.history) + len(request.tokens) for request in requests]
        for group in groups(sizes, BATCH_NODES, CHUNK_NODES):
            if len(group) == 1:
                for block in self.tree(*requests[group[0]]):
                    yield group[0], block
            else:
                yield from self._together([(number, requests[number]) for number in group])

    def _together(self, group: Sequence[tuple[int, Request]]) -> Iterator[tuple[int, NDArray[Any]]]:
        """Evaluate trees with their histories in one pass; nothing of it is kept."""
        from tokengrove._native import TokenTree

        trees = []
        for _, (history, tokens, parents) in group:
            above = np.where(parents >= 0, parents + len(history), len(history) - 1)
            trees.append(TokenTree([*history, *tokens.tolist()], [*range(-1, len(history) - 1), *above.tolist()]))
        self._count(sum(map(len, trees)))
        hidden = self._model.forward(trees, self._model.new_cache(len(trees)))
        start = 0
        for (number, request), tree in zip(group, trees, strict=True):
            if not request.history:
                yield number, start_row(self._model)[None]
            first = start + max(len(request.history) - 1, 0)
            start += len(tree)
            for block in self._blocks(hidden[first:start]):
                yield number, block

    def batch(self, count: int) -> Rows:
        """See :meth:`Evaluator.batch`."""
        return TreeRows(self._model, count, self._count)

    def _count(self, nodes: int) -> None:
        self.evaluations += nodes
        self.passes += 1

    def _blocks(self, hidden: torch.Tensor) -> Iterator[NDArray[Any]]:
        size = max(1, ROWS_AT_ONCE // self._model.vocab_size)
        for start in range(0, len(hidden), size):
            yield to_numpy(self._model.head(hidden[start : start + size]))

    def _advance_to(self, history: list[int]) -> None:
        """Make the cache hold a history."""
        from tokengrove.forward import prefill

        held = self._cache.tokens()
        shared = common(held, history)
        if shared < len(held):
            self._cache.crop(shared)
        rest = history[shared:]
        if rest:
            self.evaluations += len(rest)
            self.passes += 1
            prefill(self._model, self._cache, rest)

    def _forward(self, tokens: list[int], parents: list[int]) -> torch.Tensor:
        from tokengrove._native import TokenTree

        self._count(len(tokens))
        return self._model.forward(TokenTree(tokens, parents), self._cache)


def _with_ancestors(parents: list[int], first: int, end: int, tip: int) -> list[int]:
    """Give the nodes from ``first`` to ``end`` and those above them that come behind ``tip``, in order."""
    nodes = set(range(first, end))
    for node in range(first, end):
        above = parents[node]
        while above not in (-1, tip) and above not in nodes:
            nodes.add(above)
            above = parents[above]
    return sorted(nodes)


def _trunk(parents: list[int], end: int, count: int, tip: int) -> list[int]:
    """Give the path behind ``tip`` that all nodes from ``end`` on are below, or the path to the last of all nodes."""
    trunk: list[int] | None = None
    below = [parents[node] for node in range(end, count) if parents[node] < end]
    for above in below if end < count else [end - 1]:
        path: list[int] = []
        node = above
        while node not in (-1, tip):
            path.append(node)
            node = parents[node]
        path.reverse()
        trunk = path if trunk is None else trunk[: common(trunk, path)]
    return trunk or []
