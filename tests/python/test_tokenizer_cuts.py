"""`count` with a limit, `truncate` and `chunk`, against trying every prefix."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from typing import Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support.data import corpus, data_file, rank_file, small_ranks
from tokengrove import Chunk, InvalidArgumentError, InvalidTextError, Tokenizer

SPECIAL = {"<|end|>": 9000}
TOKENIZERS = [
    Tokenizer.from_tiktoken(small_ranks(), pattern="o200k_base", special_tokens=SPECIAL),
    Tokenizer.from_tiktoken(small_ranks(), pattern="gpt2", special_tokens=SPECIAL),
    Tokenizer.from_tiktoken(small_ranks(), pattern=None, special_tokens=SPECIAL),
]
PIECES = st.sampled_from(
    ["the ", "tests", "ttttt", "  ", " é", "\U0001f600", "東京", "\n\n", "<|end|>", "<|", "12345", "'ll"]
)
TEXTS = st.one_of(st.text(max_size=40), st.lists(PIECES, max_size=12).map("".join))
SIDES = st.sampled_from(["left", "right"])


def longest(tokenizer: Tokenizer, text: str, limit: int, side: str, **options: Any) -> str:
    """By the definition: the longest prefix or suffix that fits."""
    parts = (text[: len(text) - cut] if side == "right" else text[cut:] for cut in range(len(text) + 1))
    return next(part for part in parts if len(tokenizer.encode(part, **options)) <= limit)


@given(st.sampled_from(TOKENIZERS), TEXTS, st.integers(0, 30), SIDES, st.sampled_from(["all", ()]))
@settings(max_examples=300)
def test_truncate_keeps_the_longest_part_that_fits(
    tokenizer: Tokenizer, text: str, limit: int, side: Literal["left", "right"], allowed: Any
) -> None:
    kept = tokenizer.truncate(text, limit, side, allowed_special=allowed)
    if allowed == "all" and "<|end|>" in text:
        # Exact without special tokens in the text only.
        assert text.startswith(kept) if side == "right" else text.endswith(kept)
        assert tokenizer.count(kept, allowed_special=allowed) <= limit
    else:
        assert kept == longest(tokenizer, text, limit, side, allowed_special=allowed)


@given(st.sampled_from(TOKENIZERS), TEXTS, st.integers(4, 20), st.data())
def test_chunks_fit_cover_the_text_and_overlap_as_asked(
    tokenizer: Tokenizer, text: str, limit: int, data: st.DataObject
) -> None:
    overlap = data.draw(st.integers(0, limit - 1))
    chunks = tokenizer.chunk(text, limit, overlap)
    assert (chunks == []) == (text == "")
    for chunk in chunks:
        assert isinstance(chunk, Chunk)
        assert chunk.text == text[chunk.start : chunk.end] != ""
        assert chunk.tokens == tokenizer.count(chunk.text) <= limit
    for before, after in itertools.pairwise(chunks):
        assert before.start < after.start <= before.end < after.end
        assert tokenizer.count(text[after.start : before.end]) <= overlap
    if chunks:
        assert (chunks[0].start, chunks[-1].end) == (0, len(text))
    if overlap == 0:
        assert "".join(chunk.text for chunk in chunks) == text


def test_truncate_returns_the_text_itself_if_it_fits() -> None:
    text = "the tests " * 10
    assert TOKENIZERS[0].truncate(text, 1000) is text


def test_cuts_count_what_the_post_processor_adds() -> None:
    tokenizer = Tokenizer.from_file(data_file("vocabs/hf/llama-2-13b-chat/tokenizer.json"))
    text = "The quick brown fox jumps over the lazy dog"
    kept = tokenizer.truncate(text, 5, add_special_tokens=True)
    assert kept == tokenizer.truncate(text, 4)
    assert len(tokenizer.encode(kept, add_special_tokens=True)) == 5


def test_wrong_arguments() -> None:
    tokenizer = TOKENIZERS[0]
    with pytest.raises(InvalidArgumentError, match="-1"):
        tokenizer.truncate("a", -1)
    with pytest.raises(InvalidArgumentError, match="middle"):
        tokenizer.truncate("a", 1, "middle")  # type: ignore[arg-type]
    for limit, overlap in [(0, 0), (3, 3), (3, 4), (3, -1), (-3, 0)]:
        with pytest.raises(InvalidArgumentError):
            tokenizer.chunk("a", limit, overlap)
    with pytest.raises(InvalidArgumentError, match="more than 2 tokens"):
        tokenizer.chunk("a\U0001f600", 2)
    methods: list[Callable[[Any, int], object]] = [tokenizer.truncate, tokenizer.chunk]
    for method in methods:
        with pytest.raises(TypeError):
            method(b"a", 1)
        with pytest.raises(InvalidTextError):
            method("\ud800", 1)


@pytest.mark.timing
def test_a_limit_ends_counting_early() -> None:
    tokenizer = Tokenizer.from_tiktoken(rank_file("cl100k_base"), pattern="cl100k_base")
    text = corpus("english.txt")
    tokenizer.count(text)

    def seconds(limit: int | None) -> float:
        start = time.perf_counter()
        tokenizer.count(text, limit)
        return time.perf_counter() - start

    assert min(seconds(100) for _ in range(5)) < 0.2 * min(seconds(None) for _ in range(5))


@pytest.mark.timing
def test_chunks_of_a_long_text_take_time_in_proportion() -> None:
    tokenizer = Tokenizer.from_tiktoken(rank_file("cl100k_base"), pattern="cl100k_base")
    text = corpus("english.txt")[:2_000_000]
    start = time.perf_counter()
    tokenizer.count(text)
    counting = time.perf_counter() - start
    start = time.perf_counter()
    chunks = tokenizer.chunk(text, 200, 20)
    chunking = time.perf_counter() - start
    assert len(chunks) > 2000
    assert chunking < 60 * counting + 1
