"""Results: medians and spreads, and files that read back as they were written."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness.records import Cell, Run
from support.bench import cell, run_of


def test_times_are_medians_over_processes_of_medians_within_them() -> None:
    found = cell("tokengrove", first=[3.0, 1.0, 2.0], repeated=[[1.0, 9.0, 2.0], [4.0, 4.0], [0.5]])
    assert found.seconds() == 2.0
    assert found.seconds(repeated=True) == 2.0
    assert found.spread() == 3.0
    assert found.speed() == 0.5


def test_a_cell_without_samples_has_no_figures() -> None:
    empty = Cell("encode", "tokengrove", "o200k_base", "english", "big")
    assert (empty.seconds(), empty.speed(repeated=True), empty.spread()) == (None, None, None)


def test_a_file_reads_back_as_it_was_written(tmp_path: Path) -> None:
    run = run_of(cell("tokengrove"), cell("gigatoken", first=[2.5]))
    path = tmp_path / "deep" / "encode-2026-01-01.json"
    run.write(path, [])
    assert Run.read(path) == run
    assert len(path.read_text().splitlines()) > len(run.cells), "one line per cell"


def test_a_file_of_another_schema_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_text(json.dumps({"schema": 99}))
    with pytest.raises(ValueError, match="schema 99"):
        Run.read(path)
