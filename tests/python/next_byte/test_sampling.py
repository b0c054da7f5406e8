"""Drawn bytes and drawn covers follow the distribution."""

from __future__ import annotations

import itertools
import math
from collections import Counter

import numpy as np
import pytest

from support.byte_oracle import ranks_of
from support.byte_toys import END_ID, toy
from tokengrove import InvalidTextError, Tokenizer  # noqa: F401
from tokengrove.errors import InvalidArgumentError
from tokengrove.next_byte import END, ByteLM
from tokengrove.next_byte.generation import filtered, next_bytes


def chi_square(counts: Counter[object], shares: dict[object, float], draws: int) -> float:
    """Pearson's statistic divided by its degrees of freedom, over outcomes expected at least ten times."""
    kept = {key: share for key, share in shares.items() if share * draws >= 10}
    rest = 1.0 - sum(kept.values())
    statistic = sum((counts[key] - share * draws) ** 2 / (share * draws) for key, share in kept.items())
    if rest * draws >= 10:
        others = draws - sum(counts[key] for key in kept)
        statistic += (others - rest * draws) ** 2 / (rest * draws)
    return statistic / max(1, len(kept) - 1)


def test_healing_draws_covers_by_their_share() -> None:
    case = toy("canonical", scale=1.0)
    prompt = b"dabcab"
    state = case.lm.state(prompt)
    shares: dict[object, float] = {c.ids: math.exp(c.logprob) for c in state.covers(10_000)}
    assert sum(shares.values()) == pytest.approx(1.0)
    exact = dict(case.oracle.covers(prompt))
    total = sum(exact.values())
    assert shares == pytest.approx({ids: weight / total for ids, weight in exact.items()})
    rng = np.random.default_rng(3)
    draws = 20_000
    counts: Counter[object] = Counter(state.cover_at(rng.random()).ids for _ in range(draws))
    assert chi_square(counts, shares, draws) < 1.5
    ids, share = case.lm.heal(prompt, seed=11)
    assert case.tokenizer.decode_bytes(ids).startswith(prompt)
    assert share == pytest.approx(math.log(shares[tuple(ids)]))
    best, share = case.lm.heal(prompt, sample=False)
    assert share == pytest.approx(math.log(max(shares.values())))
    assert shares[tuple(best)] == pytest.approx(max(shares.values()))


def test_generated_bytes_follow_the_enumerated_distribution() -> None:
    # A model of few tokens, so that all texts of three bytes can be listed.
    tokens = (b"ab", b"ba", b"aba")
    tokenizer = Tokenizer.from_tiktoken(ranks_of(tokens), None, {"<|end|>": END_ID})
    kept = [97, 98, 256, 257, 258, END_ID]

    def model(ids: list[int]) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        logits = np.full(301, -np.inf)
        logits[kept] = np.random.default_rng([9, *ids]).normal(size=len(kept))
        return logits

    lm = ByteLM(model, tokenizer, eos=END_ID)
    shares: dict[object, float] = {}
    for length in range(4):
        for letters in itertools.product(b"ab", repeat=length):
            text = bytes(letters)
            logprob = lm.state(text).logprob
            shares[text] = math.exp(logprob if length == 3 else logprob + lm.state(text).logprobs()[END])
    assert sum(shares.values()) == pytest.approx(1.0)
    draws = 3000
    rng = np.random.default_rng(0)
    counts: Counter[object] = Counter(lm.generate(b"", max_new_bytes=3, seed=rng).data for _ in range(draws))
    assert chi_square(counts, shares, draws) < 2.5


def test_the_same_seed_gives_the_same_bytes_alone_and_in_a_batch() -> None:
    lm = toy("canonical").lm
    alone = [lm.generate(prompt, max_new_bytes=12, seed=5) for prompt in (b"ab", b"cda")]
    assert lm.generate_batch([b"ab", b"cda"], max_new_bytes=12, seed=5) == alone
    assert lm.generate_batch([b"cda", b"ab"], max_new_bytes=12, seed=5) == alone[::-1]
    assert lm.generate(b"ab", max_new_bytes=12, seed=6) != alone[0]
    streamed = bytes(byte for byte, _ in lm.stream(b"ab", max_new_bytes=12, seed=5) if byte != END)
    assert streamed == alone[0].data


def test_generation_reports_the_models_own_probability() -> None:
    lm = toy("canonical").lm
    made = lm.generate(b"ab", max_new_bytes=8, temperature=0.5, top_k=3, seed=1)
    scores = lm.score(made.data, prompt=b"ab")
    expected = scores.total + (scores.end_logprob if made.reason == "end" else 0.0)
    assert made.logprob == pytest.approx(expected, abs=1e-9)


def test_greedy_takes_the_best_byte_and_stop_strings_end_the_output() -> None:
    lm = toy("canonical", scale=3.0).lm
    made = lm.generate(b"a", max_new_bytes=6, temperature=0.0)
    state = lm.state(b"a")
    for byte in made.data:
        assert byte == int(np.argmax(np.where(next_bytes(b"")[0], state.logprobs(), -np.inf))) or byte >= 0x80
        state = state.advance(byte)
    stop = made.data[2:4]
    stopped = lm.generate(b"a", max_new_bytes=6, temperature=0.0, stop=[stop])
    assert stopped.reason == "stop"
    assert stopped.data == made.data[: made.data.index(stop)]


def test_filters() -> None:
    logprobs = np.log(np.array([0.5, 0.3, 0.15, 0.05]))
    assert filtered(logprobs, 1.0, None, None, None) == pytest.approx([0.5, 0.3, 0.15, 0.05])
    assert filtered(logprobs, 0.0, None, None, None) == pytest.approx([1, 0, 0, 0])
    assert filtered(logprobs, 1.0, 2, None, None) == pytest.approx([0.625, 0.375, 0, 0])
    assert filtered(logprobs, 1.0, None, 0.79, None) == pytest.approx([0.625, 0.375, 0, 0])
    assert filtered(logprobs, 1.0, None, None, 0.25) == pytest.approx(np.array([50, 30, 15, 0]) / 95)
    assert filtered(logprobs, 0.5, None, None, None) == pytest.approx(np.array([25, 9, 2.25, 0.25]) / 36.5)


def test_next_bytes_are_those_of_utf_8() -> None:
    def continues(data: bytes) -> bool:
        try:
            data.decode()
        except UnicodeDecodeError as error:
            return error.reason == "unexpected end of data"
        return True

    for tail in (
        b"",
        b"a",
        b"\xc3",
        b"\xe0",
        b"\xed",
        b"\xf0",
        b"\xf4",
        b"\xe4\xb8",
        b"\xf0\x9f\x98",
        b"x\xf0\x9f",
        "é".encode(),
    ):
        allowed, lacking = next_bytes(tail)
        for byte in range(256):
            assert allowed[byte] == continues(tail + bytes([byte])), (tail, byte)
        assert allowed[END] == (lacking == 0)


def test_output_is_utf_8_and_ends_with_a_whole_character() -> None:
    # All bytes are alike to this model.
    tokenizer = Tokenizer.from_tiktoken(ranks_of(("é".encode(), "中".encode()[:2])), None, {"<|end|>": END_ID})
    lm = ByteLM(lambda _: np.zeros(301), tokenizer, mode="all", eos=END_ID)
    for seed in range(40):
        made = lm.generate("中".encode()[:1], max_new_bytes=5, seed=seed)
        ("中".encode()[:1] + made.data).decode()
    assert any(not _is_utf8(lm.generate(b"", max_new_bytes=5, seed=seed, utf8_safe=False).data) for seed in range(40))


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


@pytest.mark.parametrize(
    "options",
    [
        {"temperature": -1.0},
        {"temperature": float("nan")},
        {"top_k": 0},
        {"top_p": 0.0},
        {"min_p": 1.5},
        {"max_new_bytes": -1},
        {"stop": [""]},
    ],
)
def test_options_out_of_range_are_refused(options: dict[str, object]) -> None:
    with pytest.raises(InvalidArgumentError):
        toy("canonical").lm.generate(b"a", **options)
