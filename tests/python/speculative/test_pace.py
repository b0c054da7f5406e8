"""How much is drafted, on machines made up: a step takes what a formula says, and drafts are as good as one says."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from tokengrove.speculative.pace import Pace


class Machine:
    """Plays a generation of so many tokens.

    Args:
        cost: Seconds of a step with n drafted nodes.
        chance: The probability that the i-th node is accepted.
        overhead: What drafting costs besides, in seconds.
    """

    def __init__(
        self, cost: Callable[[int], float], chance: Callable[[int], float], overhead: float = 0.0, truth: float = 1.0
    ) -> None:
        self.cost, self.overhead, self.truth = cost, overhead, truth
        self.estimates = np.array([1.0, *(chance(i) for i in range(1, 81))], np.float32)
        self.sizes: list[int] = []

    def play(self, tokens: int, *, estimates: bool = True, adaptive: bool = True, seed: int = 0) -> float:
        """Seconds of the whole, plain decoding being 1 a token at `cost(0)` = 1."""
        random = np.random.default_rng(seed)
        self.pace = pace = Pace(80, adaptive=adaptive, tokens=tokens)
        made, seconds = 0.0, 0.0
        while made < tokens:
            nodes = pace.budget
            drafting = self.overhead if nodes else 0.0
            if nodes:
                nodes = min(nodes, pace.keep([self.estimates if estimates else None]))
            took = (self.cost(nodes) + drafting) * random.uniform(0.97, 1.03)
            gained = 1 + self.truth * float(self.estimates[1 : nodes + 1].sum())
            pace.step(gained, nodes, took)
            self.sizes.append(nodes)
            made, seconds = made + gained, seconds + took
        return seconds


def good(i: int) -> float:
    return float(0.8 * 0.93**i)


def bad(i: int) -> float:
    return 0.02


@pytest.mark.parametrize("estimates", [True, False])
def test_where_nodes_cost_nothing_all_are_drafted(estimates: bool) -> None:
    machine = Machine(lambda n: 1.0, good)
    assert machine.play(1000, estimates=estimates) < 1000 / 6
    assert not machine.pace.switched_off
    assert np.median(machine.sizes) > 60


def test_where_nodes_cost_something_the_best_number_is_found() -> None:
    def cost(n: int) -> float:
        return 1 + 0.1 * n

    machine = Machine(cost, good)
    machine.play(2000)
    speeds = [float(machine.estimates[: n + 1].sum()) / cost(n) for n in range(81)]
    late = machine.sizes[100:]
    assert speeds[int(np.median(late))] > 0.98 * max(speeds)
    # Now and then a plain step is timed.
    assert 0 < late.count(0) < len(late) / 20


@pytest.mark.parametrize("tokens", [100, 256, 1000])
@pytest.mark.parametrize("estimates", [True, False])
@pytest.mark.parametrize(("slope", "overhead"), [(0.1, 0.05), (0.02, 0.1), (1.0, 0.02)])
def test_where_drafts_are_bad_little_is_lost(tokens: int, estimates: bool, slope: float, overhead: float) -> None:
    for seed in range(5):
        machine = Machine(lambda n: 1 + slope * n, bad, overhead)
        lost = machine.play(tokens, estimates=estimates, seed=seed) / tokens - 1
        # What is tolerated, the first two steps with 8 nodes, and a tree that would pay if it gave four tokens.
        step = 16 * slope + (0 if estimates else 4)
        assert lost < 0.04 + (2 + step) / tokens


def test_estimates_that_promise_too_much_are_not_believed_for_long() -> None:
    machine = Machine(lambda n: 1 + 0.1 * n, good, truth=0.02)
    assert machine.play(256) < 1.03 * 256 + 6
    assert machine.pace.switched_off
    assert machine.sizes[-1] == 0


def test_pauses_of_the_machine_do_not_end_drafting() -> None:
    random = np.random.default_rng(5)

    def cost(n: int) -> float:
        return (1 + 0.05 * n) * (20 if random.random() < 0.05 else 1)

    machine = Machine(cost, good)
    machine.play(1000)
    assert not machine.pace.switched_off
    assert np.median(machine.sizes) > 8


def test_without_measuring_the_budget_stays() -> None:
    machine = Machine(lambda n: 1.0 + n, bad)
    machine.play(100, adaptive=False)
    assert set(machine.sizes) == {80}


def test_several_trees_share_a_number() -> None:
    pace = Pace(20, adaptive=True)
    for _ in range(3):
        pace.step(1, 0, 1.0)
    assert pace.keep([np.ones(21, np.float32)]) == 8
    pace.step(2, 8, 1.2)
    pace.step(2, 8, 1.2)
    sure, hopeless = np.ones(21, np.float32), np.array([1.0] + [0.0] * 20, np.float32)
    assert pace.keep([sure, hopeless]) == 20
    assert pace.keep([hopeless, hopeless[:5]]) == 0
    assert pace.keep([]) == 20
