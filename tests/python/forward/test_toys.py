"""Toy models: their distributions are what they say, also through a tree model."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tokengrove import InvalidArgumentError, TokenTree
from tokengrove.forward import adapt
from tokengrove.testing.toys import distribution, hashed_model, markov_model

START = [0.5, 0.25, 0.25]
TRANSITIONS = [[0.0, 1.0, 0.0], [0.25, 0.25, 0.5], [1.0, 0.0, 0.0]]


def test_a_markov_chain_has_the_probabilities_it_was_given() -> None:
    model = markov_model(START, TRANSITIONS)
    assert np.allclose(np.exp(model([])), START)
    assert np.allclose(np.exp(model([2, 1])), TRANSITIONS[1])
    # Two steps by the matrix, and by enumeration.
    pairs = distribution(model, 2)
    assert (2, 1) not in pairs
    assert pairs[1, 2] == pytest.approx(0.125)
    second = np.zeros(3)
    for tokens, probability in pairs.items():
        second[tokens[1]] += probability
    assert np.allclose(second, np.array(START) @ np.array(TRANSITIONS))


def test_every_history_of_a_hashed_model_is_a_distribution_of_its_own() -> None:
    model = hashed_model(5, seed=3)
    assert np.array_equal(model([1, 2]), model((1, 2)))
    for other in ([2, 1], [1], [0, 1, 2], []):
        assert not np.allclose(model([1, 2]), model(other))
    assert not np.allclose(model([1, 2]), hashed_model(5, seed=4)([1, 2]))
    assert sum(distribution(model, 3, prompt=[4]).values()) == pytest.approx(1)
    assert np.allclose(hashed_model(5, scale=0)([1]), -np.log(5))
    # Pinned: the numbers of published experiments stay what they were.
    assert model([1, 2])[:2] == pytest.approx([-1.25189001114519, -1.97396117271886], abs=1e-12)


def test_a_tree_has_the_probabilities_of_its_paths() -> None:
    toy = hashed_model(4)
    model = adapt(toy, vocab_size=4)
    expected = distribution(toy, 3, prompt=[1])
    paths = sorted(expected)
    tree = TokenTree.from_paths(paths)
    cache = model.new_cache()
    first = model.forward(TokenTree.chain([1]), cache)
    cache.commit([0])
    rows = torch.cat([first, model.head(model.forward(tree, cache))])
    for leaf, path in zip(tree.leaves, tree.to_paths(), strict=True):
        before = [0, *(tree.path(int(leaf))[:-1] + 1).tolist()]
        total = sum(float(rows[row, token]) for row, token in zip(before, path, strict=True))
        assert np.exp(total) == pytest.approx(expected[tuple(path)], rel=1e-12)


def test_what_is_no_distribution_is_refused() -> None:
    for start, transitions in (([0.5, 0.6], np.eye(2)), ([1.5, -0.5], np.eye(2)), ([1.0], np.eye(2))):
        with pytest.raises(InvalidArgumentError, match=r"must be a distribution|found shapes"):
            markov_model(start, transitions)
    with pytest.raises(InvalidArgumentError, match="at least one token"):
        hashed_model(0)
