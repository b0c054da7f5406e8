"""The likeliest tokens of rows: what the kernels of a GPU pack is what torch says."""

from __future__ import annotations

import math

import pytest
import torch

from tokengrove.forward.split_attention import kernels_are_available
from tokengrove.forward.top_rows import pack_rows

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
pytestmark = pytest.mark.skipif(not kernels_are_available(), reason="Triton is not installed")


def packed(logits: torch.Tensor, k: int, *, best: bool = True) -> torch.Tensor:
    from tokengrove.forward.top_kernels import pack_rows_kernels

    return pack_rows_kernels(logits.to(DEVICE), k, best=best).cpu()


def parts(host: torch.Tensor, k: int, *, best: bool = True) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Ids, log-probabilities and flags of what was packed."""
    ids, logs = host[:, best : best + k], host[:, best + k : best + 2 * k]
    return ids, logs.contiguous().view(torch.float32), host[:, -1]


@pytest.mark.parametrize("vocab", [1, 7, 4096, 9001])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_kernels_pack_what_torch_finds(vocab: int, dtype: torch.dtype) -> None:
    # All different, so that there is one order; in bfloat16 some are equal.
    generator = torch.Generator().manual_seed(vocab)
    rows = [torch.randperm(vocab, generator=generator) - vocab / 2 for _ in range(3)]
    logits = (torch.stack(rows) * (8 / vocab)).to(dtype)
    for k in (0, 1, min(8, vocab)):
        for best in (True, False):
            found = packed(logits, k, best=best)
            expected = pack_rows(logits.cpu(), k, best=best)
            assert found.shape == expected.shape
            assert found.dtype == torch.int32
            ids, logs, bad = parts(found, k, best=best)
            torch.testing.assert_close(logs, parts(expected, k, best=best)[1], rtol=1e-5, atol=1e-5)
            assert not bad.any()
            if dtype == torch.float32:
                assert torch.equal(found[:, : best + k], expected[:, : best + k])
            chosen = logits.float().gather(1, ids.long())
            assert torch.equal(chosen, logits.float().topk(k).values)


def test_of_equal_scores_the_first_is_best() -> None:
    logits = torch.zeros(3, 9000)
    logits[0, [4000, 5000, 8999]] = 2.0
    logits[1, 7] = -0.0
    logits[2] = -math.inf
    logits[2, 8500] = -3.0
    found = packed(logits, 4)
    assert found[:, 0].tolist() == [4000, 0, 8500]
    assert parts(found, 4)[0].tolist() == [[4000, 5000, 8999, 0], [0, 1, 2, 3], [8500, 0, 1, 2]]
    logs = parts(found, 4)[1]
    assert logs[2].tolist() == [0.0, -math.inf, -math.inf, -math.inf]
    torch.testing.assert_close(logs[1], torch.full((4,), -math.log(9000)))


def test_a_row_with_a_nan_is_told_apart() -> None:
    logits = torch.randn(4, 5000, generator=torch.Generator().manual_seed(1))
    logits[1, 4999] = math.nan
    logits[3, 0] = math.nan
    assert parts(packed(logits, 3), 3)[2].tolist() == [0, 1, 0, 1]
    for k, best in ((3, True), (0, True), (2, False), (0, False)):
        assert pack_rows(logits, k, best=best)[:, -1].tolist() == [0, 1, 0, 1]


def test_rows_may_be_a_part_of_a_wider_tensor() -> None:
    wide = torch.randn(6, 300, generator=torch.Generator().manual_seed(2))
    found, expected = packed(wide[1:4, :200], 5), pack_rows(wide[1:4, :200], 5, best=True)
    assert torch.equal(found[:, :6], expected[:, :6])
