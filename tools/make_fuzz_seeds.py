"""Writes the seeds of the fuzz targets, ``fuzz/seeds/TARGET/NAME``: small inputs that reach the interesting branches.

The layout of each kind of input is that of the target's source in ``fuzz/src``. Run from the repository root after
changing either; the output is committed.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
from support.hostile_files import VALID, may_fail, must_fail

SEEDS = Path("fuzz/seeds")

TEXTS = {
    "english": "Hello world! It's the year 2026; we'LL see  what they're\tdoing.\r\n\r\n  Indented line\n",
    "code": "def f(x):\n    return {'a': 1_000, \"b\": x**2}  # ok\n\n\tif (a&&b) { x->y[0]++; }\n",
    "digits": "1 12 123 1234 12345678901234567890 3.14159 1,000,000 0x1F \u0661\u0662\u0663 \u00bd \u2167",
    "spaces": " a  b   c\n\n \n  \t d \u00a0e\u3000f\u2028g \r\n\r\r\n   ",
    "cjk": "東京都は大きい。你好，世界！ 한국어 テスト",
    "cased": "ABCdef XMLHttpRequest iPhone \u01c5ungla \u02b0mod ÉTÉ \u0130stanbul \u017fecret 'S 'LL '\u017f",
    "marks": "e\u0301 \u0915\u094d\u0937\u093f \u0e01\u0e33 \u05e9\u05c1 \u200d\u200c Z\u0351\u0352\u0353algo",
    "emoji": "😀\U0001f44d\U0001f3fd \U0001f468\u200d\U0001f469\u200d\U0001f467 \U0001f1e9\U0001f1ea #\ufe0f\u20e3",
    "punctuation": "!!! ... //// \"'`~ @#$%^&*()_+-={}[]|\\:;<>?,./ \u2014\u201cquoted\u201d\u2026\n/\n",
    "repeated": "a" * 200 + " " * 100 + "\n" * 50 + "ab" * 60,
    "empty": "",
}


def number(value: int) -> bytes:
    """A number as ``Input::below`` reads it."""
    return value.to_bytes(2, "big")


def pretokenize() -> dict[str, bytes]:
    """Pattern, buffer capacity, three positions to cut at, text."""
    return {
        f"{pattern}-{name}": number(pattern) + number(pattern * 7) + number(1) + number(5) + number(19) + text.encode()
        for pattern in range(16)
        for name, text in TEXTS.items()
    }


def vocabulary(merges: list[bytes]) -> bytes:
    """A vocabulary as the targets read it: each token is a pair of earlier tokens."""
    tokens = [bytes([byte]) for byte in range(256)]
    out = number(len(merges))
    for merge in merges:
        cut = next(c for c in range(1, len(merge)) if merge[:c] in tokens and merge[c:] in tokens)
        out += number(tokens.index(merge[:cut])) + number(tokens.index(merge[cut:])) + b"\x01"
        tokens.append(merge)
    return out


VOCABULARIES = {
    "bytes": vocabulary([]),
    "words": vocabulary([b"he", b"ll", b"hell", b"hello", b" w", b"or", b" wor", b"ld", b" world", b"th", b"the"]),
    "runs": vocabulary([b"aa", b"aaa", b"aaaa", b"aaaaaaa", b"ab", b"abab", b"ba", b"bab", b"aab", b"  ", b"    "]),
    "overlaps": vocabulary([b"bc", b"abc", b"ab", b"cd", b"bcd", b"abcd", b"cdc", b"dcdc"]),
    "utf8": vocabulary([b"\xe3\x81", b"\xe3\x81\x82", b"\xf0\x9f", b"\xf0\x9f\x98", b"\xf0\x9f\x98\x80", b"\xc3\xa9"]),
    "made-up": number(2) + number(97) + number(98) + b"\x00cd" + number(256) + number(256) + b"\x00\x00\x00",
}

LETTERS = {
    "hello": b"hello world the hell of the world",
    "runs": b"aaaaaaaaaaaaaaaaaaaababababaabaaab    a      b",
    "chain": b"abcdcdcdcdabcdbcabcdcddcdcdcabc",
    "utf8": "\u3042\u3044\U0001f600\u00e9\u00e9".encode() + b"\xe3\x81\xf0\x9f\x98\xff",
    "empty": b"",
    "lines": b"hello\nthe world\naaaaab\n\ncdcdc the \xe3\x81\x82\n" + b"ab" * 40,
}


def encode() -> dict[str, bytes]:
    """Vocabulary, text."""
    return {f"{v}-{t}": vocab + text for v, vocab in VOCABULARIES.items() for t, text in LETTERS.items()}


def decode() -> dict[str, bytes]:
    """Whether to skip special tokens, ids as bytes, text."""
    ids = {
        "none": b"",
        "ascii": b"the end",
        "characters": "é東😀".encode(),
        "halves": b"\xe6\x9d\xb1\xf0\x9f\x98\xc3\x28\xed\xa0\x80",
        "joined": bytes(range(240, 255)),
        "unknown": b"the\xff\x01\x00end",
    }
    return {
        f"{name}-{skip}": bytes([skip]) + number(len(tokens)) + tokens + b"the <|end|> " + text
        for skip in (0, 1)
        for (name, tokens), text in zip(ids.items(), LETTERS.values(), strict=False)
    }


def load() -> dict[str, bytes]:
    """Format, file: small valid files of each format, odd ones, and the shortest of the hostile ones."""
    formats = {".tiktoken": 0, "-tekken.json": 2, ".json": 1, ".model": 3}
    short = {name: data for name, data in must_fail().items() if len(data) < 1000}
    return {
        name: bytes([next(number for suffix, number in formats.items() if name.endswith(suffix))]) + data
        for name, data in {**VALID, **may_fail(), **short}.items()
        if len(data) < 16_000
    }


def main() -> None:
    """Replaces the seeds of every target."""
    for target in (pretokenize, encode, decode, load):
        folder = SEEDS / target.__name__
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        for name, data in target().items():
            (folder / name).write_bytes(data)


if __name__ == "__main__":
    main()
