"""Texts that break tokenizers: long runs, ragged whitespace, broken and rare characters, random mixtures."""

from __future__ import annotations

import base64
import itertools
import random
import sys
import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["adversarial_texts", "random_texts"]

SUFFIXES = ("s", "t", "re", "ve", "m", "ll", "d")
"""What follows the apostrophe of an English contraction."""

REPRESENTATIVES = (
    "aéßjZÉǅʰªあ漢자ابहि"  # letters: lower, upper, title, modifier, other
    "\u0301\u0e33\u200d\u0903"  # marks and a joiner
    "09٣²½Ⅷ"  # numbers
    "!\"'’-_./:;<=>|~€©🙂\U0001f1e9\U0001f1ea"  # punctuation and symbols
    " \t\n\r\x0b\x0c\x85\xa0\u2003\u2028\u3000"  # whitespace
    "\x00\x1f\x7f\u200b\ufeff\ufffd\ue000\U0010ffff"  # controls, formats, private use, unassigned
    "KſİıμſDŽ"  # folding to or from other characters
)
"""Characters of every class that a pattern can tell apart."""

WORDS = (
    " the",
    "ing",
    "'LL",
    "'ſ",
    "123",
    "    ",
    "\r\n",
    "://",
    "<|endoftext|>",
    "def f(x):",
    "日本語",
    "नमस्ते",
    "👩‍👩‍👧",
)


def adversarial_texts(size: int = 100_000, seed: int = 0) -> Iterator[tuple[str, str]]:
    """Make the texts on which tokenizers are known to be slow or wrong.

    Args:
        size: About how many characters the long ones have.
        seed: What the random ones are drawn from.

    Yields:
        A name and a text.
    """
    chance = random.Random(seed)
    for name, unit in (
        ("letter a", "a"),
        ("space", " "),
        ("newline", "\n"),
        ("digit", "7"),
        ("emoji", "🙂"),
        ("CRLF", "\r\n"),
    ):
        yield f"{name} repeated", unit * (size // len(unit))
    yield "random letters", "".join(chance.choices("abcdefghijklmnopqrstuvwxyz", k=size))
    yield "random letters of both cases", "".join(chance.choices("abcdeABCDEß", k=size))
    yield "random digits", "".join(chance.choices("0123456789٣²", k=size))
    yield "base64", base64.b64encode(chance.randbytes(size * 3 // 4)).decode()
    yield "random bytes, decoded with replacement", chance.randbytes(size).decode("utf-8", "replace")
    yield "random scalar values", "".join(map(chr, _scalars(chance, size)))
    yield "every scalar value once", "".join(chr(c) for c in range(sys.maxunicode + 1) if not _is_surrogate(c))
    yield (
        "combining runs",
        "".join(c + "\u0301\u0323" * chance.randrange(40) for c in chance.choices("aeo 1!", k=size // 40)),
    )
    yield (
        "whitespace mixes",
        "".join(chance.choices(" \t\n\r\x0b\x85\xa0\u2003\u3000a", weights=[9, 3, 3, 2, 1, 1, 1, 1, 1, 4], k=size)),
    )
    yield "contractions in every case", " ".join(_contractions())
    yield "punctuation runs", "".join(chance.choices("!?.,;:'\"/-_=+*#\n ", k=size))
    yield "code-like", "".join(chance.choices(WORDS, k=size // 6))


def _contractions() -> Iterator[str]:
    """Every case of every contraction, with both apostrophes, alone and after letters."""
    for apostrophe, suffix in itertools.product("'’", SUFFIXES):
        for cased in itertools.product(*((letter, letter.upper()) for letter in suffix)):
            for before in ("", "I", "don", "É", "漢", "9", "!", "'"):
                for after in ("", "x", "'s"):
                    yield before + apostrophe + "".join(cased) + after
    yield "it'ſ IT'ſ 'ſ K'ſ"


def _is_surrogate(code: int) -> bool:
    return 0xD800 <= code <= 0xDFFF


def _scalars(chance: random.Random, count: int) -> Iterator[int]:
    """Random scalar values, small ones more often than large ones."""
    for _ in range(count):
        code = chance.randrange(chance.choice((0x80, 0x800, 0x3000, 0x10000, 0x20000, 0x110000)))
        yield 0x61 if _is_surrogate(code) else code


def random_texts(count: int, seed: int = 0, longest: int = 40) -> Iterator[tuple[str, str]]:
    """Make short random texts of characters from every class, words and random scalar values.

    Args:
        count: How many.
        seed: What they are drawn from; the same seed gives the same texts.
        longest: The largest number of parts in a text.

    Yields:
        A name and a text.
    """
    chance = random.Random(seed)
    assigned = [c for c in range(0x3000) if unicodedata.category(chr(c)) not in ("Cn", "Cs")]
    for index in range(count):
        few = chance.choices(REPRESENTATIVES, k=chance.randint(1, 6))
        parts = []
        for _ in range(chance.randint(1, longest)):
            kind = chance.random()
            if kind < 0.6:
                parts.append(chance.choice(few))
            elif kind < 0.85:
                parts.append(chance.choice(REPRESENTATIVES))
            elif kind < 0.95:
                parts.append(chance.choice(WORDS))
            else:
                parts.append(chr(chance.choice(assigned)))
        yield f"random {seed}:{index}", "".join(parts)
