"""Models of transformers evaluate trees as they evaluate each path alone: in float64, to 1e-10.

Both sides run with float64 throughout, see ``tokengrove.testing.models``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch

from tokengrove import TokenTree
from tokengrove.forward import adapt, prefill
from tokengrove.forward.cache import DynamicTreeCache
from tokengrove.forward.tree_attention import TreeAttentionModel
from tokengrove.testing.models import KINDS, WINDOW, Float64Throughout, tiny_model
from tokengrove.testing.oracle import logits_of_paths

VOCAB = 64
BOUND = 1e-10


@pytest.fixture(autouse=True)
def _float64() -> Iterator[None]:
    with Float64Throughout():
        yield


# transformers has no SDPA for Gemma 2, whose scores have a soft cap.
@pytest.fixture(
    params=[
        (kind, attention)
        for kind in KINDS
        for attention in ("eager", "sdpa")
        if (kind, attention) != ("gemma2", "sdpa")
    ],
    ids=":".join,
)
def model(request: pytest.FixtureRequest) -> Any:
    kind, attention = request.param
    return tiny_model(kind, attention=attention)


def random_tree(rng: np.random.Generator, nodes: int, reach: int = 20) -> TokenTree:
    """A tree with several roots; a short reach makes it deep."""
    parents = [int(rng.integers(max(-1, node - reach), node)) for node in range(nodes)]
    return TokenTree(rng.integers(0, VOCAB, nodes), parents)


def random_path(rng: np.random.Generator, tree: TokenTree) -> list[int]:
    return [int(node) for node in tree.path(int(rng.integers(len(tree))))] if len(tree) else []


def assert_close(found: torch.Tensor, expected: torch.Tensor) -> None:
    torch.testing.assert_close(found, expected, rtol=0, atol=BOUND)


def assert_cache_is_fresh(model: TreeAttentionModel, cache: DynamicTreeCache, row: int = 0) -> None:
    """The keys and values of a row are those of a fresh prefill with its tokens."""
    fresh = model.new_cache()
    prefill(model, fresh, cache.tokens(row))
    length = cache.lengths[row]
    for layer, expected in zip(cache.past.layers, fresh.past.layers, strict=True):
        start = layer.keys.shape[2] - length
        assert start == cache.columns - length
        assert_close(layer.keys[row : row + 1, :, start:], expected.keys)
        assert_close(layer.values[row : row + 1, :, start:], expected.values)


def test_nodes_equal_separate_passes_over_their_paths(model: Any) -> None:
    rng = np.random.default_rng(1)
    tree_model = adapt(model)
    assert isinstance(tree_model, TreeAttentionModel)
    for context_length, nodes, reach in ((0, 128, 30), (0, 40, 2), (300, 40, 20), (WINDOW - 3, 24, 3)):
        context = rng.integers(0, VOCAB, context_length).tolist()
        tree = random_tree(rng, nodes, reach)
        assert (tree.parents == -1).sum() > 1 or reach < 20
        cache = tree_model.new_cache()
        prefill(tree_model, cache, context, chunk_size=150)
        found = tree_model.head(tree_model.forward(tree, cache))
        assert_close(found, logits_of_paths(model, context, tree))
        assert cache.length == context_length


def test_the_cache_equals_a_fresh_one_after_20_commits_crops_and_forks(model: Any) -> None:
    rng = np.random.default_rng(2)
    tree_model = adapt(model)
    assert isinstance(tree_model, TreeAttentionModel)
    cache = tree_model.new_cache()
    forks = []
    for step in range(20):
        tree = random_tree(rng, 12, 5)
        tree_model.forward(tree, cache)
        path = random_path(rng, tree)
        if step % 5 == 2:  # the fork commits another path of the same trees
            fork = cache.fork()
            fork.commit(random_path(rng, tree))
            forks.append(fork)
        expected = [*cache.tokens(), *tree.tokens[path].tolist()]
        cache.commit(path)
        assert cache.tokens() == expected
        if step % 6 == 5:
            cache.crop(cache.length - 2)
    assert cache.length > WINDOW
    assert_cache_is_fresh(tree_model, cache)
    for fork in forks:
        assert_cache_is_fresh(tree_model, fork)
    tree = random_tree(rng, 12)
    assert_close(tree_model.head(tree_model.forward(tree, cache)), logits_of_paths(model, cache.tokens(), tree))


def test_ragged_batches_equal_their_rows(model: Any) -> None:
    rng = np.random.default_rng(3)
    tree_model = adapt(model)
    assert isinstance(tree_model, TreeAttentionModel)
    cache = tree_model.new_cache(4)
    starts = [TokenTree.chain(rng.integers(0, VOCAB, length)) for length in (0, 3, WINDOW + 5, 40)]
    tree_model.forward(starts, cache)
    cache.commit([range(len(start)) for start in starts])
    assert cache.lengths == (0, 3, WINDOW + 5, 40)
    for sizes in ((5, 0, 9, 1), (7, 7, 7, 7), (0, 12, 0, 2)):
        trees = [random_tree(rng, nodes, 4) for nodes in sizes]
        contexts = [cache.tokens(row) for row in range(4)]
        found = tree_model.head(tree_model.forward(trees, cache))
        pairs = [(context, tree) for context, tree in zip(contexts, trees, strict=True) if len(tree)]
        assert_close(found, torch.cat([logits_of_paths(model, *pair) for pair in pairs]))
        cache.commit([random_path(rng, tree) for tree in trees])
        fork = cache.fork([2, 0, 2])
        assert [fork.tokens(row) for row in range(3)] == [cache.tokens(row) for row in (2, 0, 2)]
        cache.crop([max(0, length - drop) for length, drop in zip(cache.lengths, (0, 1, 0, 3), strict=True)])
        for row in range(4):
            assert_cache_is_fresh(tree_model, cache, row)
        assert_cache_is_fresh(tree_model, fork, 2)


def test_a_fork_without_the_longest_row_goes_on_like_any_other(model: Any) -> None:
    rng = np.random.default_rng(4)
    tree_model = adapt(model)
    assert isinstance(tree_model, TreeAttentionModel)
    cache = tree_model.new_cache(3)
    starts = [TokenTree.chain(rng.integers(0, VOCAB, length)) for length in (12, 5, 30)]
    tree_model.forward(starts, cache)
    for uncommitted in (True, False):
        if not uncommitted:
            cache.commit([range(len(start)) for start in starts])
        fork = cache.fork([1, 0])
        if uncommitted:
            fork.commit([range(5), range(12)])
        # Of both rows as much, which needs no padding to be moved; and of one row more than of the other.
        for drop in ((1, 1), (0, 4)):
            fork.crop([length - less for length, less in zip(fork.lengths, drop, strict=True)])
            trees = [random_tree(rng, nodes, 4) for nodes in (6, 3)]
            contexts = [fork.tokens(row) for row in range(2)]
            found = tree_model.head(tree_model.forward(trees, fork))
            expected = [logits_of_paths(model, *pair) for pair in zip(contexts, trees, strict=True)]
            assert_close(found, torch.cat(expected))
            fork.commit([[0], [0]])
            for row in range(2):
                assert_cache_is_fresh(tree_model, fork, row)
