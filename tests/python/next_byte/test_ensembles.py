"""Several models as one."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from support.byte_toys import TOKENS, toy
from tokengrove.errors import InvalidArgumentError
from tokengrove.next_byte import END, ByteEnsemble

ONE = toy("canonical", seed=1).lm
OTHER = toy("canonical", (b"bc", b"ab", b"cdd", b"aa"), seed=2).lm


@pytest.mark.parametrize("how", ["bayes", "mean", "product"])
def test_a_model_with_itself_is_itself(how: str) -> None:
    ensemble = ByteEnsemble([ONE, ONE], how=how)  # type: ignore[arg-type]
    for text in (b"", b"ab", b"dabc"):
        assert ensemble.state(text).logprobs() == pytest.approx(ONE.state(text).logprobs(), abs=1e-10)
    assert ByteEnsemble([ONE, ONE, ONE], how="proxy").state(b"ab").logprobs() == pytest.approx(
        ONE.state(b"ab").logprobs(), abs=1e-10
    )


def test_bayes_is_the_mixture_of_distributions_over_texts() -> None:
    ensemble = ByteEnsemble([ONE, OTHER], [0.3, 0.7])
    for letters in itertools.product(b"abc", repeat=3):
        text = bytes(letters)
        joint = 0.3 * math.exp(ONE.state(text).logprob) + 0.7 * math.exp(OTHER.state(text).logprob)
        state = ensemble.state(text)
        assert state.logprob == pytest.approx(math.log(joint), abs=1e-10)
        longer = [
            0.3 * math.exp(ONE.state(text + b).logprob) + 0.7 * math.exp(OTHER.state(text + b).logprob)
            for b in (b"a", b"d")
        ]
        found = np.exp(state.logprobs())
        assert found[[97, 100]] == pytest.approx(np.array(longer) / joint, abs=1e-10)
        assert found.sum() == pytest.approx(1.0)
    stepped = ensemble.state().advance(b"abcd")
    assert stepped.logprob == pytest.approx(ensemble.state(b"abcd").logprob, abs=1e-10)
    assert stepped.posterior().sum() == pytest.approx(1.0)


def test_mean_product_and_proxy_join_at_every_byte() -> None:
    text = b"dab"
    one, other = ONE.state(text).logprobs(), OTHER.state(text).logprobs()
    mean = ByteEnsemble([ONE, OTHER], how="mean").state(text).logprobs()
    assert np.exp(mean) == pytest.approx((np.exp(one) + np.exp(other)) / 2)
    product = ByteEnsemble([ONE, OTHER], how="product").state(text).logprobs()
    both = np.exp((one + other) / 2)
    assert np.exp(product) == pytest.approx(both / both.sum())
    base = toy("canonical", TOKENS, seed=3).lm
    proxy = ByteEnsemble([base, ONE, OTHER], [0.5], how="proxy").state(text).logprobs()
    with np.errstate(invalid="ignore"):
        logs = base.state(text).logprobs() + 0.5 * (one - other)
    logs = np.where(np.isnan(logs) | np.isposinf(logs), -np.inf, logs)
    assert np.exp(proxy) == pytest.approx(np.exp(logs) / np.exp(logs).sum())


def test_an_ensemble_generates() -> None:
    ensemble = ByteEnsemble([ONE, OTHER], how="mean")
    made = ensemble.generate(b"ab", max_new_bytes=6, seed=1)
    state = ensemble.state(b"ab")
    total = 0.0
    for byte in made.data:
        total += state.logprobs()[byte]
        state = state.advance(byte)
    total += state.logprobs()[END] if made.reason == "end" else 0.0
    assert made.logprob == pytest.approx(total)


def test_what_does_not_fit_is_refused() -> None:
    for members, weights, how in [
        ([], None, "mean"),
        ([ONE], None, "proxy"),
        ([ONE, OTHER], [1.0], "bayes"),
        ([ONE, OTHER], [-1.0, 2.0], "mean"),
        ([ONE, OTHER], [0.0, 0.0], "mean"),
        ([ONE], None, "median"),
    ]:
        with pytest.raises(InvalidArgumentError):
            ByteEnsemble(members, weights, how=how)  # type: ignore[arg-type]
