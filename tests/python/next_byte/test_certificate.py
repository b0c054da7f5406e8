"""What is not evaluated is accounted for."""

from __future__ import annotations

import math

import numpy as np
import pytest

from support.byte_toys import toy
from tokengrove.next_byte import ByteLM

TEXT = b"abcdabaaabcddabcabcab"


@pytest.mark.parametrize("eps", [1e-4, 1e-2, 0.2])
def test_errors_never_exceed_the_unresolved_mass(eps: float) -> None:
    for seed in range(4):
        exact = toy("canonical", seed=seed, scale=4.0)
        pruned = ByteLM(exact.model, exact.tokenizer, eos=exact.lm.eos, eps=eps)
        state, reference = pruned.state(), exact.lm.state()
        for byte in TEXT:
            found, expected = np.exp(state.logprobs()), np.exp(reference.logprobs())
            bound = state.unresolved_mass
            assert 0.0 <= bound <= eps
            assert 0.5 * np.abs(found - expected).sum() <= bound + 1e-12
            assert np.abs(found - expected).max() <= bound + 1e-12
            # The likelihood is a lower bound, and the interval holds the truth.
            assert state.logprob <= reference.logprob + 1e-10
            assert math.exp(reference.logprob - state.logprob) * (1 - bound) <= 1 + 1e-9
            state, reference = state.advance(byte), reference.advance(byte)


def test_pruning_saves_evaluations() -> None:
    exact = toy("canonical", scale=5.0)
    calls = []
    for eps in (0.0, 1e-3, 0.1):
        lm = ByteLM(exact.model, exact.tokenizer, eos=exact.lm.eos, eps=eps)
        state = lm.state()
        for byte in TEXT:
            state.logprobs()
            state = state.advance(byte)
        calls.append(lm.evaluations)
    assert calls[0] > calls[1] > calls[2]


@pytest.mark.parametrize("beam", [1, 2, 5])
def test_a_beam_bounds_its_error_in_the_mode_all(beam: int) -> None:
    exact = toy("all")
    pruned = ByteLM(exact.model, exact.tokenizer, mode="all", eos=exact.lm.eos, beam=beam)
    state, reference = pruned.state(), exact.lm.state()
    for byte in TEXT[:12]:
        found, expected = np.exp(state.logprobs()), np.exp(reference.logprobs())
        assert 0.5 * np.abs(found - expected).sum() <= state.unresolved_mass + 1e-12
        assert state.logprob <= reference.logprob + 1e-10
        state, reference = state.advance(byte), reference.advance(byte)


def test_more_work_never_widens_the_bound() -> None:
    exact = toy("all")
    bounds = []
    for beam in (1, 2, 4, 8, 1000):
        state = ByteLM(exact.model, exact.tokenizer, mode="all", eos=exact.lm.eos, beam=beam).state(TEXT[:8])
        bounds.append(state.unresolved_mass)
    assert bounds == sorted(bounds, reverse=True)
    assert bounds[-1] == 0.0


def test_a_history_put_off_is_taken_up_when_it_grows() -> None:
    # After `a`, the model is sure of `ab`; then the text goes on in another way.
    case = toy("canonical")
    ab = case.tokenizer.token_to_id(b"ab")

    def model(ids: list[int]) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        logits = np.full(310, -8.0)
        if not ids:
            logits[ab] = 0.0
        return logits

    lm = ByteLM(model, case.tokenizer, eos=case.lm.eos, eps=0.01)
    state = lm.state().advance(b"a")
    assert state.unresolved_mass > 0.0
    later = state.advance(b"x")
    exact = ByteLM(model, case.tokenizer, eos=case.lm.eos).state(b"ax")
    assert later.unresolved_mass <= 0.01
    assert later.logprobs() == pytest.approx(exact.logprobs(), abs=0.02)
