"""``verify``: equal where it is equal, and a small counter-example where it is not."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from support.cli import call, error, run
from tokengrove.verification import adversarial_texts, compare, minimise, random_texts
from tokengrove.verification.compare import first_difference

pytest.importorskip("tiktoken")


def test_equal_texts() -> None:
    result = call("verify", "--against", "tiktoken", "--random", "300", "--seed", "7", "--json")
    report = json.loads(result.stdout)
    assert report["equal"]
    assert report["texts"] == 300
    assert report["differences"] == []
    assert report["bytes"] > 3000
    assert report["tokens"] > 1000


def test_adversarial_texts_are_equal(rank_file: Path) -> None:
    result = call("verify", "-t", rank_file, "--against", "tiktoken", "--adversarial", "--size", "2000")
    assert b"texts equal to tiktoken" in result.stdout


@pytest.mark.parametrize("name", ["cl100k_base", "o200k_base"])
def test_real_text_and_vocabulary(name: str, data: Path) -> None:
    tokenizer = data / "vocabs" / "tiktoken" / f"{name}.tiktoken"
    texts = [data / "corpora" / "tinystories_1000.json", data / "corpora" / "wikitext_1000.json"]
    call("verify", *texts, "-t", tokenizer, "--against", "tiktoken")


@pytest.mark.parametrize("name", ["gpt2", "llama-2-13b-chat", "kl3m-004-char-4k-cased"])
def test_tokenizer_json(name: str, data: Path) -> None:
    pytest.importorskip("tokenizers")
    path = data / "vocabs" / "hf" / name / "tokenizer.json"
    result = call("verify", "-t", path, "--against", "tokenizers", "--text", "a \x18 b", "--random", "1500", "--json")
    report = json.loads(result.stdout)
    assert report["equal"]
    assert report["texts"] + report["refused"] == 1501
    # A vocabulary without some bytes: what the other library drops without a word is refused here.
    assert bool(report["refused"]) == name.startswith("kl3m-004")


def test_a_difference_is_cut_down(rank_file: Path, other_rank_file: Path, tmp_path: Path) -> None:
    text = tmp_path / "text.txt"
    text.write_text("plain words " * 500 + "all over the place " + "more words " * 500)
    arguments: list[str | Path] = [
        "verify",
        text,
        "-t",
        rank_file,
        "--against",
        "tiktoken",
        "--reference",
        other_rank_file,
    ]
    report = json.loads(run(*arguments, "--json", code=1).stdout)
    assert not report["equal"]
    (difference,) = report["differences"]
    assert difference["source"] == str(text)
    assert difference["text"] == " the"
    assert difference["ids"] != difference["expected"]
    shown = call(*arguments, code=1).stdout.decode()
    assert "the smallest text that still does has 4" in shown
    assert "' the'" in shown


@pytest.mark.parametrize(
    "arguments",
    [("--random", "-1"), ("--random", "x"), ("--adversarial", "--size", "-5"), ("--adversarial", "--size", "0")],
)
def test_numbers_out_of_range_are_refused(arguments: tuple[str, ...]) -> None:
    assert "is not a number from" in call("verify", "--against", "tiktoken", *arguments, code=2).stderr.decode()


def test_what_cannot_be_compared_is_said(rank_file: Path) -> None:
    assert "needs a tokenizer.json" in error("verify", "-t", rank_file, "--against", "tokenizers", "--random", "1")
    assert "--against" in call("verify", "--random", "1", code=2).stderr.decode()


def test_minimise_finds_a_one_minimal_text() -> None:
    chance = random.Random(0)
    text = "".join(chance.choices("abcdefgh ", k=3000)) + "Q" + "x" * 100 + "Q" + "y" * 50
    assert minimise(text, lambda t: t.count("Q") >= 2) == "QQ"
    assert minimise(text, lambda t: len(t) >= 5) == "aaaaa"


def test_compare_says_where() -> None:
    assert first_difference([1, 2], [1, 2]) is None
    assert first_difference([1, 2], [1, 3]) == 1
    assert first_difference([1, 2], [1, 2, 3]) == 2

    def left(text: str) -> list[int]:
        return [ord(c) for c in text]

    def right(text: str) -> list[int]:
        return [0 if c == "Z" else ord(c) for c in text]

    text = "a" * 5000 + "Z" + "b" * 5000
    found = compare(text, left(text), right(text), left, right)
    assert found is not None
    assert found.text == "Z"
    assert found.at == 0
    assert compare("abc", [1], [1], left, right) is None


def test_texts_are_the_same_for_the_same_seed() -> None:
    assert list(random_texts(50, seed=3)) == list(random_texts(50, seed=3))
    assert list(random_texts(50, seed=3)) != list(random_texts(50, seed=4))
    adversarial = dict(adversarial_texts(500))
    assert len(adversarial) >= 18
    assert all(text for text in adversarial.values())
    assert len(adversarial["every scalar value once"]) == 0x110000 - 0x800
    for text in adversarial.values():
        text.encode()
