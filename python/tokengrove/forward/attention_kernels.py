"""The Triton kernels of :func:`tokengrove.forward.split_attention.split_attention`.

The first kernel has a program for every stretch of committed columns and one more for the tree's own nodes; each gives
attention over its columns and the log-sum-exp of its scores. The second merges them. The number of programs depends on
shapes alone and the lengths are read on the device, so one CUDA graph serves all lengths of a bucket.
"""

from __future__ import annotations

import torch
import triton
import triton.language as tl

__all__ = ["split_attention_kernels"]

_STRETCH = 256
"""The fewest columns of a stretch."""
_STRETCHES = 32
"""The most stretches: more would make the merge long."""


@triton.jit
def _partials(
    query, keys, values, lengths, tree, partial, weights, scale, nodes, heads, stretch, stretches,
    query_batch, query_head, query_node, key_batch, key_head, key_column, value_batch, value_head, value_column,
    GROUP: tl.constexpr, SIZE: tl.constexpr, SIZE_BLOCK: tl.constexpr, VALUE: tl.constexpr, VALUE_BLOCK: tl.constexpr,
    ROWS: tl.constexpr, COLUMNS: tl.constexpr, PRECISION: tl.constexpr,
):  # fmt: skip
    part = tl.program_id(1)
    batch = (tl.program_id(2) // heads).to(tl.int64)
    head = (tl.program_id(2) % heads).to(tl.int64)
    row = tl.program_id(0) * ROWS + tl.arange(0, ROWS)
    is_row = row < GROUP * nodes
    node = row % nodes
    of_query = query + batch * query_batch + (head * GROUP + row // nodes) * query_head + node * query_node
    inner = tl.arange(0, SIZE_BLOCK)
    is_inner = inner < SIZE
    outer = tl.arange(0, VALUE_BLOCK)
    is_outer = outer < VALUE
    q = tl.load(of_query[:, None] + inner[None, :], mask=is_row[:, None] & is_inner[None, :], other=0.0)

    length = tl.load(lengths + batch).to(tl.int32)
    is_tree = part == stretches
    begin = tl.where(is_tree, length, part * stretch)
    end = tl.where(is_tree, length + nodes, tl.minimum((part + 1) * stretch, length))
    highest = tl.full([ROWS], float("-inf"), tl.float32)
    total = tl.zeros([ROWS], tl.float32)
    sums = tl.zeros([ROWS, VALUE_BLOCK], tl.float32)
    for start in range(begin, end, COLUMNS):
        column = start + tl.arange(0, COLUMNS)
        is_column = column < end
        of_key = keys + batch * key_batch + head * key_head + column[None, :].to(tl.int64) * key_column
        k = tl.load(of_key + inner[:, None], mask=is_column[None, :] & is_inner[:, None], other=0.0)
        scores = tl.dot(q, k, input_precision=PRECISION) * scale
        seen = is_row[:, None] & is_column[None, :]
        if is_tree:
            of_tree = tree + (batch * nodes + node[:, None]) * nodes + (column - length)[None, :]
            seen = seen & (tl.load(of_tree, mask=seen, other=0) != 0)
        scores = tl.where(seen, scores, float("-inf"))
        higher = tl.maximum(highest, tl.max(scores, 1))
        # A row that sees none of the columns so far has no highest score to subtract.
        shift = tl.where(higher == float("-inf"), 0.0, higher)
        probabilities = tl.exp(scores - shift[:, None])
        factor = tl.exp(highest - shift)
        total = total * factor + tl.sum(probabilities, 1)
        of_value = values + batch * value_batch + head * value_head + column[:, None].to(tl.int64) * value_column
        v = tl.load(of_value + outer[None, :], mask=is_column[:, None] & is_outer[None, :], other=0.0)
        sums = sums * factor[:, None] + tl.dot(probabilities.to(v.dtype), v, input_precision=PRECISION)
        highest = higher

    some = total > 0
    sums = sums / tl.where(some, total, 1.0)[:, None]
    place = ((batch * heads + head) * (stretches + 1) + part) * (GROUP * nodes) + row
    tl.store(weights + place, tl.where(some, highest + tl.log(tl.where(some, total, 1.0)), float("-inf")), mask=is_row)
    tl.store(partial + place[:, None] * VALUE + outer[None, :], sums, mask=is_row[:, None] & is_outer[None, :])


@triton.jit
def _merge(
    partial, weights, out, nodes, heads, parts,
    GROUP: tl.constexpr, VALUE: tl.constexpr, VALUE_BLOCK: tl.constexpr, PARTS: tl.constexpr,
):  # fmt: skip
    row = tl.program_id(0)
    batch = (tl.program_id(1) // heads).to(tl.int64)
    head = (tl.program_id(1) % heads).to(tl.int64)
    rows = GROUP * nodes
    part = tl.arange(0, PARTS)
    outer = tl.arange(0, VALUE_BLOCK)
    place = ((batch * heads + head) * parts + part) * rows + row
    weight = tl.load(weights + place, mask=part < parts, other=float("-inf"))
    # Every node sees itself, so one of them is a number.
    weight = tl.exp(weight - tl.max(weight, 0))
    inside = (part < parts)[:, None] & (outer < VALUE)[None, :]
    sums = tl.load(partial + place[:, None] * VALUE + outer[None, :], mask=inside, other=0.0)
    merged = tl.sum(sums * weight[:, None], 0) / tl.sum(weight, 0)
    place_out = ((batch * nodes + row % nodes) * (heads * GROUP) + head * GROUP + row // nodes) * VALUE
    tl.store(out + place_out + outer, merged.to(out.dtype.element_ty), mask=outer < VALUE)


def split_attention_kernels(
    query: torch.Tensor,
    keys: torch.Tensor,
    values: torch.Tensor,
    lengths: torch.Tensor,
    tree: torch.Tensor,
    scale: float,
) -> torch.Tensor:
    """Runs the kernels; arguments that fit each other, as :func:`split_attention` describes them.

    Args:
        query: float16, bfloat16 or float32, as the other two.
        keys: See there.
        values: See there.
        lengths: See there.
        tree: See there.
        scale: See there.

    Returns:
        See there. In memory the heads of a node are side by side, as the projection that follows wants them.
    """
    batch, query_heads, nodes, size = query.shape
    heads, columns, value_size = keys.shape[1], keys.shape[2], values.shape[3]
    group = query_heads // heads
    query, keys, values = _packed(query), _packed(keys), _packed(values)
    stretch = max(_STRETCH, -(-columns // (_STRETCHES * 64)) * 64)
    stretches = -(-columns // stretch)
    rows = group * nodes
    device = query.device
    partial = torch.empty(batch, heads, stretches + 1, rows, value_size, dtype=torch.float32, device=device)
    weights = torch.empty(batch, heads, stretches + 1, rows, dtype=torch.float32, device=device)
    out = torch.empty(batch, nodes, query_heads, value_size, dtype=query.dtype, device=device)
    # At least 16 rows, which is what a tile of a matrix unit has.
    block = min(64 if query.dtype == torch.float32 else 128, max(16, triton.next_power_of_2(rows)))
    sizes = {"VALUE": value_size, "VALUE_BLOCK": max(16, triton.next_power_of_2(value_size))}
    _partials[(triton.cdiv(rows, block), stretches + 1, batch * heads)](
        query, keys, values, lengths, tree.contiguous().view(torch.uint8), partial, weights, scale,
        nodes, heads, stretch, stretches,
        *query.stride()[:3], *keys.stride()[:3], *values.stride()[:3],
        GROUP=group, SIZE=size, SIZE_BLOCK=max(16, triton.next_power_of_2(size)), **sizes,
        ROWS=block, COLUMNS=32 if query.dtype == torch.float32 else 64,
        PRECISION="ieee" if query.dtype == torch.float32 else "tf32", num_warps=4 if block <= 64 else 8,
    )  # fmt: skip
    _merge[(rows, batch * heads)](
        partial, weights, out, nodes, heads, stretches + 1,
        GROUP=group, **sizes, PARTS=triton.next_power_of_2(stretches + 1), num_warps=2,
    )  # fmt: skip
    return out.transpose(1, 2)


def _packed(tensor: torch.Tensor) -> torch.Tensor:
    """The tensor with its last dimension in one piece; caches and projections have it so."""
    return tensor if tensor.stride(-1) == 1 else tensor.contiguous()
