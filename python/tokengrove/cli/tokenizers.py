"""Which tokenizer a command uses: ``--tokenizer``, ``--pattern``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import tokengrove
from tokengrove import Tokenizer
from tokengrove.cli.errors import CommandError, UsageError
from tokengrove.verification.reference import is_rank_file

if TYPE_CHECKING:
    import argparse

__all__ = ["DEFAULT", "LoadedTokenizer", "add_tokenizer_arguments", "load_tokenizer"]

DEFAULT = "default"


class LoadedTokenizer(NamedTuple):
    """A tokenizer and what it was made from.

    Attributes:
        name: How to call it in a report.
        tokenizer: The tokenizer.
        path: Its file; None for the default vocabulary.
        pattern: The pattern given for a rank file: a name or a regular expression.
    """

    name: str
    tokenizer: Tokenizer
    path: Path | None
    pattern: str | None


def add_tokenizer_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that choose the tokenizer."""
    group = parser.add_argument_group("tokenizer")
    group.add_argument(
        "-t",
        "--tokenizer",
        default=DEFAULT,
        metavar="FILE",
        help="tokenizer.json, .tiktoken, tekken.json or SentencePiece .model (default: the vocabulary in the package)",
    )
    group.add_argument(
        "--pattern",
        metavar="NAME|REGEX",
        help="how a .tiktoken file cuts text: o200k_base, cl100k_base, ..., or a regular expression "
        "(default: the file's name, where that is a pattern's name)",
    )


def load_tokenizer(options: argparse.Namespace) -> LoadedTokenizer:
    """Load the tokenizer that the command line names.

    Args:
        options: What :func:`add_tokenizer_arguments` parsed.

    Returns:
        The tokenizer and its origin.

    Raises:
        UsageError: If a rank file comes without a pattern, or a pattern without a rank file.
        CommandError: If the file is not a tokenizer.
        OSError: If the file cannot be read.
    """
    name: str = options.tokenizer
    pattern: str | None = options.pattern
    if name == DEFAULT:
        if pattern is not None:
            raise UsageError("--pattern goes with a .tiktoken file; the default vocabulary has its own")
        return LoadedTokenizer(DEFAULT, tokengrove.default_tokenizer(), None, None)
    path = Path(name)
    if not path.exists():
        raise CommandError(f"{name}: no such tokenizer file")
    ranks = is_rank_file(path)
    if not ranks and pattern is not None:
        raise UsageError(f"{name}: --pattern goes with a .tiktoken file; this file has its own")
    if ranks and pattern is None:
        if path.stem not in tokengrove.pattern_names():
            names = ", ".join(tokengrove.pattern_names())
            raise UsageError(f"{name}: a file of ranks needs --pattern, one of {names}, or a regular expression")
        pattern = path.stem
    try:
        if pattern is None:
            return LoadedTokenizer(name, Tokenizer.from_file(path), path, None)
        return LoadedTokenizer(name, Tokenizer.from_file(path, pattern=pattern), path, pattern)
    except tokengrove.TokengroveError as error:
        raise CommandError(f"{name}: {error}") from error
