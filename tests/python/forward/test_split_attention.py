"""Attention in two parts equals attention with a full mask: in plain torch, and the kernels of a GPU.

Without a GPU the kernels run in Triton's interpreter, see ``tests/python/conftest.py``.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from tokengrove import TokenTree
from tokengrove.errors import InvalidArgumentError
from tokengrove.forward.split_attention import kernels_are_available, split_attention, split_attention_reference

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
needs_triton = pytest.mark.skipif(not kernels_are_available(), reason="Triton is not installed")


def random_tree(nodes: int, seed: int) -> TokenTree:
    random = np.random.default_rng(seed)
    parents = [-1, *(int(random.integers(max(0, node - 6), node)) for node in range(1, nodes))]
    return TokenTree(list(range(nodes)), parents)


def case(
    lengths: list[int], nodes: int, query_heads: int, heads: int, size: int, columns: int, dtype: torch.dtype
) -> dict[str, Any]:
    generator = torch.Generator().manual_seed(nodes + columns)

    def normal(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=generator, dtype=torch.float64).to(dtype).to(DEVICE)

    batch = len(lengths)
    tree = torch.stack([torch.from_numpy(random_tree(nodes, row).mask()) for row in range(batch)])
    return {
        "query": normal(batch, query_heads, nodes, size),
        "keys": normal(batch, heads, columns, size),
        "values": normal(batch, heads, columns, size),
        "lengths": torch.tensor(lengths, device=DEVICE),
        "tree": tree.to(DEVICE),
    }


def by_full_mask(
    query: torch.Tensor, keys: torch.Tensor, values: torch.Tensor, lengths: torch.Tensor, tree: torch.Tensor, **_: Any
) -> torch.Tensor:
    """Scaled dot-product attention of torch, in float64, with repeated heads and a mask of all columns."""
    batch, heads, nodes = query.shape[:3]
    mask = torch.zeros(batch, 1, nodes, keys.shape[2], dtype=torch.bool, device=query.device)
    for row, length in enumerate(lengths.tolist()):
        mask[row, :, :, :length] = True
        mask[row, 0, :, length : length + nodes] = tree[row]
    repeats = heads // keys.shape[1]
    wide_keys, wide_values = (part.double().repeat_interleave(repeats, 1) for part in (keys, values))
    return torch.nn.functional.scaled_dot_product_attention(query.double(), wide_keys, wide_values, attn_mask=mask)


def kernels(**given: Any) -> torch.Tensor:
    from tokengrove.forward.attention_kernels import split_attention_kernels

    return split_attention_kernels(**given, scale=1 / math.sqrt(given["query"].shape[-1]))


def reference(**given: Any) -> torch.Tensor:
    return split_attention_reference(**given, scale=1 / math.sqrt(given["query"].shape[-1]))


# (query heads, heads, size of one): each its own, groups of two, four and seven.
HEADS = [(2, 2, 8), (4, 2, 24), (8, 2, 16), (7, 1, 8)]
# Lengths of rows, nodes, columns: no prefix, ragged, one node, several stretches and not a multiple of any block.
SHAPES: list[tuple[list[int], int, int]] = [
    ([0], 9, 16),
    ([5], 1, 6),
    ([0, 7, 31], 13, 44),
    ([300, 3, 256, 0], 17, 320),
]


@pytest.mark.parametrize(("query_heads", "heads", "size"), HEADS)
@pytest.mark.parametrize(("lengths", "nodes", "columns"), SHAPES)
@pytest.mark.parametrize("form", [reference, pytest.param(kernels, marks=needs_triton)])
def test_two_parts_are_the_whole(
    form: Callable[..., torch.Tensor],
    query_heads: int,
    heads: int,
    lengths: list[int],
    nodes: int,
    columns: int,
    size: int,
) -> None:
    given = case(lengths, nodes, query_heads, heads, size, columns, torch.float32)
    found, expected = form(**given), by_full_mask(**given)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found.double(), expected, rtol=2e-5, atol=2e-6)


def test_in_float64_they_differ_by_rounding() -> None:
    for query_heads, heads, size in HEADS:
        given = case([700, 3, 511, 0], 17, query_heads, heads, size, 720, torch.float64)
        torch.testing.assert_close(split_attention(**given), by_full_mask(**given), rtol=1e-12, atol=1e-13)


@needs_triton
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_kernels_of_narrow_numbers(dtype: torch.dtype) -> None:
    if dtype == torch.bfloat16 and DEVICE == "cpu":
        pytest.skip("the interpreter of Triton multiplies the bits of bfloat16, not the numbers")
    given = case([70, 40], 33, 4, 2, 64, 112, dtype)
    found = kernels(**given)
    assert found.dtype == dtype
    torch.testing.assert_close(found.double(), by_full_mask(**given), rtol=2e-2, atol=2e-2)


@needs_triton
def test_kernels_take_strides_and_values_of_another_size() -> None:
    given = case([20, 9], 7, 4, 2, 16, 32, torch.float32)
    # As a projection gives them: heads behind nodes; and a cache of which only the first columns are looked at.
    given["query"] = given["query"].transpose(1, 2).contiguous().transpose(1, 2)
    given["keys"] = torch.cat([given["keys"], given["keys"]], 2)[:, :, :32]
    given["values"] = torch.cat([given["values"], given["values"]], 3)[:, :, :, :24]
    expected = by_full_mask(**given)
    torch.testing.assert_close(kernels(**given).double(), expected, rtol=2e-5, atol=2e-6)
    torch.testing.assert_close(reference(**given).double(), expected, rtol=2e-5, atol=2e-6)


@pytest.mark.parametrize("form", [reference, pytest.param(kernels, marks=needs_triton)])
def test_what_stands_behind_the_nodes_makes_no_difference(form: Callable[..., torch.Tensor]) -> None:
    given = case([9, 2], 5, 4, 2, 8, 20, torch.float32)
    before = form(**given)
    for row, length in enumerate([9, 2]):
        given["keys"][row, :, length + 5 :] = 1e4
        given["values"][row, :, length + 5 :] = -1e4
    assert torch.equal(form(**given), before)
    given["keys"][1, :, 3] += 1
    assert not torch.equal(form(**given), before)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"query": torch.zeros(1, 3, 5, 8)}, "3 query heads cannot share 2"),
        ({"query": torch.zeros(3, 5, 8)}, "four dimensions"),
        ({"values": torch.zeros(1, 2, 19, 8)}, "allowed are"),
        ({"keys": torch.zeros(1, 2, 4, 8), "values": torch.zeros(1, 2, 4, 8)}, "4 columns, too few for 5 nodes"),
        ({"lengths": torch.zeros(2)}, r"lengths of shape \[2\]"),
        ({"tree": torch.ones(1, 5, 4, dtype=torch.bool)}, r"mask of shape \[1, 5, 4\]"),
    ],
)
def test_shapes_that_do_not_fit(change: dict[str, torch.Tensor], told: str) -> None:
    given = {**case([9], 5, 4, 2, 8, 20, torch.float32), **change}
    with pytest.raises(InvalidArgumentError, match=told):
        split_attention(**given)
