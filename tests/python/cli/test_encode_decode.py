"""``encode`` and ``decode``: every format, every source of texts, and back again."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import numpy as np
import pytest

import tokengrove
from support.cli import call, error, run

FORMATS = ["text", "jsonl", "npy", "u32"]


def test_text_is_a_line_of_ids() -> None:
    ids = tokengrove.default_tokenizer().encode_list("Hello, world")
    assert run("encode", "--text", "Hello, world").stdout.decode() == " ".join(map(str, ids)) + "\n"


@pytest.mark.parametrize("form", FORMATS)
def test_decode_gives_the_file_back(form: str, text_file: Path, tmp_path: Path) -> None:
    ids = tmp_path / f"ids.{form}"
    call("encode", text_file, "--format", form, "-o", ids)
    assert call("decode", ids).stdout == text_file.read_bytes()


@pytest.mark.parametrize("form", FORMATS)
def test_pipes_carry_every_format(form: str, text_file: Path) -> None:
    encoded = run("encode", "--format", form, stdin=text_file.read_bytes()).stdout
    assert run("decode", "--format", form, stdin=encoded).stdout == text_file.read_bytes()


def test_a_file_is_one_text_and_lines_are_many(text_file: Path) -> None:
    tokenizer = tokengrove.default_tokenizer()
    whole = [json.loads(line) for line in call("encode", text_file, "--json").stdout.splitlines()]
    assert [record["ids"] for record in whole] == [tokenizer.encode_list(text_file.read_bytes())]
    lines = [json.loads(line) for line in call("encode", text_file, "--json", "--lines").stdout.splitlines()]
    assert [record["source"] for record in lines] == [f"{text_file}:{number}" for number in range(1, 5)]
    expected = [tokenizer.encode_list(line) for line in text_file.read_bytes().split(b"\n")]
    assert [record["ids"] for record in lines] == expected


def test_lines_come_back_as_lines() -> None:
    text = b"one\n\ntwo three\n"
    encoded = call("encode", "--lines", stdin=text).stdout
    assert encoded.count(b"\n") == 3
    assert call("decode", "--lines", stdin=encoded).stdout == text


def test_json_lines(tmp_path: Path) -> None:
    texts = ["a b", "", "日本"]
    records = [{"id": number, "text": text} for number, text in enumerate(texts)]
    path = tmp_path / "texts.jsonl.gz"
    path.write_bytes(gzip.compress("\n".join(map(json.dumps, records)).encode()))
    encoded = [json.loads(line) for line in call("encode", "--jsonl", "text", path, "--json").stdout.splitlines()]
    tokenizer = tokengrove.default_tokenizer()
    assert [record["ids"] for record in encoded] == [tokenizer.encode_list(text) for text in texts]
    nested = b'{"meta": {"tags": ["x", "y z"]}}\n\n{"meta.tags.1": "w"}\n'
    encoded = [
        json.loads(line)["ids"]
        for line in call("encode", "--jsonl", "meta.tags.1", "--json", stdin=nested).stdout.splitlines()
    ]
    assert encoded == [tokenizer.encode_list("y z"), tokenizer.encode_list("w")]


def test_arrays_and_row_splits(tmp_path: Path) -> None:
    ids, splits = tmp_path / "ids.npy", tmp_path / "splits.npy"
    call("encode", "--lines", "-f", "npy", "-o", ids, "--row-splits", splits, stdin=b"one two\n\nthree\n")
    batch = tokengrove.default_tokenizer().encode_batch(["one two", "", "three"])
    found = np.load(ids)
    assert found.dtype == np.uint32
    assert np.array_equal(found, batch.ids)
    assert np.array_equal(np.load(splits), batch.row_splits)
    raw = call("encode", "--lines", "-f", "u32", stdin=b"one two\n\nthree\n").stdout
    assert np.array_equal(np.frombuffer(raw, "<u4"), batch.ids)


def test_special_tokens_are_text_unless_allowed() -> None:
    text = "a<|endoftext|>"
    end = tokengrove.default_tokenizer().special_tokens["<|endoftext|>"]
    ids = call("encode", "--text", text).stdout.split()
    assert str(end).encode() not in ids
    ids = call("encode", "--text", text, "--special").stdout.split()
    assert ids[-1] == str(end).encode()
    assert call("decode", "--ids", *(id.decode() for id in ids)).stdout == text.encode()
    assert call("decode", "--skip-special-tokens", "--ids", *(id.decode() for id in ids)).stdout == b"a"


def test_decode_takes_commas_brackets_and_json() -> None:
    assert call("decode", stdin=b"[72, 105]\n").stdout == b"Hi"
    assert call("decode", "--ids", "72,105").stdout == b"Hi"
    assert call("decode", "--json", "--ids", "72", "105", "226").stdout.decode() == '{"text": "Hi\ufffd"}\n'
    assert call("decode", "-f", "jsonl", stdin=b'[72]\n\n{"ids": [105]}\n').stdout == b"Hi"
    assert call("decode", stdin=b"").stdout == b""


@pytest.mark.parametrize("vocabulary", ["tiktoken/cl100k_base.tiktoken", "tiktoken/o200k_base.tiktoken"])
def test_real_vocabularies_on_real_text(vocabulary: str, data: Path, tmp_path: Path) -> None:
    tokenizer = data / "vocabs" / vocabulary
    text = data / "corpora" / "multilingual.txt"
    ids = tmp_path / "ids.npy"
    run("encode", "-t", tokenizer, text, "-f", "npy", "-o", ids)
    expected = tokengrove.Tokenizer.from_file(tokenizer, pattern=tokenizer.stem).encode(text.read_bytes())
    assert np.array_equal(np.load(ids), expected)
    assert call("decode", "-t", tokenizer, ids).stdout == text.read_bytes()


def test_wrong_input_is_one_clear_line(tmp_path: Path) -> None:
    assert "no-such-file: No such file" in error("encode", "no-such-file")
    assert "no-such-file: no such file, encoding (" in error("encode", "-t", "no-such-file", "--text", "x")
    ranks = tmp_path / "ranks.model"
    ranks.write_bytes(b"IQ== 0\nIg== 1\n")
    assert "needs --pattern" in error("encode", "-t", ranks, "--text", "x", code=2)
    assert "ranks.model: byte 0x" in error("encode", "-t", ranks, "--pattern", "gpt2", "--text", "x")
    ranks.write_bytes(b"not a tokenizer")
    for pattern in ((), ("--pattern", "gpt2")):
        message = error("encode", "-t", ranks, *pattern, "--text", "x")
        assert "ranks.model: tiktoken rank file, line 1: found" in message
    ranks.write_bytes(b'{"model": {}}')
    assert "this file has its own" in error("encode", "-t", ranks, "--pattern", "gpt2", "--text", "x", code=2)
    assert "<stdin>:2: 'x'" in error("decode", stdin=b"1\nx")
    assert "'x9' is not an id" in error("decode", stdin=b"1 x9 3")
    assert "<stdin>:2: no field 'text'" in error("encode", "--jsonl", "text", stdin=b'{"text": "a"}\n{"t": 1}\n')
    assert "<stdin>:1: not JSON" in error("encode", "--jsonl", "text", stdin=b"{")
    assert "is int, not text" in error("encode", "--jsonl", "text", stdin=b'{"text": 1}')
    assert "<stdin>:2: the text has a lone surrogate" in error(
        "encode", "--jsonl", "text", stdin=b'{"text": "a"}\n{"text": "\\ud800"}\n'
    )
    assert "4000000" in error("decode", "--ids", "4000000")
    assert "not a .npy file" in error("decode", "-f", "npy", stdin=b"text")
    assert "not a whole number of 32-bit ids" in error("decode", "-f", "u32", stdin=b"12345")
    assert "goes with --format" in error("encode", "--offsets", "-f", "npy", "--text", "x", code=2)
    assert "not both" in error("encode", "--text", "x", "file", code=2)


def test_encodings_and_models_by_name(data: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", str(tmp_path))
    monkeypatch.delenv("TOKENGROVE_ALLOW_DOWNLOAD", raising=False)
    monkeypatch.delenv("TOKENGROVE_VOCAB_DIR", raising=False)
    assert "not on this machine" in error("encode", "-t", "cl100k_base", "--text", "x")
    monkeypatch.setenv("TOKENGROVE_VOCAB_DIR", str(data / "vocabs" / "tiktoken"))
    assert call("encode", "-t", "cl100k_base", "--special", "--text", "x<|endoftext|>").stdout == b"87 100257\n"
    assert call("count", "-t", "gpt-4o", "--text", "hello world").stdout == b"2\n"
    assert call("encode", "-t", "o200k_harmony", "--special", "--text", "<|endofprompt|>").stdout == b"200018\n"
    pytest.importorskip("tiktoken")
    call("verify", "-t", "gpt2", "--against", "tiktoken", "--random", "100")


def test_text_that_has_no_token_is_named(data: Path) -> None:
    """By the byte or character in the text, not by what a vocabulary calls it."""
    tokenizer = data / "vocabs" / "hf" / "kl3m-004-char-4k-cased" / "tokenizer.json"
    assert "<stdin>: byte 0x18 at byte 2 cannot be encoded" in error("encode", "-t", tokenizer, stdin=b"a \x18 b")
