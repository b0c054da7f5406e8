"""Which cells a run measures, and how often."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from harness.peers import CONTENDERS, LIST_PEERS, OTHERS, OWN, PEERS, REFERENCE, Peer
from harness.texts import CLASSES, WORST_CASES
from harness.vocabularies import NAMES

SECTIONS = ("encode", "threads", "lists", "decode", "count", "worst", "memory")
SHAPES = ("big", "docs")
_SAMPLE_CLASSES = ("english", "code", "cjk")


@dataclass(frozen=True)
class Mode:
    """How much a run measures.

    Attributes:
        name: What the results say.
        launches: Fresh processes per cell of the encode section; others take about half as many.
        vocabularies: The vocabularies of the encode section; the rest use the first.
        classes: The classes of text of the encode section.
        side_classes: The classes of the other sections.
        shapes: One string, documents, or both.
        sections: The parts of the run.
        others: Which cells the slower peers take part in: ``none``, ``some`` or ``all``.
    """

    name: str
    launches: int
    vocabularies: tuple[str, ...] = NAMES
    classes: tuple[str, ...] = CLASSES
    side_classes: tuple[str, ...] = _SAMPLE_CLASSES
    shapes: tuple[str, ...] = SHAPES
    sections: tuple[str, ...] = SECTIONS
    others: str = "some"


MODES = {
    "quick": Mode(
        "quick",
        launches=3,
        vocabularies=NAMES[:1],
        classes=_SAMPLE_CLASSES,
        side_classes=_SAMPLE_CLASSES[:1],
        sections=("encode", "threads", "lists", "worst"),
        others="none",
    ),
    "default": Mode("default", launches=5),
    "full": Mode("full", launches=9, side_classes=CLASSES, others="all"),
}


@dataclass(frozen=True)
class Group:
    """Cells that are measured in turns, because they are compared with each other.

    Attributes:
        section: See :class:`harness.records.Cell`; so are the next three.
        vocabulary: The vocabulary's name.
        text: The text's name.
        shape: The shape.
        entries: Pairs of a peer and its number of threads.
        launches: Fresh processes per entry.
        repeats: The most repeated passes in a process.
    """

    section: str
    vocabulary: str
    text: str
    shape: str
    entries: tuple[tuple[Peer, int], ...]
    launches: int
    repeats: int = 5

    @property
    def operation(self) -> str:
        """What is timed."""
        return self.section if self.section in ("decode", "count") else "encode"

    def launches_of(self, peer: Peer) -> int:
        """Fewer for peers that are slow and far from the front: their figures need less precision."""
        share = 3 if peer in OTHERS else 2 if peer.name == REFERENCE else 1
        return -(-self.launches // share)


def groups(mode: Mode, peers: Sequence[Peer]) -> Iterator[Group]:
    """List what a run measures.

    Args:
        mode: How much.
        peers: The peers that are installed and wanted.

    Yields:
        Groups, in the order in which they are measured.
    """
    some = -(-mode.launches // 2)
    side = mode.vocabularies[0]
    contenders = tuple((peer, 1) for peer in CONTENDERS if peer in peers)
    if "encode" in mode.sections:
        yield from _encode_groups(mode, peers)
    if "lists" in mode.sections:
        drop_ins = tuple((peer, 1) for peer in (*LIST_PEERS, PEERS[REFERENCE]) if peer in peers)
        for text in mode.side_classes:
            for shape in mode.shapes:
                yield Group("lists", side, text, shape, drop_ins, some)
    if "threads" in mode.sections:
        both = tuple((peer, threads) for peer, _ in contenders for threads in (1, 2))
        own = tuple(entry for entry in both if entry[0].name == OWN)
        for text in mode.side_classes:
            yield Group("threads", side, text, "big", own, mode.launches)
            yield Group("threads", side, text, "batch", both, some)
    for section in ("decode", "count"):
        if section in mode.sections:
            for text in mode.side_classes:
                yield Group(section, side, text, "big", contenders, some)
    if "worst" in mode.sections:
        for text in WORST_CASES:
            yield Group("worst", side, text, "big", contenders, -(-mode.launches // 3), repeats=0)


def _encode_groups(mode: Mode, peers: Sequence[Peer]) -> Iterator[Group]:
    for vocabulary in mode.vocabularies:
        for text in mode.classes:
            for shape in mode.shapes:
                present = [*CONTENDERS]
                is_sampled = vocabulary == mode.vocabularies[0] and text in _SAMPLE_CLASSES and shape == "big"
                if mode.others == "all" or (mode.others == "some" and is_sampled):
                    present += OTHERS
                entries = tuple((peer, 1) for peer in present if peer in peers)
                yield Group("encode", vocabulary, text, shape, entries, mode.launches)
