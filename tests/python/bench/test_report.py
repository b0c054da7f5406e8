"""Tables: generated from the result file, and the committed ones are what the committed file gives."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import report
from harness import tables
from harness.peers import OWN
from harness.records import Run
from support.bench import cell, run_of


def example() -> Run:
    return run_of(
        cell(OWN, first=[0.005], repeated=[[0.002]]),
        cell("gigatoken", first=[0.01], repeated=[[0.001]]),
        cell("quicktok", first=[], status="inexact", detail="other ids"),
        cell(OWN, first=[0.004], repeated=[[0.002]], text="code"),
        cell("gigatoken", first=[0.01], repeated=[[0.004]], text="code"),
        missing={"splintr": "splintr-rs is not installed"},
    )


def test_the_table_has_both_passes_and_the_advantage() -> None:
    run = example()
    table = [
        "| MB/s, first pass (repeated) | english | code |",
        "| --- | ---: | ---: |",
        "| tokengrove 0.1.0 | 200 (500) | 250 (500) |",
        "| gigatoken 0.10.0 | 100 (1000) | 100 (250) |",
        "| quicktok | inexact |  |",
        "| times the best exact peer | 2.00 (0.50) | 2.50 (2.00) |",
    ]
    assert tables.markdown(tables.both_passes(run, run.cells)).splitlines() == table
    assert "\n".join(table) in report.readme_block(run)


def test_losses_and_faults_are_named() -> None:
    run = example()
    assert tables.losses(run) == ["encoding, o200k_base, one string, MB/s, repeated: english 500 (gigatoken 1000)"]
    assert tables.faults(run) == [
        "splintr: splintr-rs is not installed",
        "quicktok: inexact on o200k_base english big: other ids",
    ]
    assert tables.losses(run)[0] in report.readme_block(run)
    assert all(fault in report.page(run) for fault in tables.faults(run))


def test_a_figure_from_less_text_is_marked_and_is_not_the_best() -> None:
    run = run_of(cell(OWN), cell("tokenizers", first=[0.1], bytes=500_000))
    rows = tables.both_passes(run, run.cells)
    assert rows[2][1] == "5.00* (5.00*)"
    assert rows[-1] == ["times the best exact peer", "- (-)"]


def test_the_block_replaces_what_stands_between_the_markers() -> None:
    readme = f"a\n{report.BEGIN} (note) -->\nold\n{report.END}\nb\n"
    new = report.with_block(readme, "new\nlines")
    assert new == f"a\n{report.BEGIN} (note) -->\nnew\nlines\n{report.END}\nb\n"
    assert report.with_block(new, "new\nlines") == new
    assert report.with_block(readme, "") == f"a\n{report.BEGIN} (note) -->\n{report.END}\nb\n"


@pytest.mark.parametrize("readme", ["", f"{report.END}\n{report.BEGIN} -->\n", f"{report.BEGIN} -->\n"])
def test_a_readme_without_markers_is_refused(readme: str) -> None:
    with pytest.raises(ValueError, match="benchmark:begin"):
        report.with_block(readme, "x")


def test_committed_tables_are_what_the_newest_result_file_gives(tmp_path: Path) -> None:
    path = report.newest()
    if path is None:
        readme = report.README.read_text(encoding="utf-8")
        assert report.with_block(readme, "") == readme, "figures in the README, but no result file in benches/results"
        pytest.skip("no result file is committed yet")
    copy = tmp_path / path.name
    shutil.copyfile(path, copy)
    assert report.main(["--check", str(copy)]) == 0
