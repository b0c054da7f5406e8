"""The bars: what counts as met, missed and not measured."""

from __future__ import annotations

import pytest

from harness.bars import Bar, best_rival, evaluate
from harness.peers import LIST_RIVAL, OWN, OWN_LISTS
from harness.records import Memory, Run
from support.bench import cell, run_of


def bar(run: Run, name: str) -> Bar:
    return next(bar for bar in evaluate(run) if name in bar.name)


def test_a_bar_without_figures_is_neither_met_nor_missed() -> None:
    verdicts = evaluate(run_of())
    assert {verdict.met for verdict in verdicts} == {None}
    assert all(verdict.sentence().startswith("not measured") for verdict in verdicts)


def test_the_best_rival_is_the_fastest_that_was_timed_on_the_same_text() -> None:
    own = cell(OWN, first=[1.0])
    run = run_of(
        own,
        cell("gigatoken", first=[2.0]),
        cell("quicktok", first=[3.0]),
        cell("fastokens", first=[], status="inexact"),
        cell("tokenizers", first=[0.1], bytes=1000),
        cell("splintr", first=[0.1], text="code"),
    )
    rival = best_rival(run, own, repeated=False)
    assert rival is not None
    assert rival.peer == "gigatoken"


def test_every_cell_below_the_bound_is_listed_worst_first() -> None:
    cells = [
        cell(peer, first=[seconds], text=text)
        for text, own, rival in [("english", 1.0, 1.6), ("code", 1.0, 1.2), ("cjk", 1.0, 0.5)]
        for peer, seconds in [(OWN, own), ("gigatoken", rival)]
    ]
    verdict = bar(run_of(*cells), "first pass, against the best")
    assert verdict.met is False
    assert [round(figure, 2) for figure, _ in verdict.missed] == [0.5, 1.2]
    assert verdict.sentence().startswith("MISSED")
    assert "1 of 3, worst 0.5x (o200k_base cjk big, against gigatoken)" in verdict.sentence()


def test_latin_and_other_classes_have_their_own_bounds_against_tiktoken() -> None:
    cells = [
        cell(peer, first=[seconds], text=text)
        for text in ("english", "cjk")
        for peer, seconds in [(OWN, 1.0), ("tiktoken", 6.0)]
    ]
    run = run_of(*cells)
    assert bar(run, "Latin classes").met is False
    assert bar(run, "CJK and multilingual").met is True


def test_two_threads_are_compared_by_the_clock() -> None:
    one, two = cell(OWN, section="threads", first=[1.0]), cell(OWN, section="threads", first=[0.5], threads=2)
    assert bar(run_of(one, two), "two threads against one, first").figures == ((2.0, "english big"),)


def test_lists_are_compared_with_the_rival_drop_in_only() -> None:
    cells = [
        cell(OWN_LISTS, section="lists", first=[1.0]),
        cell(LIST_RIVAL, section="lists", first=[2.0]),
        cell("tiktoken", section="lists", first=[0.1]),
    ]
    verdict = bar(run_of(*cells), "list[int], first pass")
    assert verdict.met is True
    assert [figure for figure, _ in verdict.figures] == [2.0]


@pytest.mark.parametrize(("ten", "met"), [(0.11, True), (0.2, False)])
def test_ten_times_the_text_takes_about_ten_times_as_long(ten: float, met: bool) -> None:
    small = cell(OWN, section="worst", text="letter_a", first=[0.01])
    large = cell(OWN, section="worst", text="letter_a_10m", first=[ten])
    run = run_of(small, large)
    assert bar(run, "10 MB of one piece").met is met
    assert bar(run, "1 MB of one letter").met is True


def test_memory_and_loading_bars() -> None:
    memory = [Memory(OWN, "o200k_base", 1, 50_000_000, 120_000_000, 121_000_000, 100_000_000)]
    run = run_of(cell(OWN), memory=memory)
    assert bar(run, "memory after loading").met is True
    assert bar(run, "memory after encoding").met is False
    assert bar(run, "growth in 100 MB more").met is True
    loading = bar(run, "loading o200k_base")
    assert loading.met is True
    assert loading.figures[0][0] == pytest.approx(50.0)
