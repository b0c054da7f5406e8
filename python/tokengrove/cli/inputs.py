"""Where texts come from: arguments, files, stdin; whole, by lines or from a field of JSON lines.

A byte-pair encoding is defined on a whole text, so a file is one text unless ``--lines`` or ``--jsonl`` says otherwise;
those two read as they go and need memory for one batch only.
"""

from __future__ import annotations

import argparse
import contextlib
import gzip
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, NamedTuple, cast

from tokengrove.cli.errors import CommandError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

__all__ = ["Document", "add_input_arguments", "at_least", "batches", "documents", "open_input", "total_size"]

BATCH_BYTES = 8 << 20
BATCH_DOCUMENTS = 16_384
STDIN = "-"


class Document(NamedTuple):
    """One text and where it is from.

    Attributes:
        source: ``FILE``, ``FILE:LINE``, or ``--text``.
        text: The text; ``bytes`` where the input is not known to be UTF-8.
        size: How many bytes of input it took, for the progress line.
    """

    source: str
    text: str | bytes
    size: int


def add_input_arguments(parser: argparse.ArgumentParser, *, records: bool = True) -> None:
    """Add the arguments that say what to read.

    Args:
        parser: The command's parser.
        records: Whether the command takes ``--lines`` and ``--jsonl``.
    """
    parser.add_argument(
        "files", nargs="*", metavar="FILE", help="files to read, each one text; - or none is stdin; .gz is unpacked"
    )
    parser.add_argument("-s", "--text", action="append", metavar="TEXT", help="a text given here, instead of files")
    if records:
        how = parser.add_mutually_exclusive_group()
        how.add_argument("--lines", action="store_true", help="each line is a text, without its newline")
        how.add_argument(
            "--jsonl", metavar="FIELD", help='each line is a JSON object with a text at FIELD; "a.b" looks inside "a"'
        )


def at_least(minimum: int) -> Callable[[str], int]:
    """Make what argparse calls to read a number.

    Args:
        minimum: The smallest number to take.

    Returns:
        A function that gives the number, or raises an error that argparse shows.
    """

    def number(text: str) -> int:
        value = int(text) if text.removeprefix("-").isdecimal() else None
        if value is None or value < minimum:
            raise argparse.ArgumentTypeError(f"{text!r} is not a number from {minimum} up")
        return value

    return number


def documents(options: argparse.Namespace) -> Iterator[Document]:
    """Read the texts that the command line names, in order.

    Args:
        options: What :func:`add_input_arguments` parsed.

    Yields:
        The texts.

    Raises:
        UsageError: If both files and ``--text`` are given.
        CommandError: If a line of JSON has no text at the field.
        OSError: If a file cannot be read.
    """
    if options.text is not None:
        if options.files:
            raise UsageError("give files or --text, not both")
        for text in options.text:
            yield Document("--text", text, len(text.encode("utf-8", "surrogatepass")))
        return
    for name in options.files or [STDIN]:
        with open_input(name) as file:
            shown = "<stdin>" if name == STDIN else name
            if getattr(options, "lines", False):
                yield from _lines(shown, file)
            elif getattr(options, "jsonl", None) is not None:
                yield from _json_lines(shown, file, options.jsonl)
            else:
                data = file.read()
                yield Document(shown, data, len(data))


@contextlib.contextmanager
def open_input(name: str) -> Iterator[BinaryIO]:
    """Open a file, or stdin for ``-``, for reading bytes; a name that ends in ``.gz`` is unpacked on the way."""
    if name == STDIN:
        if sys.stdin.isatty():
            sys.stderr.write("tokengrove: reading from the terminal, end with Ctrl-D\n")
        yield sys.stdin.buffer
    elif name.endswith(".gz"):
        with gzip.open(name, "rb") as packed:
            try:
                yield cast("BinaryIO", packed)
            except (EOFError, gzip.BadGzipFile) as error:
                raise CommandError(f"{name}: not a complete gzip file: {error}") from error
    else:
        with Path(name).open("rb") as file:
            yield file


def _lines(name: str, file: BinaryIO) -> Iterator[Document]:
    """Split at line feeds; a carriage return before one stays in the text."""
    for number, line in enumerate(file, 1):
        yield Document(f"{name}:{number}", line.removesuffix(b"\n"), len(line))


def _json_lines(name: str, file: BinaryIO, field: str) -> Iterator[Document]:
    """Take one field of each JSON object; empty lines are skipped."""
    for number, line in enumerate(file, 1):
        if not line.strip():
            continue
        source = f"{name}:{number}"
        try:
            record = json.loads(line)
        except ValueError as error:
            raise CommandError(f"{source}: not JSON: {error}") from error
        yield Document(source, _field(record, field, source), len(line))


def _field(record: object, field: str, source: str) -> str:
    """Look `field` up, as it stands or as a path of names."""
    value: object = record
    if isinstance(record, dict) and field in record:
        value = record[field]
    else:
        for name in field.split("."):
            if isinstance(value, dict) and name in value:
                value = value[name]
            elif isinstance(value, list) and name.isdecimal() and int(name) < len(value):
                value = value[int(name)]
            else:
                raise CommandError(f"{source}: no field {field!r}")
    if not isinstance(value, str):
        raise CommandError(f"{source}: field {field!r} is {type(value).__name__}, not text")
    return value


def batches(
    texts: Iterable[Document], max_bytes: int = BATCH_BYTES, max_documents: int = BATCH_DOCUMENTS
) -> Iterator[list[Document]]:
    """Group texts so that a batch holds about `max_bytes` bytes and at most `max_documents` texts."""
    batch: list[Document] = []
    held = 0
    for document in texts:
        batch.append(document)
        held += document.size
        if held >= max_bytes or len(batch) >= max_documents:
            yield batch
            batch, held = [], 0
    if batch:
        yield batch


def total_size(options: argparse.Namespace) -> int | None:
    """Give the bytes that there are to read, or None if a pipe or a packed file hides it."""
    if options.text is not None:
        return None
    total = 0
    for name in options.files:
        path = Path(name)
        if name == STDIN or name.endswith(".gz") or not path.is_file():
            return None
        total += path.stat().st_size
    return total or None
