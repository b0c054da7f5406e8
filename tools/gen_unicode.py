r"""Generate the character class tables of the core crate by asking the reference engines themselves.

A pretokenizer pattern is exact only if ``\p{Lu}`` means the same set of characters here as in the library
it stands in for. So the sets are not taken from a Unicode release: tiktoken (fancy-regex) and Hugging Face
tokenizers (oniguruma), as installed, are asked about every scalar value, and any character on which they
differ is listed in ``docs/unicode.md``.

Usage::

    pip install tiktoken==0.14.0 tokenizers==0.23.3
    python tools/gen_unicode.py          # rewrites the tables and docs/unicode.md
    python tools/gen_unicode.py --check  # exits 1 if they are not up to date
"""

from __future__ import annotations

import argparse
import itertools
import sys
from importlib.metadata import version
from pathlib import Path

import tiktoken
from tokenizers import Regex, pre_tokenizers

ROOT = Path(__file__).resolve().parent.parent
TABLES = ROOT / "rust/core/src/unicode/tables.rs"
NOTES = ROOT / "docs/unicode.md"

SCALARS = [c for c in range(0x110000) if not 0xD800 <= c < 0xE000]
TEXT = "".join(map(chr, SCALARS))

# The sets that the pretokenizer classes are made of, and those that are only compared.
TABLE_SETS = ["Lu", "Ll", "Lt", "Lm", "Lo", "M", "N", "P", "S", "Han", r"\s"]
COMPARED_SETS = ["L", "Nd", r"\d", r"\w"]

# Characters of the second DeepSeek-V3 split, [一-龥぀-ゟ゠-ヿ].
CJK_RANGES = [(0x4E00, 0x9FA5), (0x3040, 0x309F), (0x30A0, 0x30FF)]

BLOCK = 64  # characters per block: exactly those that share all UTF-8 bytes but the last


def pattern_of(name: str) -> str:
    """The pattern that matches one character of a set."""
    return name if name.startswith("\\") else rf"\p{{{name}}}"


def ask_tiktoken(name: str) -> set[int]:
    """Every scalar that tiktoken's engine puts in a set: text that a pattern does not match is dropped."""
    ranks = {bytes([b]): b for b in range(256)}
    encoding = tiktoken.Encoding("bytes", pat_str=pattern_of(name), mergeable_ranks=ranks, special_tokens={})
    return set(map(ord, encoding.decode(encoding.encode_ordinary(TEXT))))


def ask_tokenizers(name: str) -> set[int]:
    """Every scalar that the engine of Hugging Face tokenizers puts in a set."""
    split = pre_tokenizers.Split(Regex(pattern_of(name)), "removed", invert=True)
    found: set[int] = set()
    for start in range(0, len(TEXT), 1 << 16):
        for piece, _ in split.pre_tokenize_str(TEXT[start : start + (1 << 16)]):
            found.update(map(ord, piece))
    return found


def ask_tokenizers_digits() -> set[int]:
    """Every scalar that the ``Digits`` pre-tokenizer isolates (it asks Rust's standard library)."""
    found: set[int] = set()
    digits = pre_tokenizers.Digits(individual_digits=True)
    for c in SCALARS:
        # Between two letters a digit is a piece of its own.
        if len(digits.pre_tokenize_str(f"a{chr(c)}a")) == 3:
            found.add(c)
    return found


def ascii_class(c: int) -> str | None:
    """The class letter of the characters that patterns name one by one."""
    special = {0x27: "q", 0x2F: "h", 0x20: "b", 0x0D: "r", 0x0A: "n", 0x017F: "f"}
    if c in special:
        return special[c]
    if c >= 0x80:
        return None
    char = chr(c)
    if char.isalpha():
        for members, letter in (("dmst", "d"), ("e", "e"), ("l", "l"), ("rv", "v")):
            if char.lower() in members:
                return letter.upper() if char.isupper() else letter
        return "A" if char.isupper() else "a"
    return "i" if char.isdigit() else None


def class_letter(c: int, sets: dict[str, set[int]]) -> str:
    """The letter that stands for a character's class in the generated table; see ``Class`` in mod.rs."""
    if letter := ascii_class(c):
        return letter
    han = c in sets["Han"]
    cjk = any(first <= c <= last for first, last in CJK_RANGES)
    if c in sets[r"\s"]:
        return "w"
    if c in sets["Lu"] or c in sets["Lt"]:
        return "X"
    if c in sets["Ll"]:
        return "x"
    if c in sets["Lm"] or c in sets["Lo"]:
        return "C" if han and cjk else "H" if han else "K" if cjk else "o"
    if c in sets["M"]:
        return "k" if cjk else "M" if han else "m"
    if c in sets["N"]:
        return "J" if han else "N"
    if c in sets["P"] or c in sets["S"]:
        return "p" if c < 0x80 else "S" if han else "T" if cjk else "P"
    return "Z" if cjk else "y" if c in sets["Digits"] else "z"


def verify(sets: dict[str, set[int]]) -> None:
    """Stop if the classes cannot express some set, which a new Unicode version could cause."""
    cjk = {c for first, last in CJK_RANGES for c in range(first, last + 1)}
    letters = set().union(*(sets[name] for name in ("Lu", "Ll", "Lt", "Lm", "Lo")))
    assert letters == sets["L"], "letters are not the union of their cases"
    assert not sets["Han"] & (sets["Lu"] | sets["Ll"] | sets["Lt"] | sets[r"\s"]), "a cased or blank Han character"
    assert not cjk & (sets["Lu"] | sets["Ll"] | sets["Lt"] | sets[r"\s"] | sets["N"]), "an unforeseen CJK character"
    assert not cjk & sets["Han"] & (sets["M"] | sets["P"] | sets["S"]), "an unforeseen Han character"
    kinds = letters | sets["M"] | sets["N"] | sets["P"] | sets["S"]
    assert not sets["Han"] - kinds, "a Han character of no kind"
    assert sets["Digits"] >= sets["N"], "a number that Digits leaves alone"
    assert not (sets["Digits"] - sets["N"]) & (kinds | sets[r"\s"] | cjk), "an unforeseen Digits character"


def render_tables(sets: dict[str, set[int]]) -> str:
    """The Rust source of the two-level table."""
    letters = ["z"] * 0x110000
    for c in SCALARS:
        letters[c] = class_letter(c, sets)
    blocks: dict[str, int] = {}
    index = [blocks.setdefault("".join(letters[i : i + BLOCK]), len(blocks)) for i in range(0, 0x110000, BLOCK)]
    runs = [(block, len(list(group))) for block, group in itertools.groupby(index)]
    out = [
        "//! Generated by `tools/gen_unicode.py`; do not edit.",
        "//!",
        f"//! Asked of tiktoken {version('tiktoken')} and tokenizers {version('tokenizers')}, "
        "which agree on every set used here.",
        "",
        "/// Distinct blocks of 64 characters, one letter per character; "
        "`Class::from_letter` gives the letters' meaning.",
        "#[rustfmt::skip]",
        f"pub(super) const BLOCKS: [&[u8; {BLOCK}]; {len(blocks)}] = [",
        *(f'    b"{block}",' for block in blocks),
        "];",
        "",
        "/// Which block each 64 characters use, from U+0000 on: (block, how many times in a row).",
        "#[rustfmt::skip]",
        f"pub(super) const RUNS: [(u16, u16); {len(runs)}] = [",
    ]
    line = "   "
    for block, times in runs:
        item = f" ({block}, {times}),"
        if len(line) + len(item) > 118:
            out.append(line)
            line = "   "
        line += item
    out += [line, "];", ""]
    return "\n".join(out)


def ranges(points: set[int]) -> str:
    """Code points as ranges, for the notes."""
    out: list[str] = []
    for _, group in itertools.groupby(enumerate(sorted(points)), key=lambda pair: pair[1] - pair[0]):
        run = [c for _, c in group]
        out.append(f"U+{run[0]:04X}" if len(run) == 1 else f"U+{run[0]:04X}..{run[-1]:04X}")
    return ", ".join(out) or "none"


def render_notes(ours: dict[str, set[int]], theirs: dict[str, set[int]]) -> str:
    """The page that records what was asked and where the engines differ."""
    digits = ours["Digits"]
    out = [
        "# Unicode tables",
        "",
        "Generated by `tools/gen_unicode.py`; do not edit.",
        "",
        "The class tables in `rust/core/src/unicode/tables.rs` come from asking the engines of",
        f"tiktoken {version('tiktoken')} (fancy-regex) and tokenizers {version('tokenizers')} (oniguruma) "
        "about every scalar value.",
        "Pretokenizer patterns that are compiled to automata use only sets on which the two agree.",
        "",
        "| set | tiktoken | tokenizers | only tiktoken | only tokenizers |",
        "|---|---:|---:|---|---|",
    ]
    for name in TABLE_SETS + COMPARED_SETS:
        a, b = ours[name], theirs[name]
        out.append(f"| `{pattern_of(name)}` | {len(a)} | {len(b)} | {ranges(a - b)} | {ranges(b - a)} |")
    out += [
        "",
        "`\\w` is the only set that differs; no compiled pattern uses it, and the general engine follows each dialect.",
        "",
        f"The `Digits` pre-tokenizer of tokenizers isolates {len(digits)} characters",
        f"(missing from `\\p{{N}}`: {ranges(digits - ours['N'])}; in `\\p{{N}}` only: {ranges(ours['N'] - digits)}):",
        "it follows the Unicode version of the Rust compiler that built the wheel, not that of oniguruma.",
        "These characters have a class of their own.",
        "",
    ]
    return "\n".join(out)


def main() -> int:
    """Write the files, or compare them with what is there."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if a file is not up to date")
    arguments = parser.parse_args()
    names = TABLE_SETS + COMPARED_SETS
    ours = {name: ask_tiktoken(name) for name in names}
    theirs = {name: ask_tokenizers(name) for name in names}
    for name in TABLE_SETS:
        assert ours[name] == theirs[name], f"the engines differ on {name}: {ranges(ours[name] ^ theirs[name])}"
    ours["Digits"] = ask_tokenizers_digits()
    verify(ours)
    stale = False
    for path, text in ((TABLES, render_tables(ours)), (NOTES, render_notes(ours, theirs))):
        if path.exists() and path.read_text(encoding="utf-8") == text:
            continue
        stale = True
        print(f"{'stale' if arguments.check else 'wrote'}: {path.relative_to(ROOT)}")
        if not arguments.check:
            path.write_text(text, encoding="utf-8")
    return int(stale and arguments.check)


if __name__ == "__main__":
    sys.exit(main())
