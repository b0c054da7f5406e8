"""The Triton kernels of :func:`tokengrove.forward.top_rows.pack_rows`: argmax, top-k and log-sum-exp in one reading.

The first kernel has a program for every piece of a row and keeps the piece's best few; the second picks among those.
A score and its index make one integer whose order is that of the scores, lower indices first among equal ones: so the
best of many is one maximum, equal scores are never mixed up, and what was taken is removed by its value.
"""

from __future__ import annotations

import torch
import triton
import triton.language as tl

__all__ = ["pack_rows_kernels"]

_PIECE = 4096

# In the kernels: 0x7FFFFFFF is the largest index, and -0x7FFFFFFFFFFFFFFF is less than the integer of any score.


@triton.jit
def _pieces(
    logits, best, highest, totals, bad, vocab, pieces, row_stride, K: tl.constexpr, PIECE: tl.constexpr
):  # fmt: skip
    row = tl.program_id(0).to(tl.int64)
    piece = tl.program_id(1)
    index = piece * PIECE + tl.arange(0, PIECE)
    inside = index < vocab
    scores = tl.load(logits + row * row_stride + index, mask=inside, other=float("-inf")).to(tl.float32)
    nan = scores != scores
    # The two zeros are equal: adding 0 makes one of them.
    scores = tl.where(nan, float("-inf"), scores) + 0.0
    at = row * pieces + piece
    most = tl.max(scores, 0)
    shift = tl.where(most == float("-inf"), 0.0, most)
    tl.store(highest + at, shift)
    tl.store(totals + at, tl.sum(tl.exp(scores - shift), 0))
    tl.store(bad + at, tl.max(nan.to(tl.int32), 0))
    bits = scores.to(tl.int32, bitcast=True)
    order = (bits ^ ((bits >> 31) & 0x7FFFFFFF)).to(tl.int64)
    left = tl.where(inside, (order << 32) | (0x7FFFFFFF - index).to(tl.int64), -0x7FFFFFFFFFFFFFFF)
    for rank in tl.static_range(K):
        first = tl.max(left, 0)
        tl.store(best + at * K + rank, first)
        left = tl.where(left == first, -0x7FFFFFFFFFFFFFFF, left)


@triton.jit
def _choose(
    best, highest, totals, bad, out, pieces, width,
    K: tl.constexpr, WANTED: tl.constexpr, BEST: tl.constexpr, PIECES: tl.constexpr, ENTRIES: tl.constexpr,
):  # fmt: skip
    row = tl.program_id(0).to(tl.int64)
    piece = tl.arange(0, PIECES)
    is_piece = piece < pieces
    shifts = tl.load(highest + row * pieces + piece, mask=is_piece, other=float("-inf"))
    sums = tl.load(totals + row * pieces + piece, mask=is_piece, other=0.0)
    flags = tl.load(bad + row * pieces + piece, mask=is_piece, other=0)
    most = tl.max(shifts, 0)
    total = most + tl.log(tl.sum(sums * tl.exp(shifts - most), 0))
    entry = tl.arange(0, ENTRIES)
    left = tl.load(best + row * pieces * K + entry, mask=entry < pieces * K, other=-0x7FFFFFFFFFFFFFFF)
    place = out + row * width
    for rank in tl.static_range(K):
        first = tl.max(left, 0)
        left = tl.where(left == first, -0x7FFFFFFFFFFFFFFF, left)
        index = (0x7FFFFFFF - (first & 0x7FFFFFFF)).to(tl.int32)
        order = (first >> 32).to(tl.int32)
        score = (order ^ ((order >> 31) & 0x7FFFFFFF)).to(tl.float32, bitcast=True)
        if rank == 0 and BEST:
            tl.store(place, index)
        if rank < WANTED:
            tl.store(place + BEST + rank, index)
            tl.store(place + BEST + WANTED + rank, (score - total).to(tl.int32, bitcast=True))
    tl.store(place + BEST + 2 * WANTED, tl.max(flags, 0))


def pack_rows_kernels(logits: torch.Tensor, k: int, *, best: bool) -> torch.Tensor:
    """Runs the kernels; see :func:`pack_rows`.

    Args:
        logits: float[n, vocab], n at least 1.
        k: See there.
        best: See there.

    Returns:
        See there.
    """
    rows, vocab = logits.shape
    if logits.stride(1) != 1:
        logits = logits.contiguous()
    few = max(k, 1)
    block = min(_PIECE, max(16, triton.next_power_of_2(vocab)))
    pieces = triton.cdiv(vocab, block)
    device = logits.device
    found = torch.empty(rows, pieces, few, dtype=torch.int64, device=device)
    highest, totals = torch.empty(2, rows, pieces, dtype=torch.float32, device=device).unbind(0)
    bad = torch.empty(rows, pieces, dtype=torch.int32, device=device)
    width = best + 2 * k + 1
    out = torch.empty(rows, width, dtype=torch.int32, device=device)
    _pieces[(rows, pieces)](
        logits, found, highest, totals, bad, vocab, pieces, logits.stride(0), K=few, PIECE=block, num_warps=4
    )
    _choose[(rows,)](
        found, highest, totals, bad, out, pieces, width, K=few, WANTED=k, BEST=int(best),
        PIECES=triton.next_power_of_2(pieces), ENTRIES=triton.next_power_of_2(pieces * few), num_warps=2,
    )  # fmt: skip
    return out
