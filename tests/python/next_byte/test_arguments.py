"""Bad input is named, and changes nothing."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from support.byte_toys import END_ID, SPECIAL_ID, toy
from tokengrove import Tokenizer
from tokengrove.errors import InvalidArgumentError, LogitsError, UnknownTokenError, UnsupportedTokenizerError
from tokengrove.next_byte import ByteLM, HarnessAdapter

CASE = toy("canonical")


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"mode": "exact"}, InvalidArgumentError),
        ({"eps": -0.1}, InvalidArgumentError),
        ({"eps": 1.0}, InvalidArgumentError),
        ({"beam": 0}, InvalidArgumentError),
        ({"eos": 5000}, InvalidArgumentError),
        ({"context": [5000]}, UnknownTokenError),
    ],
)
def test_arguments_out_of_range_are_refused(options: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error):
        ByteLM(CASE.model, CASE.tokenizer, **options)


def test_a_model_is_something_that_gives_logits() -> None:
    with pytest.raises(TypeError, match="not int"):
        ByteLM(7, CASE.tokenizer)


@pytest.mark.parametrize(
    "logits",
    [
        np.zeros(100),
        np.full(310, np.nan),
        np.full(310, -np.inf),
        np.where(np.arange(310) == 7, np.inf, 0.0),
        np.zeros((310, 2)),
        np.array(["a"] * 310),
    ],
)
def test_logits_that_say_nothing_are_refused_and_the_state_stays(logits: Any) -> None:
    broken = False

    def model(ids: list[int]) -> Any:
        return logits if broken else CASE.model(ids)

    lm = ByteLM(model, CASE.tokenizer, eos=END_ID)
    state = lm.state(b"ab")
    before = state.logprobs()
    longer = state.advance(b"c")
    broken = True
    with pytest.raises((LogitsError, InvalidArgumentError)):
        longer.logprobs()
    with pytest.raises((LogitsError, InvalidArgumentError)):
        lm.state(b"ab")
    with pytest.raises((LogitsError, InvalidArgumentError)):
        lm.score(b"ab")
    assert (state.logprobs() == before).all()
    broken = False
    assert longer.logprobs() == pytest.approx(CASE.lm.state(b"abc").logprobs(), abs=1e-12)


def test_what_can_follow_may_be_far_below_what_cannot() -> None:
    # The model is certain of a token that is not valid here; the rest still has a distribution.
    def model(ids: list[int]) -> Any:
        row = np.zeros(310)
        if ids:
            row[98] = 5000.0  # `b` after `a` would be `ab`
        return row

    state = ByteLM(model, CASE.tokenizer, eos=END_ID).state(b"a")
    assert np.exp(state.logprobs()).sum() == pytest.approx(1.0)


def test_impossible_bytes_have_no_successor() -> None:
    tokenizer = Tokenizer.from_tiktoken({bytes([b]): b for b in range(256)}, "gpt2", {"<|end|>": 256})
    state = ByteLM(lambda _: np.zeros(257), tokenizer, eos=256).state(b"\xff")
    assert state.logprob == -np.inf
    with pytest.raises(InvalidArgumentError, match="probability 0"):
        state.logprobs()
    with pytest.raises(InvalidArgumentError):
        state.cover_at(0.5)


def test_bytes_and_prompts_of_the_wrong_kind_are_refused() -> None:
    state = CASE.lm.state(b"a")
    for byte in (256, -1):
        with pytest.raises(InvalidArgumentError):
            state.advance(byte)
    with pytest.raises(TypeError):
        CASE.lm.state([1, b"a"])
    with pytest.raises(TypeError):
        CASE.lm.state(5)  # type: ignore[arg-type]
    with pytest.raises(UnknownTokenError):
        CASE.lm.state([[4000], b"a"])
    with pytest.raises(TypeError, match="collection"):
        CASE.lm.score_batch("one text")


def test_segments_are_closed_at_their_ends() -> None:
    seen: list[list[int]] = []

    def model(ids: list[int]) -> Any:
        seen.append(ids)
        return CASE.model(ids)

    lm = ByteLM(model, CASE.tokenizer, eos=END_ID, context=[SPECIAL_ID])
    state = lm.state([b"abc", [SPECIAL_ID], "ab"])
    closed = CASE.tokenizer.encode_list(b"abc")
    assert state.context == (SPECIAL_ID, *closed, SPECIAL_ID)
    assert all(tuple(ids[: len(state.context)]) == state.context for ids in seen)
    # A list of ids alone is a segment.
    assert lm.state([97, 98]).context == (SPECIAL_ID, 97, 98)


def test_unsupported_tokenizers_say_what_works() -> None:
    tokenizer = Tokenizer.from_tiktoken({bytes([b]): b for b in range(256)}, r"\w+|\W", {"<|end|>": 256})
    model = lambda _: np.zeros(257)  # noqa: E731
    with pytest.raises(UnsupportedTokenizerError, match='"all"'):
        ByteLM(model, tokenizer, eos=256)
    assert np.exp(ByteLM(model, tokenizer, mode="all", eos=256).state(b"a b").logprobs()).sum() == pytest.approx(1)


def test_the_harness_adapter_answers_its_three_kinds_of_requests() -> None:
    class Request:
        def __init__(self, *args: Any) -> None:
            self.args = args

    adapter = HarnessAdapter(CASE.lm, max_new_bytes=5)
    best = CASE.lm.generate("ab", max_new_bytes=3, temperature=0.0, utf8_safe=False)
    found = adapter.loglikelihood([Request("ab", "cd"), ("ab", "zz")])
    assert found[0][0] == pytest.approx(CASE.lm.state(b"abcd").logprob - CASE.lm.state(b"ab").logprob)
    assert not found[1][1]
    if best.data.isascii() and best.data:
        assert adapter.loglikelihood([("ab", best.text)])[0][1]
    assert adapter.loglikelihood_rolling([("abcd",)]) == [pytest.approx(CASE.lm.score("abcd").total)]
    assert adapter.generate_until([("ab", {"until": ["zzz"]})]) == [
        CASE.lm.generate("ab", max_new_bytes=5, temperature=0.0).text
    ]
