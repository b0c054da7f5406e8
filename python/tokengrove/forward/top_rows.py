"""The likeliest tokens of rows of logits, packed so that one copy brings them to the host.

In plain torch, and on CUDA by Triton kernels that read the logits once.
"""

from __future__ import annotations

import torch

from tokengrove.forward.split_attention import kernels_are_available

__all__ = ["MOST", "pack_rows"]

MOST = 64
"""The most candidates that the kernels look for."""


def pack_rows(logits: torch.Tensor, k: int, *, best: bool) -> torch.Tensor:
    """Packs what is needed of each row.

    Args:
        logits: float[n, vocab].
        k: How many candidates, at most `vocab`.
        best: Whether the likeliest token comes first, of several the one with the least id on CUDA and the one that
            ``argmax`` takes elsewhere.

    Returns:
        int32[n, best + 2 k + 1] on the same device: the likeliest token, the ids of the k likeliest tokens in order,
        the bits of their log-probabilities as float32, and whether the row holds a NaN. Under
        :class:`tokengrove.testing.models.Float64Throughout` each log-probability takes two columns.
    """
    if logits.device.type == "cuda" and k <= MOST and len(logits) and kernels_are_available():
        from tokengrove.forward.top_kernels import pack_rows_kernels

        return pack_rows_kernels(logits, k, best=best)
    scores = logits.to(torch.float32)
    if best and k == 0:
        # The largest of scores with a NaN among them is NaN, so there is no need of their sum.
        first = scores.argmax(-1, keepdim=True)
        return torch.cat([first, scores.gather(-1, first).isnan()], dim=-1).to(torch.int32)
    columns = [scores.argmax(-1, keepdim=True).to(torch.int32)] if best else []
    total = scores.logsumexp(-1, keepdim=True)
    if k:
        values, ids = scores.topk(k, dim=-1)
        columns += [ids.to(torch.int32), (values - total).view(torch.int32)]
    return torch.cat([*columns, total.isnan().to(torch.int32)], dim=-1)
