"""The benchmark of drafters: what counts as a loop, the rule of others, files that are merged, the page."""

from __future__ import annotations

import argparse
import json
import math
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("transformers")

import torch

import speculation
import speculation_prompts
import speculation_report as report
from speculation_methods import ABLATIONS, MAIN, SamSwitch, methods
from speculation_prompts import CLASSES, prompts
from support.data import data_file
from tokengrove.testing.models import tiny_model


def test_a_loop_is_a_period_four_times_in_a_row() -> None:
    assert speculation.loops([5, 1, 2, 3] + [7] * 4)
    assert not speculation.loops([7, 7, 7, 1, 7, 7, 7])
    period = list(range(32))
    assert speculation.loops([99, *period * 4])
    assert not speculation.loops([99, *period * 3, *period[:-1]])
    assert not speculation.loops(list(range(33)) * 5)
    assert not speculation.loops([])


def test_the_switch_takes_the_longest_match_and_else_the_tree() -> None:
    session = SamSwitch(50, 80).start()
    session.prompt([1, 2, 3, 4, 5, 6, 7, 8, 9, 1, 2, 3, 4], None)
    session.push(5)
    assert session.draft(80).tokens.tolist() == [5, 6, 7, 8, 9, 1, 2, 3, 4, 5]
    session.learn(session.draft(80), [0, 1], 40, None)
    # Nothing was shown that the tree could be made of.
    assert session.draft(80).tokens.tolist() == [40]
    # Of two matches the longer one, and none across the end of a text.
    drafter = SamSwitch(50, 3)
    for text in ([9, 1, 2, 3, 4, 5, 30], [8, 1, 2, 3, 4, 5, 31], [5, 6, 7, 8]):
        drafter.start().prompt(text, None)
    session = drafter.start()
    session.prompt([8, 1, 2, 3, 4, 5], None)
    assert session.draft(3).tokens.tolist() == [5, 31]


def options(path: Path, **changes: Any) -> argparse.Namespace:
    chosen = speculation.parse(["--count", "3", "--warm-up", "2", "--new-tokens", "40", "--budget", "12"])
    for name, value in {"label": "tiny", "json": path, **changes}.items():
        setattr(chosen, name, value)
    return chosen


@pytest.mark.parametrize("temperature", [0.0, 0.9])
def test_every_method_is_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, temperature: float) -> None:
    torch.set_num_threads(1)
    network = tiny_model("llama", dtype=torch.float32)
    made = [[(3 * i + j) % 60 + 3 for j in range(8)] for i in range(5)]
    monkeypatch.setattr(speculation_prompts, "prompts", lambda *_: made)
    monkeypatch.setattr(speculation, "loops", lambda text: False)
    chosen = options(tmp_path / "x.json", temperature=temperature)
    chosen.methods = [speculation.TRANSFORMERS_LOOKUP, *MAIN, *ABLATIONS]
    rows = speculation.measure(network, None, "stories", chosen)
    names = {(row["method"], row["state"]) for row in rows}
    own = {(name, state) for name in (*MAIN, *ABLATIONS) for state in ("cold", "warm")}
    lookup = {(speculation.TRANSFORMERS_LOOKUP, "cold")} if temperature == 0 else set()
    assert names == own | lookup | {("plain", "cold")}
    assert set(methods(64, 12)) == {"plain", *MAIN, *ABLATIONS}
    for row in rows:
        assert len(row["mat"]) == 3
        assert row["tokens"] == 120
        assert (row["mat"] == [1.0] * 3) or row["method"] != "plain"
        assert all(rate >= 1 for rate in row["mat"])
    assert max(row["mat"][0] for row in rows) > 1.1
    # A second run takes the place of the first, and other rows stay.
    old = {**rows[0], "class": "novels"}
    (tmp_path / "x.json").write_text(json.dumps({"about": {}, "rows": [*rows, old]}), encoding="utf-8")
    merged = speculation.merged(tmp_path / "x.json", rows, {"threads": 1})
    assert len(merged["rows"]) == len(rows) + 1
    assert merged["about"] == {"threads": 1}


def test_another_text_stops_the_run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    network = tiny_model("llama", dtype=torch.float32)
    bench = speculation.Bench(network, [[3, 4, 5]], options(tmp_path, warm_up=0))
    monkeypatch.setattr(speculation, "loops", lambda text: False)
    bench.run_plain()
    bench.expected[0][7] = (bench.expected[0][7] + 1) % 64
    with pytest.raises(SystemExit, match="prompt 0 parts from plain decoding at token 7"):
        bench.run("dynamic", 12, warm=False)


def row(method: str, mat: list[float], **changes: Any) -> dict[str, Any]:
    key = {"model": "stories260K", "class": "stories", "temperature": 0.0, "budget": 80, "state": "cold"}
    time = {"tokens": 10, "steps": 5, "seconds": 1.0, "phases": {"draft": 0.01}, "loops_left_out": 1}
    return {**key, "method": method, "mat": mat, **time, **changes}


def test_ratios_have_the_interval_of_paired_texts() -> None:
    assert report.ratio([2.0, 4.0], [1.0, 2.0]) == (2.0, 0.0)
    found, half = report.ratio([3.0, 3.0, 3.0], [1.0, 2.0, 3.0])
    assert found == 1.5
    assert math.isclose(half, 1.96 * 1.5 / math.sqrt(3) / 2)
    assert math.isnan(report.ratio([1.0], [2.0])[1])


def test_the_page_says_what_was_met_and_what_was_missed() -> None:
    rows = [
        row("plain", [1.0, 1.0], budget=0),
        row("static-80", [2.0, 2.2]),
        row("sam-switch", [2.5, 2.9]),
        row("dynamic", [3.2, 3.4]),
        *(row(name, [1.5, 1.5], **{"class": "qa"}) for name in MAIN),
        row("dynamic", [1.9, 1.9], state="warm", **{"class": "qa"}),
    ]
    about = {"new_tokens": 256, "machine": "m", "torch": "t"}
    without = [row("dynamic", [3.0, 3.0]), row("without suffix", [2.9, 2.95])]
    text = report.page(
        report.Figures([{"about": about, "rows": rows}]), report.Figures([{"about": about, "rows": without}])
    )
    assert "| without suffix | 2.92 ± 0.05 | -2.5 % |" in text
    assert "against static-80 | 1.5 | 1.571 ± 0.053 | met |" in text
    assert "against sam-switch | 1.3 | 1.222 ± 0.105 | **missed** |" in text
    assert "2 texts of 5 new tokens count; 1 that loop are left out." in text
    assert "| qa | 2 + 1 | 1.50 ± 0.00 |" in text


def test_the_committed_page_is_what_the_committed_files_say() -> None:
    assert report.main(["--check"]) == 0


@pytest.mark.parametrize("name", CLASSES)
def test_there_are_prompts_of_every_class(name: str) -> None:
    folder = data_file("prompts/spec_bench.jsonl").parents[1]
    found = prompts(folder, name, lambda text: list(text.encode()), 30, 100)
    assert len(found) == 30
    assert len({tuple(ids) for ids in found}) == 30
    assert all(0 < len(ids) <= 100 for ids in found)
    with pytest.raises(ValueError, match="no prompts called 'x'"):
        prompts(folder, "x", lambda text: [], 1, 1)
