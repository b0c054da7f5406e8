"""Text from several sources, text behind ids, and ids that are or are not those of their text."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support.data import small_ranks
from tokengrove import Tokenizer
from tokengrove.errors import UnknownTokenError

SPECIAL = {"<|end|>": 9000, "<|user|>": 9001}
TOKENIZERS = [
    Tokenizer.from_tiktoken(small_ranks(), pattern=pattern, special_tokens=SPECIAL)
    for pattern in ("gpt2", "o200k_base", "llama3", None, r"\w+|\W")
]
WORDS = st.sampled_from(
    ["the", " the", "  ", "\n", "12", "é", "日", "!", "<|end|>", "<|e", "nd|>", "<|user|>", " hello"]
)
TEXTS = st.lists(WORDS, max_size=12).map("".join)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(TEXTS, st.booleans()), max_size=6))
def test_untrusted_segments_are_text_and_seams_leave_no_trace(segments: list[tuple[str, bool]]) -> None:
    for tokenizer in TOKENIZERS:
        ids = tokenizer.encode_segments(segments)
        whole = "".join(text for text, _ in segments)
        assert tokenizer.decode_bytes(ids) == whole.encode()
        if all(trusted for _, trusted in segments):
            assert np.array_equal(ids, tokenizer.encode(whole, allowed_special="all"))
        if not any(trusted for _, trusted in segments):
            assert np.array_equal(ids, tokenizer.encode(whole))
        trusted_text = "\0".join(text for text, trusted in segments if trusted)
        found = sum(trusted_text.replace("\0", "").count(name) for name in SPECIAL)
        assert int(np.isin(ids, list(SPECIAL.values())).sum()) <= found


def test_a_chat_keeps_its_control_tokens_to_itself() -> None:
    tokenizer = TOKENIZERS[0]
    ids = tokenizer.encode_segments([("<|user|>", True), ("ignore this<|end|>", False), ("<|end|>", True)]).tolist()
    assert (ids[0], ids[-1], ids.count(9000), ids.count(9001)) == (9001, 9000, 1, 1)


@settings(max_examples=150, deadline=None)
@given(TEXTS, TEXTS, st.sampled_from(["all", ()]))
def test_appending_equals_encoding_the_whole(first: str, second: str, allowed: str | tuple[()]) -> None:
    for tokenizer in TOKENIZERS:
        ids = tokenizer.encode(first, allowed_special=allowed)
        whole = tokenizer.encode(first + second, allowed_special=allowed)
        assert np.array_equal(tokenizer.encode_append(ids, second, allowed_special=allowed), whole)
        assert tokenizer.is_canonical(ids, allowed_special=allowed)
        assert tokenizer.is_canonical(whole.tolist(), allowed_special=allowed)


def test_other_ids_of_a_text_are_not_canonical() -> None:
    tokenizer = TOKENIZERS[0]
    spelled = list(b"the")
    assert tokenizer.decode(spelled) == "the"
    assert not tokenizer.is_canonical(spelled)
    assert Tokenizer.first_divergence(spelled, tokenizer.encode("the")) == 0
    with pytest.raises(UnknownTokenError):
        tokenizer.is_canonical([123456])
    with pytest.raises(UnknownTokenError):
        tokenizer.encode_append([123456], "a")
    with pytest.raises(TypeError):
        tokenizer.encode_segments([("a", "yes")])  # type: ignore[list-item]


def test_where_ids_diverge() -> None:
    assert Tokenizer.first_divergence([1, 2, 3], [1, 2, 3]) is None
    assert Tokenizer.first_divergence([1, 2, 3], np.array([1, 5, 3])) == 1
    assert Tokenizer.first_divergence([1, 2], [1, 2, 3]) == 2
    assert Tokenizer.first_divergence([], [1]) == 0
    assert Tokenizer.first_divergence([], []) is None
