"""Which tokenizer a command uses: ``--tokenizer``, ``--pattern``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import tokengrove
from tokengrove import Tokenizer
from tokengrove._native import Model
from tokengrove.cli.errors import CommandError, UsageError
from tokengrove.default import PATTERN, default_file, default_special_tokens
from tokengrove.verification.reference import RankFile, is_rank_file

if TYPE_CHECKING:
    import argparse

__all__ = ["DEFAULT", "LoadedTokenizer", "add_tokenizer_arguments", "load_tokenizer"]

DEFAULT = "default"


class LoadedTokenizer(NamedTuple):
    """A tokenizer and what it was made from.

    Attributes:
        name: How to call it in a report.
        tokenizer: The tokenizer.
        source: Its file, or its ranks.
        pattern: The pattern given for a file of ranks: a name or a regular expression.
    """

    name: str
    tokenizer: Tokenizer
    source: Path | RankFile
    pattern: str | None = None


def add_tokenizer_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that choose the tokenizer."""
    group = parser.add_argument_group("tokenizer")
    group.add_argument(
        "-t",
        "--tokenizer",
        default=DEFAULT,
        metavar="FILE|NAME",
        help="tokenizer.json, .tiktoken, tekken.json or SentencePiece .model; or an encoding or model by its name in "
        "tiktoken, if its file is on this machine (default: the vocabulary in the package)",
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
        CommandError: If the file is not a tokenizer, or there is neither a file nor an encoding of the name.
        OSError: If the file cannot be read.
    """
    name: str = options.tokenizer
    pattern: str | None = options.pattern
    path = Path(name)
    if name != DEFAULT and path.exists():
        return _of_file(name, path, pattern)
    if pattern is not None:
        raise UsageError("--pattern goes with a .tiktoken file")
    if name == DEFAULT:
        data = default_file()
        source = RankFile(data, PATTERN, default_special_tokens(data))
        return LoadedTokenizer(DEFAULT, tokengrove.default_tokenizer(), source)
    return _of_name(name)


def _of_file(name: str, path: Path, pattern: str | None) -> LoadedTokenizer:
    """Load a tokenizer file."""
    ranks = is_rank_file(path)
    if ranks and pattern is None:
        if path.stem not in tokengrove.pattern_names():
            names = ", ".join(tokengrove.pattern_names())
            raise UsageError(f"{name}: a file of ranks needs --pattern, one of {names}, or a regular expression")
        pattern = path.stem
    try:
        if pattern is None:
            return LoadedTokenizer(name, Tokenizer.from_file(path), path)
        return LoadedTokenizer(name, Tokenizer.from_file(path, pattern=pattern), path, pattern)
    except tokengrove.InvalidArgumentError as error:
        raise UsageError(f"{name}: --pattern goes with a .tiktoken file; this file has its own") from error
    except tokengrove.TokengroveError as error:
        raise CommandError(f"{name}: {error}") from error


def _of_name(name: str) -> LoadedTokenizer:
    """Load a published encoding whose rank file is on this machine."""
    from tokengrove.compat.tiktoken.load import read_file_cached
    from tokengrove.compat.tiktoken.model import encoding_name_for_model
    from tokengrove.compat.tiktoken.openai_public import PUBLISHED

    encoding = name
    if name not in PUBLISHED:
        try:
            encoding = encoding_name_for_model(name)
        except KeyError:
            raise CommandError(
                f"{name}: no such file, encoding ({', '.join(PUBLISHED)}) or model of one of these encodings"
            ) from None
    published = PUBLISHED["r50k_base" if encoding == "gpt2" else encoding]
    data = read_file_cached(published.address, published.file_hash)
    # o200k_harmony has two names for one id; the second, a reserved one, cannot be decoded to anyway.
    names = {id: text for text, id in reversed(published.special_tokens.items())}
    source = RankFile(data, published.pattern, {text: id for id, text in names.items()})
    model = Model.from_bytes(data, pattern=source.pattern, special_tokens=source.special_tokens)
    return LoadedTokenizer(name, Tokenizer(model), source)
