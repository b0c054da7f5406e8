"""Attention of the nodes of trees to a cache, in two parts that are merged by their log-sum-exp.

Every node sees all committed tokens of its row, so the part over them needs no mask: a number of columns for each row
is enough. Only the part over the tree's own nodes, a small square, has one. Query heads that share a head of keys are
taken together as rows of one product, so keys and values are read once for all of them and never repeated.

The same in two forms: plain torch, which runs anywhere and is what the other is compared with, and Triton kernels,
which :func:`split_attention` takes on CUDA.

Source: the merge of partial softmaxes by their normalisers is that of Milakov and Gimelshein 2018, "Online normalizer
calculation for softmax"; splitting the columns of a long cache among programs is that of Dao et al. 2023,
"Flash-Decoding".
"""

from __future__ import annotations

import functools
import math
from importlib.util import find_spec

import torch

from tokengrove.errors import InvalidArgumentError

__all__ = ["kernels_are_available", "split_attention", "split_attention_reference"]


def split_attention(
    query: torch.Tensor,
    keys: torch.Tensor,
    values: torch.Tensor,
    lengths: torch.Tensor,
    tree: torch.Tensor,
    *,
    scale: float | None = None,
) -> torch.Tensor:
    """Computes attention of tree nodes to the tokens before them and to their ancestors.

    Columns ``0 .. lengths[b] - 1`` of row b hold what is committed, the `nodes` columns behind them the nodes
    themselves. What further columns hold makes no difference, as long as it is finite.

    Args:
        query: float[batch, query_heads, nodes, size].
        keys: float[batch, heads, columns, size]; `query_heads` is a multiple of `heads`.
        values: float[batch, heads, columns, value_size].
        lengths: The committed columns of each row, int[batch], on the same device; not read by the host.
        tree: Which node sees which, bool[batch, nodes, nodes]; every node sees itself.
        scale: What scores are multiplied by; 1 / sqrt(size) if left out.

    Returns:
        float[batch, query_heads, nodes, value_size], in the data type of `query`.

    Raises:
        InvalidArgumentError: If shapes do not fit each other.
    """
    _check(query, keys, values, lengths, tree)
    scale = 1 / math.sqrt(query.shape[-1]) if scale is None else scale
    if query.device.type == "cuda" and query.dtype != torch.float64 and kernels_are_available():
        from tokengrove.forward.attention_kernels import split_attention_kernels

        return split_attention_kernels(query, keys, values, lengths, tree, scale)
    return split_attention_reference(query, keys, values, lengths, tree, scale=scale)


def split_attention_reference(
    query: torch.Tensor,
    keys: torch.Tensor,
    values: torch.Tensor,
    lengths: torch.Tensor,
    tree: torch.Tensor,
    *,
    scale: float,
) -> torch.Tensor:
    """Does what :func:`split_attention` does, in plain torch, in the data type of `query`.

    Args:
        query: See there; so are the others.
        keys: See there.
        values: See there.
        lengths: See there.
        tree: See there.
        scale: See there.

    Returns:
        See there.
    """
    batch, query_heads, nodes, size = query.shape
    heads, columns = keys.shape[1], keys.shape[2]
    group = query_heads // heads
    rows = query.reshape(batch, heads, group * nodes, size) * scale
    lengths = lengths.to(torch.int64)
    # Over the prefix: one bound for each row of the batch, whatever the node.
    prefix = rows @ keys.transpose(2, 3)
    beyond = torch.arange(columns, device=query.device) >= lengths[:, None]
    before, weight_before = _partial(prefix.masked_fill(beyond[:, None, None], -math.inf), values)
    # Over the nodes.
    at = (lengths[:, None] + torch.arange(nodes, device=query.device))[:, None, :, None]
    own_keys = keys.gather(2, at.expand(-1, heads, -1, size))
    own_values = values.gather(2, at.expand(-1, heads, -1, values.shape[-1]))
    hidden = ~tree[:, None, None].expand(-1, 1, group, -1, -1).reshape(batch, 1, group * nodes, nodes)
    own = (rows @ own_keys.transpose(2, 3)).masked_fill(hidden, -math.inf)
    among, weight_among = _partial(own, own_values)
    both = torch.logaddexp(weight_before, weight_among)
    merged = before * (weight_before - both).exp() + among * (weight_among - both).exp()
    return merged.reshape(batch, query_heads, nodes, values.shape[-1])


def _partial(scores: torch.Tensor, values: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Attention over some columns, and the log-sum-exp of its scores; 0 and minus infinity where there are none."""
    weight = scores.logsumexp(-1, keepdim=True)
    shift = torch.where(weight.isinf(), torch.zeros_like(weight), weight)
    return (scores - shift).exp() @ values, weight


@functools.cache
def kernels_are_available() -> bool:
    """Whether Triton is installed, which comes with torch where it supports the machine."""
    return find_spec("triton") is not None


def _check(
    query: torch.Tensor, keys: torch.Tensor, values: torch.Tensor, lengths: torch.Tensor, tree: torch.Tensor
) -> None:
    if query.ndim != 4 or keys.ndim != 4 or values.ndim != 4:
        raise InvalidArgumentError(
            "query, keys and values have four dimensions each; "
            f"found shapes {list(query.shape)}, {list(keys.shape)} and {list(values.shape)}"
        )
    batch, query_heads, nodes, size = query.shape
    if keys.shape[:3] != values.shape[:3] or keys.shape[0] != batch or keys.shape[3] != size:
        raise InvalidArgumentError(
            f"found query, keys and values of shapes {list(query.shape)}, {list(keys.shape)} and {list(values.shape)}; "
            "allowed are [batch, query_heads, nodes, size], [batch, heads, columns, size] and "
            "[batch, heads, columns, value_size]"
        )
    if keys.shape[1] == 0 or query_heads % keys.shape[1]:
        raise InvalidArgumentError(f"{query_heads} query heads cannot share {keys.shape[1]} heads of keys equally")
    if keys.shape[2] < nodes:
        raise InvalidArgumentError(f"the cache has {keys.shape[2]} columns, too few for {nodes} nodes")
    if list(lengths.shape) != [batch] or list(tree.shape) != [batch, nodes, nodes]:
        raise InvalidArgumentError(
            f"found lengths of shape {list(lengths.shape)} and a tree mask of shape {list(tree.shape)}; "
            f"allowed are [{batch}] and [{batch}, {nodes}, {nodes}]"
        )
