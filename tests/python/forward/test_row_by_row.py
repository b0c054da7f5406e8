"""Models that take no mask of a tree: right all the same, and said once."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch

from tokengrove import TokenTree
from tokengrove.errors import InvalidArgumentError, RowByRowWarning
from tokengrove.forward import adapt
from tokengrove.forward.backbone import Backbone
from tokengrove.forward.causal_lm import _obstacle
from tokengrove.forward.row_by_row import RowByRowModel
from tokengrove.testing.models import ROW_BY_ROW_KINDS, Float64Throughout, tiny_model
from tokengrove.testing.oracle import logits_of_paths

VOCAB = 64


@pytest.fixture(autouse=True)
def _float64() -> Iterator[None]:
    with Float64Throughout():
        yield


def slowly(model: Any) -> RowByRowModel:
    with pytest.warns(RowByRowWarning, match="runs token trees row by row, which is slow: ") as caught:
        adapted = adapt(model)
    assert len(caught) == 1
    assert isinstance(adapted, RowByRowModel)
    return adapted


def walk(tree_model: RowByRowModel, model: Any) -> None:
    """Trees, commits that end at leaves and above them, a crop, a fork, and a second row."""
    rng = np.random.default_rng(4)
    cache = tree_model.new_cache(2)
    forks = []
    for step in range(8):
        trees = [
            TokenTree(
                rng.integers(0, VOCAB, size), [int(rng.integers(max(-1, node - 4), node)) for node in range(size)]
            )
            for size in (6, 3 if step % 3 else 0)
        ]
        contexts = [cache.tokens(row) for row in range(2)]
        rows = tree_model.forward(trees, cache)
        pairs = [(context, tree) for context, tree in zip(contexts, trees, strict=True) if len(tree)]
        expected = torch.cat([logits_of_paths(model, *pair) for pair in pairs])
        torch.testing.assert_close(tree_model.head(rows), expected, rtol=0, atol=1e-10)
        forks.append(cache.fork([1, 0]))
        cache.commit([tree.path(int(rng.integers(len(tree)))).tolist() if len(tree) else [] for tree in trees])
        if step == 5:
            cache.crop([cache.lengths[0] - 2, cache.lengths[1]])
    fork, tree = forks[4], TokenTree([1, 2], [-1, 0])
    expected = torch.cat([logits_of_paths(model, fork.tokens(row), tree) for row in range(2)])
    torch.testing.assert_close(tree_model.head(tree_model.forward([tree, tree], fork)), expected, rtol=0, atol=1e-10)


@pytest.mark.parametrize("kind", ROW_BY_ROW_KINDS)
@pytest.mark.filterwarnings("default::UserWarning")
def test_models_without_masks_go_row_by_row(kind: str) -> None:
    model = tiny_model(kind, attention="eager")
    walk(slowly(model), model)


def test_no_pass_says_it_again() -> None:
    model = tiny_model("bloom", attention="eager")
    adapted = slowly(model)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        adapted.forward(TokenTree.chain([1]), adapted.new_cache())


def deaf(network: Any, forgets: str) -> None:
    """Makes a network that takes every argument ignore one, as attention kernels without masks do."""
    forward = network.forward

    @functools.wraps(forward)
    def without(*args: Any, **given: Any) -> Any:
        return forward(*args, **{**given, forgets: None})

    network.forward = without


@pytest.mark.parametrize(
    ("forgets", "reason"),
    [("attention_mask", "does not respect the mask"), ("position_ids", "does not take the position of a token")],
)
def test_a_model_that_ignores_what_it_is_given_is_found_out(forgets: str, reason: str) -> None:
    model: Any = tiny_model("llama")
    plain = tiny_model("llama")
    deaf(model.model, forgets)
    with pytest.warns(RowByRowWarning, match=reason):
        adapted = adapt(model)
    assert isinstance(adapted, RowByRowModel)
    walk(adapted, plain)


def test_attention_without_masks_is_named() -> None:
    model: Any = tiny_model("llama")
    backbone, adapted = Backbone(model), adapt(model)
    cache = adapted.new_cache()
    model.config._attn_implementation = "flash_attention_2"
    assert "'flash_attention_2' takes no mask of a tree" in str(_obstacle(backbone))
    with pytest.raises(InvalidArgumentError, match=r"'flash_attention_2' takes no mask of a tree: .* eager, sdpa"):
        adapted.forward(TokenTree.chain([1]), cache)
    assert cache.length == 0
