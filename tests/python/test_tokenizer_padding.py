"""Rows of one length: cut, with special tokens, filled up, all said in the call."""

from __future__ import annotations

import random
from typing import Literal

import numpy as np
import pytest

import tokengrove
from support.data import CORPORA, corpus, data_file
from tokengrove import InvalidArgumentError, PaddedBatch, Tokenizer, default_tokenizer

TEXTS: list[str | bytes] = [
    "",
    "a",
    "one two three four five six seven",
    "\u00e9t\u00e9 \u65e5\u672c " * 9,
    b"\xff bytes \xfe",
]


def rows_of(batch: PaddedBatch) -> list[list[int]]:
    """What is not padding, row by row."""
    return [ids[mask].tolist() for ids, mask in zip(batch.ids, batch.attention_mask, strict=True)]


def test_rows_are_what_encode_gives() -> None:
    tokenizer = default_tokenizer()
    expected = [tokenizer.encode_list(text) for text in TEXTS]
    batch = tokenizer.encode_padded(TEXTS, pad_id=7)
    longest = max(map(len, expected))
    assert batch.ids.shape == batch.attention_mask.shape == (len(batch), longest) == (len(TEXTS), longest)
    assert batch.ids.dtype == np.uint32
    assert batch.attention_mask.dtype == np.bool_
    assert rows_of(batch) == expected
    assert (batch.ids[~batch.attention_mask] == 7).all()
    assert batch.attention_mask[1].tolist() == [True] * len(expected[1]) + [False] * (longest - len(expected[1]))


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("truncation_side", ["left", "right"])
def test_sides_lengths_and_multiples(side: Literal["left", "right"], truncation_side: Literal["left", "right"]) -> None:
    tokenizer = default_tokenizer()
    for most in (0, 1, 5):
        batch = tokenizer.encode_padded(
            TEXTS,
            most,
            length=9,
            multiple_of=4,
            side=side,
            truncation_side=truncation_side,
        )
        assert batch.ids.shape == (len(TEXTS), 12)
        every = [tokenizer.encode_list(text) for text in TEXTS]
        kept = [ids[:most] if truncation_side == "right" else ids[max(len(ids) - most, 0) :] for ids in every]
        assert rows_of(batch) == kept
        for mask, ids in zip(batch.attention_mask.tolist(), kept, strict=True):
            padding = [False] * (12 - len(ids))
            assert mask == (padding + [True] * len(ids) if side == "left" else [True] * len(ids) + padding)


@pytest.mark.parametrize("texts", [[], [""], ["", ""]])
def test_nothing_makes_an_empty_rectangle(texts: list[str]) -> None:
    assert default_tokenizer().encode_padded(texts).ids.shape == (len(texts), 0)
    assert default_tokenizer().encode_padded(texts, length=3).attention_mask.tolist() == [[False] * 3] * len(texts)


@pytest.mark.parametrize("name", ["roberta-base", "llama-2-13b-chat", "llama-3.2", "qwen2"])
def test_the_same_as_setting_it_in_the_reference(name: str) -> None:
    reference = pytest.importorskip("tokenizers")
    path = data_file(f"vocabs/hf/{name}/tokenizer.json")
    ours, theirs = Tokenizer.from_file(path), reference.Tokenizer.from_file(str(path))
    rng = random.Random(name)
    sides: tuple[Literal["left", "right"], ...] = ("left", "right")
    for side in sides:
        for cut in sides:
            whole = corpus(rng.choice(CORPORA))
            texts = [whole[at : at + rng.randint(0, 300)] for at in range(0, 9000, 1000)]
            most, multiple = rng.randint(4, 60), rng.choice([1, 8])
            theirs.enable_truncation(most, direction=cut)
            theirs.enable_padding(direction=side, pad_id=5, pad_to_multiple_of=multiple)
            for add in (False, True):
                expected = theirs.encode_batch(texts, add_special_tokens=add)
                batch = ours.encode_padded(
                    texts,
                    most,
                    multiple_of=multiple,
                    pad_id=5,
                    side=side,
                    truncation_side=cut,
                    add_special_tokens=add,
                    allowed_special="all",
                )
                assert batch.ids.tolist() == [one.ids for one in expected]
                assert batch.attention_mask.astype(int).tolist() == [one.attention_mask for one in expected]


def test_threads_change_nothing() -> None:
    texts = ["word " * n for n in range(600)]
    try:
        batches = []
        for threads in (1, 2):
            tokengrove.set_num_threads(threads)
            batches.append(default_tokenizer().encode_padded(texts, 400))
    finally:
        tokengrove.set_num_threads(None)
    assert np.array_equal(batches[0].ids, batches[1].ids)
    assert np.array_equal(batches[0].attention_mask, batches[1].attention_mask)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"max_tokens": -1}, "max_tokens must be at least 0 .* found -1"),
        ({"length": -1}, "length must be at least 0 .* found -1"),
        ({"multiple_of": 0}, "multiple_of must be at least 1 .* found 0"),
        ({"pad_id": 1 << 32}, "pad_id must be at least 0 and less than 2.32; found 4294967296"),
        ({"pad_id": -1}, "pad_id"),
        ({"side": "up"}, "side is .left. or .right.; found .up."),
        ({"truncation_side": "down"}, "found .down."),
        ({"length": 2}, "a row has 7 tokens, and length is 2"),
        ({"multiple_of": (1 << 63) - 1}, "2 rows of 9223372036854775807 tokens do not fit memory"),
    ],
)
def test_bad_arguments_are_refused(arguments: dict[str, int | str], said: str) -> None:
    texts = ["one two three four five six seven", ""]
    with pytest.raises(InvalidArgumentError, match=said):
        default_tokenizer().encode_padded(texts, **arguments)  # type: ignore[arg-type]


def test_special_tokens_need_room() -> None:
    tokenizer = Tokenizer.from_file(data_file("vocabs/hf/roberta-base/tokenizer.json"))
    full = tokenizer.encode_padded(["one two three"], 3, add_special_tokens=True)
    assert full.ids.tolist() == [tokenizer.encode_list("one", add_special_tokens=True)]
    assert tokenizer.encode_padded(["one"], 2, add_special_tokens=True).ids.tolist() == [[0, 2]]
    with pytest.raises(InvalidArgumentError, match=r"max_tokens must be at least 2.*found 1"):
        tokenizer.encode_padded(["one"], 1, add_special_tokens=True)


def test_one_text_is_no_batch() -> None:
    with pytest.raises(TypeError, match="iterable"):
        default_tokenizer().encode_padded("text")
