"""What ``BpeTrainer`` of Hugging Face tokenizers learns, and corpora that make it and us decide."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest

import tokengrove

tokenizers = pytest.importorskip("tokenizers", reason="tokenizers, the reference, is not installed")
if tokenizers.__version__ != "0.23.3":
    pytest.skip(f"tokenizers {tokenizers.__version__} is not the reference", allow_module_level=True)

from tokenizers import Tokenizer, trainers  # noqa: E402

GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"


def corpus(seed: int) -> list[str]:
    """Texts of a kind that makes ties, overlaps and tokens that are spelled in two ways."""
    rng = random.Random(seed)
    letters = rng.choice(["ab", "abc", "abcd", "aé", "xyz-", "etaoin shrdlu", "日本語 a"])
    kind = rng.randrange(4)
    texts = []
    for _ in range(rng.randrange(1, 30)):
        if kind == 0:
            text = "".join(rng.choices(letters, k=rng.randrange(1, 60)))
        elif kind == 1:
            text = "".join(rng.choice(letters) * rng.randrange(1, 12) for _ in range(rng.randrange(1, 8)))
        elif kind == 2:
            words = ["".join(rng.choices(letters, k=rng.randrange(1, 6))) for _ in range(5)]
            text = " ".join(rng.choices(words, k=rng.randrange(1, 20)))
        else:
            text = " ".join(
                "".join(rng.choices(letters, weights=range(len(letters), 0, -1), k=rng.randrange(1, 9)))
                for _ in range(12)
            )
        texts.append(text)
    return texts


def split(regex: str | None) -> dict[str, Any]:
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False}
    if regex is None:
        return byte_level
    one = {"type": "Split", "pattern": {"Regex": regex}, "behavior": "Isolated", "invert": False}
    return {"type": "Sequence", "pretokenizers": [one, byte_level]}


def reference(texts: list[str], cut: str | dict[str, Any] | None, **options: Any) -> dict[str, Any]:
    """What tokenizers learns: its model, as its file has it. `cut` is a regular expression or a pre-tokenizer."""
    component = cut if isinstance(cut, dict) else split(cut)
    file = {"version": "1.0", "added_tokens": [], "pre_tokenizer": component}
    tokenizer = Tokenizer.from_str(json.dumps({**file, "model": {"type": "BPE", "vocab": {}, "merges": []}}))
    trainer = trainers.BpeTrainer(show_progress=False, **options)
    tokenizer.train_from_iterator(texts, trainer)
    model: dict[str, Any] = json.loads(tokenizer.to_str())["model"]
    return model


def learned(tokenizer: tokengrove.Tokenizer) -> dict[str, Any]:
    model: dict[str, Any] = json.loads(tokenizer.to_json())["model"]
    return model


def assert_same(ours: dict[str, Any], theirs: dict[str, Any]) -> None:
    assert [list(merge) for merge in ours["merges"]] == [list(merge) for merge in theirs["merges"]]
    assert ours["vocab"] == theirs["vocab"]
