"""Static shapes change nothing: rows and memory are those of caches that grow, in float64, for every kind of model."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch

from tokengrove import TokenTree, forward
from tokengrove.errors import InvalidArgumentError, UnknownTokenError
from tokengrove.forward import StaticTreeModel, TreeModel, adapt, prefill
from tokengrove.forward.static import width_of
from tokengrove.forward.static_cache import MOVES, StaticTreeCache
from tokengrove.testing.models import KINDS, WINDOW, Float64Throughout, tiny_model

VOCAB = 64
BOUND = 1e-10

MASKED = [(kind, "eager", "masked") for kind in ("llama", "gemma2", "gpt2")]
MASKED += [(kind, "sdpa", "masked") for kind in KINDS if kind != "gemma2"]
SPLIT = [(kind, "sdpa", "split") for kind in KINDS if kind != "gemma2"]


@pytest.fixture(autouse=True)
def _float64() -> Iterator[None]:
    with Float64Throughout():
        yield


def random_tree(rng: np.random.Generator, nodes: int, reach: int) -> TokenTree:
    parents = [int(rng.integers(max(-1, node - reach), node)) for node in range(nodes)]
    return TokenTree(rng.integers(0, VOCAB, nodes), parents)


def random_path(rng: np.random.Generator, tree: TokenTree) -> list[int]:
    return [int(node) for node in tree.path(int(rng.integers(len(tree))))] if len(tree) else []


def assert_close(found: torch.Tensor, expected: torch.Tensor) -> None:
    torch.testing.assert_close(found, expected, rtol=0, atol=BOUND)


def assert_cache_is_fresh(target: Any, cache: StaticTreeCache, row: int) -> None:
    """The keys and values of a row are those of a cache that grew with its tokens."""
    cache.flush()
    fresh: Any = target.new_cache()
    prefill(target, fresh, cache.tokens(row))
    length = cache.lengths[row]
    for layer, expected in enumerate(fresh.past.layers):
        assert_close(cache.memory.keys[layer, row, :, :length], expected.keys[0])
        assert_close(cache.memory.values[layer, row, :, :length], expected.values[0])


@pytest.mark.parametrize(("kind", "implementation", "attention"), [*MASKED, *SPLIT])
def test_rows_and_memory_are_those_of_a_cache_that_grows(kind: str, implementation: str, attention: Any) -> None:
    model = tiny_model(kind, attention=implementation)
    target: TreeModel = adapt(model)
    if attention == "split" and (getattr(target, "_window", None) is not None):
        with pytest.raises(InvalidArgumentError, match="split attention needs"):
            StaticTreeModel(model, 20, attention=attention)
        return
    static = StaticTreeModel(target, 160, room=40, attention=attention)
    assert static.attention == attention
    rng = np.random.default_rng(3)
    for batch in (1, 3):
        cache: Any = static.new_cache(batch)
        other: Any = target.new_cache(batch)
        # Some rows begin shorter than the window and some longer.
        begins = [TokenTree.chain(rng.integers(0, VOCAB, length)) for length in (WINDOW + 4, 0, 9)[:batch]]
        for one, owner in ((cache, static), (other, target)):
            owner.forward(begins, one)
            one.commit([range(len(begin)) for begin in begins])
        for step in range(8):
            # Wide and deep, chains, nothing in a row, nothing in any.
            sizes = [[9, 0, 30][(step + row) % 3] if step != 5 else 0 for row in range(batch)]
            trees = [random_tree(rng, size, [1, 4, 25][step % 3]) for size in sizes]
            assert_close(static.head(static.forward(trees, cache)), target.head(target.forward(trees, other)))
            paths = [random_path(rng, tree) for tree in trees]
            for one in (cache, other):
                one.commit(paths)
            if step == 3:
                lengths = [max(0, length - 4) for length in cache.lengths]
                for one in (cache, other):
                    one.crop(lengths)
            if step == 4 and batch > 1:
                cache, other = cache.fork([2, 0, 0]), other.fork([2, 0, 0])
            assert cache.lengths == other.lengths
        assert [cache.tokens(row) for row in range(batch)] == [other.tokens(row) for row in range(batch)]
        assert max(cache.lengths) > WINDOW
        for row in range(batch):
            assert_cache_is_fresh(target, cache, row)


def test_a_path_longer_than_what_a_step_moves() -> None:
    target: Any = adapt(tiny_model("llama"))
    static = StaticTreeModel(target, 100, room=64)
    rng = np.random.default_rng(7)
    for length in (MOVES - 1, MOVES, MOVES + 1, 2 * MOVES):
        cache = static.new_cache()
        prefill(static, cache, [3, 4, 5])
        # Two chains side by side, node by node; the second is accepted.
        parents = [-1, -1, *range(2 * length - 2)]
        tree = TokenTree(rng.integers(0, VOCAB, 2 * length), parents)
        static.forward(tree, cache)
        cache.commit(range(1, 2 * length, 2))
        assert_cache_is_fresh(target, cache, 0)


def test_a_fork_and_its_origin_go_their_own_ways() -> None:
    target: Any = adapt(tiny_model("llama"))
    static = StaticTreeModel(target, 60, room=16)
    cache = static.new_cache()
    prefill(static, cache, [5, 6, 7, 8])
    tree = TokenTree([9, 10, 11], [-1, -1, 1])
    static.forward(tree, cache)
    fork = cache.fork()
    cache.commit([0])
    fork.commit([1, 2])
    for one, tokens in ((cache, [5, 6, 7, 8, 9]), (fork, [5, 6, 7, 8, 10, 11])):
        assert one.tokens() == tokens
        assert_cache_is_fresh(target, one, 0)


def test_memory_is_used_again_and_holds_nothing_of_before() -> None:
    static = StaticTreeModel(tiny_model("llama"), 40, room=16)
    cache = static.new_cache()
    expected = static.forward(TokenTree.chain([1, 2, 3]), cache)
    cache.memory.keys[:, :, :, 10:] = torch.nan
    memory = cache.memory
    static.release(cache)
    with pytest.raises(InvalidArgumentError, match="another model"):
        static.forward(TokenTree.chain([1]), cache)
    with pytest.raises(InvalidArgumentError, match="another model"):
        static.release(cache)
    again = static.new_cache()
    assert again.memory is memory
    assert static.new_cache().memory is not memory
    assert torch.equal(static.forward(TokenTree.chain([1, 2, 3]), again), expected)


def captured_late(model: StaticTreeModel, captures: list[int]) -> Any:
    """Stands for CUDA graphs: work is traced without effect, and run again for each replay, into the same results."""

    def capture(work: Any) -> Any:
        captures.append(0)
        number = len(captures) - 1
        kept = [(one.keys.clone(), one.values.clone()) for one in memories]
        outputs = work()
        for one, (keys, values) in zip(memories, kept, strict=True):
            one.keys.copy_(keys)
            one.values.copy_(values)

        def replay() -> None:
            captures[number] += 1
            for old, new in zip(outputs, work(), strict=True):
                old.copy_(new)

        return replay, outputs

    memories: list[Any] = []
    return capture, memories


def test_steps_are_captured_once_for_each_size_and_replayed() -> None:
    target: Any = adapt(tiny_model("llama"))
    static = StaticTreeModel(target, 400, room=40)
    captures: list[int] = []
    static._capture, memories = captured_late(static, captures)

    def tail(head: Any, rows: torch.Tensor) -> tuple[torch.Tensor, ...]:
        return (head(rows),)

    cache, other = static.new_cache(), target.new_cache()
    memories.append(cache.memory)
    rng = np.random.default_rng(5)
    for _ in range(40):
        tree = random_tree(rng, int(rng.integers(9, 32)), 3)
        found = static.evaluate([tree], cache, tail)
        assert_close(found.outputs[0][found.places], target.head(target.forward(tree, other)))
        path = random_path(rng, tree)
        cache.commit(path)
        other.commit(path)
    assert cache.length > 128
    assert_cache_is_fresh(target, cache, 0)
    # Two widths, and one more bucket of lengths after every 128 tokens; the first step of each is not captured.
    assert 2 <= len(captures) <= 2 * (1 + cache.length // 128)
    assert sum(captures) == 40 - len(cache.memory.graphs)


def test_what_cannot_be_captured_runs_without() -> None:
    static = StaticTreeModel(tiny_model("llama"), 40, room=16)

    def capture(work: Any) -> Any:
        raise RuntimeError("operation not permitted when stream is capturing\nmore")

    static._capture = capture
    cache = static.new_cache()

    def tail(head: Any, rows: torch.Tensor) -> tuple[torch.Tensor, ...]:
        return (rows,)

    first = static.evaluate([TokenTree.chain([1, 2])], cache, tail).outputs[0]
    with pytest.warns(RuntimeWarning, match="LlamaForCausalLM runs without CUDA graphs.* is capturing$"):
        second = static.evaluate([TokenTree.chain([1, 2])], cache, tail).outputs[0]
    assert torch.equal(first, second)
    assert static._capture is None


def test_a_full_cache_says_so_and_keeps_what_it_has() -> None:
    static = StaticTreeModel(tiny_model("llama"), 20, room=16)
    assert static.max_length == 20
    cache = static.new_cache()
    prefill(static, cache, list(range(3, 21)))
    # 18 tokens and 16 + 20 columns: a chain may reach the capacity, a wider tree may not leave the memory.
    wide = TokenTree([1] * 18, [-1] * 18)
    static.forward(wide, cache)
    with pytest.raises(InvalidArgumentError, match="18 tokens and a tree 19 nodes: the cache has 36 columns"):
        static.forward(TokenTree([1] * 19, [-1] * 19), cache)
    with pytest.raises(InvalidArgumentError, match="at most 20"):
        static.forward(TokenTree.chain([1, 2, 3]), cache)
    with pytest.raises(UnknownTokenError):
        static.forward(TokenTree.chain([VOCAB]), cache)
    assert cache.length == 18
    assert cache.trees == (wide,)
    cache.commit([17])
    assert cache.tokens() == [*range(3, 21), 1]


def test_the_longest_sequence_of_a_model_with_learned_positions() -> None:
    model = tiny_model("gpt2", n_positions=12)
    static, target = StaticTreeModel(model, 100, room=16), adapt(model)
    assert static.max_length == 12
    caches = static.new_cache(2), target.new_cache(2)
    for trees in ([TokenTree.chain(range(12)), TokenTree.chain([4])], [TokenTree.chain([]), TokenTree.chain([5, 6])]):
        # The second time the first row is full, and what fills it up stands at no position of its own.
        rows = [one.head(one.forward(trees, cache)) for one, cache in zip((static, target), caches, strict=True)]
        assert_close(rows[0], rows[1])
        for cache in caches:
            cache.commit([range(len(tree)) for tree in trees])


def test_bad_arguments() -> None:
    model = tiny_model("llama")
    with pytest.raises(InvalidArgumentError, match="capacity is 0"):
        StaticTreeModel(model, 0)
    with pytest.raises(InvalidArgumentError, match="attention is 'flash'"):
        StaticTreeModel(model, 9, attention="flash")  # type: ignore[arg-type]
    with pytest.raises(InvalidArgumentError, match="evaluates trees through a mask"):
        StaticTreeModel(lambda ids: torch.zeros(VOCAB), 9)
    with pytest.raises(InvalidArgumentError, match="layers alike"):
        StaticTreeModel(_uneven(), 9)
    static = StaticTreeModel(model, 9)
    with pytest.raises(TypeError, match="StaticTreeCache"):
        static.forward(TokenTree.chain([1]), adapt(model).new_cache())
    with pytest.raises(TypeError, match="StaticTreeCache"):
        static.release(adapt(model).new_cache())
    with pytest.raises(AttributeError, match="StaticModel"):
        _ = forward.StaticModel


def _uneven() -> Any:
    """A model whose second layer has keys of more heads."""
    model: Any = tiny_model("llama")
    attention = model.model.layers[1].self_attn
    for name in ("k_proj", "v_proj"):
        setattr(attention, name, torch.nn.Linear(32, 32, bias=False, dtype=torch.float64))
    attention.num_key_value_groups = 1
    return model


def test_widths_are_few() -> None:
    widths = {width_of(nodes) for nodes in range(1, 257)}
    assert all(width_of(nodes) >= nodes for nodes in range(1, 2000))
    assert width_of(0) == width_of(1) == 1
    assert len(widths) < 10
