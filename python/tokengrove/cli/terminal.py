"""What the terminal can show: colours, tables and numbers for people.

`rich` (the ``[cli]`` extra) draws tables and progress bars where it is installed; everything also works without it.
"""

from __future__ import annotations

import importlib.util
import os
from typing import TYPE_CHECKING, Literal, TextIO

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

__all__ = ["add_color_arguments", "bold", "color_wanted", "dim", "duration", "have_rich", "size", "write_table"]

ColorChoice = Literal["auto", "always", "never"]


def add_color_arguments(parser: argparse._ActionsContainer) -> None:
    """Add ``--color`` and ``--no-color``."""
    parser.add_argument(
        "--color",
        choices=("auto", "always", "never"),
        default="auto",
        help="colours: on a terminal and without NO_COLOR (auto, the default), always, never",
    )
    parser.add_argument(
        "--no-color", dest="color", action="store_const", const="never", help="the same as --color never"
    )


def color_wanted(choice: ColorChoice, stream: TextIO) -> bool:
    """Say whether to colour what goes to `stream`; ``NO_COLOR`` (https://no-color.org) turns ``auto`` off."""
    if choice != "auto":
        return choice == "always"
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def have_rich() -> bool:
    """Say whether the ``[cli]`` extra is installed."""
    return importlib.util.find_spec("rich") is not None


def bold(text: str, color: bool) -> str:
    """Give `text` in bold, if colours are on."""
    return f"\x1b[1m{text}\x1b[0m" if color else text


def dim(text: str, color: bool) -> str:
    """Give `text` in grey, if colours are on."""
    return f"\x1b[2m{text}\x1b[0m" if color else text


def size(count: float, unit: str = "B") -> str:
    """Give a number of bytes (or another unit) with a decimal prefix: ``12.3 MB``."""
    prefixes = iter(("", "k", "M", "G"))
    prefix = next(prefixes)
    while count >= 999.5 and prefix != "G":
        count /= 1000
        prefix = next(prefixes)
    digits = 0 if not prefix or count >= 99.95 else 1
    return f"{count:.{digits}f} {prefix}{unit}"


def duration(seconds: float) -> str:
    """Give a time: ``3.2 ms``, ``4.1 s``, ``2:05``."""
    if seconds < 1:
        return f"{seconds * 1e3:.3g} ms"
    if seconds < 60:
        return f"{seconds:.3g} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def write_table(header: Sequence[str], rows: Sequence[Sequence[str]], stream: TextIO) -> None:
    """Write a table: the first column to the left, the others to the right.

    Args:
        header: The names of the columns.
        rows: The cells, one list a row, as many cells as names.
        stream: Where to.
    """
    if stream.isatty() and have_rich():
        from rich.box import SIMPLE_HEAD
        from rich.console import Console
        from rich.table import Table
        from rich.text import Text

        table = Table(box=SIMPLE_HEAD, pad_edge=False)
        for index, name in enumerate(header):
            table.add_column(name, justify="right" if index else "left", no_wrap=True)
        for row in rows:
            table.add_row(*(Text(cell) for cell in row))
        Console(file=stream).print(table)
        return
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
    for row in (header, *rows):
        cells = [
            cell.rjust(width) if index else cell.ljust(width)
            for index, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        stream.write("  ".join(cells).rstrip() + "\n")
