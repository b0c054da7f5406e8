"""Whether drafting pays on this machine, found out while it runs: a budget that shrinks, and ends at none."""

from __future__ import annotations

__all__ = ["Pace"]

_PLAIN_STEPS = 3
"""Steps without a draft at the beginning: what plain decoding takes."""
_WINDOW = 12
"""Drafted steps before a budget is judged."""
_LEAST = 4
"""Below this many nodes drafting is given up."""


class Pace:
    """Chooses the budget of each step from the time that steps took.

    The first steps decode plainly and are timed (their tokens count as any others); then the full budget is tried for a
    dozen steps. As long as a budget gives fewer tokens per second than plain decoding it is divided by four, and at
    last speculation is off for the rest of the request. The fastest of the plain steps is compared with the mean of
    the drafted ones, so that a hiccup cannot make drafting look good.

    Args:
        budget: The most nodes, as the drafter has it.
        adaptive: Whether to measure at all; if not, the budget stays.
    """

    def __init__(self, budget: int, *, adaptive: bool) -> None:
        self._budget = budget
        self._plain: list[float] = []
        self._left = _PLAIN_STEPS if adaptive and budget > 0 else 0
        self._adaptive = adaptive and budget > 0
        self._tokens = 0.0
        self._seconds = 0.0
        self._steps = 0
        self.switched_off = False

    @property
    def budget(self) -> int:
        """The most nodes to draft in the next step."""
        return 0 if self._left > 0 or self.switched_off else self._budget

    def step(self, tokens: float, seconds: float) -> None:
        """Takes how a step went.

        Args:
            tokens: Tokens emitted per sequence.
            seconds: Its duration, drafting and learning included.
        """
        if not self._adaptive or self.switched_off:
            return
        if self._left > 0:
            self._left -= 1
            self._plain.append(seconds)
            return
        self._tokens += tokens
        self._seconds += seconds
        self._steps += 1
        if self._steps < _WINDOW:
            return
        if self._tokens * min(self._plain) < self._seconds:
            self._budget //= 4
            self.switched_off = self._budget < _LEAST
        self._tokens, self._seconds, self._steps = 0.0, 0.0, 0
