"""Made-up benchmark results."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from harness.records import Cell, Run, Sample, Timing


def timing(seconds: float) -> Timing:
    """The same time on both clocks."""
    return Timing(cpu=seconds, wall=seconds)


def cell(
    peer: str, *, first: Sequence[float] = (1.0,), repeated: Sequence[Sequence[float]] | None = None, **more: Any
) -> Cell:
    """A cell about a megabyte of English, with one sample per first pass."""
    passes = repeated if repeated is not None else [[seconds] for seconds in first]
    samples = [
        Sample(timing(0.1), timing(0.05), timing(seconds), [timing(again) for again in later])
        for seconds, later in zip(first, passes, strict=True)
    ]
    place = {"section": "encode", "vocabulary": "o200k_base", "text": "english", "shape": "big", "bytes": 1_000_000}
    return Cell(**{**place, "samples": samples, **more}, peer=peer)


def run_of(*cells: Cell, **more: Any) -> Run:
    """A run with the cells given."""
    machine = {
        "cpu": "A processor",
        "cores": 2,
        "vector_extensions": "avx2",
        "system": "Linux",
        "python": "CPython 3.13",
        "load_average": [],
        "commit": "",
    }
    texts = {found.text: {"bytes": 1_000_000, "documents": 400, "sha256": "0" * 64} for found in cells}
    facts: dict[str, Any] = {
        "date": "2026-01-01",
        "mode": "default",
        "seconds": 60.0,
        "seed": 1,
        "machine": machine,
        "versions": {"tokengrove": "0.1.0", "gigatoken": "0.10.0"},
        "missing": {},
        "texts": texts,
        "calls": {found.peer: "encode" for found in cells},
        "outputs": {found.peer: "array" for found in cells},
        "cells": list(cells),
        "memory": [],
    }
    return Run(**{**facts, **more})
