"""Offsets, merges and the documentation of the native methods."""

from __future__ import annotations

import inspect
import itertools
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.data import data_file, rank_file, small_ranks
from tokengrove import DecodeStream, InvalidArgumentError, Tokenizer

RANKS = small_ranks()
TOKENIZER = Tokenizer.from_tiktoken(RANKS, pattern="o200k_base", special_tokens={"<|end|>": 9000})
PIECES = st.sampled_from(["the ", "tests", " é", "\U0001f600", "東京", "\n\n", "<|end|>", "<|", "12345"])
TEXTS = st.one_of(st.text(), st.lists(PIECES, max_size=15).map("".join))


@given(TEXTS, st.sampled_from(["", "all"]))
def test_offsets_point_at_the_bytes_of_each_token(text: str, allowed: str) -> None:
    found = TOKENIZER.encode_with_offsets(text, allowed_special=allowed or ())
    assert found.ids.tolist() == TOKENIZER.encode_list(text, allowed_special=allowed or ())
    assert len(found) == len(found.ids)
    assert found.byte_spans.shape == found.char_spans.shape == (len(found), 2)
    assert found.ids.dtype == np.uint32
    assert found.byte_spans.dtype == found.char_spans.dtype == np.int64
    data = text.encode()
    end = 0
    for token, (start, stop), (first, last) in zip(
        found.ids.tolist(), found.byte_spans.tolist(), found.char_spans.tolist(), strict=True
    ):
        assert start == end
        assert data[start:stop] == TOKENIZER.token_bytes(token)
        # In characters: the shortest stretch of whole ones around the bytes.
        before, around = len(text[:first].encode()), len(text[:last].encode())
        assert before <= start < stop <= around
        assert len(text[: first + 1].encode()) > start
        assert len(text[: last - 1].encode()) < stop
        end = stop
    assert end == len(data)


def test_offsets_of_bytes() -> None:
    text = "the é tests"
    of_bytes, of_text = TOKENIZER.encode_with_offsets(text.encode()), TOKENIZER.encode_with_offsets(text)
    assert np.array_equal(of_bytes.byte_spans, of_text.byte_spans)
    assert np.array_equal(of_bytes.char_spans, of_text.char_spans)
    assert TOKENIZER.encode_with_offsets(b"ab\xff").byte_spans[-1].tolist() == [2, 3]


def apply_merges(merges: list[tuple[bytes, bytes]], piece: bytes) -> list[bytes]:
    """The definition of byte-pair encoding: the merge of lowest rank first, the leftmost of several."""
    order = {pair: rank for rank, pair in reversed(list(enumerate(merges)))}
    parts = [bytes([byte]) for byte in piece]
    while True:
        ranked = [(order[pair], at) for at, pair in enumerate(itertools.pairwise(parts)) if pair in order]
        if not ranked:
            return parts
        _, at = min(ranked)
        parts[at : at + 2] = [parts[at] + parts[at + 1]]


@given(st.text(alphabet="etaonisrhld ", max_size=30))
def test_merges_describe_the_encoding(text: str) -> None:
    whole = Tokenizer.from_tiktoken(RANKS, pattern=None)
    tokens = [whole.token_bytes(token) for token in whole.encode_list(text)]
    assert tokens == apply_merges(whole.merges, text.encode())


def test_merges_of_ranks_make_every_token_in_order() -> None:
    merges = TOKENIZER.merges
    products = [left + right for left, right in merges]
    assert products == sorted((token for token in RANKS if len(token) > 1), key=RANKS.__getitem__)
    merges.clear()
    assert len(TOKENIZER.merges) == len(products)


def test_merges_of_a_file_are_its_own() -> None:
    tokenizer = Tokenizer.from_file(data_file("vocabs/hf/gpt2/tokenizer.json"))
    assert tokenizer.merges[:3] == [(b" ", b"t"), (b" ", b"a"), (b"h", b"e")]
    assert len(tokenizer.merges) == 50_000


def test_merges_of_a_real_rank_vocabulary() -> None:
    tokenizer = Tokenizer.from_tiktoken(rank_file("cl100k_base"), pattern="cl100k_base")
    assert len(tokenizer.merges) == 100_000
    assert tokenizer.merges[:2] == [(b" ", b" "), (b"  ", b"  ")]


@pytest.mark.parametrize("size", [257, 300, len(RANKS), len(RANKS) + 1])
def test_the_first_tokens_of_a_vocabulary(size: int) -> None:
    cut = TOKENIZER.with_vocab_size(size)
    by_rank = sorted(RANKS, key=RANKS.__getitem__)[: size - 1]
    end = TOKENIZER.special_tokens["<|end|>"] if size > len(RANKS) else size - 1
    expected = Tokenizer.from_tiktoken(
        {token: rank for rank, token in enumerate(by_rank)}, pattern="o200k_base", special_tokens={"<|end|>": end}
    )
    assert cut == expected
    assert cut.vocab_size == size
    text = "the tests of tales <|end|>"
    assert cut.encode_list(text, allowed_special="all") == expected.encode_list(text, allowed_special="all")
    assert cut.decode(cut.encode(text)) == text


@pytest.mark.parametrize(("size", "message"), [(-1, "-1"), (0, "added tokens"), (256, "id 255"), (10_000, "at most")])
def test_sizes_that_a_vocabulary_cannot_have(size: int, message: str) -> None:
    with pytest.raises(InvalidArgumentError, match=message):
        TOKENIZER.with_vocab_size(size)


def test_the_first_tokens_of_a_file() -> None:
    tokenizer = Tokenizer.from_file(data_file("vocabs/hf/gpt2/tokenizer.json"))
    cut = tokenizer.with_vocab_size(10_000)
    assert (cut.vocab_size, cut.max_token_id) == (10_000, 9_999)
    assert cut.special_tokens == {"<|endoftext|>": 9_999}
    assert cut.merges == tokenizer.merges[: 10_000 - 257]
    text = "The quick brown fox jumps over the lazy dog"
    assert cut.decode(cut.encode(text)) == text
    assert max(cut.encode_list(text)) < 9_999


def documented() -> list[tuple[str, object]]:
    return [
        (f"{cls.__name__}.{name}", member)
        for cls in (Tokenizer, DecodeStream)
        for name, member in inspect.getmembers(cls)
        if not name.startswith("_") and callable(member)
    ]


@pytest.mark.parametrize(("name", "member"), documented(), ids=lambda value: value if isinstance(value, str) else "")
def test_every_method_documents_its_arguments(name: str, member: object) -> None:
    doc = inspect.getdoc(member) or ""
    parameters = [p for p in inspect.signature(member).parameters if p != "self"]  # type: ignore[arg-type]
    section = re.search(r"^Args:\n((?: +.*\n|\n)+)", doc, re.MULTILINE)
    listed = re.findall(r"^    (\w+):", section[1] if section else "", re.MULTILINE)
    assert listed == parameters, doc
    assert name == "Tokenizer.save" or "Returns:" in doc
