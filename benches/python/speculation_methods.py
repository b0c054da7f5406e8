"""The ways to draft that are compared, those of others re-implemented from their descriptions.

- ``static-80``: the paper's tree over the last candidates of single tokens (Luo et al. 2024).
- ``sam-switch``: the rule of SAM-Decoding (Hu et al. 2024): a chain after the longest earlier match if that has five
  tokens or more, else the static tree.
- ``lookup``: prompt lookup with this package's loop; ``lookup (transformers)`` is that of ``model.generate``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from tokengrove import TokenTree
from tokengrove.speculative import Candidates, Drafter, DraftSession, PromptLookup, TokenRecycling

__all__ = ["ABLATIONS", "MAIN", "SamSwitch", "methods"]

MAIN = ("lookup", "static-80", "sam-switch", "dynamic")
"""What is run everywhere."""
ABLATIONS = (
    "without runners-up",
    "without suffix",
    "without three-token rows",
    "without two- and three-token rows",
    "without averaging",
    "one-token rows alone",
)
"""What is run where each source is looked at."""


class SamSwitch:
    """The static tree, or the chain of a long match.

    Args:
        vocab_size: The vocabulary.
        budget: The most nodes of either.
    """

    k = 8

    def __init__(self, vocab_size: int, budget: int) -> None:
        self.vocab_size: int | None = vocab_size
        self.budget = budget
        self._tree = TokenRecycling(vocab_size, tree="static-80", budget=budget)
        self._texts: list[int] = []
        self._ends: dict[tuple[int, ...], list[int]] = {}

    def start(self) -> DraftSession:
        """Begins a sequence."""
        return _SamSession(self._tree.start(), self._texts, self._ends)


class _SamSession:
    LEAST, LONGEST = 5, 40

    def __init__(self, inner: DraftSession, texts: list[int], ends: dict[tuple[int, ...], list[int]]) -> None:
        self._inner, self._texts, self._ends = inner, texts, ends
        # Nothing matches across this.
        texts.append(-1)

    def _add(self, tokens: Sequence[int]) -> None:
        for token in tokens:
            if len(self._texts) >= self.LEAST:
                self._ends.setdefault(tuple(self._texts[-self.LEAST :]), []).append(len(self._texts))
            self._texts.append(int(token))

    def prompt(self, tokens: Sequence[int], candidates: Candidates | None) -> None:
        self._add(tokens)
        self._inner.prompt(tokens, candidates)

    def push(self, token: int) -> None:
        self._add([token])
        self._inner.push(token)

    def draft(self, budget: int) -> TokenTree:
        best, length = None, 0
        for at in self._ends.get(tuple(self._texts[-self.LEAST :]), []):
            same = self.LEAST
            while same < at and self._texts[at - 1 - same] == self._texts[-1 - same] != -1:
                same += 1
            if same > length:
                best, length = at, same
        if best is None:
            return self._inner.draft(budget)
        chain = self._texts[best : best + min(budget, self.LONGEST)]
        return TokenTree.chain([self._texts[-1], *chain[: chain.index(-1) if -1 in chain else None]])

    def learn(self, tree: TokenTree, path: Sequence[int], token: int, candidates: Candidates | None) -> None:
        self._add([*tree.tokens[list(path)][1:].tolist(), token])
        self._inner.learn(tree, path, token, candidates)

    def finish(self) -> None:
        self._inner.finish()


def methods(vocab_size: int, budget: int) -> dict[str, Callable[[], Drafter | None]]:
    """Makes drafters, every method by name; plain decoding has none.

    Args:
        vocab_size: The vocabulary of the model.
        budget: The most drafted nodes.

    Returns:
        Name to a function that makes a drafter which knows nothing.
    """

    def ours(**options: Any) -> Callable[[], Drafter]:
        return lambda: TokenRecycling(vocab_size, budget=budget, **options)

    return {
        "plain": lambda: None,
        "lookup": lambda: PromptLookup(2, budget=min(budget, 10)),
        "static-80": ours(tree="static-80"),
        "sam-switch": lambda: SamSwitch(vocab_size, budget),
        "dynamic": ours(),
        "without runners-up": ours(runners_up=False),
        "without suffix": ours(suffix=False),
        "without three-token rows": ours(rates=(0.4, 0.5, 0.0)),
        "without two- and three-token rows": ours(context_rows=0),
        "without averaging": ours(rates=(1.0, 1.0, 1.0)),
        "one-token rows alone": ours(context_rows=0, suffix=False, runners_up=False),
    }
