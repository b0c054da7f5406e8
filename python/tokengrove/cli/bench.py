"""``tokengrove bench``: how fast on your own text, first pass and repeated passes apart."""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

import tokengrove
from tokengrove.cli.errors import CommandError, ExitCode
from tokengrove.cli.inputs import add_input_arguments, at_least, documents
from tokengrove.cli.terminal import duration, size, write_table
from tokengrove.cli.tokenizers import LoadedTokenizer, add_tokenizer_arguments, load_tokenizer
from tokengrove.cli.verify import load_peer
from tokengrove.verification import REFERENCES, Reference

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

__all__ = ["add_parser", "run"]

DESCRIPTION = """\
Time the encoding of your own text in this fresh process.

The first pass is text not seen before; repeated passes are the same text again, which
caches make faster: the two are never mixed. With --against the same tokenizer of another
library runs in turn with this one; ids are compared after the first pass, and if they
differ there are no figures.
"""

EPILOG = """\
example:
  tokengrove bench README.md --repeat 3
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Describe the command."""
    parser = subparsers.add_parser(
        "bench",
        help="speed on your own text",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_input_arguments(parser)
    add_tokenizer_arguments(parser)
    parser.add_argument("--against", choices=REFERENCES, help="also time this library")
    parser.add_argument(
        "--repeat", type=at_least(0), default=5, metavar="N", help="repeated passes (default: %(default)s)"
    )
    parser.add_argument("--threads", type=at_least(1), default=1, metavar="N", help="threads (default: %(default)s)")
    parser.add_argument("--json", action="store_true", help="write one object with the time of every pass")
    parser.set_defaults(run=run)


@dataclass
class Contestant:
    """One library at work on the texts.

    Attributes:
        name: The library.
        version: Its version.
        load: Seconds to load the tokenizer and encode an empty text.
        encode: Encodes all texts.
        seconds: The time of each pass; the first is the first.
    """

    name: str
    version: str
    load: float
    encode: Callable[[], Any]
    seconds: list[float] = field(default_factory=list)

    def run(self) -> Any:
        """Encode all texts once and note the time."""
        started = time.perf_counter()
        encoded = self.encode()
        self.seconds.append(time.perf_counter() - started)
        return encoded

    @property
    def repeated(self) -> float:
        """The median time of the repeated passes; that of the first pass if there are none."""
        return statistics.median(self.seconds[1:] or self.seconds)


def run(options: argparse.Namespace) -> int:
    """Time."""
    tokengrove.set_num_threads(options.threads)
    texts = [d.text if isinstance(d.text, str) else d.text.decode("utf-8", "replace") for d in documents(options)]
    length = sum(len(text.encode()) for text in texts)
    if length == 0:
        raise CommandError("there is no text to encode")
    started = time.perf_counter()
    loaded = load_tokenizer(options)
    loaded.tokenizer.encode("")  # what a library puts off until the first call is loading, not encoding
    contestants = [_ours(loaded, texts, time.perf_counter() - started)]
    if options.against is not None:
        started = time.perf_counter()
        reference = load_peer(options.against, loaded)
        reference.encode("")
        contestants.append(_theirs(reference, texts, options.threads, time.perf_counter() - started))
    tokens = _first_pass(contestants)
    for _ in range(options.repeat):
        for contestant in contestants:
            contestant.run()
    if options.json:
        sys.stdout.write(json.dumps(_record(contestants, loaded, options, len(texts), length, tokens)) + "\n")
    else:
        _write(contestants, loaded, options, len(texts), length, tokens)
    return ExitCode.OK


def _ours(loaded: LoadedTokenizer, texts: list[str], load: float) -> Contestant:
    """Describe this package: one text by `encode`, several by `encode_batch`."""
    tokenizer = loaded.tokenizer
    one = len(texts) == 1
    encode = (lambda: tokenizer.encode(texts[0])) if one else (lambda: tokenizer.encode_batch(texts).ids)
    return Contestant("tokengrove", tokengrove.__version__, load, encode)


def _theirs(reference: Reference, texts: list[str], threads: int, load: float) -> Contestant:
    """Describe a reference library: one text by its method for one, several by its method for several."""
    one = len(texts) == 1
    encode = (lambda: [reference.encode(texts[0])]) if one else (lambda: reference.encode_batch(texts, threads))
    return Contestant(reference.library, reference.version, load, encode)


def _first_pass(contestants: list[Contestant]) -> int:
    """Run each for the first time and compare the ids; gives the number of tokens."""
    ours: NDArray[np.uint32] = contestants[0].run()
    for peer in contestants[1:]:
        rows = peer.run()
        theirs = np.concatenate([np.asarray(row, dtype=np.uint32) for row in rows])
        if not np.array_equal(ours, theirs):
            raise CommandError(
                f"ids differ from {peer.name} {peer.version}, so there is nothing to time; "
                f"`tokengrove verify --against {peer.name}` shows where"
            )
    return ours.size


def _record(
    contestants: list[Contestant],
    loaded: LoadedTokenizer,
    options: argparse.Namespace,
    texts: int,
    length: int,
    tokens: int,
) -> dict[str, object]:
    """Give the figures as plain data."""
    return {
        "tokenizer": loaded.name,
        "texts": texts,
        "bytes": length,
        "tokens": tokens,
        "threads": options.threads,
        "equal": True if len(contestants) > 1 else None,
        "results": [
            {
                "library": one.name,
                "version": one.version,
                "load_seconds": one.load,
                "first_pass_seconds": one.seconds[0],
                "repeated_seconds": one.seconds[1:],
                "first_pass_bytes_per_second": length / one.seconds[0],
                "repeated_bytes_per_second": length / one.repeated if one.seconds[1:] else None,
            }
            for one in contestants
        ],
    }


def _write(
    contestants: list[Contestant],
    loaded: LoadedTokenizer,
    options: argparse.Namespace,
    texts: int,
    length: int,
    tokens: int,
) -> None:
    """Write the figures for people."""
    threads = "1 thread" if options.threads == 1 else f"{options.threads} threads"
    sys.stdout.write(
        f"{size(length)} in {texts:,} text{'s' if texts > 1 else ''}, {tokens:,} tokens of {loaded.name} "
        f"({length / max(tokens, 1):.2f} bytes per token), {threads}\n"
    )
    if len(contestants) > 1:
        sys.stdout.write(f"ids equal to {contestants[1].name} {contestants[1].version}\n")
    sys.stdout.write("\n")
    rows = []
    for one in contestants:
        row = [f"{one.name} {one.version}", duration(one.load), f"{size(length / one.seconds[0])}/s"]
        if one.seconds[1:]:
            low, high = length / max(one.seconds[1:]), length / min(one.seconds[1:])
            row += [f"{size(length / one.repeated)}/s", f"{size(low)} to {size(high)}/s"]
        rows.append(row)
    if len(contestants) > 1:
        ours, peer = contestants
        ratios = ["ratio", "", f"{peer.seconds[0] / ours.seconds[0]:.1f}"]
        rows.append(ratios + ([f"{peer.repeated / ours.repeated:.1f}", ""] if options.repeat else []))
    header = ["", "load", "first pass"]
    write_table(header + (["again, median", "spread"] if options.repeat else []), rows, sys.stdout)
