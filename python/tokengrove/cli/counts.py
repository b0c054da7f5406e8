"""``tokengrove count-pretokens`` and ``merge-counts``: what training needs of a text, in files that add up."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from tokengrove.cli.errors import ExitCode, UsageError
from tokengrove.cli.training import add_cut_arguments, add_file_arguments, counts_or_texts, cut_of, log
from tokengrove.training import PretokenCounts, count_pretokens

__all__ = ["add_parser", "run_count", "run_merge"]

COUNT = """\
Count the pieces of texts: all that training needs of them. Run it on each part of a corpus,
on any machine; merge-counts adds the files up, and train takes them.
"""

COUNT_EPILOG = """\
example:
  tokengrove count-pretokens README.md --pattern o200k_base --out readme.counts
"""

MERGE = """\
Add up counts of pieces. Counts of text that was cut differently are refused.
"""

MERGE_EPILOG = """\
example:
  tokengrove count-pretokens README.md --pattern gpt2 --out a && tokengrove merge-counts a a --out b
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Describe the two commands."""
    plain = argparse.RawDescriptionHelpFormatter
    parser = subparsers.add_parser(
        "count-pretokens",
        help="count the pieces of texts",
        description=COUNT,
        epilog=COUNT_EPILOG,
        formatter_class=plain,
    )
    add_file_arguments(parser, "texts to count")
    add_cut_arguments(parser)
    _add_output(parser)
    parser.set_defaults(run=run_count)
    parser = subparsers.add_parser(
        "merge-counts",
        help="add up counts of pieces",
        description=MERGE,
        epilog=MERGE_EPILOG,
        formatter_class=plain,
    )
    parser.add_argument("files", nargs="+", metavar="FILE", help="counts to add up")
    _add_output(parser)
    parser.set_defaults(run=run_merge)


def _add_output(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("output")
    group.add_argument("--out", type=Path, required=True, metavar="FILE", help="file of counts to write")
    group.add_argument("--min-count", type=int, default=0, metavar="N", help="leave out pieces that occur less often")
    group.add_argument("--json", action="store_true", help="write a line of JSON about the result")


def run_count(options: argparse.Namespace) -> int:
    """Count."""
    texts = counts_or_texts(options)
    if isinstance(texts, PretokenCounts):
        raise UsageError("these files hold counts already: merge-counts adds them up")
    cut = cut_of(options)
    if "pattern" not in cut:
        raise UsageError("say how text is cut: --pattern o200k_base")
    return _write(options, count_pretokens(texts, **cut))


def run_merge(options: argparse.Namespace) -> int:
    """Add up."""
    first, *others = [PretokenCounts.load(name) for name in options.files]
    return _write(options, first.merge(*others))


def _write(options: argparse.Namespace, counts: PretokenCounts) -> int:
    """Write the file, and say what is in it."""
    if options.min_count:
        counts = counts.prune(options.min_count)
    counts.save(options.out)
    log(options, out=str(options.out), distinct=len(counts), pieces=counts.total, bytes=counts.total_bytes)
    if not options.json:
        sys.stdout.write(f"{len(counts):,} distinct pieces, {counts.total:,} in all, {counts.total_bytes:,} bytes\n")
    return ExitCode.OK
