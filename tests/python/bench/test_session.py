"""A run: outputs are compared before timing, wrong or broken peers are reported, and nothing else is lost."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import run as program
from harness import launch, session
from harness.peers import OWN, PEERS, REFERENCE, Peer
from harness.plan import MODES, groups
from harness.records import Cell, Run
from harness.vocabularies import Vocabulary
from harness.worker import Job
from support.data import rank_file

SECONDS = {"cpu": 0.5, "wall": 0.5}
SAMPLE = {"imported": SECONDS, "loaded": SECONDS, "first": SECONDS, "repeated": [SECONDS]}
RIGHT = {"digest": "right", "tokens": 3}
Answer = Callable[[Job], list[dict[str, Any]]]


def answers(job: Job, **changes: Any) -> list[dict[str, Any]]:
    """What a peer that works says."""
    if job.action == "verify":
        return [{"path": path, "shape": shape, **RIGHT, **changes} for path, shape in job.items]
    return [{"sample": SAMPLE, **RIGHT, **changes}]


@pytest.fixture
def simulate(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., Run]:
    """Runs a session whose processes answer as the test says."""
    (tmp_path / "o200k_base.tiktoken").write_bytes(b"YQ== 0\n")
    (tmp_path / "english.txt").write_text("Some text.\n" * 500)
    monkeypatch.setattr(Peer, "version", lambda self: "1.0")

    def simulated(**by_peer: Answer) -> Run:
        def answer(job: Job, vocabulary: Vocabulary, timeout: float) -> list[dict[str, Any]]:
            return by_peer.get(job.peer, answers)(job)

        monkeypatch.setattr(launch, "run", answer)
        mode = program._mode(
            program._arguments(["--quick", "--launches", "2", "--classes", "english", "--sections", "encode"])
        )
        wanted = (OWN, "gigatoken", "quicktok")
        return session.Session(mode, tmp_path, tmp_path, tmp_path / "work", wanted).run()

    return simulated


def only(run: Run, peer: str, shape: str) -> Cell:
    (found,) = run.find(peer=peer, shape=shape)
    return found


def test_every_peer_is_timed_in_every_round(simulate: Callable[..., Run]) -> None:
    run = simulate()
    assert {(cell.peer, len(cell.samples)) for cell in run.cells} == {
        (OWN, 2),
        ("gigatoken", 2),
        ("quicktok", 2),
        (REFERENCE, 1),
    }
    assert run.missing == {}
    assert only(run, OWN, "docs").tokens == 3


def test_a_peer_with_other_ids_is_reported_and_not_timed(simulate: Callable[..., Run]) -> None:
    run = simulate(gigatoken=lambda job: answers(job, digest="wrong"))
    assert only(run, "gigatoken", "big").status == "inexact"
    assert only(run, "gigatoken", "big").samples == []
    assert only(run, OWN, "big").status == "ok"


def test_a_timed_process_with_other_ids_takes_back_the_cell(simulate: Callable[..., Run]) -> None:
    turns = itertools.count()

    def unsteady(job: Job) -> list[dict[str, Any]]:
        return answers(job, digest="wrong") if job.action == "time" and next(turns) == 1 else answers(job)

    run = simulate(**{OWN: unsteady})
    assert only(run, OWN, "big").status == "inexact"
    assert only(run, OWN, "big").samples == []
    assert program._own_failures(run) != []


def test_a_crash_on_one_text_leaves_the_others(simulate: Callable[..., Run]) -> None:
    def brittle(job: Job) -> list[dict[str, Any]]:
        if job.action == "verify" and job.items[0][1] == "big":
            return [{"crashed": "exit status -6: panicked"}]
        return answers(job)

    run = simulate(quicktok=brittle)
    assert (only(run, "quicktok", "big").status, only(run, "quicktok", "big").detail) == (
        "failed",
        "exit status -6: panicked",
    )
    assert only(run, "quicktok", "docs").samples != []


def test_a_peer_that_does_not_load_is_missing_with_the_reason(simulate: Callable[..., Run]) -> None:
    run = simulate(quicktok=lambda job: [{"error": "UnavailableError: another package"}])
    assert run.missing == {"quicktok, o200k_base": "UnavailableError: another package"}
    assert only(run, "quicktok", "big").samples == []


def test_modes_measure_what_their_names_say() -> None:
    every = list(PEERS.values())
    sizes = {name: sum(len(group.entries) for group in groups(mode, every)) for name, mode in MODES.items()}
    assert sizes["quick"] < sizes["default"] < sizes["full"]
    cells = {
        (group.vocabulary, group.text, group.shape)
        for group in groups(MODES["default"], every)
        if group.section == "encode"
    }
    assert len(cells) == 2 * 6 * 2


def test_names_on_the_command_line_are_checked(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        program.main(["--peers", "nonsense"])
    assert "unknown: nonsense; choose from tokengrove, " in capsys.readouterr().err


def test_without_data_there_is_an_explanation(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("TOKENGROVE_TEST_DATA", raising=False)
    assert program.main([]) == 2
    assert "TOKENGROVE_TEST_DATA" in capsys.readouterr().out


def test_a_real_run_on_a_few_bytes(tmp_path: Path) -> None:
    data = rank_file("o200k_base").parents[2]
    target = tmp_path / "out.json"
    arguments = ["--quick", "--peers", REFERENCE, "--classes", "code", "--launches", "1", "--limit", "20000"]
    sections = ["--sections", "encode,memory", "--volume", "20000"]
    places = ["--data", str(data), "--work", str(tmp_path / "work"), "--json", str(target)]
    assert program.main([*arguments, *sections, *places]) == 0
    run = Run.read(target)
    assert {cell.status for cell in run.cells} == {"ok"}
    assert all(cell.samples for cell in run.cells if cell.peer == OWN)
    assert any(memory.peer == OWN and memory.loaded > 0 for memory in run.memory)
