"""Delta debugging: the smallest text on which something still fails."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["minimise"]

PLAIN = "a 1\n"
"""Characters that stand in for others, if the failure does not depend on which character it is."""


def minimise(text: str, fails: Callable[[str], bool], *, seconds: float = 10.0) -> str:
    """Shrink a text while it still fails.

    First whole parts go, from halves down to single characters (so that at the end no single character can be left
    out), then each character is replaced by a plain one where that keeps the failure.

    Args:
        text: A text for which `fails` is true.
        fails: Says whether a text still shows the failure.
        seconds: When this time is up, the smallest text so far is good enough.

    Returns:
        A text for which `fails` is true.

    Source:
        A. Zeller, R. Hildebrandt, Simplifying and Isolating Failure-Inducing Input, IEEE TSE 28(2), 2002, section 3.
    """
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        shorter = _without_parts(text, fails, deadline)
        plainer = _with_plain_characters(shorter, fails, deadline)
        if plainer == text:
            break
        text = plainer
    return text


def _without_parts(text: str, fails: Callable[[str], bool], deadline: float) -> str:
    """Leave out parts of half the length, then of a quarter, ... then single characters until none can go."""
    length = max(len(text) // 2, 1)
    while text and time.monotonic() < deadline:
        at = 0
        before = len(text)
        while at < len(text) and time.monotonic() < deadline:
            candidate = text[:at] + text[at + length :]
            if candidate and fails(candidate):
                text = candidate
            else:
                at += length
        if length > 1:
            length = max(length // 2, 1)
        elif len(text) == before:
            break
    return text


def _with_plain_characters(text: str, fails: Callable[[str], bool], deadline: float) -> str:
    """Replace each character by the first of `PLAIN` that keeps the failure."""
    for at, character in enumerate(text):
        for plain in PLAIN:
            if plain == character or time.monotonic() > deadline:
                break
            candidate = text[:at] + plain + text[at + 1 :]
            if fails(candidate):
                text = candidate
                break
    return text
