"""Runs of hours, for `make soak`: the same checks as elsewhere, on text and files without end."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from hostile.test_vocabulary_files import check_bounds, check_error, run
from support import exact, measure_memory
from support.data import CORPORA, data_file, rank_file
from support.hostile_files import mutations
from support.soak import Clock, documents, report

pytestmark = pytest.mark.soak

ENCODINGS = ("o200k_base", "cl100k_base", "p50k_base", "r50k_base")


def test_encoding_equals_tiktoken_for_hours() -> None:
    pytest.importorskip("tiktoken")
    pairs = [(exact.make(name), exact.reference(name)) for name in ENCODINGS]
    clock, count, size = Clock(share=0.6), 0, 0
    for text in documents(seed=11):
        if not clock.running():
            break
        ours, theirs = pairs[count % len(pairs)]
        expected = theirs.encode_ordinary(text)
        assert ours.encode_list(text) == expected, text
        assert ours.count(text) == len(expected)
        assert ours.decode(expected) == text
        count, size = count + 1, size + len(text.encode())
    report("tiktoken", documents=count, bytes=size, seconds=clock.seconds(), mismatches=0, encodings=ENCODINGS)


def test_mutated_files_for_hours(tmp_path: Path) -> None:
    clock, seed, loaded, refused = Clock(share=0.2), 1000, 0, 0
    while clock.running():
        folder = tmp_path / str(seed)
        folder.mkdir()
        for outcome in run(dict(mutations(400, seed)), folder).values():
            check_bounds(outcome)
            if outcome["classes"]:
                check_error(outcome)
                refused += 1
            else:
                loaded += 1
        for path in folder.iterdir():
            path.unlink()
        seed += 1
    report("files", loaded=loaded, refused=refused, seconds=clock.seconds())


def test_memory_stays_for_hours() -> None:
    files = [rank_file("o200k_base"), *(data_file(f"corpora/{name}") for name in CORPORA)]
    clock, rounds = Clock(share=0.2), []
    megabytes = 100
    while clock.running():
        arguments = [str(files[0]), "o200k_base", str(megabytes), *map(str, files[1:])]
        output = subprocess.run(
            [sys.executable, measure_memory.__file__, *arguments], check=True, capture_output=True, text=True
        ).stdout
        figures = json.loads(output)
        assert figures["encoded_again"] - figures["encoded"] < 5, figures
        rounds.append({"megabytes": megabytes, **figures})
        megabytes = min(megabytes * 2, 20_000)
    report("memory", rounds=rounds, seconds=clock.seconds())
