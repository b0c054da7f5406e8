"""Real vocabularies and texts, from the folder that ``TOKENGROVE_TEST_DATA`` names; tests skip without it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

CORPORA = ("chat_md.txt", "cjk.txt", "english.txt", "json_log.txt", "multilingual.txt")


def data_file(relative: str) -> Path:
    """A file of the test data; skips the calling test, with the reason, where it is absent."""
    root = os.environ.get("TOKENGROVE_TEST_DATA")
    if not root:
        pytest.skip("TOKENGROVE_TEST_DATA is not set")
    path = Path(root) / relative
    if not path.exists():
        pytest.skip(f"{relative} is not in TOKENGROVE_TEST_DATA")
    return path


def rank_file(name: str) -> Path:
    """The rank file of a tiktoken encoding, such as ``o200k_base``."""
    return data_file(f"vocabs/tiktoken/{name}.tiktoken")


def corpus(name: str) -> str:
    """The text of one corpus, such as ``english.txt``."""
    return data_file(f"corpora/{name}").read_text(encoding="utf-8")


def small_ranks() -> dict[bytes, int]:
    """A rank vocabulary that needs no file: the bytes and a few hundred merges of common letters."""
    ranks = {bytes([byte]): byte for byte in range(256)}
    letters = [b" ", b"e", b"t", b"a", b"o", b"n", b"i", b"s", b"r", b"h", b"l", b"d"]
    pairs = [left + right for left in letters for right in letters if right != b" "]
    for token in pairs + [pair + letter for pair in pairs for letter in letters[1:4]]:
        ranks.setdefault(token, len(ranks))
    return ranks
