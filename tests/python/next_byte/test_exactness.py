"""Probabilities equal those of enumerated covers."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from typing import Any

import numpy as np
import pytest

from support.byte_oracle import Oracle, gaussian_model, ranks_of
from support.byte_toys import END_ID, SPECIAL_ID, TOKENS, Toy, toy
from tokengrove import Tokenizer
from tokengrove.next_byte import END, ByteLM, ByteState


def texts(alphabet: str, most: int) -> list[bytes]:
    return ["".join(letters).encode() for n in range(most + 1) for letters in itertools.product(alphabet, repeat=n)]


def longer_texts(count: int, seed: int) -> list[bytes]:
    rng = np.random.default_rng(seed)
    return [bytes(rng.choice(list(b"abcd"), size=int(rng.integers(5, 13))).tolist()) for _ in range(count)]


def test_prefixes_equal_the_sum_over_enumerated_covers(any_toy: Toy) -> None:
    raw = any_toy.lm.mode == "canonical-raw"
    root = any_toy.lm.state()
    states: dict[bytes, ByteState] = {b"": root}
    # All token sequences of a longer text are very many.
    longer = [text[:9] for text in longer_texts(12, 7)] if any_toy.lm.mode == "all" else longer_texts(200, 7)
    for text in texts("abcd", 4) + longer:
        for end in range(1, len(text) + 1):
            if text[:end] not in states:
                states[text[:end]] = states[text[: end - 1]].advance(text[end - 1])
        expected = any_toy.oracle.prefix(text)
        if raw:
            # The sum of conditionals; the covers themselves weigh what the oracle says.
            weights = any_toy.oracle.covers(text)
            shares = {ids: weight / expected for ids, weight in weights}
            found = {cover.ids: math.exp(cover.logprob) for cover in states[text].covers(10_000)}
            # Exact covers count by what follows them, of which some is left out.
            assert set(found) <= set(shares)
        else:
            assert states[text].logprob == pytest.approx(math.log(expected), abs=1e-10)


def test_next_bytes_equal_enumeration(any_toy: Toy) -> None:
    for text in [b"", b"a", b"ab", b"abc", b"dabc", b"aaa", b"cdda", b"x", b"\xe4", b"abcda"]:
        expected = any_toy.oracle.next_byte(text)
        found = any_toy.lm.state(text).logprobs()
        assert np.exp(found) == pytest.approx(expected, abs=1e-12)
        possible = expected > 0
        assert found[possible] == pytest.approx(np.log(expected[possible]), abs=1e-10)
        assert np.isneginf(found[~possible]).all()


def test_probabilities_chain(proper_toy: Toy) -> None:
    for text in [b"", b"a", b"abca", b"aaab", b"dabcd"]:
        state = proper_toy.lm.state(text)
        assert np.exp(state.logprobs()).sum() == pytest.approx(1.0, abs=1e-12)
        for byte in b"abcd":
            step = state.advance(byte)
            assert step.logprob == pytest.approx(state.logprob + state.logprobs()[byte], abs=1e-12)


def test_texts_of_one_length_and_shorter_ones_are_all_there_is() -> None:
    # Only three letters and the end have any probability.
    case = toy("canonical", (b"ab", b"ba", b"aba", b"cc"))
    allowed = {
        *b"abc",
        *(id for token, id in ranks_of((b"ab", b"ba", b"aba", b"cc")).items() if len(token) > 1),
        END_ID,
    }

    def model(ids: list[int]) -> np.ndarray[Any, Any]:
        logits = np.full(310, -np.inf)
        logits[list(allowed)] = case.model(ids)[list(allowed)]
        return logits

    for mode in ("canonical", "all"):
        lm = ByteLM(model, case.tokenizer, mode=mode, eos=END_ID)
        states, ended = [lm.state()], 0.0
        for _ in range(6):
            ended += sum(math.exp(state.logprob + state.logprobs()[END]) for state in states)
            states = [state.advance(byte) for state in states for byte in b"abc"]
            alive = sum(math.exp(state.logprob) for state in states)
            assert alive + ended == pytest.approx(1.0, abs=1e-12)


def test_the_raw_mode_loses_mass() -> None:
    case = toy("canonical-raw")
    state = case.lm.state(b"abca")
    assert np.exp(state.logprobs()).sum() == pytest.approx(1.0, abs=1e-12)
    leak = sum(case.oracle.prefix(b"a" + bytes([b])) for b in range(256)) + case.oracle.end(b"a")
    assert leak < 0.995 * case.oracle.prefix(b"a")


def test_prompts_scores_and_steps_agree(any_toy: Toy) -> None:
    for text in [b"abcdabcd", b"aaaaaaa", b"dabcbxab", b"ab\xe4\xb8\xad a", b""]:
        by_step = any_toy.lm.state()
        total = 0.0
        for byte in text:
            total += float(by_step.logprobs()[byte])
            by_step = by_step.advance(byte)
        scores = any_toy.lm.score(text)
        assert scores.total == pytest.approx(total, abs=1e-10)
        assert len(scores.logprobs) == len(text)
        assert scores.end_logprob == pytest.approx(by_step.logprobs()[END], abs=1e-10)
        for cut in {0, 1, len(text) // 2, len(text)}:
            whole = any_toy.lm.state(text[:cut]).advance(text[cut:])
            assert whole.logprobs() == pytest.approx(by_step.logprobs(), abs=1e-10)
            assert whole.logprob == pytest.approx(total, abs=1e-10)
            rest = any_toy.lm.score(text[cut:], prompt=text[:cut])
            assert rest.logprobs == pytest.approx(scores.logprobs[cut:], abs=1e-10)


def test_states_fork() -> None:
    lm = toy("canonical").lm
    state = lm.state(b"ab")
    before = state.logprobs()
    left, right = state.advance(b"c"), state << b"da"
    assert left.logprobs() == pytest.approx(lm.state(b"abc").logprobs(), abs=1e-12)
    assert right.logprobs() == pytest.approx(lm.state(b"abda").logprobs(), abs=1e-12)
    assert (state.logprobs() == before).all()


def test_single_bytes_as_tokens_give_the_token_model_itself() -> None:
    # And tokens that are never used change nothing.
    for tokens in ((), TOKENS):
        case = toy("all", tokens)

        def model(ids: list[int], case: Toy = case) -> np.ndarray[Any, Any]:
            logits = case.model(ids).copy()
            logits[256:END_ID] = -np.inf
            return logits

        for mode in ("canonical", "canonical-raw", "all") if not tokens else ("all",):
            state = ByteLM(model, case.tokenizer, mode=mode, eos=END_ID).state(b"hello")
            logits = model(list(b"hello"))[[*range(256), END_ID]]
            shifted = logits - logits.max()
            expected = shifted - np.log(np.exp(shifted).sum())
            assert state.logprobs() == pytest.approx(expected, abs=1e-13)


def test_a_markov_chain_is_recovered_from_its_tokens() -> None:
    # The source is a chain of order 1 over two letters; the token model holds exact frequencies of merged texts.
    rng = np.random.default_rng(5)
    chance = {b"": 0.5, b"A": 0.7, b"B": 0.2}
    ranks = ranks_of((b"AA", b"AAB", b"BB"))
    tokenizer = Tokenizer.from_tiktoken(ranks, None, {"<|end|>": END_ID})
    length = 12
    following: dict[tuple[int, ...], Counter[int]] = {}
    for letters in itertools.product(b"AB", repeat=length):
        text = bytes(letters)
        weight = 1.0
        for at in range(length):
            p = chance[text[max(0, at - 1) : at]]
            weight *= p if text[at] == ord("A") else 1 - p
        ids = tokenizer.encode_list(text)
        for at, id in enumerate([*ids, END_ID]):
            following.setdefault(tuple(ids[:at]), Counter())[id] += weight  # type: ignore[assignment]

    def model(ids: list[int]) -> np.ndarray[Any, Any]:
        counts = following[tuple(ids)]
        logits = np.full(301, -np.inf)
        for id, weight in counts.items():
            logits[id] = math.log(weight)
        return logits

    lm = ByteLM(model, tokenizer, eos=END_ID)
    naive_is_wrong = 0
    for _ in range(60):
        text = bytes(rng.choice(list(b"AB"), size=int(rng.integers(0, 8))).tolist())
        expected = chance[text[-1:]]
        assert math.exp(lm.state(text).logprobs()[ord("A")]) == pytest.approx(expected, abs=1e-12)
        history = tuple(tokenizer.encode_list(text))
        counts = following.get(history)
        if (
            counts is None
            or abs(
                sum(w for id, w in counts.items() if tokenizer.token_bytes(id)[:1] == b"A") / sum(counts.values())
                - expected
            )
            > 0.1
        ):
            naive_is_wrong += 1
    assert naive_is_wrong > 10


def longest_match(tokens: list[bytes], text: bytes) -> list[bytes]:
    """The encoder that always takes the longest token."""
    found = []
    while text:
        found.append(max((token for token in tokens if text.startswith(token)), key=len))
        text = text[len(found[-1]) :]
    return found


def test_a_markov_chain_is_recovered_from_tokens_of_another_encoder() -> None:
    # The toy of the paper: a chain of order 3, tokens by longest match. Sequences that this encoder does not give have
    # probability 0, so the mode `all`, which needs to know nothing of the encoder, is exact.
    words = [b"A", b"B", b"AA", b"BAAB", b"BBAA", b"BBBA", b"BA"]
    ranks = ranks_of([word for word in words if len(word) > 1])
    tokenizer = Tokenizer.from_tiktoken(ranks, None, {"<|end|>": END_ID})
    rng = np.random.default_rng(3)
    chance = {bytes(last): float(p) for last, p in zip(itertools.product(b"AB", repeat=3), rng.random(8), strict=True)}
    length = 13
    following: dict[tuple[int, ...], Counter[int]] = {}
    for letters in itertools.product(b"AB", repeat=length):
        text = bytes(letters)
        weight = 0.125
        for at in range(3, length):
            p = chance[text[at - 3 : at]]
            weight *= p if text[at] == ord("A") else 1 - p
        ids = [ranks[token] for token in longest_match(words, text)]
        for at, id in enumerate([*ids, END_ID]):
            following.setdefault(tuple(ids[:at]), Counter())[id] += weight  # type: ignore[assignment]

    def model(ids: list[int]) -> np.ndarray[Any, Any]:
        logits = np.full(301, -np.inf)
        for id, weight in following[tuple(ids)].items():
            logits[id] = math.log(weight)
        return logits

    lm = ByteLM(model, tokenizer, mode="all", eos=END_ID)
    impossible = 0
    for size in range(3, 9):
        for letters in itertools.product(b"AB", repeat=size):
            text = bytes(letters)
            found = math.exp(lm.state(text).logprobs()[ord("A")])
            assert found == pytest.approx(chance[text[-3:]], abs=1e-12)
            # What tokens alone would say: often they hold that the prompt cannot be.
            impossible += tuple(ranks[token] for token in longest_match(words, text)) not in following
    assert impossible > 20


def test_characters_of_several_bytes_can_be_cut_anywhere() -> None:
    # Tokens cut a character of three bytes after the first and after the second.
    character = "\u4e2d".encode()
    ranks = ranks_of((character[:2], character[1:], character[2:] + character[:1], b"a" + character[:1]))
    tokenizer = Tokenizer.from_tiktoken(ranks, "gpt2", {"<|end|>": END_ID})
    model = gaussian_model(310, 4)
    every = Oracle({id: token for token, id in ranks.items()}, model, [END_ID], "all")
    text = b"a" + 2 * character
    for cut in range(len(text) + 1):
        inside = cut % 3 != 1 and cut > 0
        canonical = ByteLM(model, tokenizer, eos=END_ID).state(text[:cut]).logprobs()
        alone = ByteLM(model, tokenizer, mode="all", eos=END_ID).state(text[:cut]).logprobs()
        assert np.exp(alone) == pytest.approx(every.next_byte(text[:cut]), abs=1e-12)
        # The text does not end inside a character, nor does another one begin there; a model of all sequences may.
        assert np.isneginf(canonical[END]) == inside
        assert np.isfinite(alone[END])
        continues = np.zeros(257, dtype=np.bool_)
        continues[0x80:0xC0] = True
        if inside:
            assert np.isneginf(canonical[~continues]).all()
            assert np.isfinite(canonical[text[cut] if cut < len(text) else 0x80])
        else:
            assert np.isneginf(canonical[continues]).all()
        assert np.isfinite(alone[0x80])


def test_a_long_text_keeps_few_bundles() -> None:
    # What is settled is dropped: the state does not grow with the text.
    lm = toy("canonical").lm
    state = lm.state()
    sizes = []
    for byte in b"abcdabaaabcddabcabcab" * 20:
        state.logprobs()
        sizes.append(len(state._covers))
        state = state.advance(byte)
    assert max(sizes[-100:]) <= max(sizes[:100]) <= 20


def test_two_ways_to_cut_the_same_texts_give_the_same_bytes() -> None:
    # Texts of `ab` and `c`: one model writes `ab` as a token, the other as two. Neither is forced to be canonical.
    tokenizer = Tokenizer.from_tiktoken(ranks_of((b"ab",)), None, {"<|end|>": END_ID})
    pair = 256

    def logits(**chances: float) -> np.ndarray[Any, Any]:
        row = np.full(301, -np.inf)
        for name, chance in chances.items():
            row[{"a": 97, "b": 98, "c": 99, "ab": pair, "end": END_ID}[name]] = math.log(chance)
        return row

    def joined(_: list[int]) -> np.ndarray[Any, Any]:
        return logits(ab=0.5, c=0.3, end=0.2)

    def apart(ids: list[int]) -> np.ndarray[Any, Any]:
        return logits(b=1.0) if ids[-1:] == [97] else logits(a=0.5, c=0.3, end=0.2)

    one, two = (ByteLM(model, tokenizer, mode="all", eos=END_ID) for model in (joined, apart))
    for text in (b"", b"a", b"ab", b"aba", b"abcab"):
        assert one.state(text).logprobs() == pytest.approx(two.state(text).logprobs(), abs=1e-12)


def test_tails_are_exact() -> None:
    # One logit of +60, the others at -60: most bytes have a probability near 1e-52.
    tokenizer = toy("all").tokenizer
    peak = 256 + TOKENS.index(b"cd")
    rng = np.random.default_rng(0)
    base = -60 + rng.normal(size=310)
    base[peak] = 60.0

    def model(_: list[int]) -> np.ndarray[Any, Any]:
        return base

    for mode in ("all", "canonical"):
        lm = ByteLM(model, tokenizer, mode=mode, eos=END_ID)
        found = lm.state().logprobs()
        ordinary = [*range(256), *range(256, 256 + len(TOKENS))]
        logs = np.array([base[id] for id in ordinary] + [base[END_ID]])
        total = math.fsum(np.exp(logs - 60.0))
        for byte in range(256):
            terms = [base[id] for id in ordinary if tokenizer.token_bytes(id)[0] == byte]
            expected = math.fsum(math.exp(term - 60.0) for term in terms) / total
            assert math.exp(found[byte]) == pytest.approx(expected, rel=1e-9)
        assert math.exp(found[ord("x")]) < 1e-50


def test_special_tokens_leave_no_trace_but_are_reported() -> None:
    case = toy("all")
    state = case.lm.state(b"ab")
    logits = case.model([256])
    logits_other = logits[SPECIAL_ID]
    # `<`, with which the names of special tokens begin, has the mass of ordinary tokens alone.
    assert np.exp(state.logprobs()) == pytest.approx(case.oracle.next_byte(b"ab"), abs=1e-12)
    assert math.isfinite(logits_other)
    assert state.special_logprob < 0.0

    def certain(_: list[int]) -> np.ndarray[Any, Any]:
        row = np.zeros(310)
        row[SPECIAL_ID] = 50.0
        return row

    sure = ByteLM(certain, case.tokenizer, eos=END_ID).state()
    assert sure.special_logprob == pytest.approx(0.0, abs=1e-9)
    assert np.exp(sure.logprobs()).sum() == pytest.approx(1.0)
    assert sure.logprobs()[ord("<")] == pytest.approx(sure.logprobs()[ord("x")])


def test_text_that_looks_like_a_special_token_is_text() -> None:
    case = toy("canonical")
    as_text = case.lm.state(b"<|other|>")
    as_id = case.lm.state([[SPECIAL_ID], b""])
    assert as_id.context == (SPECIAL_ID,)
    assert as_text.context == ()
    assert not np.allclose(as_text.logprobs(), as_id.logprobs())
    expected = Oracle(
        case.oracle.tokens, case.model, [END_ID], "canonical", case.oracle.is_valid, case.oracle.may_end, (SPECIAL_ID,)
    )
    assert np.exp(as_id.logprobs()) == pytest.approx(expected.next_byte(b""), abs=1e-12)


def test_the_end_of_the_text_counts_all_stop_ids() -> None:
    case = toy("canonical")
    lm = ByteLM(case.model, case.tokenizer, eos=[END_ID, SPECIAL_ID])
    oracle = Oracle(
        case.oracle.tokens, case.model, [END_ID, SPECIAL_ID], "canonical", case.oracle.is_valid, case.oracle.may_end
    )
    for text in (b"", b"ab", b"abcd", b"a"):
        assert np.exp(lm.state(text).logprobs()) == pytest.approx(oracle.next_byte(text), abs=1e-12)
    assert lm.state().special_logprob == -np.inf


def test_random_models_differ() -> None:
    # A sanity check of the toy itself: histories matter.
    model = gaussian_model(310, 1)
    assert not np.allclose(model([1]), model([2]))
