"""What a drafter is, for those who bring their own, and the simplest useful one.

A :class:`Drafter` makes a :class:`DraftSession` for every sequence that is generated. At each step the session gives a
tree whose root is the last token of its sequence, hears which path of it was accepted, and is shown the model's best
candidates after every node. A draft can only change speed: whatever it holds, the emitted tokens are the target's own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from tokengrove._native import TokenTree
from tokengrove.errors import InvalidArgumentError

__all__ = ["Candidates", "DraftSession", "Drafter", "PromptLookup"]


class Candidates(NamedTuple):
    """The likeliest next tokens after some positions, likeliest first.

    Attributes:
        ids: Token ids, uint32[positions, k].
        logs: Log-probabilities in nats at temperature 1, before any logits processor, float32[positions, k].
    """

    ids: NDArray[np.uint32]
    logs: NDArray[np.float32]


class DraftSession(Protocol):
    """A drafter at work on one sequence.

    A session may have an attribute `probabilities`: for the tree it gave last, the probability that each node is
    accepted, float32[nodes], 1 for the root and never rising. Then only as many nodes are evaluated as pay.
    """

    def prompt(self, tokens: Sequence[int], candidates: Candidates | None) -> None:
        """Takes a piece of the prompt; called for all pieces in order, before anything else.

        Args:
            tokens: Token ids.
            candidates: What the model would have said after each of them, if the drafter asks for candidates.
        """
        ...

    def push(self, token: int) -> None:
        """Takes the first token that was chosen after the prompt.

        Args:
            token: Its id.
        """
        ...

    def draft(self, budget: int) -> TokenTree:
        """Makes a tree of continuations.

        Args:
            budget: The most nodes beside the root.

        Returns:
            A tree whose node 0 is its only root and has the last token of the sequence.
        """
        ...

    def learn(self, tree: TokenTree, path: Sequence[int], token: int, candidates: Candidates | None) -> None:
        """Takes the outcome of a step: the sequence now goes on with the path's tokens after the root, and `token`.

        Args:
            tree: The tree that :meth:`draft` gave.
            path: The accepted nodes, the root first.
            token: What the target chose after the last of them.
            candidates: The model's candidates after every node of the tree, if the drafter asks for them.
        """
        ...

    def finish(self) -> None:
        """Ends the sequence; called once, also if the generation fails."""
        ...


class Drafter(Protocol):
    """Makes draft trees. One drafter may serve many sequences, one after the other or at once."""

    @property
    def vocab_size(self) -> int | None:
        """The vocabulary it is made for, compared with the model's; None fits any."""
        ...

    @property
    def k(self) -> int:
        """How many candidates per position it wants to be shown; 0 for none, which saves their computation."""
        ...

    @property
    def budget(self) -> int:
        """How many nodes beside the root its trees have unless the caller wants fewer."""
        ...

    def start(self) -> DraftSession:
        """Begins a sequence.

        Returns:
            A session of its own.
        """
        ...


class PromptLookup:
    """Drafts what followed the last tokens where they occurred before in the same sequence: one chain, no learning.

    The latest occurrence of the longest n-gram is taken. Good for texts that repeat their prompt, and a baseline.

    Args:
        max_ngram: The longest n-gram looked for, at least 1.
        budget: The most tokens drafted.

    Raises:
        InvalidArgumentError: If a number is out of range.
    """

    vocab_size: int | None = None
    k = 0

    def __init__(self, max_ngram: int = 3, *, budget: int = 10) -> None:
        if max_ngram < 1:
            raise InvalidArgumentError(f"max_ngram is {max_ngram}; it must be at least 1")
        if budget < 0:
            raise InvalidArgumentError(f"budget is {budget}; it cannot be negative")
        self.max_ngram = max_ngram
        self.budget = budget

    def start(self) -> DraftSession:
        """See :meth:`Drafter.start`."""
        return _LookupSession(self.max_ngram)


class _LookupSession:
    def __init__(self, max_ngram: int) -> None:
        self._max_ngram = max_ngram
        self._tokens: list[int] = []
        # For each n-gram what followed its latest occurrence: the index of the next token.
        self._after: dict[tuple[int, ...], int] = {}

    def prompt(self, tokens: Sequence[int], candidates: Candidates | None) -> None:
        for token in tokens:
            self.push(int(token))

    def push(self, token: int) -> None:
        # The n-grams that end at the last token have a successor only now.
        for n in range(1, min(self._max_ngram, len(self._tokens)) + 1):
            self._after[tuple(self._tokens[-n:])] = len(self._tokens)
        self._tokens.append(token)

    def draft(self, budget: int) -> TokenTree:
        for n in range(min(self._max_ngram, len(self._tokens)), 0, -1):
            if (at := self._after.get(tuple(self._tokens[-n:]))) is not None:
                return TokenTree.chain([self._tokens[-1], *self._tokens[at : at + budget]])
        return TokenTree.chain(self._tokens[-1:])

    def learn(self, tree: TokenTree, path: Sequence[int], token: int, candidates: Candidates | None) -> None:
        for node in path[1:]:
            self.push(int(tree.tokens[node]))
        self.push(token)

    def finish(self) -> None:
        pass
