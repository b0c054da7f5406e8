"""Statistics of a generation while it runs, behind the end of the text on a terminal."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Protocol, TextIO

__all__ = ["LiveStatistics"]

_EVERY = 0.05
"""Seconds between two updates."""


class _Streamer(Protocol):
    def put(self, value: Any) -> None: ...

    def end(self) -> None: ...


class LiveStatistics:
    """A streamer that hands everything on to another, and shows tokens per pass and per second meanwhile.

    They stand behind the cursor, which stays at the end of the text, and are cut off at the edge of the terminal. The
    next piece of text wipes them off.

    Args:
        inner: The streamer that writes the text.
        stream: A terminal.
        clock: Seconds from some moment on.
    """

    def __init__(self, inner: _Streamer, stream: TextIO, clock: Callable[[], float] = time.perf_counter) -> None:
        self._inner = inner
        self._stream = stream
        self._clock = clock
        self._begin: float | None = None
        self._shown = float("-inf")
        self._tokens = self._passes = 0

    def put(self, value: Any) -> None:
        """Takes the prompt, then the tokens of each pass."""
        if self._begin is None:
            self._begin = self._clock()
            self._inner.put(value)
            return
        self._passes += 1
        self._tokens += int(value.numel())
        self._wipe()
        self._inner.put(value)
        now = self._clock()
        if now - self._shown >= _EVERY:
            self._shown = now
            self._show(now - self._begin)

    def end(self) -> None:
        """Wipes the statistics off."""
        self._wipe()
        self._inner.end()

    def _wipe(self) -> None:
        self._stream.write("\x1b[K")
        self._stream.flush()

    def _show(self, seconds: float) -> None:
        rate = f", {self._tokens / seconds:.0f} tokens/s" if seconds > 0 else ""
        line = f"  {self._tokens / self._passes:.2f} tokens a pass{rate}"
        # Without wrapping, what does not fit is left out; then back to where the text ends.
        self._stream.write(f"\x1b7\x1b[?7l\x1b[2m{line}\x1b[0m\x1b[?7h\x1b8")
        self._stream.flush()
