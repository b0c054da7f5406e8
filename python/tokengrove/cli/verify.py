"""``tokengrove verify``: token for token against a reference library."""

from __future__ import annotations

import argparse
import itertools
import json
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from tokengrove import InvalidTextError
from tokengrove.cli.errors import CommandError, ExitCode
from tokengrove.cli.inputs import STDIN, add_input_arguments, at_least, documents, total_size
from tokengrove.cli.pieces import visible
from tokengrove.cli.progress import Progress, add_progress_argument, progress
from tokengrove.cli.terminal import duration, size
from tokengrove.cli.tokenizers import LoadedTokenizer, add_tokenizer_arguments, load_tokenizer
from tokengrove.verification import (
    REFERENCES,
    Difference,
    RankFile,
    Reference,
    UnavailableReferenceError,
    adversarial_texts,
    compare,
    load_reference,
    random_texts,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tokengrove import Tokenizer

__all__ = ["add_parser", "run"]

DESCRIPTION = """\
Compare ids, token for token, with the same tokenizer in a reference library.

Special tokens are text on both sides. The first text that differs is cut down to the
smallest one that still does. Texts that this package refuses, because the vocabulary has
no token for part of them, are counted apart. The reference library has to be installed.
"""

EPILOG = """\
example:
  tokengrove verify --against tiktoken --random 1000 --seed 7
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Describe the command."""
    parser = subparsers.add_parser(
        "verify",
        help="compare ids with tiktoken or tokenizers",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_input_arguments(parser)
    parser.add_argument(
        "--adversarial",
        action="store_true",
        help="also texts made to break tokenizers: long runs, odd whitespace, rare characters",
    )
    parser.add_argument(
        "--size",
        type=at_least(100),
        default=20_000,
        metavar="N",
        help="characters of the long adversarial texts (default: %(default)s)",
    )
    parser.add_argument("--random", type=at_least(0), default=0, metavar="N", help="also N short random texts")
    parser.add_argument(
        "--seed", type=int, default=0, metavar="S", help="what the random texts are drawn from (default: %(default)s)"
    )
    add_tokenizer_arguments(parser)
    group = parser.add_argument_group("reference")
    group.add_argument("--against", choices=REFERENCES, required=True, help="the library to compare with")
    group.add_argument("--reference", metavar="FILE", help="the reference's file, if not the tokenizer's own")
    group.add_argument("--keep-going", action="store_true", help="do not stop at the first text that differs")
    group = parser.add_argument_group("output")
    group.add_argument("--json", action="store_true", help="write one object: counts, seconds and differences")
    add_progress_argument(group)
    parser.set_defaults(run=run)


@dataclass
class Report:
    """What a verification found.

    Attributes:
        texts: How many texts were compared.
        bytes: How many bytes of text.
        tokens: How many tokens the reference gave.
        seconds: The time of this package's encoder.
        reference_seconds: The time of the reference.
        differences: Each text that differs: its name, its length and the small text.
        refused: Each text that the tokenizer refuses because part of it would be lost, and why.
    """

    texts: int = 0
    bytes: int = 0
    tokens: int = 0
    seconds: float = 0.0
    reference_seconds: float = 0.0
    differences: list[tuple[str, int, Difference]] = field(default_factory=list)
    refused: list[tuple[str, str]] = field(default_factory=list)


def run(options: argparse.Namespace) -> int:
    """Compare."""
    if not (options.files or options.text or options.adversarial or options.random):
        options.files = [STDIN]
    loaded = load_tokenizer(options)
    reference = load_peer(options.against, loaded, options.reference)
    with progress("verify", total_size(options), off=options.no_progress) as line:
        report = verify(loaded.tokenizer, reference, _texts(options), options.keep_going, line)
    if options.json:
        sys.stdout.write(json.dumps(_record(report, loaded, reference), ensure_ascii=False) + "\n")
    else:
        _write(report, loaded, reference)
    return ExitCode.FAILED if report.differences else ExitCode.OK


def load_peer(library: str, loaded: LoadedTokenizer, file: str | None = None) -> Reference:
    """Make the same tokenizer with a reference library.

    Args:
        library: The library's name.
        loaded: The tokenizer.
        file: Another file for the reference.

    Returns:
        The reference.

    Raises:
        CommandError: If the library is missing or cannot make this tokenizer.
    """
    source = loaded.source if file is None else Path(file)
    pattern = loaded.pattern
    if pattern is None and isinstance(source, Path):
        pattern = loaded.source.pattern if isinstance(loaded.source, RankFile) else source.stem
    try:
        return load_reference(library, source, pattern)
    except UnavailableReferenceError as error:
        raise CommandError(str(error)) from error


def _texts(options: argparse.Namespace) -> Iterator[tuple[str, str]]:
    """Give the texts to compare; bytes that are not UTF-8 are replaced, for the references take text only."""
    if options.files or options.text:
        for document in documents(options):
            text = document.text
            yield document.source, text if isinstance(text, str) else text.decode("utf-8", "replace")
    if options.adversarial:
        yield from adversarial_texts(options.size, options.seed)
    yield from random_texts(options.random, options.seed)


def verify(
    tokenizer: Tokenizer, reference: Reference, texts: Iterator[tuple[str, str]], keep_going: bool, line: Progress
) -> Report:
    """Compare the ids of all texts.

    Args:
        tokenizer: The tokenizer under test.
        reference: The reference.
        texts: Names and texts.
        keep_going: Whether to go on after a text that differs.
        line: The progress line.

    Returns:
        What was found.
    """
    report = Report()
    for name, text in texts:
        started = time.perf_counter()
        try:
            ids = tokenizer.encode(text)
        except InvalidTextError as error:
            report.refused.append((name, str(error)))
            continue
        between = time.perf_counter()
        expected = reference.encode(text)
        ended = time.perf_counter()
        report.texts += 1
        report.bytes += len(text.encode())
        report.tokens += len(expected)
        report.seconds += between - started
        report.reference_seconds += ended - between
        difference = compare(text, ids, expected, tokenizer.encode, reference.encode)
        if difference is not None:
            report.differences.append((name, len(text), difference))
            if not keep_going:
                break
        line.advance(len(text.encode()), len(expected))
    return report


def _record(report: Report, loaded: LoadedTokenizer, reference: Reference) -> dict[str, object]:
    """Give the report as plain data."""
    return {
        "tokenizer": loaded.name,
        "against": reference.library,
        "against_version": reference.version,
        "equal": not report.differences,
        "texts": report.texts,
        "bytes": report.bytes,
        "tokens": report.tokens,
        "refused": len(report.refused),
        "seconds": round(report.seconds, 6),
        "against_seconds": round(report.reference_seconds, 6),
        "differences": [
            {
                "source": name,
                "characters": length,
                "text": difference.text,
                "ids": difference.ids,
                "expected": difference.expected,
                "first_difference": difference.at,
            }
            for name, length, difference in report.differences
        ],
    }


def _write(report: Report, loaded: LoadedTokenizer, reference: Reference) -> None:
    """Write the report for people."""
    peer = f"{reference.library} {reference.version}"
    for name, length, difference in report.differences:
        sys.stdout.write(
            f"{name} ({length:,} characters) differs; the smallest text that still does has {len(difference.text)}:\n"
            f"  text        {difference.text!r}\n"
            f"  {'tokengrove':<11} {_shown(difference.ids, difference.at, loaded.tokenizer)}\n"
            f"  {reference.library:<11} {_shown(difference.expected, difference.at, loaded.tokenizer)}\n"
        )
    texts = f"{report.texts:,} text{'' if report.texts == 1 else 's'}"
    outcome = f"{len(report.differences)} of {texts} differ from" if report.differences else f"{texts} equal to"
    sys.stdout.write(
        f"{loaded.name}: {outcome} {peer}: {size(report.bytes)}, {report.tokens:,} tokens; "
        f"{duration(report.seconds)} here, {duration(report.reference_seconds)} there\n"
    )
    if report.refused:
        name, reason = report.refused[0]
        sys.stdout.write(f"{len(report.refused):,} more were refused, the first of them {name}: {reason}\n")


def _shown(ids: tuple[int, ...], at: int, tokenizer: Tokenizer, context: int = 4, longest: int = 12) -> str:
    """Give the ids around the first difference with their texts."""
    start = max(at - context, 0)
    parts = ["..."] if start else []
    for id in itertools.islice(ids, start, start + longest):
        try:
            parts.append(f"{id}({visible(tokenizer.token_bytes(id))})")
        except KeyError:
            parts.append(f"{id}(not in the vocabulary)")
    return " ".join(parts) + (" ..." if len(ids) > start + longest else "")
