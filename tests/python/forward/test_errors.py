"""Bad input to models of transformers: a clear error, and a cache that is as it was."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from tokengrove import InvalidArgumentError, TokenTree, UnknownTokenError
from tokengrove.forward import adapt, prefill
from tokengrove.forward.tree_attention import TreeAttentionModel
from tokengrove.testing.models import tiny_model


def contents(cache: Any) -> list[torch.Tensor]:
    return [part.clone() for layer in cache.past.layers for part in (layer.keys, layer.values)]


def assert_untouched(cache: Any, before: list[torch.Tensor], model: TreeAttentionModel) -> None:
    assert cache.tokens() == [1, 2, 3]
    assert all(map(torch.equal, contents(cache), before))
    fork = cache.fork()
    fork.commit([0, 2])  # the tree of the last good call is still there
    assert fork.tokens() == [1, 2, 3, 4, 6]
    fresh = model.new_cache()
    prefill(model, fresh, [1, 2, 3, 4, 6])
    for found, expected in zip(contents(fork), contents(fresh), strict=True):
        torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)


@pytest.fixture
def model() -> TreeAttentionModel:
    adapted = adapt(tiny_model("qwen3-sliding"))
    assert isinstance(adapted, TreeAttentionModel)
    return adapted


@pytest.fixture
def cache(model: TreeAttentionModel) -> Any:
    cache = model.new_cache()
    prefill(model, cache, [1, 2, 3])
    model.forward(TokenTree([4, 5, 6], [-1, 0, 0]), cache)
    return cache


def test_bad_input_leaves_the_cache_as_it_was(model: TreeAttentionModel, cache: Any) -> None:
    before = contents(cache)
    tree = TokenTree.chain([1])
    other = adapt(tiny_model("llama"))
    bad_calls: list[tuple[type[Exception], str, Callable[[], Any]]] = [
        (
            UnknownTokenError,
            "token 64 of node 0 .* ids are 0 to 63",
            lambda: model.forward(TokenTree([64], [-1]), cache),
        ),
        (InvalidArgumentError, "made by another model", lambda: other.forward(tree, cache)),
        (TypeError, "cache must be a DynamicTreeCache", lambda: model.forward(tree, object())),  # type: ignore[arg-type]
        (InvalidArgumentError, "found 2 trees", lambda: model.forward([tree, tree], cache)),
        (TypeError, "trees must be TokenTree", lambda: model.forward(torch.ones(2), cache)),  # type: ignore[arg-type]
        (InvalidArgumentError, "node 1 has parent 1", lambda: model.forward(TokenTree([0, 1], [-1, 1]), cache)),
        (InvalidArgumentError, "step 2 of the path", lambda: cache.commit([0, 1, 2])),
        (InvalidArgumentError, "node 3 is not in the tree", lambda: cache.commit([0, 3])),
        (
            InvalidArgumentError,
            r"rows of torch\.float64 and shape \[1, 7\]",
            lambda: model.head(torch.ones(1, 7).double()),
        ),
        (
            InvalidArgumentError,
            r"rows of torch\.float16 .* allowed are torch\.float64",
            lambda: model.head(torch.ones(1, 32).half()),
        ),
        (TypeError, "rows must be a tensor", lambda: model.head([1.0])),  # type: ignore[arg-type]
        (InvalidArgumentError, "cannot keep the first 4", lambda: cache.crop(4)),
        (InvalidArgumentError, "row 1 is not in the cache", lambda: cache.fork([0, 1])),
    ]
    for error, message, call in bad_calls:
        with pytest.raises(error, match=message):
            call()
        assert_untouched(cache, before, model)


@pytest.mark.parametrize("layer", [0, 2])
@pytest.mark.parametrize("length", [0, 3])
def test_a_failure_inside_the_network_leaves_the_committed_tokens(
    model: TreeAttentionModel, layer: int, length: int
) -> None:
    cache, tree = model.new_cache(), TokenTree([4, 5, 6], [-1, 0, 0])
    prefill(model, cache, [1, 2, 3][:length])
    before = contents(cache)
    model.forward(tree, cache)

    def fail(*_: Any) -> None:
        raise MemoryError("as if")

    hook = model.model.model.layers[layer].register_forward_hook(fail)
    with pytest.raises(MemoryError, match="as if"):
        model.forward(TokenTree.chain([1, 2]), cache)
    hook.remove()
    assert cache.tokens() == [1, 2, 3][:length]
    assert all(map(torch.equal, contents(cache), before))
    with pytest.raises(InvalidArgumentError, match="call forward first"):
        cache.commit([0])
    fresh = model.new_cache()
    prefill(model, fresh, [1, 2, 3][:length])
    torch.testing.assert_close(model.forward(tree, cache), model.forward(tree, fresh))


def test_training_mode_is_refused(model: TreeAttentionModel, cache: Any) -> None:
    before = contents(cache)
    model.model.train()
    with pytest.raises(InvalidArgumentError, match=r"training mode: call model\.eval\(\)"):
        model.forward(TokenTree.chain([1]), cache)
    with pytest.raises(InvalidArgumentError, match="training mode"):
        adapt(model.model)
    model.model.eval()
    assert_untouched(cache, before, model)


def test_learned_positions_end_where_they_end() -> None:
    model = adapt(tiny_model("gpt2", n_positions=8))
    cache = model.new_cache()
    prefill(model, cache, [1] * 6)
    model.forward(TokenTree.chain([1, 1]), cache)
    with pytest.raises(
        InvalidArgumentError, match=r"row 0 has 6 tokens, and the tree's longest path 3 more: .* at most 8"
    ):
        model.forward(TokenTree.chain([1, 1, 1]), cache)
    assert cache.length == 6


def test_other_models_of_transformers_are_refused() -> None:
    import transformers

    config = transformers.T5Config(vocab_size=64, d_model=8, d_kv=4, d_ff=8, num_layers=1, num_heads=2)
    with pytest.raises(InvalidArgumentError, match=r"T5ForConditionalGeneration is not a causal language model"):
        adapt(transformers.T5ForConditionalGeneration(config))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16], ids=str)
def test_other_data_types_give_the_same_up_to_rounding(dtype: torch.dtype) -> None:
    tree = TokenTree([3, 4, 5, 6], [-1, 0, 0, -1])
    outcomes = []
    for each in (dtype, torch.float64):
        model = adapt(tiny_model("llama", dtype=each))
        assert isinstance(model, TreeAttentionModel)
        cache = model.new_cache()
        prefill(model, cache, [1, 2])
        logits = model.head(model.forward(tree, cache))
        assert logits.dtype == each
        outcomes.append(logits.double())
    scale = outcomes[1].abs().max()
    assert (outcomes[0] - outcomes[1]).abs().max() < 64 * torch.finfo(dtype).eps * scale
