"""Rank files, put where each peer looks for them, so that no peer needs the network."""

from __future__ import annotations

import base64
import hashlib
import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

NAMES = ("o200k_base", "cl100k_base")

_PUBLISHED_AT = "https://openaipublic.blob.core.windows.net/encodings/"

# The split patterns in a form that oniguruma reads as tiktoken's engine reads the published ones: no possessive
# `{1,3}+`, which oniguruma takes for a repetition, and `\z` for an end that is not a line's.
_ONIGURUMA_PATTERNS = {
    "cl100k_base": (
        r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}| ?[^\s\p{L}\p{N}]++[\r\n]*+"
        r"|\s++\z|\s*[\r\n]|\s+(?!\S)|\s"
    ),
    "o200k_base": "|".join(
        [
            r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?",
            r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?",
            r"\p{N}{1,3}",
            r" ?[^\s\p{L}\p{N}]+[\r\n/]*",
            r"\s*[\r\n]+",
            r"\s+(?!\S)",
            r"\s+",
        ]
    ),
}


@dataclass(frozen=True)
class Vocabulary:
    """One vocabulary and where its files lie.

    Attributes:
        name: ``o200k_base`` or ``cl100k_base``.
        ranks: The rank file.
        home: A folder with the rank files under the names that peers' caches use.
    """

    name: str
    ranks: Path
    home: Path

    @property
    def short(self) -> str:
        """The name without ``_base``, as several peers call it."""
        return self.name.removesuffix("_base")

    @property
    def tokenizer_json(self) -> Path:
        """The vocabulary as a Hugging Face file; :func:`write_tokenizer_json` makes it."""
        return self.home / f"{self.name}.json"

    def environment(self) -> dict[str, str]:
        """The variables under which peers find the files."""
        return {"TIKTOKEN_CACHE_DIR": str(self.home), "WORDCHIPPER_CACHE_DIR": str(self.home / "wordchipper")}


def prepare(name: str, folder: Path, home: Path) -> Vocabulary:
    """Copy a rank file to the places where peers look for it.

    Args:
        name: One of :data:`NAMES`.
        folder: The folder with ``NAME.tiktoken``.
        home: A folder to write to; files that are there already are kept.

    Returns:
        The vocabulary.

    Raises:
        FileNotFoundError: If the rank file is not there.
    """
    ranks = folder / f"{name}.tiktoken"
    if not ranks.is_file():
        raise FileNotFoundError(f"no {name}.tiktoken in {folder}")
    cached = hashlib.sha1(f"{_PUBLISHED_AT}{name}.tiktoken".encode()).hexdigest()
    for target in (home / cached, home / "wordchipper" / "openai" / name / ranks.name):
        if not target.is_file() or target.stat().st_size != ranks.stat().st_size:
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ranks, target)
    return Vocabulary(name, ranks, home)


def write_tokenizer_json(vocabulary: Vocabulary) -> None:
    """Write a rank vocabulary as a ``tokenizer.json``, unless it is there.

    Args:
        vocabulary: The vocabulary; the file is its ``tokenizer_json``.
    """
    if vocabulary.tokenizer_json.is_file():
        return
    ranks: dict[bytes, int] = {}
    for line in vocabulary.ranks.read_bytes().splitlines():
        token, rank = line.split()
        ranks[base64.b64decode(token)] = int(rank)
    letters = _byte_letters()

    def surface(token: bytes) -> str:
        return "".join(letters[byte] for byte in token)

    merges = [
        [surface(part) for part in _last_merge(token, ranks)]
        for token in sorted(ranks, key=ranks.__getitem__)
        if len(token) > 1
    ]
    pattern = {"Regex": _ONIGURUMA_PATTERNS[vocabulary.name]}
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False}
    file: dict[str, Any] = {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [],
        "normalizer": None,
        "pre_tokenizer": {
            "type": "Sequence",
            "pretokenizers": [
                {"type": "Split", "pattern": pattern, "behavior": "Isolated", "invert": False},
                byte_level,
            ],
        },
        "post_processor": None,
        "decoder": byte_level,
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": None,
            "continuing_subword_prefix": None,
            "end_of_word_suffix": None,
            "fuse_unk": False,
            "byte_fallback": False,
            "ignore_merges": True,
            "vocab": {surface(token): rank for token, rank in ranks.items()},
            "merges": merges,
        },
    }
    partial = vocabulary.tokenizer_json.with_suffix(".partial")
    partial.write_text(json.dumps(file, ensure_ascii=False), encoding="utf-8")
    partial.replace(vocabulary.tokenizer_json)


def _last_merge(token: bytes, ranks: dict[bytes, int]) -> list[bytes]:
    """The two tokens that merging makes this one from: merge with lower ranks only until two parts are left."""
    parts = [token[i : i + 1] for i in range(len(token))]
    while len(parts) > 2:
        candidates = (ranks.get(parts[i] + parts[i + 1], 1 << 60) for i in range(len(parts) - 1))
        rank, at = min((rank, i) for i, rank in enumerate(candidates))
        if rank >= ranks[token]:
            raise ValueError(f"token {token!r} cannot be made by merges of lower rank")
        parts[at : at + 2] = [parts[at] + parts[at + 1]]
    return parts


def _byte_letters() -> list[str]:
    """GPT-2's printable letter for each byte: itself where it is printable, else the next free code point above 255."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    letters = {byte: chr(byte) for byte in printable}
    hidden = [byte for byte in range(256) if byte not in letters]
    letters.update({byte: chr(0x100 + i) for i, byte in enumerate(hidden)})
    return [letters[byte] for byte in range(256)]
