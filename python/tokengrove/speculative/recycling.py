"""Token Recycling: drafts made of what the model said before."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import Literal, Self

import numpy as np
from numpy.typing import NDArray

from tokengrove._native import DraftSequence, RecyclingCore, TokenTree
from tokengrove.errors import InvalidArgumentError
from tokengrove.speculative.drafters import Candidates

__all__ = ["TokenRecycling"]

_NO_IDS = np.empty(0, np.uint32)
_NO_LOGS = np.empty(0, np.float32)
_RATES = (0.4, 0.5, 0.7)


class TokenRecycling:
    """A drafter that needs no training and no second model: it keeps the candidates that decoding throws away.

    What it learns stays in this object: sequences generated with one drafter help each other, and **a user whose texts
    are drafted from what another user's texts taught it can tell something about them from the speed**. Give each user,
    or each request, a drafter of their own where that matters; :meth:`reset` forgets everything.

    Memory: 64 bytes for each token of the vocabulary (8 MB for 128,000), for each context of two and of three tokens up
    to `context_rows` each, and about 100 bytes for each token of finished sequences up to `shared_tokens`.

    Args:
        vocab_size: How many tokens the vocabulary holds: the number of columns of the model's logits.
        k: How many candidates of each position are kept, 1 to 8.
        tree: ``"dynamic"`` grows trees best first from all sources; ``"static-80"`` is the fixed tree of the paper over
            the last candidates of single tokens, with no other source.
        suffix: Whether earlier occurrences of the text's end are a source; for dynamic trees.
        budget: The most nodes drafted, the root not counted.
        runners_up: Whether the runners-up of the last choice are candidates for the next token; for dynamic trees.
        context_rows: The most contexts of two, and of three tokens, that are kept; 0 leaves those sources out.
        shared_tokens: The most tokens of finished sequences that are searched; 0 searches the sequence itself only.
        rates: How much a new distribution weighs in the rows of one, two and three tokens once they have been seen
            often, each in (0, 1]; 1 keeps the last one alone.
        learning_rate: How fast the estimates of acceptance follow what is accepted.

    Raises:
        InvalidArgumentError: If a value is out of range.

    Source:
        Luo et al. 2024, "Turning Trash into Treasure", for the matrix and the fixed tree. Averaged rows, longer
        contexts, the suffix automaton and logistic mixing are explained in docs/speculative.md.
    """

    def __init__(
        self,
        vocab_size: int,
        k: int = 8,
        tree: Literal["dynamic", "static-80"] = "dynamic",
        suffix: bool = True,
        budget: int = 80,
        *,
        runners_up: bool = True,
        context_rows: int = 1 << 17,
        shared_tokens: int = 1 << 16,
        rates: tuple[float, float, float] = _RATES,
        learning_rate: float = 0.02,
    ) -> None:
        if tree not in ("dynamic", "static-80"):
            raise InvalidArgumentError(f"tree is {tree!r}; it can be 'dynamic' or 'static-80'")
        for name, value in (("budget", budget), ("vocab_size", vocab_size), ("k", k), ("context_rows", context_rows)):
            if value < 0:
                raise InvalidArgumentError(f"{name} is {value}; it cannot be negative")
        fixed = tree == "static-80"
        if context_rows == 0:
            rates = (rates[0], 0.0, 0.0)
        self._core = RecyclingCore(
            vocab_size,
            k,
            [] if fixed else None,
            (1.0, 0.0, 0.0) if fixed else rates,
            suffix=suffix and not fixed,
            suffix_least=6,
            runners_up=runners_up and not fixed,
            context_rows=context_rows,
            shared_tokens=shared_tokens,
            learning_rate=learning_rate,
        )
        self._vocab_size = vocab_size
        self._k = k
        self._budget = budget
        self._tree = tree

    @property
    def vocab_size(self) -> int:
        """How many tokens the vocabulary holds."""
        return self._vocab_size

    @property
    def k(self) -> int:
        """How many candidates of each position are kept."""
        return self._k

    @property
    def budget(self) -> int:
        """The most nodes drafted, the root not counted."""
        return self._budget

    @property
    def tree(self) -> str:
        """The kind of tree."""
        return self._tree

    def start(self) -> _Session:
        """Begins a sequence.

        Returns:
            A session that shares what this drafter knows.
        """
        return _Session(self._core, estimates=self._tree == "dynamic")

    def candidates(self, token: int) -> tuple[NDArray[np.uint32], NDArray[np.float32]]:
        """Gives what is remembered to follow one token.

        Args:
            token: The token id.

        Returns:
            Ids and probabilities, likeliest first: uint32[m] and float32[m], m at most k; empty if it was never seen.

        Raises:
            InvalidArgumentError: If the id is outside the vocabulary.
        """
        return self._core.row(token)

    def reset(self) -> None:
        """Forgets everything."""
        self._core.reset()

    def merge(self, other: TokenRecycling) -> None:
        """Adds what another drafter has learned: averaged by how much each has seen.

        Args:
            other: A drafter of the same vocabulary and k.

        Raises:
            InvalidArgumentError: If it has another vocabulary or k; nothing is changed then.
        """
        self._core.merge(other._core)

    def save(self, path: str | PathLike[str]) -> None:
        """Writes everything learned to a file.

        The file holds token statistics and finished sequences of whatever was generated.

        Args:
            path: The file, overwritten if it is there.

        Raises:
            OSError: If it cannot be written.
        """
        Path(path).write_bytes(self._core.save())

    def load(self, path: str | PathLike[str]) -> Self:
        """Replaces everything learned by what was saved.

        Args:
            path: A file that :meth:`save` wrote, of a drafter with the same vocabulary and k.

        Returns:
            This drafter.

        Raises:
            OSError: If it cannot be read.
            InvalidArgumentError: If it is not such a file; nothing is changed then.
        """
        self._core.restore(Path(path).read_bytes())
        return self


class _Session:
    """One sequence of a :class:`TokenRecycling`."""

    def __init__(self, core: RecyclingCore, *, estimates: bool) -> None:
        self.probabilities: NDArray[np.float32] | None = None
        self._estimates = estimates
        self._core = core
        self._sequence: DraftSequence = core.start()

    def prompt(self, tokens: Sequence[int], candidates: Candidates | None) -> None:
        self._core.prompt(self._sequence, tokens, *_flat(candidates))

    def push(self, token: int) -> None:
        self._core.push(self._sequence, token)

    def draft(self, budget: int) -> TokenTree:
        tree, probabilities = self._core.draft(self._sequence, budget)
        if self._estimates:
            self.probabilities = probabilities
        return tree

    def learn(self, tree: TokenTree, path: Sequence[int], token: int, candidates: Candidates | None) -> None:
        self._core.learn(self._sequence, tree, path, token, *_flat(candidates))

    def finish(self) -> None:
        self._core.finish(self._sequence)


def _flat(candidates: Candidates | None) -> tuple[NDArray[np.uint32], NDArray[np.float32]]:
    if candidates is None:
        return _NO_IDS, _NO_LOGS
    return candidates.ids.reshape(-1), candidates.logs.reshape(-1)
