"""Figures as tables and sentences, for the terminal, the README and the documentation."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from harness.bars import Bar, best_rival
from harness.peers import OWN, OWN_LISTS, PEERS
from harness.records import Cell, Run
from harness.texts import CLASSES, WORST_CASES

Rows = list[list[str]]


def markdown(rows: Rows) -> str:
    """Make a Markdown table.

    Args:
        rows: The heading, then the rows; numbers are set right in all columns but the first.

    Returns:
        The lines of the table, without a newline at the end.
    """
    rule = ["---"] + ["---:"] * (len(rows[0]) - 1)
    return "\n".join("| " + " | ".join(row) + " |" for row in [rows[0], rule, *rows[1:]])


def plain(rows: Rows) -> str:
    """Make a table for a terminal."""
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if i == 0 else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    )


def number(value: float) -> str:
    """Three significant digits, without an exponent."""
    if value >= 100:
        return f"{value:.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def label(run: Run, peer: str) -> str:
    """A peer's name with its version."""
    version = run.versions.get(PEERS[peer].distribution, "") if peer in PEERS else ""
    return f"{peer} {version}".strip()


def order(cells: Iterable[Cell], *, clock: str = "cpu") -> list[str]:
    """Peers from this package on, then by geometric mean speed; those without a figure last."""
    speeds: dict[str, list[float]] = {}
    for cell in cells:
        speeds.setdefault(cell.peer, [])
        if speed := cell.speed(clock=clock):
            speeds[cell.peer].append(math.log(speed))
    means = {peer: sum(logs) / len(logs) if logs else -math.inf for peer, logs in speeds.items()}
    return sorted(speeds, key=lambda peer: (peer not in (OWN, OWN_LISTS), -means[peer], peer))


def columns(cells: Iterable[Cell]) -> list[str]:
    """The texts that cells are about, in the order in which they are defined."""
    present = {cell.text for cell in cells}
    return [name for name in (*CLASSES, *WORST_CASES) if name in present]


def speeds(run: Run, cells: Sequence[Cell], *, repeated: bool = False, clock: str = "cpu") -> Rows:
    """Megabytes a second by peer and text.

    Args:
        run: The run that the cells are of.
        cells: Cells that differ in peer and text only.
        repeated: Repeated passes instead of the first.
        clock: ``cpu`` or ``wall``.

    Returns:
        Heading and rows. A peer's figure is marked ``*`` if it comes from less text than this package's.
    """
    texts = columns(cells)
    rows = [["MB/s", *texts]]
    for peer in order(cells, clock=clock):
        found = {cell.text: cell for cell in cells if cell.peer == peer}
        rows.append([label(run, peer), *(_figure(run, found.get(text), repeated, clock) for text in texts)])
    return rows


def _figure(run: Run, cell: Cell | None, repeated: bool, clock: str) -> str:
    if cell is None:
        return ""
    speed = cell.speed(repeated, clock)
    if speed is None:
        return cell.status if cell.status != "ok" else "-"
    return number(speed) + ("*" if cell.bytes < run.texts[cell.text]["bytes"] else "")


def both_passes(run: Run, cells: Sequence[Cell]) -> Rows:
    """First pass and repeated pass by peer and text, with this package's advantage over the best exact peer."""
    texts = columns(cells)
    first, later = speeds(run, cells), speeds(run, cells, repeated=True)
    rows = [[f"MB/s, first pass ({'repeated'})", *texts]]
    for row, again in zip(first[1:], later[1:], strict=True):
        rows.append([row[0], *(_pair(a, b) for a, b in zip(row[1:], again[1:], strict=True))])
    own = {cell.text: cell for cell in cells if cell.peer == OWN and cell.samples}
    rows.append(["times the best exact peer", *(_advantage(run, own.get(text)) for text in texts)])
    return rows


def _pair(first: str, again: str) -> str:
    return f"{first} ({again})" if again and again[0].isdigit() else first


def _advantage(run: Run, own: Cell | None) -> str:
    if own is None:
        return ""
    parts = []
    for repeated in (False, True):
        rival = best_rival(run, own, repeated)
        mine, theirs = own.speed(repeated), rival.speed(repeated) if rival else None
        parts.append(f"{mine / theirs:.2f}" if mine and theirs else "-")
    return f"{parts[0]} ({parts[1]})"


def milliseconds(run: Run, cells: Sequence[Cell]) -> Rows:
    """Milliseconds by worst case and peer."""
    peers = order(cells)
    rows = [["ms", *(label(run, peer) for peer in peers)]]
    for text in columns(cells):
        found = {cell.peer: cell for cell in cells if cell.text == text}
        rows.append([text, *(_milliseconds(found.get(peer)) for peer in peers)])
    return rows


def _milliseconds(cell: Cell | None) -> str:
    if cell is None:
        return ""
    seconds = cell.seconds()
    return number(seconds * 1e3) if seconds is not None else cell.status


def memory(run: Run) -> Rows:
    """Megabytes of resident memory by peer."""
    rows = [["MB beyond `import numpy`", "threads", "loaded", "after encoding", "after as much again"]]
    for entry in sorted(run.memory, key=lambda entry: (entry.peer != OWN, entry.after)):
        sizes = (entry.loaded, entry.after, entry.later)
        rows.append([label(run, entry.peer), str(entry.threads), *(number(size / 1e6) for size in sizes)])
    return rows


def loading(run: Run, vocabulary: str) -> Rows:
    """Milliseconds to import and to load by peer: medians over all processes of the encode section."""
    rows = [["ms", "import", "load"]]
    cells = run.find(section="encode", vocabulary=vocabulary)
    figures = {}
    for peer in order(cells):
        samples = [sample for cell in cells if cell.peer == peer for sample in cell.samples]
        if samples:
            middle = len(samples) // 2
            imports = sorted(sample.imported.wall for sample in samples)
            loads = sorted(sample.loaded.wall for sample in samples)
            figures[peer] = (imports[middle] * 1e3, loads[middle] * 1e3)
    for peer, (imported, loaded) in sorted(figures.items(), key=lambda entry: (entry[0] != OWN, entry[1][1])):
        rows.append([label(run, peer), number(imported), number(loaded)])
    return rows


def losses(run: Run) -> list[str]:
    """Everything that a peer does faster than this package, or with less memory.

    Args:
        run: The run.

    Returns:
        One sentence for each kind of task, pass or resource, naming the texts, both figures and the peer.
    """
    behind: dict[str, list[str]] = {}
    for own in run.cells:
        if own.peer not in (OWN, OWN_LISTS) or own.section == "threads" or not own.samples:
            continue
        for repeated in (False, True) if own.samples[0].repeated else (False,):
            rival = best_rival(run, own, repeated)
            mine, theirs = own.seconds(repeated), rival.seconds(repeated) if rival else None
            if rival is not None and mine and theirs and theirs < mine:
                heading = f"{_task(own)}, {'repeated' if repeated else 'first pass'}"
                behind.setdefault(heading, []).append(_deficit(own, mine, rival, theirs))
    found = [f"{heading}: {', '.join(places)}" for heading, places in behind.items()]
    own_after = next((entry.after for entry in run.memory if entry.peer == OWN), 0)
    lighter = [f"{entry.peer} {number(entry.after / 1e6)}" for entry in run.memory if entry.after < own_after]
    if lighter:
        found.append(f"memory after encoding, MB: {number(own_after / 1e6)} ({', '.join(lighter)})")
    rows = loading(run, "o200k_base")[1:]
    quicker = [f"{row[0]} {row[2]}" for row in rows[1:] if float(row[2]) < float(rows[0][2])]
    if quicker and rows[0][0].startswith(OWN):
        found.append(f"loading o200k_base, ms: {rows[0][2]} ({', '.join(quicker)})")
    return found


def _task(cell: Cell) -> str:
    if cell.section == "worst":
        return f"worst cases, {cell.vocabulary}, ms"
    form = "one string" if cell.shape == "big" else "documents"
    what = {"encode": "encoding", "lists": "encoding to lists", "decode": "decoding", "count": "counting"}
    return f"{what[cell.section]}, {cell.vocabulary}, {form}, MB/s"


def _deficit(own: Cell, mine: float, rival: Cell, theirs: float) -> str:
    if own.section == "worst":
        return f"{own.text} {number(mine * 1e3)} ({rival.peer} {number(theirs * 1e3)})"
    size = own.bytes / 1e6
    return f"{own.text} {number(size / mine)} ({rival.peer} {number(size / theirs)})"


def faults(run: Run) -> list[str]:
    """Peers that were not measured somewhere, with the reason: one sentence each."""
    reasons: dict[tuple[str, str, str], list[str]] = {}
    for cell in run.cells:
        if cell.status not in ("ok", "unsupported"):
            place = f"{cell.vocabulary} {cell.text} {cell.shape}"
            reasons.setdefault((cell.peer, cell.status, cell.detail), []).append(place)
    found = [f"{name}: {reason}" for name, reason in sorted(run.missing.items())]
    for (peer, status, detail), places in sorted(reasons.items()):
        unique = list(dict.fromkeys(places))
        where = ", ".join(unique[:3]) + (f" and {len(unique) - 3} more" if len(unique) > 3 else "")
        found.append(f"{peer}: {status} on {where}: {detail}")
    return found


def summary(run: Run, verdicts: Sequence[Bar]) -> str:
    """What the terminal shows at the end of a run."""
    parts = []
    for vocabulary in dict.fromkeys(cell.vocabulary for cell in run.cells):
        for shape in ("big", "docs"):
            cells = run.find(section="encode", vocabulary=vocabulary, shape=shape)
            if cells:
                parts.append(f"\n{vocabulary}, {shape}\n{plain(both_passes(run, cells))}")
    parts += [f"not measured: {fault}" for fault in faults(run)]
    parts.append("")
    for bar in verdicts:
        parts.append(bar.sentence())
        parts += [f"          {figure:.3g} {cell}" for figure, cell in bar.missed]
    return "\n".join(parts)
