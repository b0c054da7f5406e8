"""Texts out of files, as they are needed: plain text, JSON lines and Parquet, packed or not."""

from __future__ import annotations

import contextlib
import gzip
import importlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Literal, cast

from tokengrove.errors import InvalidArgumentError, InvalidTextError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from os import PathLike

__all__ = ["FileTexts", "read_texts"]

BLOCK = 4 << 20
"""Bytes of a plain text file that are one text, about."""

Documents = Literal["block", "line"]


class FileTexts:
    """The texts of files; can be iterated over several times, and reads the files each time."""

    def __init__(
        self,
        paths: Iterable[str | PathLike[str]],
        field: str = "text",
        documents: Documents = "block",
    ) -> None:
        """Name the files.

        Args:
            paths: As for :func:`read_texts`.
            field: As for :func:`read_texts`.
            documents: As for :func:`read_texts`.
        """
        self.paths = [Path(path) for path in paths]
        self.field = field
        self.documents = documents

    def __iter__(self) -> Iterator[str | bytes]:
        """Read the files."""
        return read_texts(self.paths, self.field, self.documents)


def read_texts(
    paths: Iterable[str | PathLike[str]],
    field: str = "text",
    documents: Documents = "block",
) -> Iterator[str | bytes]:
    """Read the texts of files one by one; memory holds one text, or one batch of rows of a Parquet file.

    The name says what a file is: ``.jsonl`` and ``.ndjson`` hold one JSON object a line, ``.parquet`` is a table (needs
    pyarrow), anything else is plain text; ``.gz`` and ``.zst`` after that are unpacked (``.zst`` needs the package
    zstandard).

    Args:
        paths: The files.
        field: Where the text of a JSON object or a row is.
        documents: What a text of a plain file is: ``"line"``, a line with its line feed, as Hugging Face tokenizers
            trains on files; or ``"block"``, some megabytes up to a letter before a line feed (or before a space, where
            there is none). Cut there, a text has the same pieces under the patterns of all published models.

    Yields:
        The texts.

    Raises:
        InvalidArgumentError: If ``documents`` is neither, or a package for a kind of file is not installed.
        InvalidTextError: If a file is cut short or no such file, or a line or row has no text there.
        OSError: If a file cannot be read.
    """
    if documents not in ("block", "line"):
        raise InvalidArgumentError(f"documents must be 'block' or 'line'; found {documents!r}")
    for path in map(Path, paths):
        suffixes = [suffix.lower() for suffix in path.suffixes]
        kind = next((suffix for suffix in reversed(suffixes) if suffix not in (".gz", ".zst")), "")
        if kind == ".parquet":
            yield from _rows(path, field)
            continue
        with _unpacked(path) as file:
            if kind in (".jsonl", ".ndjson"):
                yield from _objects(path, file, field)
            elif documents == "line":
                yield from file
            else:
                yield from _blocks(file)


@contextlib.contextmanager
def _unpacked(path: Path) -> Iterator[BinaryIO]:
    """Open a file, and turn what unpacking raises into one kind of error."""
    if path.suffix.lower() == ".gz":
        try:
            with gzip.open(path, "rb") as packed:
                yield cast("BinaryIO", packed)
        except (EOFError, gzip.BadGzipFile) as error:
            raise InvalidTextError(f"{path} is not a complete gzip file: {error}") from error
    elif path.suffix.lower() == ".zst":
        zstandard = _package("zstandard", path)
        try:
            with zstandard.open(path, "rb") as packed:
                yield packed
        except zstandard.ZstdError as error:
            raise InvalidTextError(f"{path} is not a complete zstd file: {error}") from error
    else:
        with path.open("rb") as file:
            yield file


def _blocks(file: BinaryIO) -> Iterator[bytes]:
    """Cut between a letter and the line feed, or the space, after it."""
    rest = b""
    while block := file.read(BLOCK):
        rest += block
        if len(rest) >= BLOCK and (end := _cut(rest, b"\n") or _cut(rest, b" ")):
            yield rest[:end]
            rest = rest[end:]
    if rest:
        yield rest


def _cut(text: bytes, mark: bytes) -> int:
    """The last place where an ASCII letter stands before a mark; 0 if there is none near the end."""
    at = len(text)
    for _ in range(10_000):
        at = text.rfind(mark, 0, at)
        if at <= 0 or text[at - 1 : at].isalpha():
            return max(at, 0)
    return 0


def _objects(path: Path, file: BinaryIO, field: str) -> Iterator[str]:
    """Take one field of each JSON object; empty lines are skipped."""
    for number, line in enumerate(file, 1):
        if not line.strip():
            continue
        try:
            value = json.loads(line)[field]
        except (ValueError, KeyError, TypeError) as error:
            raise InvalidTextError(f"{path}, line {number}: no JSON object with a field {field!r}: {error}") from error
        if not isinstance(value, str):
            raise InvalidTextError(f"{path}, line {number}: field {field!r} is {type(value).__name__}, not text")
        yield value


def _rows(path: Path, field: str) -> Iterator[str]:
    """Take one column of a table; rows without a value are skipped."""
    pyarrow = _package("pyarrow", path)
    parquet = _package("pyarrow.parquet", path)
    try:
        with parquet.ParquetFile(path) as table:
            if field not in table.schema_arrow.names:
                found = ", ".join(table.schema_arrow.names)
                raise InvalidTextError(f"{path} has no column {field!r}; there are {found}")
            for batch in table.iter_batches(batch_size=1024, columns=[field]):
                for value in batch.column(0).to_pylist():
                    if value is None:
                        continue
                    if not isinstance(value, str):
                        raise InvalidTextError(f"{path}: column {field!r} holds {type(value).__name__}, not text")
                    yield value
    except pyarrow.ArrowException as error:
        raise InvalidTextError(f"{path} is not a complete Parquet file: {error}") from error


def _package(name: str, path: Path) -> Any:
    """Import a package that not everybody has."""
    try:
        return importlib.import_module(name)
    except ImportError as error:
        package = name.partition(".")[0]
        raise InvalidArgumentError(f"reading {path} needs the package {package}, which is not installed") from error
