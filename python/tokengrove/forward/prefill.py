"""Long beginnings, in pieces."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch

from tokengrove._native import TokenTree
from tokengrove.errors import InvalidArgumentError
from tokengrove.forward.protocol import TreeCache, TreeModel

__all__ = ["prefill"]


def prefill(
    model: TreeModel,
    cache: TreeCache,
    tokens: Sequence[int],
    *,
    chunk_size: int = 1024,
    visit: Callable[[int, torch.Tensor], None] | None = None,
) -> torch.Tensor | None:
    """Appends tokens to a cache of one row.

    Args:
        model: The model of the cache.
        cache: The cache.
        tokens: Token ids, a sequence or array of shape [n].
        chunk_size: How many tokens to evaluate at once; bounds the memory needed.
        visit: Called after each piece with the index of its first token and its hidden rows, float[piece, hidden]; for
            a caller that learns from the whole prompt.

    Returns:
        The hidden row of the last token, float[1, hidden]. Without tokens, that of the empty context if the cache is
        empty and the model has one, else None.

    Raises:
        InvalidArgumentError: If the cache has more than one row, or `chunk_size` is less than 1; and as ``forward``.
        UnknownTokenError: If a token is not in the vocabulary.
    """
    if chunk_size < 1:
        raise InvalidArgumentError(f"chunk_size is {chunk_size}; a piece has at least one token")
    if cache.batch_size != 1:
        raise InvalidArgumentError(f"prefill is for a cache of one row; this one has {cache.batch_size}")
    last = model.start() if cache.length == 0 and len(tokens) == 0 else None
    for start in range(0, len(tokens), chunk_size):
        piece = TokenTree.chain(tokens[start : start + chunk_size])
        rows = model.forward(piece, cache)
        cache.commit(range(len(piece)))
        if visit is not None:
            visit(start, rows)
        last = rows[-1:]
    return last
