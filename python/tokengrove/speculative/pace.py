"""How much to draft on this machine, found out while it runs: more where it pays, in the end nothing where it does not.

A pass over n drafted nodes takes T(n) seconds, and a drafter that estimates the probability p_i that its i-th node is
accepted expects 1 + p_1 + ... + p_n tokens of it. The best n has the most tokens per second. T is measured as the
generation goes, so nothing has to be known about the machine or the model.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

import numpy as np
from numpy.typing import NDArray

__all__ = ["Pace"]

_PLAIN_STEPS = 3
"""Steps without a draft at the beginning: what plain decoding takes."""
_PROBE, _PROBES = 8, 2
"""The nodes of the first drafted steps, which say how T grows, and how many of them there are."""
_AGAIN = 64
"""After so many steps a plain one is timed again: it takes longer as the text grows."""
_TOLERANCE = 0.015
"""The part of a whole plain generation that drafting may lose before it is given up, and the bounds of it in steps."""
_FEWEST, _MOST = 2.0, 4.0
_SHARE = 0.5
"""The part of what drafting has gained that it may lose again."""
_SMOOTHING = 0.3
_PAUSE = 2.0
"""A step that takes so many times as long as others of its size was interrupted."""
_HOPE = 4.0
"""Tokens a step that trees without estimates are hoped to give."""
_LEAST = 4
"""Trees without estimates are cut to a quarter while they lose; below so many nodes they are given up."""


class Pace:
    """Chooses how many nodes are drafted, and when to draft no more.

    What drafting has lost (its time, less what plain decoding would have taken for the same tokens) is added up. When
    that has risen above its lowest point by a small part of a whole plain generation, and half of what was gained until
    then, speculation is off for the rest of the request. So a generation is never slower than a plain one by much more
    than that part.

    Args:
        budget: The most nodes, as the drafter has it.
        adaptive: Whether to measure at all; if not, the budget stays.
        tokens: The most tokens that will be generated.
    """

    def __init__(self, budget: int, *, adaptive: bool, tokens: int = 256) -> None:
        self._budget = budget
        self._adaptive = adaptive and budget > 0
        self._plain: list[float] = []
        self._until_plain = 0
        # By the number of bits of the number of nodes: how many steps, their mean size, what they take.
        self._costs: dict[int, tuple[int, float, float]] = {}
        self._table: NDArray[np.float64] | None = None
        self._tolerance = min(max(_TOLERANCE * tokens, _FEWEST), _MOST)
        self._probes = 0
        self._lost = self._lowest = 0.0
        self._estimates = False
        self.switched_off = False

    @property
    def budget(self) -> int:
        """The most nodes to draft in the next step."""
        if self.switched_off or (self._adaptive and (len(self._plain) < _PLAIN_STEPS or self._until_plain == 0)):
            return 0
        return self._budget

    def keep(self, estimates: Sequence[NDArray[np.float32] | None]) -> int:
        """Chooses how many nodes of the trees that were drafted are worth their evaluation.

        Args:
            estimates: For each tree the probability that a node is accepted, the root first and likelier nodes before
                less likely ones; or None if its drafter does not say.

        Returns:
            The most nodes of each tree, the root not counted.
        """
        if not self._adaptive or not estimates:
            return self._budget
        if self._probes < _PROBES:
            return min(_PROBE, self._budget)
        known = [estimate for estimate in estimates if estimate is not None]
        if not known:
            return self._affordable()
        self._estimates = True
        expected = np.zeros(max(map(len, known)))
        for estimate in known:
            expected[: len(estimate)] += estimate
        expected[0] = len(known)
        costs = self._cost_table()
        return int(np.argmax(np.cumsum(expected[: len(costs)]) / costs[: len(expected)]))

    def step(self, tokens: float, nodes: int, seconds: float) -> None:
        """Takes how a step went.

        Args:
            tokens: Tokens emitted per sequence.
            nodes: Drafted nodes of the largest tree.
            seconds: Its duration, drafting and learning included.
        """
        if not self._adaptive or self.switched_off:
            return
        if len(self._plain) < _PLAIN_STEPS:
            self._plain.append(seconds)
            self._costs[0] = (1, 0.0, median(self._plain))
            self._until_plain = _AGAIN
            return
        if self._until_plain == 0:
            # The oldest makes room, so that one slow step does not count for much.
            self._plain = [*self._plain[1:], seconds]
            self._until_plain = _AGAIN
            return
        self._until_plain -= 1
        plain = median(self._plain)
        # A pause of the machine is not what drafting costs; of the first steps with nodes, the faster one says that.
        cost = min(seconds, _PAUSE * self._note(nodes, seconds))
        if nodes and self._probes < _PROBES:
            self._probes += 1
            if self._probes == _PROBES:
                self._lost += _PROBES * (cost - plain)
        else:
            self._lost += cost - tokens * plain
        self._lowest = min(self._lowest, self._lost)
        if self._lost - self._lowest > self._tolerance * plain - _SHARE * self._lowest:
            self._reduce()

    def _affordable(self) -> int:
        """The most nodes of a tree without estimates that would pay if it gave some tokens a step."""
        costs = self._cost_table()
        while self._budget >= _LEAST and costs[self._budget] > _HOPE * costs[0]:
            self._budget //= 4
        self.switched_off = self._budget < _LEAST
        return 0 if self.switched_off else self._budget

    def _reduce(self) -> None:
        """Gives up; trees without estimates get smaller first."""
        self._budget = 0 if self._estimates else self._budget // 4
        self._lowest = self._lost
        self._tolerance /= 2
        self.switched_off = self._budget < _LEAST

    def _note(self, nodes: int, seconds: float) -> float:
        """Averages the time of steps of similar size, and gives that."""
        key = nodes.bit_length()
        if key not in self._costs and self._probes >= _PROBES:
            seconds = min(seconds, _PAUSE * float(self._cost_table()[nodes]))
        count, size, cost = self._costs.get(key, (0, float(nodes), seconds))
        # Of the first two the faster one: what is new takes longer once.
        cost = min(cost, seconds) if count < 2 else cost + _SMOOTHING * (min(seconds, _PAUSE * cost) - cost)
        self._costs[key] = (count + 1, size + _SMOOTHING * (nodes - size), cost)
        self._table = None
        return cost

    def _cost_table(self) -> NDArray[np.float64]:
        """Seconds of a step with 0, 1, ... drafted nodes: straight between what was measured, and beyond it."""
        if self._table is None:
            known = sorted((size, cost) for _, size, cost in self._costs.values())
            sizes = np.array([size for size, _ in known])
            costs = np.maximum.accumulate([cost for _, cost in known])
            every = np.arange(self._budget + 1)
            table = np.interp(every, sizes, costs)
            slope = (costs[-1] - costs[-2]) / max(sizes[-1] - sizes[-2], 1.0)
            self._table = table + slope * np.maximum(every - sizes[-1], 0)
        return self._table
