"""A vocabulary file that is not one gives a clear error, quickly, in little memory, whatever it holds."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from support import load_many
from support.hostile_files import VALID, may_fail, must_fail, mutations
from tokengrove import Tokenizer, VocabularyError

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="limits are set with the POSIX resource module")

Outcome = dict[str, Any]

MAX_SECONDS = 3.0
MAX_MEGABYTES = 400.0
MUTATIONS = 600


def run(files: Mapping[str, bytes], folder: Path) -> dict[str, Outcome]:
    """Loads all files in one process of their own."""
    for name, data in files.items():
        (folder / name).write_bytes(data)
    environment = {**os.environ, "RUST_BACKTRACE": "0"}
    process = subprocess.run(
        [sys.executable, load_many.__file__, str(folder)], capture_output=True, text=True, timeout=110, env=environment
    )
    lines = [json.loads(line) for line in process.stdout.splitlines()]
    outcomes = {line["file"]: line for line in lines if "file" in line}
    if process.returncode != 0:
        last = lines[-1] if lines else "nothing"
        pytest.fail(f"the process ended with {process.returncode} at {last}:\n{process.stderr[-2000:]}")
    return outcomes


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Outcome]:
    return run(VALID | must_fail() | may_fail(), tmp_path_factory.mktemp("hostile"))


def check_bounds(outcome: Outcome) -> None:
    assert outcome["seconds"] < MAX_SECONDS, outcome
    assert outcome["megabytes"] < MAX_MEGABYTES, outcome


def check_error(outcome: Outcome) -> None:
    """The error is one that the package documents, is no bug report, and says something."""
    assert {"TokengroveError", "ValueError"} <= set(outcome["classes"]), outcome
    assert "InternalError" not in outcome["classes"], outcome
    assert len(outcome["message"]) > 15, outcome
    # A message is for reading: it must not repeat a whole file.
    assert len(outcome["message"]) < 1000, outcome


@pytest.mark.parametrize("name", sorted(VALID))
def test_valid_files_load(name: str, outcomes: dict[str, Outcome]) -> None:
    assert outcomes[name]["classes"] == [], outcomes[name]["message"]


@pytest.mark.parametrize("name", sorted(must_fail()))
def test_hostile_file_is_refused(name: str, outcomes: dict[str, Outcome]) -> None:
    check_error(outcomes[name])
    check_bounds(outcomes[name])


@pytest.mark.parametrize("name", sorted(may_fail()))
def test_odd_file_is_handled(name: str, outcomes: dict[str, Outcome]) -> None:
    if outcomes[name]["classes"]:
        check_error(outcomes[name])
    check_bounds(outcomes[name])


def test_mutated_files_are_handled(tmp_path: Path) -> None:
    for outcome in run(dict(mutations(MUTATIONS, seed=7)), tmp_path).values():
        if outcome["classes"]:
            check_error(outcome)
        check_bounds(outcome)


@pytest.mark.parametrize("name", ["model.safetensors", "tokenizer.json"])
def test_a_file_of_terabytes_is_refused_unread(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    with path.open("wb") as file:
        file.truncate(1 << 40)  # no block of it is stored
    started = time.monotonic()
    with pytest.raises(VocabularyError, match="too large: found 1099511627776 bytes, expected at most 268435456"):
        Tokenizer.from_file(path)
    assert time.monotonic() - started < 1


def test_a_file_without_an_end_is_refused() -> None:
    if not Path("/dev/zero").exists():
        pytest.skip("there is no /dev/zero here")
    with pytest.raises(VocabularyError, match="too large: found more than"):
        Tokenizer.from_file("/dev/zero")
