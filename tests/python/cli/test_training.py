"""``train``, ``count-pretokens``, ``merge-counts``, ``extend`` and ``prune``."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from support.cli import call, error
from tokengrove import Tokenizer
from tokengrove.training import optimal_vocab_size, read_texts, train_bpe

TEXT = "".join(f"the cat number {n} sat on the mat, and the other cat {n * 7919} sat there\n" for n in range(300))


@pytest.fixture
def texts(tmp_path: Path) -> Path:
    path = tmp_path / "texts.txt"
    path.write_text(TEXT, encoding="utf-8", newline="")
    return path


def test_train_writes_what_the_library_gives(texts: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    shown = call("train", texts, "--vocab-size", "400", "--pattern", "gpt2", "--special", "<s>", "--out", out)
    trained = Tokenizer.from_file(out / "tokenizer.json")
    assert trained == train_bpe(read_texts([texts]), 400, "gpt2", special_tokens=["<s>"])
    assert (out / "tokenizer.tiktoken").read_text().count("\n") == 399
    lines = shown.stdout.decode().splitlines()
    assert lines[0].startswith("400 tokens, 143 merges")
    assert "bytes per token on the beginning of the training text: this" in lines[1]


def test_train_takes_counts_of_parts(texts: Path, tmp_path: Path) -> None:
    half = tmp_path / "half.txt"
    half.write_text(TEXT[: TEXT.index("number 100")], encoding="utf-8", newline="")
    for name, path in (("a", texts), ("b", half)):
        call("count-pretokens", path, "--pattern", "gpt2", "--out", tmp_path / name)
    shown = json.loads(call("merge-counts", tmp_path / "a", tmp_path / "b", "--out", tmp_path / "ab", "--json").stdout)
    assert shown["bytes"] == texts.stat().st_size + half.stat().st_size
    call("train", tmp_path / "ab", "--vocab-size", "350", "--out", tmp_path / "1")
    call("train", tmp_path / "a", tmp_path / "b", "--vocab-size", "350", "--out", tmp_path / "2")
    call("train", texts, half, "--vocab-size", "350", "--pattern", "gpt2", "--out", tmp_path / "3")
    files = [(tmp_path / name / "tokenizer.json").read_bytes() for name in "123"]
    assert files[0] == files[1] == files[2]


def test_logs_are_lines_of_json(texts: Path, tmp_path: Path) -> None:
    arguments: list[str | Path] = [
        "train",
        texts,
        "--vocab-size",
        "300",
        "--pattern",
        "gpt2",
        "--out",
        tmp_path / "out",
        "--json",
    ]
    records = [json.loads(line) for line in call(*arguments).stdout.splitlines()]
    assert records[-2]["event"] == "trained"
    assert records[-1]["event"] == "report"
    assert records[-1]["vocab_size"] == 300
    assert records[-1]["bytes_per_token"]["this"] > 1


def test_superwords(texts: Path, tmp_path: Path) -> None:
    arguments: list[str | Path] = [
        "train",
        texts,
        "--vocab-size",
        "400",
        "--pattern",
        "o200k_base",
        "--superwords",
        "330",
    ]
    for extra in ([], ["--aggregated"]):
        call(*arguments, *extra, "--out", tmp_path / "out")
        trained = Tokenizer.from_file(tmp_path / "out/tokenizer.json")
        tokens = [trained.token_bytes(id) for id in range(330, trained.vocab_size)]
        assert any(b" " in token.strip() for token in tokens)


def test_extend_and_prune(texts: Path, tmp_path: Path) -> None:
    call("train", texts, "--vocab-size", "300", "--pattern", "gpt2", "--out", tmp_path / "small")
    small = tmp_path / "small/tokenizer.json"
    call("extend", texts, "--tokenizer", small, "--vocab-size", "340", "--out", tmp_path / "large")
    assert Tokenizer.from_file(tmp_path / "large/tokenizer.json").vocab_size == 340
    assert np.load(tmp_path / "large/id_map.npy").tolist() == [*range(300), *[-1] * 40]
    call("prune", texts, "--tokenizer", small, "--tokens", "10", "--out", tmp_path / "less")
    assert Tokenizer.from_file(tmp_path / "less/tokenizer.json").vocab_size == 290


def test_auto_size_follows_the_model(texts: Path, tmp_path: Path) -> None:
    arguments: list[str | Path] = ["train", texts, "--vocab-size", "auto", "--model-params", "2e6", "--pattern", "gpt2"]
    call(*arguments, "--out", tmp_path / "out")
    trained = Tokenizer.from_file(tmp_path / "out/tokenizer.json")
    assert trained.vocab_size <= optimal_vocab_size(2e6)


def test_wrong_command_lines(texts: Path, tmp_path: Path) -> None:
    out: list[str | Path] = ["--out", tmp_path / "out"]
    assert "say how text is cut" in error("train", texts, "--vocab-size", "300", *out, code=2)
    assert "number of tokens or auto" in error("train", texts, "--pattern", "gpt2", *out, code=2)
    assert "needs --model-params" in error("train", texts, "--vocab-size", "auto", "--pattern", "gpt2", *out, code=2)
    call("count-pretokens", texts, "--pattern", "gpt2", "--out", tmp_path / "counts")
    aggregated = error("train", texts, "--vocab-size", "300", "--pattern", "gpt2", "--aggregated", *out, code=2)
    assert "--aggregated says how superwords are learned" in aggregated
    call("count-pretokens", texts, "--pattern", "o200k_base", "--out", tmp_path / "others")
    mismatch = error("merge-counts", tmp_path / "counts", tmp_path / "others", "--out", tmp_path / "sum")
    assert str(tmp_path / "counts") in mismatch
    assert str(tmp_path / "others") in mismatch
    assert len(mismatch) < 1000
    missing = tmp_path / "no folder" / "state"
    arguments: list[str | Path] = ["train", texts, "--vocab-size", "300", "--pattern", "gpt2", "--checkpoint", missing]
    assert "no folder" in error(*arguments, *out)
    assert "not both" in error("train", texts, tmp_path / "counts", "--vocab-size", "300", *out, code=2)
    message = error("train", tmp_path / "counts", "--pattern", "gpt2", "--vocab-size", "300", *out, code=2)
    assert "say how their text was cut" in message
    assert "too small" in error("train", texts, "--vocab-size", "30", "--pattern", "gpt2", *out)
    assert "cut short" in error("merge-counts", truncated(tmp_path / "counts"), *out)
    assert "nothing.txt" in error("train", tmp_path / "nothing.txt", "--vocab-size", "300", "--pattern", "gpt2", *out)


def truncated(path: Path) -> Path:
    path.write_bytes(path.read_bytes()[:-5])
    return path
