"""Compare tokengrove with every installed peer, in one run, and write the figures to a JSON file.

Usage: ``python benches/python/run.py [--quick | --full] [--peers a,b] [--vocab a,b] [--classes a,b] [--json OUT]``.
Outputs are compared with tiktoken's before anything is timed. Each first pass is a process of its own that has never
seen the text; peers take turns. ``python benches/python/report.py`` makes the tables.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from harness import bars, tables, texts
from harness.peers import LIST_RIVAL, OWN, OWN_LISTS, PEERS, UnavailableError
from harness.plan import MODES, SECTIONS, SHAPES, Mode
from harness.records import Run
from harness.session import Session
from harness.vocabularies import NAMES

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "benches" / "results"


def _names(allowed: Sequence[str]) -> Callable[[str], tuple[str, ...]]:
    """A comma-separated list of the names allowed."""

    def parse(value: str) -> tuple[str, ...]:
        chosen = tuple(name.strip() for name in value.split(",") if name.strip())
        unknown = [name for name in chosen if name not in allowed]
        if unknown:
            raise argparse.ArgumentTypeError(f"unknown: {', '.join(unknown)}; choose from {', '.join(allowed)}")
        return chosen

    return parse


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0] if __doc__ else None)
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--quick", dest="mode", action="store_const", const="quick", help="a few minutes")
    size.add_argument("--full", dest="mode", action="store_const", const="full", help="every peer in every cell; long")
    parser.set_defaults(mode="default")
    parser.add_argument("--peers", type=_names(list(PEERS)), help="compare with these only")
    parser.add_argument("--vocab", type=_names(NAMES), help="o200k_base, cl100k_base")
    parser.add_argument("--classes", type=_names(texts.CLASSES), help="classes of text")
    parser.add_argument("--shapes", type=_names(SHAPES), help="big (one string), docs (1 to 4 KB each)")
    parser.add_argument("--sections", type=_names(SECTIONS), help="parts of the run")
    parser.add_argument("--launches", type=int, help="fresh processes per cell")
    parser.add_argument("--limit", type=int, default=texts.MAX_BYTES, help="most bytes of each class of text")
    parser.add_argument("--volume", type=int, default=100_000_000, help="bytes to encode before reading the memory")
    parser.add_argument("--seed", type=int, default=texts.SEED, help="order of turns")
    parser.add_argument("--data", type=Path, help="folder with vocabs/tiktoken and corpora [TOKENGROVE_TEST_DATA]")
    parser.add_argument("--work", type=Path, default=ROOT / "target" / "bench", help="folder for prepared files")
    parser.add_argument("--json", type=Path, help="result [benches/results/encode-DATE.json; with --quick none]")
    return parser.parse_args(argv)


def _mode(arguments: argparse.Namespace) -> Mode:
    """The chosen mode with the parts that the command line names put in place."""
    chosen = {
        "vocabularies": arguments.vocab,
        "classes": arguments.classes,
        "side_classes": arguments.classes,
        "shapes": arguments.shapes,
        "sections": arguments.sections,
        "launches": arguments.launches,
    }
    return dataclasses.replace(MODES[arguments.mode], **{name: value for name, value in chosen.items() if value})


def _wanted(named: tuple[str, ...] | None) -> tuple[str, ...]:
    """The peers to measure: those named, this package, and the drop-ins that go with them; none named means all."""
    if not named:
        return ()
    return (*named, OWN, OWN_LISTS, *((LIST_RIVAL,) if "gigatoken" in named else ()))


def _own_failures(run: Run) -> list[str]:
    own = (cell for cell in run.cells if cell.peer in (OWN, OWN_LISTS))
    return [
        f"{cell.section} {cell.vocabulary} {cell.text} {cell.shape}: {cell.status}: {cell.detail}"
        for cell in own
        if cell.status != "ok"
    ]


def main(argv: Sequence[str] | None = None) -> int:
    """Run the benchmark.

    Args:
        argv: The arguments; those of the process by default.

    Returns:
        0, or 1 if tokengrove gave other ids than the reference somewhere, or 2 if there is nothing to run with.
    """
    arguments = _arguments(argv)
    named = arguments.data or os.environ.get("TOKENGROVE_TEST_DATA")
    if not named:
        print("no vocabularies: set TOKENGROVE_TEST_DATA or --data to a folder with vocabs/tiktoken/*.tiktoken and,")
        print("for other classes than code, corpora/*.txt (see CONTRIBUTING.md)")
        return 2
    data = Path(named)
    session = Session(
        mode=_mode(arguments),
        corpora=data / "corpora",
        vocabulary_folder=data / "vocabs" / "tiktoken",
        work=arguments.work,
        wanted=_wanted(arguments.peers),
        limit=arguments.limit,
        volume=arguments.volume,
        seed=arguments.seed,
    )
    # A run that is ended from outside is written as far as it got, as after Ctrl-C.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        run = session.run()
    except (UnavailableError, FileNotFoundError) as error:
        print(f"cannot run: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("interrupted before anything was measured", file=sys.stderr)
        return 130
    verdicts = bars.evaluate(run)
    print(tables.summary(run, verdicts))
    target = arguments.json or (None if arguments.mode == "quick" else RESULTS / f"encode-{run.date}.json")
    if target:
        run.write(target, [dataclasses.asdict(bar) | {"met": bar.met} for bar in verdicts])
        print(f"\nwritten: {target}; tables: python benches/python/report.py --write")
    failures = _own_failures(run)
    for failure in failures:
        print(f"tokengrove is wrong: {failure}", file=sys.stderr)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
