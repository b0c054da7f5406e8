"""Writing numbers and letters so that tokens fall where one wants them."""

from __future__ import annotations

import re
from typing import Literal

from tokengrove.errors import InvalidArgumentError

__all__ = ["group_digits", "spell_out", "ungroup_digits"]

_RUN = re.compile(r"[0-9]+")


def group_digits(
    text: str,
    separator: str = ",",
    size: int = 3,
    direction: Literal["r2l", "l2r"] = "r2l",
) -> str:
    """Put separators into runs of digits (0 to 9).

    Args:
        text: Any text; what is no digit stays.
        separator: What to put between groups.
        size: The most digits in a group.
        direction: ``"r2l"`` counts groups from the right, as people write numbers, so that the first may be shorter;
            ``"l2r"`` from the left, as most tokenizers cut them.

    Returns:
        The text with separators: ``"1234567"`` becomes ``"1,234,567"``, or ``"123,456,7"`` from the left.

    Raises:
        InvalidArgumentError: If ``size`` is not positive, ``separator`` is empty or has a digit, or ``direction`` is
            neither.

    Source:
        Singh and Strouse, "Tokenization counts" (2024).
    """
    _check(separator, size)
    if direction not in ("r2l", "l2r"):
        raise InvalidArgumentError(f"direction must be 'r2l' or 'l2r'; found {direction!r}")

    def group(match: re.Match[str]) -> str:
        run = match.group()
        first = len(run) % size if direction == "r2l" else 0
        groups = [run[:first]] if first else []
        groups += [run[at : at + size] for at in range(first, len(run), size)]
        return separator.join(groups)

    return _RUN.sub(group, text)


def ungroup_digits(text: str, separator: str = ",", size: int = 3) -> str:
    """Take the separators out again that :func:`group_digits` put in.

    Only what looks like a grouped number is changed: groups of ``size`` digits, but for a shorter one at the left or at
    the right end.

    Args:
        text: Any text.
        separator: What is between groups.
        size: The most digits in a group.

    Returns:
        The text without those separators.

    Raises:
        InvalidArgumentError: If ``size`` is not positive, or ``separator`` is empty or has a digit.
    """
    _check(separator, size)
    mark = re.escape(separator)
    from_right = rf"[0-9]{{1,{size}}}(?:{mark}[0-9]{{{size}}})+"
    from_left = rf"[0-9]{{{size}}}(?:{mark}[0-9]{{{size}}})*{mark}[0-9]{{1,{size}}}"
    grouped = re.compile(rf"(?<![0-9])(?:{from_right}(?![0-9])(?!{mark}[0-9])|{from_left}(?![0-9]))")
    return grouped.sub(lambda match: match.group().replace(separator, ""), text)


def spell_out(text: str, style: Literal["raw", "space", "comma", "quote"] = "space") -> str:
    """Write the characters of a text apart, so that each is a token of its own.

    Args:
        text: The text.
        style: ``"raw"`` leaves it, ``"space"`` gives ``a b``, ``"comma"`` gives ``a, b`` and ``"quote"`` gives
            ``"a", "b"``.

    Returns:
        The characters in that form.

    Raises:
        InvalidArgumentError: If there is no such style.

    Source:
        Zhang, Cao and You, "Counting Ability of Large Language Models and Impact of Tokenization" (2024).
    """
    if style == "raw":
        return text
    if style == "space":
        return " ".join(text)
    if style == "comma":
        return ", ".join(text)
    if style == "quote":
        return ", ".join(f'"{character}"' for character in text)
    raise InvalidArgumentError(f"style must be 'raw', 'space', 'comma' or 'quote'; found {style!r}")


def _check(separator: str, size: int) -> None:
    if size < 1:
        raise InvalidArgumentError(f"size must be at least 1; found {size}")
    if not separator or any("0" <= character <= "9" for character in separator):
        raise InvalidArgumentError(f"separator must be a text without digits that is not empty; found {separator!r}")
