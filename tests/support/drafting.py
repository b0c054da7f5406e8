"""Drafters that mean no good, and one that notes all it is told: what must hold holds with these, too."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tokengrove import TokenTree
from tokengrove.speculative import Candidates, Drafter, DraftSession

__all__ = ["KINDS", "Adversary", "Watched"]

KINDS = ("right", "wrong", "zeros", "twins", "random", "end", "none")
"""What an adversary drafts: the true continuation; nothing true; token 0 as every child of the root; every true token
twice; random trees; the true continuation with an end token beside and between; the root alone."""


class Adversary:
    """Drafts what it is told to.

    Args:
        kind: One of :data:`KINDS`.
        right: Given the tokens so far and a number, the tokens with which plain decoding goes on, so many of them.
        vocab_size: The vocabulary.
        k: How many candidates it wants to be shown.
        budget: The most nodes.
        end: The token that kind "end" strews in.
    """

    def __init__(
        self,
        kind: str,
        right: Callable[[Sequence[int], int], list[int]],
        vocab_size: int,
        *,
        k: int = 0,
        budget: int = 12,
        end: int = 2,
    ) -> None:
        self.kind = kind
        self.right = right
        self.vocab_size: int | None = vocab_size
        self.k = k
        self.budget = budget
        self.end = end
        self.sessions: list[_Session] = []

    def start(self) -> DraftSession:
        """Begins a sequence."""
        self.sessions.append(_Session(self))
        return self.sessions[-1]


class _Session:
    """Checks besides what a session is told: pieces, candidates, accepted paths, one end."""

    def __init__(self, drafter: Adversary) -> None:
        self.drafter = drafter
        self.tokens: list[int] = []
        self.finished = 0
        self.random = np.random.default_rng(len(drafter.sessions) + 7)

    def prompt(self, tokens: Sequence[int], candidates: Candidates | None) -> None:
        assert (candidates is not None) == (self.drafter.k > 0)
        self.tokens += tokens

    def push(self, token: int) -> None:
        self.tokens.append(token)

    def draft(self, budget: int) -> TokenTree:
        drafter, root = self.drafter, self.tokens[-1]
        size = drafter.vocab_size or 1
        right = drafter.right(self.tokens, budget)
        if drafter.kind == "right":
            return TokenTree.chain([root, *right])
        if drafter.kind == "wrong":
            return TokenTree.chain([root, *((token + 1) % size for token in right)])
        if drafter.kind == "zeros":
            return TokenTree([root] + [0] * budget, [-1] + [0] * budget)
        if drafter.kind == "twins":
            pairs = [token for token in right[: budget // 2] for _ in range(2)]
            parents = [-1] + [max(0, 2 * (i // 2) - 1) for i in range(len(pairs))]
            return TokenTree([root, *pairs], parents)
        if drafter.kind == "end":
            # Each true token has an end token as its elder sibling, and one below it.
            tokens, parents, at = [root], [-1], 0
            for token in right[: budget // 3]:
                tokens += [drafter.end, token, drafter.end]
                parents += [at, at, len(tokens) - 2]
                at = len(tokens) - 2
            return TokenTree(tokens, parents)
        if drafter.kind == "none":
            return TokenTree.chain([root])
        tokens = [root, *self.random.integers(0, size, budget).tolist()]
        parents = [-1] + [int(self.random.integers(0, i)) for i in range(1, budget + 1)]
        return TokenTree(tokens, parents)

    def learn(self, tree: TokenTree, path: Sequence[int], token: int, candidates: Candidates | None) -> None:
        assert tree.tokens[0] == self.tokens[-1]
        if self.drafter.k:
            assert candidates is not None
            assert candidates.ids.shape == candidates.logs.shape == (len(tree), self.drafter.k)
        self.tokens += [*tree.tokens[list(path)].tolist()[1:], token]

    def finish(self) -> None:
        self.finished += 1
        assert self.finished == 1


class Watched:
    """A drafter that notes the calls of its sessions, to be made again on another one.

    Args:
        inner: Does the work.
    """

    def __init__(self, inner: Drafter) -> None:
        self.inner = inner
        self.calls: list[tuple[str, tuple[Any, ...]]] = []

    @property
    def vocab_size(self) -> int | None:
        """That of the drafter inside."""
        return self.inner.vocab_size

    @property
    def k(self) -> int:
        """That of the drafter inside."""
        return self.inner.k

    @property
    def budget(self) -> int:
        """That of the drafter inside."""
        return self.inner.budget

    def start(self) -> Any:
        """Begins a sequence."""
        return _Noted(self.inner.start(), self.calls)

    def again(self, other: Drafter) -> None:
        """Makes the calls of a single session on another drafter."""
        session = other.start()
        for name, arguments in self.calls:
            getattr(session, name)(*arguments)


class _Noted:
    def __init__(self, inner: DraftSession, calls: list[tuple[str, tuple[Any, ...]]]) -> None:
        self._inner, self._calls = inner, calls

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def call(*arguments: Any) -> Any:
            self._calls.append((name, arguments))
            return getattr(self._inner, name)(*arguments)

        return call
