"""A function as a tree model: rows of every node, memory, caches and errors."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tokengrove import InvalidArgumentError, TokenTree, UnknownTokenError
from tokengrove.forward import CallableModel, adapt, prefill
from tokengrove.testing.strategies import paths_in, token_trees

VOCAB = 16


def logits(ids: list[int]) -> list[float]:
    """Depends on every id and its place."""
    seed = sum((place + 3) * (token + 1) for place, token in enumerate(ids))
    return [math.sin(seed * (column + 1)) for column in range(VOCAB)]


def expected(context: list[int], tree: TokenTree) -> torch.Tensor:
    rows = [logits(context + tree.tokens[tree.path(node)].tolist()) for node in range(len(tree))]
    return torch.tensor(rows, dtype=torch.float64).reshape(len(tree), VOCAB)


@given(st.data(), st.lists(st.integers(0, VOCAB - 1), max_size=6))
def test_rows_are_those_of_each_path(data: st.DataObject, prompt: list[int]) -> None:
    model = adapt(logits, vocab_size=VOCAB)
    cache, context = model.new_cache(), []
    last = prefill(model, cache, prompt, chunk_size=2)
    assert last is not None
    assert torch.equal(model.head(last)[0], torch.tensor(logits(prompt), dtype=torch.float64))
    context += prompt
    for _ in range(3):
        tree = data.draw(token_trees(max_nodes=10, vocab_size=VOCAB))
        assert torch.equal(model.head(model.forward(tree, cache)), expected(context, tree))
        path = data.draw(paths_in(tree))
        cache.commit(path)
        context += tree.tokens[path].tolist()
        assert (cache.tokens(), cache.length, cache.lengths) == (context, len(context), (len(context),))
        kept = data.draw(st.integers(0, len(context)))
        fork = cache.fork()
        cache.crop(kept)
        assert fork.tokens() == context
        context = context[:kept]
        assert cache.tokens() == context


@given(st.lists(token_trees(max_nodes=6, vocab_size=VOCAB), min_size=2, max_size=4))
def test_a_batch_is_its_rows(trees: list[TokenTree]) -> None:
    model = CallableModel(logits, vocab_size=VOCAB)
    cache = model.new_cache(len(trees))
    contexts: list[list[int]] = [[] for _ in trees]
    for _ in range(2):
        rows = model.forward(trees, cache)
        assert torch.equal(rows, torch.cat([expected(*pair) for pair in zip(contexts, trees, strict=True)]))
        paths = [tree.path(len(tree) - 1).tolist() if len(tree) else [] for tree in trees]
        cache.commit(paths)
        for context, tree, path in zip(contexts, trees, paths, strict=True):
            context += tree.tokens[path].tolist()
        assert [cache.tokens(row) for row in range(len(trees))] == contexts
    fork = cache.fork([1, 0, 1])
    assert [fork.tokens(row) for row in range(3)] == [contexts[1], contexts[0], contexts[1]]


def counting(calls: list[list[int]]) -> CallableModel:
    def function(ids: list[int]) -> list[float]:
        calls.append(ids)
        return logits(ids)

    return CallableModel(function, memory=VOCAB * 8 * 3)


def test_answers_are_remembered_as_far_as_there_is_room() -> None:
    calls: list[list[int]] = []
    model = counting(calls)
    cache = model.new_cache()
    tree = TokenTree([1, 2, 3], [-1, 0, 0])
    for _ in range(3):
        model.forward(tree, cache)
    assert calls == [[1], [1, 2], [1, 3]]
    model.forward(TokenTree([4], [-1]), cache)  # pushes [1] out
    model.forward(tree, cache)
    assert calls == [[1], [1, 2], [1, 3], [4], [1], [1, 2], [1, 3]]


def test_the_vocabulary_is_learned_from_the_first_call() -> None:
    calls: list[list[int]] = []
    model = counting(calls)
    assert (model.vocab_size, calls) == (VOCAB, [[0]])
    with pytest.raises(InvalidArgumentError, match="vocab_size is 7; the model has 16"):
        adapt(model, vocab_size=7)


def test_the_row_is_a_copy_of_what_the_function_gives() -> None:
    memory = np.zeros(4)

    def function(ids: list[int]) -> Any:
        memory[:] = len(ids)
        return memory

    model = CallableModel(function)
    rows = model.forward(TokenTree.chain([1, 1]), model.new_cache())
    assert rows[:, 0].tolist() == [1, 2]


def test_a_function_may_refuse_an_empty_list() -> None:
    model = CallableModel(logits, empty=False)
    assert model.start() is None
    assert prefill(model, model.new_cache(), []) is None


@pytest.mark.parametrize("answer", [[[1.0]], [1], [], 1.0, [True]], ids=str)
def test_answers_that_are_no_logits_are_refused(answer: Any) -> None:
    model = CallableModel(lambda ids: answer if len(ids) == 2 else [0.5])
    cache = model.new_cache()
    with pytest.raises(InvalidArgumentError, match="the function gave"):
        model.forward(TokenTree.chain([0, 0]), cache)
    with pytest.raises(InvalidArgumentError, match="call forward first"):
        cache.commit([0])
    assert cache.length == 0


def test_bad_input_leaves_the_cache_as_it_was() -> None:
    model = CallableModel(logits, vocab_size=VOCAB)
    cache = model.new_cache()
    prefill(model, cache, [1, 2, 3])
    tree = TokenTree([4, 5, 6], [-1, 0, 0])
    model.forward(tree, cache)
    other = CallableModel(logits, vocab_size=VOCAB).new_cache()
    bad_calls: list[tuple[type[Exception], str, Any]] = [
        (UnknownTokenError, r"token 16 of node 1 \(tree 0\) is not in the model's vocabulary: its ids are 0 to 15",
         lambda: model.forward(TokenTree([0, 16], [-1, 0]), cache)),
        (InvalidArgumentError, "found 2 trees for a cache of 1 rows", lambda: model.forward([tree, tree], cache)),
        (InvalidArgumentError, "made by another model", lambda: model.forward(tree, other)),
        (TypeError, "cache must be a CallableCache", lambda: model.forward(tree, None)),  # type: ignore[arg-type]
        (TypeError, "trees must be TokenTree, not int", lambda: model.forward([3], cache)),  # type: ignore[list-item]
        (InvalidArgumentError, "step 2 of the path is node 2, whose parent is 0", lambda: cache.commit([0, 1, 2])),
        (InvalidArgumentError, "a path starts at a root", lambda: cache.commit([1])),
        (InvalidArgumentError, "node 3 is not in the tree", lambda: cache.commit([0, 3])),
        (InvalidArgumentError, "found 2 paths", lambda: cache.commit([[0], [0]])),
        (TypeError, "a path must be an integer", lambda: cache.commit([0.0])),  # type: ignore[arg-type]
        (InvalidArgumentError, "row 0 has 3 tokens: cannot keep the first 4", lambda: cache.crop(4)),
        (InvalidArgumentError, "cannot keep the first -1", lambda: cache.crop([-1])),
        (InvalidArgumentError, "found 2 lengths", lambda: cache.crop([1, 1])),
        (TypeError, "length must be an integer", lambda: cache.crop(1.0)),  # type: ignore[arg-type]
        (InvalidArgumentError, "row 1 is not in the cache", lambda: cache.fork([1])),
        (InvalidArgumentError, "at least one row", lambda: cache.fork([])),
        (InvalidArgumentError, "row -1 is not in the cache", lambda: cache.tokens(-1)),
        (InvalidArgumentError, "at least one row", lambda: model.new_cache(0)),
        (InvalidArgumentError, "chunk_size is 0", lambda: prefill(model, cache, [1], chunk_size=0)),
        (InvalidArgumentError, "for a cache of one row", lambda: prefill(model, model.new_cache(2), [1])),
        (TypeError, "model must be a TreeModel", lambda: adapt(object())),
    ]  # fmt: skip
    for error, message, call in bad_calls:
        with pytest.raises(error, match=message):
            call()
        assert cache.tokens() == [1, 2, 3]
    cache.commit([0, 2])  # the tree of the last good call is still there
    assert cache.tokens() == [1, 2, 3, 4, 6]
    cache.commit([])
    with pytest.raises(InvalidArgumentError, match="call forward first"):
        cache.commit([0])


def test_errors_of_a_batch_name_the_row() -> None:
    model = CallableModel(logits, vocab_size=VOCAB)
    cache = model.new_cache(2)
    tree = TokenTree.chain([1, 2])
    model.forward([tree, tree], cache)
    with pytest.raises(InvalidArgumentError, match="row 1: a path starts at a root"):
        cache.commit([[0], [1]])
    with pytest.raises(InvalidArgumentError, match="a cache of 2 rows takes a list of as many paths"):
        cache.commit([0, 1])
    cache.commit([[0], []])
    assert cache.lengths == (1, 0)
