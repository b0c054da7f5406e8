"""What a run records, as it is kept in the JSON file. All times are seconds, all sizes bytes."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

SCHEMA = 1


@dataclass(frozen=True)
class Timing:
    """One timed call.

    Attributes:
        cpu: Processor time, user and system, of all threads of the process.
        wall: Time on the clock.
    """

    cpu: float
    wall: float


@dataclass(frozen=True)
class Sample:
    """What one process measured.

    Attributes:
        imported: Importing the library.
        loaded: Loading the vocabulary, and a first call with a few bytes, so that what is put off counts as loading.
        first: The first pass over the text.
        repeated: Later passes over the same text.
    """

    imported: Timing
    loaded: Timing
    first: Timing
    repeated: list[Timing]


@dataclass
class Cell:
    """One thing measured: a peer doing one operation on one text.

    Attributes:
        section: The part of the run: ``encode``, ``threads``, ``lists``, ``decode``, ``count`` or ``worst``.
        peer: The peer's name.
        vocabulary: The vocabulary's name.
        text: The class of text or worst case.
        shape: ``big`` (one string), ``docs`` (documents on one thread) or ``batch`` (documents in one call).
        threads: The number of threads, which is also the number of cores the process may use.
        bytes: The size of the text in UTF-8.
        tokens: The number of ids.
        status: ``ok``; ``inexact`` (other ids than the reference: not timed); ``failed``; ``unsupported``.
        detail: Why the status is not ``ok``.
        samples: One per process.
    """

    section: str
    peer: str
    vocabulary: str
    text: str
    shape: str
    threads: int = 1
    bytes: int = 0
    tokens: int = 0
    status: str = "ok"
    detail: str = ""
    samples: list[Sample] = field(default_factory=list)

    def seconds(self, repeated: bool = False, clock: str = "cpu") -> float | None:
        """The median time of a pass.

        Args:
            repeated: Later passes (the median of each process's median) instead of the first.
            clock: ``cpu`` or ``wall``.

        Returns:
            Seconds, or None if nothing was measured.
        """
        times = self.times(repeated, clock)
        return median(times) if times else None

    def times(self, repeated: bool = False, clock: str = "cpu") -> list[float]:
        """One time per process; for repeated passes the median of the process's passes."""
        if repeated:
            passes = [[getattr(timing, clock) for timing in sample.repeated] for sample in self.samples]
            return [median(times) for times in passes if times]
        return [getattr(sample.first, clock) for sample in self.samples]

    def speed(self, repeated: bool = False, clock: str = "cpu") -> float | None:
        """Megabytes (10^6 bytes of UTF-8) a second, by the median time."""
        seconds = self.seconds(repeated, clock)
        return self.bytes / seconds / 1e6 if seconds else None

    def spread(self, repeated: bool = False, clock: str = "cpu") -> float | None:
        """The slowest process's time over the fastest's."""
        times = self.times(repeated, clock)
        return max(times) / min(times) if times and min(times) > 0 else None


@dataclass(frozen=True)
class Memory:
    """Resident memory of one process, in bytes above what it was after ``import numpy``.

    Attributes:
        peer: The peer's name.
        vocabulary: The vocabulary's name.
        threads: The number of threads; above 1 documents are encoded in batches.
        loaded: After loading.
        after: After encoding ``encoded`` bytes of text, with input and output freed.
        later: After encoding as much again.
        encoded: How much was encoded for ``after``.
    """

    peer: str
    vocabulary: str
    threads: int
    loaded: int
    after: int
    later: int
    encoded: int


@dataclass
class Run:
    """Everything a run found out.

    Attributes:
        date: The day, in ISO form.
        mode: ``quick``, ``default`` or ``full``, with what was overridden.
        seconds: How long it took.
        machine: Processor, cores, system, Python.
        versions: Versions by distribution.
        missing: Peers that are not installed or do not load, with the reason.
        texts: Size, number of documents and SHA-256 of each text.
        calls: The call measured, by peer.
        outputs: ``array`` or ``list``, by peer.
        cells: All timings.
        memory: All memory figures.
    """

    date: str
    mode: str
    seconds: float
    seed: int
    machine: dict[str, Any]
    versions: dict[str, str]
    missing: dict[str, str]
    texts: dict[str, dict[str, Any]]
    calls: dict[str, str]
    outputs: dict[str, str]
    cells: list[Cell]
    memory: list[Memory]

    def find(self, **wanted: Any) -> list[Cell]:
        """Give the cells whose attributes equal all those named."""
        return [cell for cell in self.cells if all(getattr(cell, name) == value for name, value in wanted.items())]

    def write(self, path: Path, bars: list[dict[str, Any]]) -> None:
        """Write the run and how it did against the bars.

        Args:
            path: The file; its folder is made.
            bars: What :func:`harness.bars.evaluate` gave, kept for readers of the file; it can be computed again.
        """
        content = {"schema": SCHEMA, **asdict(self), "bars": bars}
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(_compact(content) + "\n", encoding="utf-8")

    @classmethod
    def read(cls, path: Path) -> Run:
        """Read a file that :meth:`write` wrote.

        Raises:
            ValueError: If the file is of another schema.
        """
        content = json.loads(path.read_text(encoding="utf-8"))
        if content.get("schema") != SCHEMA:
            raise ValueError(f"{path} has schema {content.get('schema')!r}; this program reads {SCHEMA}")
        values = {name: content[name] for name in cls.__dataclass_fields__}
        values["cells"] = [
            Cell(**{**cell, "samples": [sample_from(s) for s in cell["samples"]]}) for cell in values["cells"]
        ]
        values["memory"] = [Memory(**memory) for memory in values["memory"]]
        return cls(**values)


def sample_from(content: dict[str, Any]) -> Sample:
    """Rebuild a sample from JSON."""
    return Sample(
        imported=Timing(**content["imported"]),
        loaded=Timing(**content["loaded"]),
        first=Timing(**content["first"]),
        repeated=[Timing(**timing) for timing in content["repeated"]],
    )


def _compact(content: dict[str, Any]) -> str:
    """JSON with one line per cell, so that a file of hundreds of cells can be read and compared."""
    lines = []
    for name, value in content.items():
        if isinstance(value, list) and value:
            rows = ",\n  ".join(json.dumps(_rounded(row), ensure_ascii=False) for row in value)
            lines.append(f'"{name}": [\n  {rows}\n ]')
        else:
            lines.append(f'"{name}": {json.dumps(_rounded(value), ensure_ascii=False)}')
    return "{\n " + ",\n ".join(lines) + "\n}"


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, 9)
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_rounded(item) for item in value]
    return value
