"""Vocabularies for the tests of the tiktoken drop-in: a small one made here, and OpenAI's where they are at hand."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

import tokengrove.compat.tiktoken as drop_in
from tokengrove.compat.tiktoken import load, registry

PUBLIC = "https://openaipublic.blob.core.windows.net/"

PATTERN = r"'(?:[sdmt]|ll|ve|re)| ?\p{L}++| ?\p{N}++| ?[^\s\p{L}\p{N}]++|\s++$|\s+(?!\S)|\s"
MERGED = [
    b"he",
    b"ll",
    b"hell",
    b"hello",
    b" w",
    b"or",
    b" wor",
    b"ld",
    b" world",
    b"\n\n",
    b"  ",
    b"\xc3\xa9",
    b"\xf0\x9f",
]
SPECIAL = {"<|endoftext|>": 300, "<|start|>": 301, "<|start|>of": 302}


def small_ranks() -> dict[bytes, int]:
    """The 256 bytes and a few merges."""
    return {token: rank for rank, token in enumerate([*(bytes([byte]) for byte in range(256)), *MERGED])}


@pytest.fixture(scope="session")
def small() -> drop_in.Encoding:
    """An encoding that needs no file."""
    return drop_in.Encoding("small", pat_str=PATTERN, mergeable_ranks=small_ranks(), special_tokens=SPECIAL)


@pytest.fixture(scope="session")
def test_data() -> Path:
    """The folder of real vocabularies and texts."""
    folder = os.environ.get("TOKENGROVE_TEST_DATA")
    if not folder:
        pytest.skip("TOKENGROVE_TEST_DATA is not set: no real vocabularies")
    return Path(folder)


@pytest.fixture(scope="session")
def rank_files(test_data: Path) -> Path:
    """The folder of OpenAI's rank files, named as they are published."""
    folder = test_data / "vocabs/tiktoken"
    if not (folder / "o200k_base.tiktoken").is_file():
        pytest.skip(f"{folder} has no rank files")
    return folder


def gpt2_files(test_data: Path) -> dict[str, bytes]:
    """GPT-2's own pair of files, made from its tokenizer.json; they are those published, byte for byte."""
    model = json.loads((test_data / "vocabs/hf/gpt2/tokenizer.json").read_text(encoding="utf-8"))["model"]
    merges = [merge if isinstance(merge, str) else " ".join(merge) for merge in model["merges"]]
    return {
        "vocab.bpe": "\n".join(["#version: 0.2", *merges, ""]).encode(),
        "encoder.json": json.dumps(model["vocab"]).encode(),
    }


@pytest.fixture(scope="session")
def filled_cache(test_data: Path, rank_files: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as tiktoken's cache would be after downloading everything."""
    cache = tmp_path_factory.mktemp("tiktoken-cache")

    def put(address: str, content: bytes) -> None:
        (cache / hashlib.sha1(address.encode(), usedforsecurity=False).hexdigest()).write_bytes(content)

    for name in ("r50k_base", "p50k_base", "cl100k_base", "o200k_base"):
        put(f"{PUBLIC}encodings/{name}.tiktoken", (rank_files / f"{name}.tiktoken").read_bytes())
    for name, content in gpt2_files(test_data).items():
        put(f"{PUBLIC}gpt-2/encodings/main/{name}", content)
    return cache


@pytest.fixture
def no_vocabularies(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """No folder of vocabularies and an empty cache, which is returned; nothing may be downloaded."""
    cache = tmp_path / "cache"
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", str(cache))
    monkeypatch.delenv("DATA_GYM_CACHE_DIR", raising=False)
    monkeypatch.delenv(load.VOCAB_DIR_VARIABLE, raising=False)
    monkeypatch.delenv(load.DOWNLOAD_VARIABLE, raising=False)
    return cache


@pytest.fixture
def fresh_registry(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A registry that has looked for nothing yet; what it was is put back afterwards."""
    monkeypatch.setattr(registry, "ENCODINGS", {})
    monkeypatch.setattr(registry, "ENCODING_CONSTRUCTORS", None)
    registry._available_plugin_modules.cache_clear()
    yield
    registry._available_plugin_modules.cache_clear()
