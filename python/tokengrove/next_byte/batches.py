"""Several texts in one forward pass: trees of a batch, and sequences that grow side by side."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np

from tokengrove.errors import InvalidArgumentError

if TYPE_CHECKING:
    import torch
    from numpy.typing import NDArray

    from tokengrove.forward import TreeModel

__all__ = [
    "BATCH_NODES",
    "Joined",
    "Request",
    "Rows",
    "TreeRows",
    "common",
    "groups",
    "joined",
    "shared_by",
    "start_row",
    "to_numpy",
]

BATCH_NODES = 4096
"""Most nodes that a batch has in one pass, the padding of its smaller trees included."""


class Request(NamedTuple):
    """A tree behind a history, all of whose nodes are asked for.

    Attributes:
        history: The ids before it.
        tokens: int64[n].
        parents: int64[n]; -1 for the roots.
    """

    history: list[int]
    tokens: NDArray[np.int64]
    parents: NDArray[np.int64]


class Rows(Protocol):
    """Sequences that grow side by side, each by its number from 0."""

    def rows(self, asked: Mapping[int, Sequence[list[int]]]) -> dict[int, list[NDArray[Any]]]:
        """Give the logits after histories of some sequences, each float[vocabulary]."""
        ...

    def keep(self, numbers: Sequence[int]) -> None:
        """Forget all other sequences."""
        ...


class Joined(NamedTuple):
    """Histories as one tree behind what they share.

    Attributes:
        tokens: The tokens of the nodes.
        parents: Their parents, -1 for roots.
        paths: For each history its nodes.
    """

    tokens: list[int]
    parents: list[int]
    paths: list[list[int]]


def joined(histories: Sequence[list[int]], shared: int) -> Joined:
    """Join histories to a tree, the first ``shared`` tokens of each left out; every history has more.

    Args:
        histories: The histories.
        shared: How many tokens to leave out.

    Returns:
        The tree.
    """
    at: dict[tuple[int, int], int] = {}
    found = Joined([], [], [])
    for history in histories:
        path: list[int] = []
        node = -1
        for token in history[shared:]:
            key = (node, token)
            if key not in at:
                at[key] = len(found.tokens)
                found.tokens.append(token)
                found.parents.append(node)
            node = at[key]
            path.append(node)
        found.paths.append(path)
    return found


def common(left: Sequence[int], right: Sequence[int]) -> int:
    """Count the tokens that two sequences begin with alike."""
    most = min(len(left), len(right))
    if left[:most] == right[:most]:
        return most
    return next(index for index in range(most) if left[index] != right[index])


def shared_by(histories: Sequence[list[int]]) -> int:
    """Count the tokens that histories begin with alike, short of the whole of any."""
    shared = min(map(len, histories)) - 1
    for history in histories:
        shared = min(shared, common(histories[0], history))
    return shared


def groups(sizes: Sequence[int], most: int, largest: int) -> Iterator[list[int]]:
    """Put requests of about the same size together, so that little is padded.

    Args:
        sizes: The nodes of each.
        most: The most nodes of a group, each request counted as large as the largest.
        largest: Requests of more nodes stay alone.

    Yields:
        Numbers of requests.
    """
    group: list[int] = []
    for number in sorted(range(len(sizes)), key=sizes.__getitem__):
        if group and ((len(group) + 1) * sizes[number] > most or sizes[number] > largest):
            yield group
            group = []
        group.append(number)
    if group:
        yield group


class TreeRows:
    """Sequences in one cache of a tree model, each with the tokens that its last histories share.

    Every call is one forward pass for all sequences (a few where beginnings are long), and evaluates of each history
    what its sequence's row of the cache lacks.

    Args:
        model: The model.
        count: How many sequences.
        evaluated: Called with the number of nodes of each pass.
    """

    def __init__(self, model: TreeModel, count: int, evaluated: Any) -> None:
        self._model = model
        self._cache = model.new_cache(count)
        self._numbers = list(range(count))
        self._evaluated = evaluated

    def rows(self, asked: Mapping[int, Sequence[list[int]]]) -> dict[int, list[NDArray[Any]]]:
        """See :meth:`Rows.rows`. A model that says nothing before the first token refuses an empty history."""
        found: dict[int, list[Any]] = {number: [None] * len(histories) for number, histories in asked.items()}
        places: dict[int, list[int]] = {}
        for number, histories in asked.items():
            for place, history in enumerate(histories):
                if history:
                    places.setdefault(number, []).append(place)
                else:
                    found[number][place] = start_row(self._model)
        if not places:
            return found
        kept = [[asked[number][place] for place in places.get(number, ())] for number in self._numbers]
        begun = self._begin(kept)
        trees = [
            joined(histories, length) if histories else Joined([], [], [])
            for histories, length in zip(kept, begun, strict=True)
        ]
        hidden = self._forward([(tree.tokens, tree.parents) for tree in trees])
        offsets = np.cumsum([0, *(len(tree.tokens) for tree in trees)])[:-1].tolist()
        ends = [offset + path[-1] for offset, tree in zip(offsets, trees, strict=True) for path in tree.paths]
        logits = iter(to_numpy(self._model.head(hidden[ends])))
        for number in self._numbers:
            for place in places.get(number, ()):
                found[number][place] = next(logits)
        self._cache.commit([tree.paths[0] if tree.paths else [] for tree in trees])
        return found

    def keep(self, numbers: Sequence[int]) -> None:
        """See :meth:`Rows.keep`. The cache shrinks when half of its rows are not needed: that copies it."""
        wanted = set(numbers)
        if wanted and 2 * len(wanted) <= len(self._numbers):
            places = [place for place, number in enumerate(self._numbers) if number in wanted]
            self._cache = self._cache.fork(places)
            self._numbers = [self._numbers[place] for place in places]

    def _begin(self, histories: list[list[list[int]]]) -> list[int]:
        """Make each row hold the beginning of its histories, if not all that they share; give how much."""
        cache = self._cache
        lengths = list(cache.lengths)
        shared = [shared_by(some) if some else 0 for some in histories]
        for row, some in enumerate(histories):
            if some:
                lengths[row] = common(cache.tokens(row), some[0][: shared[row]])
        if tuple(lengths) != cache.lengths:
            cache.crop(lengths)
        # What is left goes into the tree, unless it is long.
        piece = max(1, BATCH_NODES // len(histories))
        while True:
            long = [some and shared[row] - lengths[row] >= piece for row, some in enumerate(histories)]
            if not any(long):
                return lengths
            chains = [
                some[0][lengths[row] : lengths[row] + piece] if long[row] else [] for row, some in enumerate(histories)
            ]
            self._forward([(chain, list(range(-1, len(chain) - 1))) for chain in chains])
            cache.commit([range(len(chain)) for chain in chains])
            lengths = [length + len(chain) for length, chain in zip(lengths, chains, strict=True)]

    def _forward(self, trees: list[tuple[list[int], list[int]]]) -> torch.Tensor:
        from tokengrove._native import TokenTree

        self._evaluated(sum(len(tokens) for tokens, _ in trees))
        return self._model.forward([TokenTree(tokens, parents) for tokens, parents in trees], self._cache)


def start_row(model: TreeModel) -> NDArray[Any]:
    """Give the logits of a first token.

    Args:
        model: The model.

    Returns:
        float[vocabulary].

    Raises:
        InvalidArgumentError: If the model says nothing before it has seen a token.
    """
    hidden = model.start()
    if hidden is None:
        raise InvalidArgumentError(
            "the model says nothing before it has seen a token, and there is neither a prompt nor a context: give "
            "`context`, the ids that stand before a text, such as the id of a beginning-of-text token"
        )
    row: NDArray[Any] = to_numpy(model.head(hidden))[0]
    return row


def to_numpy(logits: torch.Tensor) -> NDArray[Any]:
    """Bring logits to the CPU, in single or double precision."""
    logits = logits.detach().to("cpu")
    if logits.element_size() < 4:
        logits = logits.float()
    array: NDArray[Any] = logits.contiguous().numpy()
    return array
