"""How far a long command has come: bytes per second, tokens per second and the time left, on stderr."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Protocol, Self

from tokengrove.cli import terminal

if TYPE_CHECKING:
    import argparse
    from types import TracebackType

    from rich.progress import Progress as RichProgress

__all__ = ["Progress", "add_progress_argument", "progress"]

INTERVAL = 0.1
"""Seconds between two drawings."""


def add_progress_argument(parser: argparse._ActionsContainer) -> None:
    """Add ``--no-progress``."""
    parser.add_argument(
        "--no-progress",
        action="store_true",
        help="no progress line on stderr (there is none anyway when stderr is not a terminal)",
    )


class Progress(Protocol):
    """Counts bytes and tokens and may show them; a context manager."""

    def __enter__(self) -> Self:
        """Start the clock."""
        ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Take the progress line away."""
        ...

    def advance(self, size: int, tokens: int) -> None:
        """Add what has been done.

        Args:
            size: Bytes of input.
            tokens: Tokens.
        """
        ...


def progress(label: str, total: int | None, *, off: bool) -> Progress:
    """Make the progress line of one command.

    Args:
        label: The command's name.
        total: All bytes there are, or None if nobody knows.
        off: True to show nothing; nothing is shown either when stderr is not a terminal.

    Returns:
        What to call ``advance`` on.
    """
    if off or not sys.stderr.isatty():
        return _Silent()
    return _Rich(label, total) if terminal.have_rich() else _Plain(label, total)


class _Silent:
    """Shows nothing."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass

    def advance(self, size: int, tokens: int) -> None:
        pass


class _Counter(_Silent):
    """Counts, and draws at most every `INTERVAL` seconds."""

    def __init__(self, label: str, total: int | None) -> None:
        self.label = label
        self.total = total
        self.size = 0
        self.tokens = 0
        self.started = self.drawn = time.monotonic()

    def __enter__(self) -> Self:
        self.started = self.drawn = time.monotonic()
        return self

    def advance(self, size: int, tokens: int) -> None:
        self.size += size
        self.tokens += tokens
        now = time.monotonic()
        if now - self.drawn >= INTERVAL:
            self.drawn = now
            self.draw(max(now - self.started, 1e-9))

    def rates(self, elapsed: float) -> str:
        """Give bytes per second and tokens per second."""
        return f"{terminal.size(self.size / elapsed)}/s  {terminal.size(self.tokens / elapsed, 'tok')}/s"

    def draw(self, elapsed: float) -> None:
        """Show the state after `elapsed` seconds."""
        raise NotImplementedError


class _Plain(_Counter):
    """One line that is drawn over itself."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        sys.stderr.write("\r\x1b[K")
        sys.stderr.flush()

    def draw(self, elapsed: float) -> None:
        done = terminal.size(self.size)
        left = ""
        if self.total:
            done += f" of {terminal.size(self.total)} ({min(self.size / self.total, 1):.0%})"
            rest = max(self.total - self.size, 0)
            left = f"  ETA {terminal.duration(max(round(rest * elapsed / self.size), 1))}" if self.size else ""
        sys.stderr.write(f"\r\x1b[K{self.label}  {done}  {self.rates(elapsed)}{left}")
        sys.stderr.flush()


class _Rich(_Counter):
    """A bar drawn by rich."""

    def __init__(self, label: str, total: int | None) -> None:
        super().__init__(label, total)
        self.bar = _rich_bar()
        self.task = self.bar.add_task(label, total=total, rates="")

    def __enter__(self) -> Self:
        self.bar.start()
        return super().__enter__()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.bar.stop()

    def draw(self, elapsed: float) -> None:
        self.bar.update(self.task, completed=self.size, rates=self.rates(elapsed))


def _rich_bar() -> RichProgress:
    """Make rich's bar with this package's columns."""
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as RichProgress

    return RichProgress(
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TextColumn("{task.fields[rates]}"),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    )
