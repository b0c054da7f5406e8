"""How ids are written: text, JSON lines, NumPy files, raw integers; and how they are read back."""

from __future__ import annotations

import contextlib
import io
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from tokengrove.cli.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from tokengrove import OffsetEncoding

__all__ = ["FORMATS", "IdWriter", "make_writer", "open_output"]

FORMATS = ("text", "jsonl", "npy", "u32")


@contextlib.contextmanager
def open_output(name: str | None) -> Iterator[BinaryIO]:
    """Open the file to write bytes to; None or ``-`` is stdout."""
    if name is None or name == "-":
        sys.stdout.flush()
        stdout = sys.stdout.buffer
        if isinstance(stdout, io.RawIOBase):  # Python runs unbuffered; such a file may write a part and say nothing
            stdout = open(sys.stdout.fileno(), "wb", closefd=False)  # noqa: SIM115 - no path, and not closed
        try:
            yield stdout
        finally:
            stdout.flush()
    else:
        with Path(name).open("wb") as file:
            yield file


def _is_stdout(file: BinaryIO) -> bool:
    """Say whether a file is standard output, which may hold more than what is written here."""
    try:
        return file.fileno() == sys.stdout.fileno()
    except (OSError, ValueError):  # one of them is no file of the operating system
        return file is sys.stdout.buffer


class IdWriter:
    """Writes the ids of texts, one text after the other. This class writes them as text: a line of ids a text."""

    def __init__(self, file: BinaryIO) -> None:
        self.file = file

    def write(self, source: str, ids: NDArray[np.uint32]) -> None:
        """Write the ids of one text.

        Args:
            source: Where the text is from.
            ids: uint32[n].
        """
        self.file.write(" ".join(map(str, ids.tolist())).encode() + b"\n")

    def write_offsets(self, source: str, encoding: OffsetEncoding) -> None:
        """Write ids and spans of one text, a token a line: id, byte start and end, character start and end, by tabs."""
        table = np.column_stack([encoding.ids, encoding.byte_spans, encoding.char_spans])
        self.file.write("".join("{}\t{}\t{}\t{}\t{}\n".format(*row) for row in table.tolist()).encode())

    def close(self) -> None:
        """Finish the file."""


class JsonLinesWriter(IdWriter):
    """Writes an object a text: ``{"source": ..., "ids": [...]}``."""

    def write(self, source: str, ids: NDArray[np.uint32]) -> None:
        """Write one object."""
        self._write({"source": source, "ids": ids.tolist()})

    def write_offsets(self, source: str, encoding: OffsetEncoding) -> None:
        """Write one object, with ``byte_spans`` and ``char_spans`` as lists of pairs."""
        self._write(
            {
                "source": source,
                "ids": encoding.ids.tolist(),
                "byte_spans": encoding.byte_spans.tolist(),
                "char_spans": encoding.char_spans.tolist(),
            }
        )

    def _write(self, record: dict[str, object]) -> None:
        self.file.write(
            json.dumps(record, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace") + b"\n"
        )


class RawWriter(IdWriter):
    """Writes 32-bit little-endian integers and nothing else; can note where each text starts."""

    def __init__(self, file: BinaryIO, row_splits: Path | None = None) -> None:
        super().__init__(file)
        self.row_splits = row_splits
        self.splits = [0]
        self.total = 0

    def write(self, source: str, ids: NDArray[np.uint32]) -> None:
        """Append the ids."""
        self._append(ids.astype("<u4", copy=False))
        self.total += ids.size
        if self.row_splits is not None:
            self.splits.append(self.total)

    def write_offsets(self, source: str, encoding: OffsetEncoding) -> None:
        """Refuse: these files hold ids only."""
        raise UsageError("--offsets goes with --format text or jsonl")

    def _append(self, ids: NDArray[np.uint32]) -> None:
        self.file.write(ids.tobytes())

    def close(self) -> None:
        """Write where the texts start, if asked for: int64[texts + 1] as .npy."""
        if self.row_splits is not None:
            with self.row_splits.open("wb") as file:
                np.save(file, np.array(self.splits, dtype=np.int64))


class NpyWriter(RawWriter):
    """Writes one NumPy array uint32[total], all texts one after the other.

    The length stands at the head of the file: it is filled in at the end where the file can seek, and the ids are
    held in memory until then where it cannot (a pipe).
    """

    def __init__(self, file: BinaryIO, row_splits: Path | None = None) -> None:
        super().__init__(file, row_splits)
        self.held: list[NDArray[np.uint32]] | None = None
        if file.seekable() and not _is_stdout(file):
            self._write_header(0)
        else:
            self.held = []

    def _write_header(self, count: int) -> None:
        """Write the head for `count` ids; NumPy pads it so that any count takes the same room."""
        np.lib.format.write_array_header_1_0(self.file, {"descr": "<u4", "fortran_order": False, "shape": (count,)})

    def _append(self, ids: NDArray[np.uint32]) -> None:
        if self.held is None:
            super()._append(ids)
        else:
            self.held.append(ids)

    def close(self) -> None:
        """Fill in the length."""
        if self.held is None:
            self.file.seek(0)
            self._write_header(self.total)
        else:
            self._write_header(self.total)
            for ids in self.held:
                self.file.write(ids.tobytes())
        super().close()


def make_writer(form: str, file: BinaryIO, row_splits: str | None = None) -> IdWriter:
    """Make the writer of one of :data:`FORMATS`.

    Args:
        form: The format.
        file: Where the ids go.
        row_splits: The file for the starts of the texts; for ``npy`` and ``u32`` only.

    Returns:
        The writer.

    Raises:
        UsageError: If the format has no need of row splits.
    """
    if form in ("npy", "u32"):
        splits = Path(row_splits) if row_splits is not None else None
        return NpyWriter(file, splits) if form == "npy" else RawWriter(file, splits)
    if row_splits is not None:
        raise UsageError("--row-splits goes with --format npy or u32")
    return JsonLinesWriter(file) if form == "jsonl" else IdWriter(file)
