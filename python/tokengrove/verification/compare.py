"""Two encoders on one text: are the ids the same, and if not, where do they part?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tokengrove.errors import InvalidTextError
from tokengrove.verification.minimise import minimise

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    Ids = Sequence[int] | NDArray[np.uint32]

__all__ = ["Difference", "compare"]

WINDOWS = (64, 256, 1024, 4096)
"""How many tokens around the first difference are tried as a smaller text."""


@dataclass(frozen=True, slots=True)
class Difference:
    """A text that two encoders encode differently.

    Attributes:
        text: The text.
        ids: The ids of the encoder under test.
        expected: The ids of the reference.
        at: How many ids are the same before the first difference.
    """

    text: str
    ids: tuple[int, ...]
    expected: tuple[int, ...]
    at: int


def compare(
    text: str,
    ids: Ids,
    expected: Ids,
    encode: Callable[[str], Ids],
    encode_expected: Callable[[str], Ids],
    *,
    seconds: float = 10.0,
) -> Difference | None:
    """Compare the ids that two encoders gave a text; if they differ, find a small text on which they still do.

    Args:
        text: The text.
        ids: Its ids by the encoder under test.
        expected: Its ids by the reference.
        encode: The encoder under test.
        encode_expected: The reference.
        seconds: How long to shrink the text.

    Returns:
        None if the ids are the same, else a difference on `text` or on a part of it.
    """
    at = first_difference(ids, expected)
    if at is None:
        return None

    def differs(candidate: str) -> bool:
        try:
            return first_difference(encode(candidate), encode_expected(candidate)) is not None
        except InvalidTextError:  # a part of the text need not be encodable by itself
            return False

    small = text
    if differs(text):  # else it depends on what was encoded before; the text as it stands is all there is to show
        small = minimise(_around(text, at, len(expected), differs), differs, seconds=seconds)
        ids, expected = encode(small), encode_expected(small)
        at = first_difference(ids, expected) or 0
    return Difference(small, tuple(map(int, ids)), tuple(map(int, expected)), at)


def first_difference(left: Ids, right: Ids) -> int | None:
    """Give the index of the first id that differs (or that only one has), or None."""
    a, b = np.asarray(left, dtype=np.int64), np.asarray(right, dtype=np.int64)
    shared = min(a.size, b.size)
    unequal = np.flatnonzero(a[:shared] != b[:shared])
    if unequal.size:
        return int(unequal[0])
    return None if a.size == b.size else shared


def _around(text: str, at: int, tokens: int, differs: Callable[[str], bool]) -> str:
    """Guess a part of a long text that holds the difference; the whole text if no guess is right.

    Token positions are turned into character positions in proportion, which is roughly right for even text.
    """
    middle = round(len(text) * at / max(tokens, 1))
    for window in WINDOWS:
        if 2 * window >= len(text):
            break
        part = text[max(middle - window, 0) : middle + window]
        if differs(part):
            return part
    return text
