"""The vocabulary in the package, and the script that trains it."""

from __future__ import annotations

import base64
import collections
import gzip
import importlib.util
import sys
from collections import Counter
from pathlib import Path
from types import ModuleType

import pytest

import tokengrove
from tokengrove.default import default_file
from tokengrove.verification.reference import read_ranks

ROOT = Path(__file__).resolve().parents[3]
FILE = ROOT / "python/tokengrove/data/default.tiktoken.gz"


@pytest.fixture(scope="module")
def trainer() -> ModuleType:
    pytest.importorskip("regex")
    spec = importlib.util.spec_from_file_location("train_default_vocab", ROOT / "tools/train_default_vocab.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def test_every_byte_and_no_gap() -> None:
    ranks = read_ranks(default_file())
    assert [ranks[bytes([byte])] for byte in range(256)] == list(range(256))
    assert sorted(ranks.values()) == list(range(len(ranks)))
    assert 16_000 <= len(ranks) < 2**15
    assert FILE.stat().st_size < 600_000


def test_every_token_is_reachable() -> None:
    tokenizer = tokengrove.Tokenizer.from_tiktoken(read_ranks(default_file()), pattern=None)
    for token, rank in read_ranks(default_file()).items():
        # A part of a character by itself is not text: the encoder takes it apart from the text around it.
        if token.decode("utf-8", "ignore").encode() == token:
            assert tokenizer.encode_list(token) == [rank]


def test_round_trip() -> None:
    tokenizer = tokengrove.default_tokenizer()
    assert tokenizer is tokengrove.default_tokenizer()
    assert tokenizer.vocab_size == tokenizer.max_token_id + 1 == 32_768
    assert tokenizer.special_tokens == {"<|endoftext|>": 32_767}
    for data in (b"", bytes(range(256)), "naïve 日本語 🙂\r\n".encode(), Path(__file__).read_bytes()):
        assert tokenizer.decode_bytes(tokenizer.encode(data)) == data


def test_it_compresses_what_it_was_trained_for() -> None:
    tokenizer = tokengrove.default_tokenizer()
    source = Path(collections.__file__).read_text(encoding="utf-8")
    assert len(source.encode()) / tokenizer.count(source) > 3.5
    english = "It was the best of times, it was the worst of times, it was the age of wisdom."
    assert len(english) / tokenizer.count(english) > 3.3


def test_training_is_deterministic(trainer: ModuleType, tmp_path: Path) -> None:
    text = tmp_path / "text.txt"
    text.write_text((ROOT / "tools/train_default_vocab.py").read_text() * 2 + "日本語の文字 " * 500)
    files = []
    for name in ("a.gz", "b.gz"):
        assert trainer.main(["--text", str(text), "--ranks", "600", "--out", str(tmp_path / name)]) == 0
        files.append((tmp_path / name).read_bytes())
    assert files[0] == files[1]
    lines = [line.split() for line in gzip.decompress(files[0]).splitlines()]
    assert [int(rank) for _, rank in lines] == list(range(600))
    tokens = [base64.b64decode(token) for token, _ in lines]
    assert len(set(tokens)) == 600
    assert "日本語".encode() in b" ".join(tokens)


def test_pieces_stay_as_the_ranks_encode_them(trainer: ModuleType) -> None:
    """The trainer's own state is what an encoder that knows only the ranks makes of each piece."""
    words = "abab ababab aab abb bab aabb abaab banana bandana ananas a aa aaa aaaa aaaaa aaaaaa"
    counts = Counter({word.encode(): 3 + index for index, word in enumerate(words.split())})
    training = trainer.Trainer(counts)
    training.train(256 + 20)
    tokenizer = tokengrove.Tokenizer.from_tiktoken(training.ids, pattern=None)
    pieces = sorted(piece for piece in counts if len(piece) > 1)
    for piece, state in zip(pieces, training.pieces, strict=True):
        assert tokenizer.encode_list(piece) == state
