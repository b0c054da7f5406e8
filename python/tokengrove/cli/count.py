"""``tokengrove count``: how many tokens a text has."""

from __future__ import annotations

import argparse
import json
import sys
from typing import TYPE_CHECKING, Any

from tokengrove import InvalidTextError
from tokengrove.cli.encode import add_encoding_arguments, encoding_options, for_each
from tokengrove.cli.errors import ExitCode
from tokengrove.cli.inputs import Document, add_input_arguments, at_least, batches, documents, total_size
from tokengrove.cli.progress import add_progress_argument, progress
from tokengrove.cli.tokenizers import add_tokenizer_arguments, load_tokenizer

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tokengrove import Tokenizer

__all__ = ["add_parser", "run"]

DESCRIPTION = """\
Count the tokens of texts: a line a text, and the total of several.

With --limit nothing is counted beyond the limit, and the exit code says whether every
text is within it.
"""

EPILOG = """\
example:
  tokengrove count --limit 8 --text "Does this fit?" && echo fits
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Describe the command."""
    parser = subparsers.add_parser(
        "count",
        help="how many tokens",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_input_arguments(parser)
    parser.add_argument(
        "--limit",
        type=at_least(0),
        metavar="N",
        help="stop at more than N tokens a text; exit code 1 if a text has more",
    )
    add_tokenizer_arguments(parser)
    add_encoding_arguments(parser)
    group = parser.add_argument_group("output")
    group.add_argument("--total", action="store_true", help="write the total only")
    group.add_argument("--json", action="store_true", help='write an object a text: {"source": ..., "tokens": ...}')
    add_progress_argument(group)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Count."""
    tokenizer = load_tokenizer(options).tokenizer
    how = encoding_options(options)
    rows = 0
    total = 0
    over = False
    with progress("count", total_size(options), off=options.no_progress) as line:
        for batch in batches(documents(options)):
            tokens = 0
            for document, count in _counts(tokenizer, batch, options.limit, how):
                beyond = options.limit is not None and count > options.limit
                over |= beyond
                rows += 1
                tokens += count
                if not options.total:
                    sys.stdout.write(_row(document.source, count, beyond, options))
            total += tokens
            line.advance(sum(document.size for document in batch), tokens)
    if options.total or (rows > 1 and not options.json):
        sys.stdout.write(_row("total", total, over, options))
    return ExitCode.FAILED if over else ExitCode.OK


def _counts(
    tokenizer: Tokenizer, batch: list[Document], limit: int | None, how: dict[str, Any]
) -> Iterable[tuple[Document, int]]:
    """Count each text of a batch; a text over the limit counts as one more than the limit."""
    if limit is not None or len(batch) == 1:
        beyond = None if limit is None else limit + 1
        return zip(batch, for_each(batch, lambda text: tokenizer.count(text, beyond, **how)), strict=True)
    try:
        counts: list[int] = tokenizer.count_batch([document.text for document in batch], **how).tolist()
    except InvalidTextError:
        for_each(batch, lambda text: tokenizer.count(text, **how))
        raise
    return zip(batch, counts, strict=True)


def _row(source: str, count: int, beyond: bool, options: argparse.Namespace) -> str:
    """Give one line of output."""
    if options.json:
        record = {"source": source, "tokens": options.limit if beyond else count}
        if options.limit is not None:
            record["within_limit"] = not beyond
        return json.dumps(record, ensure_ascii=False) + "\n"
    shown = f">{options.limit}" if beyond else str(count)
    if source in ("--text", "<stdin>") or options.total:
        return f"{shown}\n"
    return f"{shown:>10}  {source}\n"
