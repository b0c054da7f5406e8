"""How large a vocabulary should be: the numbers that the published constants give."""

from __future__ import annotations

import math

import pytest

from tokengrove.errors import InvalidArgumentError
from tokengrove.training import characters_to_tokens, optimal_vocab_size

TABLE = {
    2.87e9: (37942, 40993, 35271),
    3e9: (39367, 42538, 36648),
    7e9: (62280, 67450, 59547),
    13e9: (83429, 90503, 81347),
    30e9: (141711, 154071, 141898),
    70e9: (211860, 230861, 217961),
    130e9: (236500, 258138, 248187),
    300e9: (355894, 389324, 383659),
}


@pytest.mark.parametrize("params", TABLE)
def test_table(params: float) -> None:
    found = [optimal_vocab_size(params, approach=approach) for approach in (1, 2, 3)]
    assert found == pytest.approx(TABLE[params], abs=1)


def test_cost_apart_from_parameters() -> None:
    best = (302e6 * math.exp(2.4846510161625193)) ** 2
    found = [optimal_vocab_size(302e6, best * factor) for factor in (0.2, 0.5, 1, 2, 5)]
    assert found == pytest.approx([10188, 13056, 15759, 19033, 24453], abs=1)
    found = [optimal_vocab_size(2.87e9, flops) for flops in (2.8e20, 1.2e21, 2.3e21)]
    assert found == pytest.approx([23885, 35388, 42211], abs=1)


def test_cost_alone_means_the_parameters_that_fit_it() -> None:
    flops = (7e9 * math.exp(2.4846510161625193)) ** 2
    for approach in (1, 2, 3):
        assert optimal_vocab_size(flops=flops, approach=approach) == optimal_vocab_size(7e9, approach=approach)


def test_wider_embeddings_want_fewer_tokens() -> None:
    assert optimal_vocab_size(7e9, embedding_dim=8192) < optimal_vocab_size(7e9, embedding_dim=2048)


def test_tokens_per_character_fall_and_then_stay() -> None:
    values = [characters_to_tokens(size) for size in (1000, 10_000, 100_000, 200_000, 400_000)]
    assert values == sorted(values, reverse=True)
    assert values[-1] == values[-2]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "give non_vocab_params, flops, or both"),
        ({"non_vocab_params": -1}, "non_vocab_params must be a positive number; found -1"),
        ({"non_vocab_params": 1e9, "flops": 1e20, "approach": 1}, "only approach 3"),
        ({"non_vocab_params": 1e9, "approach": 4}, "approach must be 1, 2 or 3"),
    ],
)
def test_bad_arguments(arguments: dict[str, float], message: str) -> None:
    with pytest.raises(InvalidArgumentError, match=message):
        optimal_vocab_size(**arguments)  # type: ignore[arg-type]
