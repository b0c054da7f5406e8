"""What holds for every text: round trips, and every way of encoding gives the same ids."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.data import corpus, rank_file, small_ranks
from tokengrove import Tokenizer

SPECIAL = {"<|a|>": 5000, "<|a|><|b|>": 5001, "<|é|>": 5002}
SMALL = Tokenizer.from_tiktoken(small_ranks(), pattern="gpt2", special_tokens=SPECIAL)
WHOLE = Tokenizer.from_tiktoken(small_ranks(), pattern=None)

# Text that merges, splits, and holds special tokens and parts of them.
PIECES = st.sampled_from(
    ["the ", "shell", " tattoos", "\n\n", "  ", "12345", "é", "\U0001f600", "東京", "\0", *SPECIAL, "<|a"]
)
TEXTS = st.one_of(st.text(), st.lists(PIECES, max_size=20).map("".join))
ANY_BYTES = st.one_of(st.binary(), st.lists(st.one_of(PIECES.map(str.encode), st.binary(max_size=3))).map(b"".join))
TOKENIZERS = st.sampled_from([SMALL, WHOLE])


@given(TOKENIZERS, TEXTS)
def test_text_survives_a_round_trip(tokenizer: Tokenizer, text: str) -> None:
    ids = tokenizer.encode(text)
    assert tokenizer.decode(ids, errors="strict") == text
    assert tokenizer.decode_bytes(ids) == text.encode()


@given(TOKENIZERS, ANY_BYTES)
def test_bytes_survive_a_round_trip(tokenizer: Tokenizer, data: bytes) -> None:
    ids = tokenizer.encode(data)
    assert tokenizer.decode_bytes(ids) == data
    assert tokenizer.decode(ids) == data.decode(errors="replace")


@given(TOKENIZERS, TEXTS)
def test_bytes_of_a_text_encode_as_the_text(tokenizer: Tokenizer, text: str) -> None:
    assert tokenizer.encode(text.encode()).tolist() == tokenizer.encode_list(text)


@given(TEXTS)
def test_special_tokens_are_text_unless_allowed(text: str) -> None:
    assert set(SPECIAL.values()).isdisjoint(SMALL.encode_list(text))
    ids = SMALL.encode_list(text, allowed_special="all")
    assert SMALL.decode(ids) == text
    assert ids == SMALL.encode_list(text, allowed_special=set(SPECIAL))
    assert bool(set(SPECIAL.values()) & set(ids)) == any(token in text for token in SPECIAL)
    assert SMALL.decode(ids, skip_special_tokens=True) == SMALL.decode([i for i in ids if i not in SPECIAL.values()])


@given(TEXTS, st.sampled_from(sorted(SPECIAL)))
def test_only_the_allowed_special_token_is_found(text: str, allowed: str) -> None:
    ids = SMALL.encode_list(text, allowed_special=[allowed])
    assert ids.count(SPECIAL[allowed]) == text.count(allowed)
    assert set(SPECIAL.values()) & set(ids) <= {SPECIAL[allowed]}


@given(TOKENIZERS, st.lists(st.one_of(TEXTS, ANY_BYTES)))
def test_a_batch_is_its_texts_one_by_one(tokenizer: Tokenizer, texts: list[str | bytes]) -> None:
    batch = tokenizer.encode_batch(texts)
    singles = [tokenizer.encode_list(text) for text in texts]
    assert batch.to_lists() == singles
    assert [row.tolist() for row in batch] == singles
    assert batch.lengths.tolist() == [len(single) for single in singles] == tokenizer.count_batch(texts).tolist()
    assert tokenizer.decode_batch(batch) == [tokenizer.decode(single) for single in singles]


@given(TOKENIZERS, TEXTS, st.none() | st.integers(0, 50))
def test_count_is_the_number_of_ids_up_to_the_limit(tokenizer: Tokenizer, text: str, limit: int | None) -> None:
    tokens = len(tokenizer.encode(text))
    assert tokenizer.count(text, limit) == (tokens if limit is None else min(tokens, limit))


@given(TOKENIZERS, ANY_BYTES, st.data())
def test_a_stream_gives_what_decode_gives(tokenizer: Tokenizer, text: bytes, data: Any) -> None:
    ids = tokenizer.encode_list(text)
    stream = tokenizer.decode_stream()
    parts = []
    at = 0
    while at < len(ids):
        step = data.draw(st.integers(0, 3))
        parts.append(stream.push(ids[at : at + step] if step else ids[at]))
        at += max(step, 1)
    parts.append(stream.finish())
    assert "".join(parts) == tokenizer.decode(ids)
    # The stream is ready for another text.
    assert stream.push(tokenizer.encode("é")) + stream.finish() == "é"


@given(st.lists(TEXTS, min_size=1))
def test_a_stream_withholds_no_finished_character(texts: list[str]) -> None:
    stream = SMALL.decode_stream()
    for text in texts:
        assert stream.push(SMALL.encode(text)) == text


@given(st.lists(st.integers(0, 255)))
def test_every_way_of_giving_ids_decodes_the_same(ids: list[int]) -> None:
    expected = bytes(ids)
    forms: list[Any] = [ids, tuple(ids), iter(ids), np.array(ids, dtype=np.uint32), np.array(ids, dtype=np.int64)]
    forms += [np.array(ids, dtype=np.uint8), np.array(ids, dtype=">u2"), np.array(ids * 2, dtype=np.uint32)[: len(ids)]]
    forms += [np.repeat(np.array(ids, dtype=np.uint32), 2)[::2], [np.int16(i) for i in ids], range(len(ids))]
    for form in forms[:-1]:
        assert SMALL.decode_bytes(form) == expected
    assert SMALL.decode_bytes(forms[-1]) == bytes(range(len(ids)))


@pytest.mark.parametrize("size", [0, 1, 4095, 4096, 262_143, 262_144, 1_500_000])
def test_long_and_short_texts_take_the_same_road(size: int) -> None:
    """The sizes at which the interpreter is released, and at which the buffer changes hands."""
    text = ("the tests of tales and shells, 1234567\n" * (size // 39 + 1))[:size]
    ids = SMALL.encode(text)
    assert ids.dtype == np.uint32
    assert ids.flags.c_contiguous
    assert ids.flags.writeable
    assert SMALL.decode(ids) == text
    assert ids.tolist() == SMALL.encode_list(text) == SMALL.encode_batch([text])[0].tolist()


def test_ids_of_two_calls_do_not_share_memory() -> None:
    first = SMALL.encode("the tests")
    kept = first.tolist()
    second = SMALL.encode("other text, as long")
    second[:] = 7
    assert first.tolist() == kept
    assert SMALL.encode("the tests").tolist() == kept


@pytest.mark.parametrize("name", ["english.txt", "cjk.txt", "chat_md.txt"])
def test_real_text_with_a_real_vocabulary(name: str) -> None:
    text = corpus(name)[:300_000]
    tokenizer = Tokenizer.from_tiktoken(rank_file("o200k_base"), pattern="o200k_base")
    ids = tokenizer.encode(text)
    assert tokenizer.decode(ids) == text
    assert ids.tolist() == tokenizer.encode_list(text)
    documents = [text[at : at + 3000] for at in range(0, len(text), 3000)]
    assert tokenizer.encode_batch(documents).to_lists() == [tokenizer.encode_list(each) for each in documents]
