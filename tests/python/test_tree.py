"""Token trees from Python: laws of the layouts, arrays and errors. The core's own tests are in rust/core/src/tree."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokengrove import InvalidArgumentError, TokenTree, UnknownTokenError
from tokengrove._native import TreeBatch
from tokengrove.testing.strategies import paths_in, token_trees


def closure(tree: TokenTree) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """The transitive closure of the parents, by repeated squaring of the relation."""
    sees = np.eye(len(tree), dtype=bool)
    for node, parent in enumerate(tree.parents):
        if parent >= 0:
            sees[node, parent] = True
    for _ in range(len(tree).bit_length()):
        sees = (sees.astype(np.uint32) @ sees.astype(np.uint32)) > 0
    return sees


@given(token_trees(max_nodes=80))
def test_masks_are_the_transitive_closure_of_parents(tree: TokenTree) -> None:
    expected = closure(tree)
    assert np.array_equal(tree.mask(), expected)
    assert np.array_equal(tree.additive_mask(), np.where(expected, 0.0, -np.inf))
    assert np.array_equal(tree.additive_mask(-1e4), np.where(expected, 0.0, np.float32(-1e4)))
    words = tree.bit_mask()
    assert words.shape == (len(tree), -(-len(tree) // 64))
    bits = np.unpackbits(words.view(np.uint8), axis=1, bitorder="little") if words.size else np.zeros((0, 0))
    assert np.array_equal(bits[:, : len(tree)], expected)
    assert not bits[:, len(tree) :].any()


@given(token_trees())
def test_depths_count_ancestors(tree: TokenTree) -> None:
    assert np.array_equal(tree.depths, closure(tree).sum(axis=1) - 1)
    assert np.array_equal(tree.positions(7), tree.depths + 7)
    assert tree.positions().dtype == np.int64
    assert tree.height == max((depth + 1 for depth in tree.depths.tolist()), default=0)


@given(token_trees())
def test_paths_of_all_kinds_agree(tree: TokenTree) -> None:
    nodes, splits = tree.path_list()
    paths = [nodes[start:end].tolist() for start, end in pairwise(splits)]
    expected = closure(tree)
    assert paths == [np.flatnonzero(row).tolist() for row in expected]
    assert paths == [tree.path(node).tolist() for node in range(len(tree))]
    table, rows = tree.leaf_paths(), tree.leaf_rows()
    assert [table[rows[node], : tree.depths[node] + 1].tolist() for node in range(len(tree))] == paths
    assert [row[row >= 0].tolist() for row in table] == [paths[leaf] for leaf in tree.leaves]
    assert tree.to_paths() == [tree.tokens[paths[leaf]].tolist() for leaf in tree.leaves]
    assert sorted(set(range(len(tree))) - set(tree.parents.tolist())) == tree.leaves.tolist()


@given(token_trees())
def test_links_list_the_children_in_order(tree: TokenTree) -> None:
    first_child, next_sibling = tree.links()
    for parent in range(-1, len(tree)):
        children, at = [], first_child[parent] if parent >= 0 else (0 if len(tree) else -1)
        while at >= 0:
            children.append(int(at))
            at = next_sibling[at]
        assert children == np.flatnonzero(tree.parents == parent).tolist()


@given(token_trees())
def test_the_tree_of_the_paths_is_the_tree_with_equal_siblings_merged(tree: TokenTree) -> None:
    def prefixes(tree: TokenTree) -> set[tuple[int, ...]]:
        return {tuple(tree.tokens[tree.path(node)].tolist()) for node in range(len(tree))}

    merged = TokenTree.from_paths(tree.to_paths())
    assert prefixes(merged) == prefixes(tree)
    assert len(merged) == len(prefixes(tree))
    assert TokenTree.from_paths(merged.to_paths()).to_paths() == merged.to_paths()


@given(st.lists(st.integers(-3, 12), max_size=10))
def test_a_tree_is_refused_exactly_if_a_parent_is_not_before_its_child(parents: list[int]) -> None:
    bad = [node for node, parent in enumerate(parents) if not -1 <= parent < node]
    if not bad:
        assert TokenTree([5] * len(parents), parents).parents.tolist() == parents
        return
    with pytest.raises(InvalidArgumentError, match=f"node {bad[0]} has parent {parents[bad[0]]}:"):
        TokenTree([5] * len(parents), parents)


@given(st.data(), token_trees(max_nodes=12))
def test_paths_are_checked(data: st.DataObject, tree: TokenTree) -> None:
    tree.check_path(data.draw(paths_in(tree)))
    other = data.draw(st.lists(st.integers(-1, 13), max_size=4))
    before = [-1, *other]
    valid = all(0 <= node < len(tree) and tree.parents[node] == up for up, node in zip(before, other, strict=False))
    if valid:
        tree.check_path(other)
    else:
        with pytest.raises(InvalidArgumentError, match=r"path|not in the tree"):
            tree.check_path(other)


@given(st.lists(token_trees(max_nodes=12), max_size=4))
def test_a_batch_pads_each_tree(trees: list[TokenTree]) -> None:
    batch = TreeBatch(trees, filler=9)
    width = max(map(len, trees), default=0)
    assert batch.tokens.shape == batch.depths.shape == (len(trees), width)
    assert batch.splits.tolist() == [0, *np.cumsum([len(tree) for tree in trees]).tolist()]
    flat = [row * width + node for row, tree in enumerate(trees) for node in range(len(tree))]
    assert batch.places.tolist() == flat
    for row, tree in enumerate(trees):
        size = len(tree)
        assert batch.tokens[row].tolist() == [*tree.tokens.tolist(), *[9] * (width - size)]
        assert batch.depths[row].tolist() == [*tree.depths.tolist(), *[0] * (width - size)]
        expected = np.eye(width, dtype=bool)
        expected[:size, :size] = closure(tree)
        assert np.array_equal(batch.mask[row], expected)


@given(token_trees())
def test_trees_compare_by_content_and_pickle(tree: TokenTree) -> None:
    again = pickle.loads(pickle.dumps(tree))
    assert again == tree
    assert hash(again) == hash(tree)
    assert tree != TokenTree([*tree.tokens.tolist(), 1], [*tree.parents.tolist(), -1])
    assert tree != object()


def test_arrays_of_a_tree_are_shared_and_read_only() -> None:
    tree = TokenTree([1, 2], [-1, 0])
    for name in ("tokens", "parents", "depths"):
        array = getattr(tree, name)
        assert array is getattr(tree, name)
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0
        with pytest.raises(ValueError, match="WRITEABLE"):
            array.flags.writeable = True


def test_a_tree_keeps_nothing_of_its_arguments() -> None:
    tokens, parents = np.array([1, 2], np.uint32), np.array([-1, 0], np.int32)
    tree = TokenTree(tokens, parents)
    tokens[:], parents[:] = 9, 1
    assert (tree.tokens.tolist(), tree.parents.tolist()) == ([1, 2], [-1, 0])


@pytest.mark.parametrize("make", [np.int8, np.int16, np.int32, np.int64], ids=lambda dtype: dtype.__name__)
def test_arrays_of_any_integers_are_taken(make: Callable[[Any], Any]) -> None:
    assert TokenTree(make([1, 2, 3]), make([-1, 0, 0])) == TokenTree([1, 2, 3], [-1, 0, 0])


def test_chains_and_shapes() -> None:
    chain = TokenTree.chain([4, 5, 6])
    assert chain == TokenTree([4, 5, 6], [-1, 0, 1])
    assert chain.is_chain
    assert TokenTree.chain([]).is_chain
    assert not TokenTree([1, 1], [-1, -1]).is_chain
    assert repr(TokenTree([1, 1], [-1, -1])) == "TokenTree(2 nodes, 2 leaves, height 1)"
    assert TokenTree([], []).leaf_paths().shape == (0, 0)


@pytest.mark.parametrize(
    ("tokens", "parents", "error", "message"),
    [
        ([1, 2], [-1], InvalidArgumentError, "found 2 tokens and 1 parents"),
        ([1, 2], [-1, 1], InvalidArgumentError, "node 1 has parent 1: a parent is -1 or a node before its child, here"),
        ([1, 2], [1, 0], InvalidArgumentError, "node 0 has parent 1"),
        ([1], [-2], InvalidArgumentError, "node 0 has parent -2"),
        ([1], [2**70], InvalidArgumentError, "node 0 has parent 9223372036854775807"),
        ([1], np.array([2**64 - 1], np.uint64), InvalidArgumentError, "node 0 has parent 9223372036854775807"),
        ([-1], [-1], UnknownTokenError, "id -1 is not in the vocabulary"),
        ([1.0], [-1], TypeError, "an id must be an integer"),
        ([1], [0.5], TypeError, "parents must be integers"),
        ([1], np.array([0.5]), TypeError, "found an array of float64"),
        ([1], np.array([[-1]]), InvalidArgumentError, "parents must have one dimension"),
        ([1], "0", TypeError, "parents must be a sequence"),
        ([1], 7, TypeError, "parents must be a sequence"),
    ],
)
def test_bad_input_is_refused(tokens: Any, parents: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        TokenTree(tokens, parents)


def test_errors_of_the_other_methods() -> None:
    tree = TokenTree([1, 2], [-1, 0])
    for node in (-1, 2):
        with pytest.raises(InvalidArgumentError, match=f"node {node} is not in the tree"):
            tree.path(node)
    with pytest.raises(TypeError, match="trees must be TokenTree"):
        TreeBatch([[1]])  # type: ignore[list-item]
    with pytest.raises(UnknownTokenError, match="id -1"):
        TreeBatch([tree], filler=-1)
    with pytest.raises(InvalidArgumentError, match="at most 32768"):
        TokenTree.chain(range(2**15 + 1)).mask()
