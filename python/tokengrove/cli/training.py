"""What the commands of training share: which texts, how they are cut, how far it has come, and the report."""

from __future__ import annotations

import contextlib
import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import tokengrove
from tokengrove.cli.errors import CommandError, UsageError
from tokengrove.cli.tokenizers import load_tokenizer
from tokengrove.training import FileTexts, PretokenCounts

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable, Iterator

    from tokengrove import Tokenizer
    from tokengrove.training import TrainingProgress

__all__ = [
    "add_cut_arguments",
    "add_file_arguments",
    "counts_or_texts",
    "cut_of",
    "log",
    "report",
    "show_progress",
    "show_report",
]

SAMPLE = 2 << 20
"""Bytes of text that a report is measured on, at most."""


def add_file_arguments(parser: argparse.ArgumentParser, what: str) -> None:
    """Add the arguments that say what to read."""
    parser.add_argument("files", nargs="+", metavar="FILE", help=what)
    group = parser.add_argument_group("input")
    group.add_argument("--field", default="text", metavar="NAME", help="where JSON lines and tables have their text")
    group.add_argument(
        "--lines", action="store_true", help="each line of a plain file is a text, as Hugging Face tokenizers trains"
    )


def add_cut_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that say how text is cut."""
    group = parser.add_argument_group("cutting")
    group.add_argument("--pattern", metavar="NAME|REGEX", help="o200k_base, gpt2, ..., a regular expression, or none")
    group.add_argument(
        "--normalizer", action="append", metavar="NAME", help="nfc, nfd, nfkc, nfkd or lowercase; may be repeated"
    )
    group.add_argument("--digits", choices=("l2r", "r2l", "single", "run"), help="how numbers are cut first")
    group.add_argument("--digit-group", type=int, default=3, metavar="N", help="the most digits in a group (3)")


def cut_of(options: argparse.Namespace) -> dict[str, Any]:
    """Give the arguments of :func:`tokengrove.training.count_pretokens` that a command line names."""
    cut: dict[str, Any] = {"normalizer": options.normalizer, "digits": options.digits}
    cut["digit_group"] = options.digit_group
    if options.pattern is not None:
        cut["pattern"] = None if options.pattern == "none" else options.pattern
    return cut


def counts_or_texts(options: argparse.Namespace) -> PretokenCounts | FileTexts:
    """Open the files: all are counts, or all have text.

    Raises:
        UsageError: If counts and texts are mixed, or how text is cut is said of counts.
        OSError: If a file cannot be read.
    """
    paths = [Path(name) for name in options.files]
    counted = [_is_counts(path) for path in paths]
    if not any(counted):
        return FileTexts(paths, options.field, "line" if options.lines else "block")
    if not all(counted):
        raise UsageError("give files of counts or of text, not both")
    if options.pattern is not None or options.normalizer or options.digits:
        raise UsageError("counts say how their text was cut: leave out --pattern, --normalizer and --digits")
    first, *others = [PretokenCounts.load(path) for path in paths]
    return first.merge(*others) if others else first


def _is_counts(path: Path) -> bool:
    """Whether a file holds counts."""
    with path.open("rb") as file:
        return file.read(8) == b"TGCOUNTS"


def log(options: argparse.Namespace, **record: object) -> None:
    """Write a line of JSON to stdout, if asked for."""
    if options.json:
        sys.stdout.write(json.dumps(record, ensure_ascii=False) + "\n")
        sys.stdout.flush()


@contextlib.contextmanager
def show_progress(options: argparse.Namespace) -> Iterator[Any]:
    """Give the ``progress`` argument of training: lines of JSON, a line on a terminal, or nothing."""
    if not options.json:
        yield sys.stderr.isatty() and not options.no_progress
        return
    last = 0.0

    def tell(state: TrainingProgress) -> None:
        nonlocal last
        if time.monotonic() - last >= 1:
            last = time.monotonic()
            log(
                options,
                event="progress",
                phase=state.phase,
                done=state.done,
                goal=state.goal,
                seconds=round(state.seconds, 1),
                remaining=None if state.remaining is None else round(state.remaining, 1),
            )

    yield tell


class _Sample(NamedTuple):
    """Some text to measure on."""

    name: str
    text: bytes


def _sample(held_out: list[str] | None, texts: Iterable[str | bytes] | None) -> _Sample | None:
    """Take the beginning of text that was held out, or else of the training text."""
    if held_out:
        texts = FileTexts(held_out)
    if texts is None:
        return None
    parts: list[bytes] = []
    size = 0
    for text in texts:
        parts.append(text.encode() if isinstance(text, str) else text)
        size += len(parts[-1])
        if size >= SAMPLE:
            break
    name = "held-out text" if held_out else "the beginning of the training text"
    return _Sample(name, b"".join(parts)[:SAMPLE])


def report(tokenizer: Tokenizer, held_out: list[str] | None, texts: Iterable[str | bytes] | None) -> dict[str, Any]:
    """Describe a trained tokenizer.

    Args:
        tokenizer: The tokenizer.
        held_out: Files of text that it was not trained on.
        texts: The training text, used without them.

    Returns:
        Sizes, the longest tokens, tokens that encoding their own text does not give, and bytes per token beside
        published vocabularies that are on this machine.
    """
    special = set(tokenizer.special_tokens.values())
    tokens = {}
    for token_id in range(tokenizer.max_token_id + 1):
        with contextlib.suppress(KeyError):
            tokens[token_id] = tokenizer.token_bytes(token_id)
    ordinary = {token_id: token for token_id, token in tokens.items() if token_id not in special}
    unreachable = [token_id for token_id, token in ordinary.items() if tokenizer.encode_list(token) != [token_id]]
    longest = sorted(ordinary.values(), key=len, reverse=True)[:10]
    found: dict[str, Any] = {
        "vocab_size": tokenizer.vocab_size,
        "merges": len(tokenizer.merges),
        "longest": [token.decode(errors="replace") for token in longest],
        "unreachable": len(unreachable),
        "unreachable_ids": unreachable[:20],
    }
    sample = _sample(held_out, texts)
    if sample is not None and sample.text:
        measured = {"this": len(sample.text) / max(tokenizer.count(sample.text), 1)}
        for name in ("o200k_base", "cl100k_base"):
            other = _published(name)
            if other is not None:
                measured[name] = len(sample.text) / max(other.count(sample.text), 1)
        found["measured_on"] = sample.name
        found["bytes_per_token"] = {name: round(value, 4) for name, value in measured.items()}
    return found


def _published(name: str) -> Tokenizer | None:
    """A published vocabulary, if its file is on this machine."""
    import argparse

    try:
        return load_tokenizer(argparse.Namespace(tokenizer=name, pattern=None)).tokenizer
    except (CommandError, OSError, tokengrove.TokengroveError):
        return None


def show_report(options: argparse.Namespace, found: dict[str, Any]) -> None:
    """Write a report to stdout, as a line of JSON or for people."""
    if options.json:
        log(options, event="report", **found)
        return
    lines = [f"{found['vocab_size']:,} tokens, {found['merges']:,} merges"]
    if "bytes_per_token" in found:
        values = ", ".join(f"{name} {value:.3f}" for name, value in found["bytes_per_token"].items())
        lines.append(f"bytes per token on {found['measured_on']}: {values}")
    lines.append("longest tokens: " + " ".join(repr(token) for token in found["longest"]))
    lines.append(f"tokens that their own text does not give: {found['unreachable']:,}")
    sys.stdout.write("\n".join(lines) + "\n")
