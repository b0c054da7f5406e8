"""Long texts are scored in parts."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from support.byte_toys import toy
from tokengrove import Tokenizer
from tokengrove.errors import InvalidArgumentError
from tokengrove.next_byte.windows import longest_sequence, windows

BYTES = Tokenizer.from_tiktoken({bytes([byte]): byte for byte in range(256)}, "gpt2", {"<|end|>": 256})


@pytest.mark.parametrize("text", ["", "abc", "abcdefghijklm" * 5, "éa中b😀" * 9, "a" * 31 + "😀" * 20])
@pytest.mark.parametrize("size", [2, 5, 8, 64])
def test_parts_follow_one_another_and_end_between_characters(text: str, size: int) -> None:
    data = text.encode()
    parts = windows(BYTES, data, size)
    assert parts[0].first == parts[0].start == 0
    assert parts[-1].end == len(data)
    for before, after in itertools.pairwise(parts):
        assert (after.first, after.start) == (before.start, before.end)
    for part in parts:
        data[part.first : part.start].decode()
        data[part.start : part.end].decode()
        # A token is a byte here, and a character has up to four.
        assert part.end - part.first <= size + 6


def test_bytes_that_are_no_text_are_cut_too() -> None:
    data = b"\x80" * 50 + b"\xf0\x9f"
    parts = windows(BYTES, data, 8)
    assert b"".join(data[part.start : part.end] for part in parts) == data
    assert max(part.end - part.first for part in parts) <= 8


def test_each_part_is_given_the_part_before() -> None:
    lm = toy("canonical").lm
    text = b"abcdabaaabcddabcabcabddabcabaab"
    found = lm.score(text, window=8)
    expected = [
        lm.score(text[part.start : part.end], prompt=text[part.first : part.start]).logprobs
        for part in windows(lm.tokenizer, text, 8)
    ]
    assert len(expected) > 2
    assert found.logprobs.tolist() == np.concatenate(expected).tolist()
    # A text that fits is scored as a whole.
    assert lm.score(text, window=1000).logprobs.tolist() == lm.score(text).logprobs.tolist()


def test_windows_that_make_no_sense_are_refused() -> None:
    lm = toy("canonical").lm
    with pytest.raises(InvalidArgumentError, match="at least 2"):
        lm.score(b"ab", window=1)
    for prompt in (b"a", [b"a"], [[97]]):
        with pytest.raises(InvalidArgumentError, match="without a prompt"):
            lm.score(b"ab", prompt=prompt, window=8)


def test_a_model_says_how_long_its_texts_are() -> None:
    class Config:
        max_position_embeddings = 77

    class Network:
        config = Config()

    class Around:
        model = Network()

    assert longest_sequence(Network()) == longest_sequence(Around()) == 77
    assert longest_sequence(lambda ids: ids) is None
    assert toy("canonical").lm.max_tokens is None
