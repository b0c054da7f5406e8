"""Logits of histories: from a function, or from a tree model with a cache."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from tokengrove.errors import InvalidArgumentError

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

    def _row(self, history: list[int]) -> NDArray[Any]:
        self.evaluations += 1
        self.passes += 1
        logits = self._function(list(history))
        if hasattr(logits, "detach"):
            logits = _to_numpy(logits)
        row = np.asarray(logits)
        if row.ndim != 1 or row.dtype.kind not in "fiu":
            raise InvalidArgumentError(
                f"the model gave an array of shape {row.shape} and type {row.dtype} for {len(history)} ids; "
                "logits are numbers, one for each id of the vocabulary"
            )
        return row if row.dtype in (np.float32, np.float64) else row.astype(np.float64)


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
                found[index] = self._start()
        if asked:
            found |= self._paths(asked)
        return [found[index] for index in range(len(histories))]

    def _paths(self, asked: list[tuple[int, list[int]]]) -> dict[int, NDArray[Any]]:
        """Evaluate histories that are not empty in one pass behind what they have in common with the cache."""
        shared = min(len(history) for _, history in asked) - 1
        for _, history in asked:
            shared = min(shared, _common(asked[0][1], history))
        self._advance_to(asked[0][1][:shared])
        at: dict[tuple[int, int], int] = {}
        tokens: list[int] = []
        parents: list[int] = []
        ends: list[list[int]] = []
        for _, history in asked:
            path: list[int] = []
            node = -1
            for token in history[shared:]:
                key = (node, token)
                if key not in at:
                    at[key] = len(tokens)
                    tokens.append(token)
                    parents.append(node)
                node = at[key]
                path.append(node)
            ends.append(path)
        hidden = self._forward(tokens, parents)
        logits = _to_numpy(self._model.head(hidden[[path[-1] for path in ends]]))
        self._cache.commit(ends[0])
        return {index: logits[place] for place, (index, _) in enumerate(asked)}

    def tree(self, history: list[int], tokens: NDArray[np.int64], parents: NDArray[np.int64]) -> Iterator[NDArray[Any]]:
        """See :meth:`Evaluator.tree`. One pass for up to :data:`CHUNK_NODES` nodes."""
        if history:
            # The last token of the history is the root of the tree: what follows it comes from the same pass.
            self._advance_to(history[:-1])
            ids = [history[-1], *tokens.tolist()]
            above = [-1, *(parents + 1).tolist()]
        else:
            yield self._start()[None]
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

    def _blocks(self, hidden: torch.Tensor) -> Iterator[NDArray[Any]]:
        size = max(1, ROWS_AT_ONCE // self._model.vocab_size)
        for start in range(0, len(hidden), size):
            yield _to_numpy(self._model.head(hidden[start : start + size]))

    def _advance_to(self, history: list[int]) -> None:
        """Make the cache hold a history."""
        from tokengrove.forward import prefill

        held = self._cache.tokens()
        shared = _common(held, history)
        if shared < len(held):
            self._cache.crop(shared)
        rest = history[shared:]
        if rest:
            self.evaluations += len(rest)
            self.passes += 1
            prefill(self._model, self._cache, rest)

    def _forward(self, tokens: list[int], parents: list[int]) -> torch.Tensor:
        from tokengrove._native import TokenTree

        self.evaluations += len(tokens)
        self.passes += 1
        return self._model.forward(TokenTree(tokens, parents), self._cache)

    def _start(self) -> NDArray[Any]:
        hidden = self._model.start()
        if hidden is None:
            raise InvalidArgumentError(
                "the model says nothing before it has seen a token, and there is neither a prompt nor a context: give "
                "`context`, the ids that stand before a text, such as the id of a beginning-of-text token"
            )
        row: NDArray[Any] = _to_numpy(self._model.head(hidden))[0]
        return row


def _common(left: Sequence[int], right: Sequence[int]) -> int:
    """Count the tokens that two sequences begin with alike."""
    most = min(len(left), len(right))
    if left[:most] == right[:most]:
        return most
    return next(index for index in range(most) if left[index] != right[index])


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
        trunk = path if trunk is None else trunk[: _common(trunk, path)]
    return trunk or []


def _to_numpy(logits: torch.Tensor) -> NDArray[Any]:
    """Bring logits to the CPU, in single or double precision."""
    logits = logits.detach().to("cpu")
    if logits.element_size() < 4:
        logits = logits.float()
    array: NDArray[Any] = logits.contiguous().numpy()
    return array
