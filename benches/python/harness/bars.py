"""The bars that the encoder is held to, and whether a run clears them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from harness.peers import LIST_RIVAL, OWN, OWN_LISTS, PEERS, REFERENCE
from harness.records import Cell, Run
from harness.texts import LATIN_CLASSES

# Ten times the text may take this many times as long and still count as linear: ten, and what larger caches cost.
LINEAR_FACTOR = 12.0
# What the allocator may keep or give back between two readings of the resident memory.
GROWTH_MB = 4.0


@dataclass(frozen=True)
class Bar:
    """One bar and the figures it is judged by.

    Attributes:
        name: What is asked for.
        required: The bound.
        at_least: Whether figures must be at least the bound, or at most.
        unit: ``x``, ``ms`` or ``MB``.
        figures: Each measured figure, with the cell it is of; empty if nothing was measured.
    """

    name: str
    required: float
    at_least: bool
    unit: str
    figures: tuple[tuple[float, str], ...]

    def clears(self, figure: float) -> bool:
        """Whether one figure meets the bound."""
        return figure >= self.required if self.at_least else figure <= self.required

    @property
    def met(self) -> bool | None:
        """Whether every figure meets the bound; None without figures."""
        return all(self.clears(figure) for figure, _ in self.figures) if self.figures else None

    @property
    def worst(self) -> tuple[float, str] | None:
        """The figure furthest from the bound, and its cell."""
        if not self.figures:
            return None
        return min(self.figures) if self.at_least else max(self.figures)

    @property
    def missed(self) -> list[tuple[float, str]]:
        """The figures that miss the bound, worst first."""
        return sorted((entry for entry in self.figures if not self.clears(entry[0])), reverse=not self.at_least)

    def sentence(self) -> str:
        """The verdict in one line."""
        sign = ">=" if self.at_least else "<="
        asked = f"{self.name} {sign} {self.required:g}{_unit(self.unit)}"
        if self.worst is None:
            return f"not measured  {asked}"
        figure, cell = self.worst
        cleared = len(self.figures) - len(self.missed)
        verdict = "met   " if self.met else "MISSED"
        return f"{verdict}  {asked}: {cleared} of {len(self.figures)}, worst {figure:.3g}{_unit(self.unit)} ({cell})"


def _unit(unit: str) -> str:
    return unit if unit == "x" else f" {unit}"


def is_array(cell: Cell) -> bool:
    """Whether a peer's output is an array; lists are compared with lists, in a section of their own."""
    return PEERS[cell.peer].output == "array"


def best_rival(run: Run, own: Cell, repeated: bool) -> Cell | None:
    """The fastest exact peer in the same cell, whatever its form of output, on the same text.

    Args:
        run: The run.
        own: This package's cell.
        repeated: Whether to compare repeated passes.

    Returns:
        The peer's cell, or None if no peer was measured.
    """
    rivals = [
        cell
        for cell in run.find(section=own.section, vocabulary=own.vocabulary, text=own.text, shape=own.shape)
        if cell.threads == own.threads
        and cell.peer not in (OWN, OWN_LISTS)
        and cell.samples
        and cell.bytes == own.bytes
    ]
    return max(rivals, key=lambda cell: cell.speed(repeated) or 0.0, default=None)


def ratio(run: Run, own: Cell, rival: Cell | None, repeated: bool) -> Iterator[tuple[float, str]]:
    """Yield how many times as fast one cell is as another, with the names of what is compared."""
    speed, other = own.speed(repeated), rival.speed(repeated) if rival else None
    if rival and speed and other:
        yield speed / other, f"{own.vocabulary} {own.text} {own.shape}, against {rival.peer}"


def evaluate(run: Run) -> list[Bar]:
    """Judge a run.

    Args:
        run: The run.

    Returns:
        All bars, also those that the run has no figures for.
    """
    encode = [cell for cell in run.find(section="encode", peer=OWN) if cell.samples]
    latin = [cell for cell in encode if cell.text in LATIN_CLASSES]
    other = [cell for cell in encode if cell.text not in LATIN_CLASSES]
    lists = [cell for cell in run.find(section="lists", peer=OWN_LISTS) if cell.samples]
    memory = [entry for entry in run.memory if entry.peer == OWN]
    return [
        Bar("first pass, against the best exact peer,", 1.5, True, "x", _over_best(run, encode, repeated=False)),
        Bar("repeated text, against the best exact peer,", 1.2, True, "x", _over_best(run, encode, repeated=True)),
        Bar("first pass, Latin classes, against tiktoken,", 10, True, "x", _over(run, latin, REFERENCE)),
        Bar("first pass, CJK and multilingual, against tiktoken,", 5, True, "x", _over(run, other, REFERENCE)),
        Bar("two threads against one, first pass,", 1.8, True, "x", _two_threads(run, repeated=False)),
        Bar("two threads against one, repeated text,", 1.8, True, "x", _two_threads(run, repeated=True)),
        Bar("list[int], first pass, against gigatoken's as_tiktoken,", 1.5, True, "x", _over(run, lists, LIST_RIVAL)),
        Bar(
            "list[int], repeated text, against gigatoken's as_tiktoken,",
            1.5,
            True,
            "x",
            _over(run, lists, LIST_RIVAL, repeated=True),
        ),
        Bar("1 MB of one letter", 10, False, "ms", _milliseconds(run.find(section="worst", peer=OWN, text="letter_a"))),
        Bar("10 MB of one piece against 1 MB", LINEAR_FACTOR, False, "x", _growth(run)),
        Bar("loading o200k_base", 100, False, "ms", _loading(encode)),
        Bar("memory after loading", 60, False, "MB", _megabytes((m.threads, m.loaded) for m in memory)),
        Bar("memory after encoding 100 MB", 100, False, "MB", _megabytes((m.threads, m.after) for m in memory)),
        Bar(
            "growth in 100 MB more", GROWTH_MB, False, "MB", _megabytes((m.threads, m.later - m.after) for m in memory)
        ),
    ]


def _over_best(run: Run, cells: Iterable[Cell], repeated: bool) -> tuple[tuple[float, str], ...]:
    return tuple(entry for cell in cells for entry in ratio(run, cell, best_rival(run, cell, repeated), repeated))


def _over(run: Run, cells: Iterable[Cell], rival: str, repeated: bool = False) -> tuple[tuple[float, str], ...]:
    """Ratios to one peer, which may have been measured on less of the text."""
    found = []
    for cell in cells:
        place = {"section": cell.section, "vocabulary": cell.vocabulary, "text": cell.text, "shape": cell.shape}
        for other in run.find(**place, peer=rival):
            found += list(ratio(run, cell, other, repeated))
    return tuple(found)


def _two_threads(run: Run, repeated: bool) -> tuple[tuple[float, str], ...]:
    """Wall-clock ratios of one thread to two."""
    found = []
    for two in run.find(section="threads", peer=OWN, threads=2):
        for one in run.find(section="threads", peer=OWN, threads=1, text=two.text, shape=two.shape):
            slow, fast = one.seconds(repeated, "wall"), two.seconds(repeated, "wall")
            if slow and fast:
                found.append((slow / fast, f"{two.text} {two.shape}"))
    return tuple(found)


def _milliseconds(cells: Iterable[Cell]) -> tuple[tuple[float, str], ...]:
    return tuple((seconds * 1e3, cell.text) for cell in cells if (seconds := cell.seconds()))


def _growth(run: Run) -> tuple[tuple[float, str], ...]:
    found = []
    for large in run.find(section="worst", peer=OWN):
        for small in run.find(section="worst", peer=OWN, text=large.text.removesuffix("_10m")):
            one, ten = small.seconds(), large.seconds()
            if large is not small and one and ten:
                found.append((ten / one, small.text))
    return tuple(found)


def _loading(cells: Iterable[Cell]) -> tuple[tuple[float, str], ...]:
    loads = sorted(sample.loaded.wall for cell in cells if cell.vocabulary == "o200k_base" for sample in cell.samples)
    return ((loads[len(loads) // 2] * 1e3, f"median of {len(loads)}"),) if loads else ()


def _megabytes(readings: Iterable[tuple[int, int]]) -> tuple[tuple[float, str], ...]:
    return tuple((size / 1e6, f"{threads} thread{'s' if threads > 1 else ''}") for threads, size in readings)
