"""``tokengrove extend`` and ``prune``: a larger or smaller vocabulary from one that exists."""

from __future__ import annotations

import argparse
import io
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tokengrove._replace import replace_file
from tokengrove.cli.errors import ExitCode, UsageError
from tokengrove.cli.tokenizers import add_tokenizer_arguments, load_tokenizer
from tokengrove.cli.training import add_file_arguments, log, report, show_report
from tokengrove.training import FileTexts, extend, prune

if TYPE_CHECKING:
    from tokengrove.training import Resized

__all__ = ["add_parser", "run_extend", "run_prune"]

EXTEND = """\
Learn more tokens for other text; the tokens there are keep their ids. Folder --out gets the
tokenizer.json and id_map.npy: for each new id the old one, or -1.
"""

EXTEND_EPILOG = """\
example:
  tokengrove extend README.md --vocab-size 32800 --out larger
"""

PRUNE = """\
Take tokens away that no other token is made of, the rarest in the texts first; all that stay
can still be reached. Folder --out gets the tokenizer.json and id_map.npy.
"""

PRUNE_EPILOG = """\
example:
  tokengrove prune README.md --tokens 100 --out smaller
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Describe the two commands."""
    plain = argparse.RawDescriptionHelpFormatter
    parser = subparsers.add_parser(
        "extend",
        help="learn more tokens for other text",
        description=EXTEND,
        epilog=EXTEND_EPILOG,
        formatter_class=plain,
    )
    add_file_arguments(parser, "texts to learn from")
    add_tokenizer_arguments(parser)
    parser.add_argument("--vocab-size", type=int, required=True, metavar="N", help="tokens to have at the end")
    parser.add_argument("--min-frequency", type=int, default=0, metavar="N", help="the smallest count of a pair")
    parser.add_argument("--max-words", type=int, metavar="N", help="the most words of a new token")
    _add_output(parser)
    parser.set_defaults(run=run_extend)
    parser = subparsers.add_parser(
        "prune",
        help="take tokens away that others do not need",
        description=PRUNE,
        epilog=PRUNE_EPILOG,
        formatter_class=plain,
    )
    parser.add_argument("files", nargs="*", metavar="FILE", help="texts to count tokens in; without, by id")
    parser.add_argument("--tokens", type=int, required=True, metavar="N", help="how many tokens to take away")
    parser.add_argument("--keep", action="append", default=[], metavar="TEXT", help="a token that stays")
    add_tokenizer_arguments(parser)
    _add_output(parser)
    parser.set_defaults(run=run_prune)


def _add_output(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("output")
    group.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder to write to")
    group.add_argument("--json", action="store_true", help="write the report as lines of JSON")


def run_extend(options: argparse.Namespace) -> int:
    """Extend."""
    texts = FileTexts(options.files, options.field, "line" if options.lines else "block")
    result = extend(
        load_tokenizer(options).tokenizer,
        texts,
        options.vocab_size,
        max_words=options.max_words,
        min_frequency=options.min_frequency,
    )
    return _write(options, result, texts)


def run_prune(options: argparse.Namespace) -> int:
    """Prune."""
    if options.tokens < 1:
        raise UsageError(f"--tokens must be at least 1; found {options.tokens}")
    texts = FileTexts(options.files) if options.files else None
    return _write(options, prune(load_tokenizer(options).tokenizer, options.tokens, texts, keep=options.keep), texts)


def _write(options: argparse.Namespace, result: Resized, texts: FileTexts | None) -> int:
    """Write the files and the report."""
    options.out.mkdir(parents=True, exist_ok=True)
    result.tokenizer.save(options.out / "tokenizer.json")
    id_map = io.BytesIO()
    np.save(id_map, result.id_map)
    replace_file(options.out / "id_map.npy", id_map.getvalue())
    log(options, event="written", out=str(options.out))
    show_report(options, report(result.tokenizer, None, texts))
    return ExitCode.OK
