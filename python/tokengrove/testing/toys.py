"""Toy models whose distributions are known exactly: functions from token ids to log-probabilities. Need NumPy alone.

:func:`tokengrove.forward.adapt` makes tree models of them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from math import exp
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tokengrove.errors import InvalidArgumentError

__all__ = ["ToyModel", "distribution", "hashed_model", "markov_model"]

ToyModel: TypeAlias = Callable[[Sequence[int]], NDArray[np.float64]]
"""Token ids, perhaps none, to the log-probabilities of the next token, float64[vocabulary]."""


def markov_model(start: ArrayLike, transitions: ArrayLike) -> ToyModel:
    """Makes a Markov chain: the next token depends on the last one alone.

    Args:
        start: Probabilities of the first token, float[v], summing to 1.
        transitions: Row i has the probabilities of what follows token i, float[v, v].

    Returns:
        The model. A probability of 0 is a log-probability of minus infinity.

    Raises:
        InvalidArgumentError: If the shapes do not fit, or a row is not a distribution.
    """
    first, table = np.asarray(start, np.float64), np.asarray(transitions, np.float64)
    if first.ndim != 1 or table.shape != (first.size, first.size):
        raise InvalidArgumentError(f"found shapes {first.shape} and {table.shape}; allowed are [v] and [v, v]")
    rows = np.vstack([first, table])
    if (rows < 0).any() or not np.allclose(rows.sum(axis=1), 1, rtol=0, atol=1e-12):
        raise InvalidArgumentError("every row must be a distribution: no negative number, and a sum of 1")
    with np.errstate(divide="ignore"):
        logs = np.log(rows)

    def model(ids: Sequence[int]) -> NDArray[np.float64]:
        return np.array(logs[int(ids[-1]) + 1 if len(ids) else 0])

    return model


def hashed_model(vocab_size: int, *, seed: int = 0, scale: float = 2.0) -> ToyModel:
    """Makes a model whose every history has a distribution of its own, drawn from a hash of the ids.

    Args:
        vocab_size: The number of tokens.
        seed: Another seed is another model.
        scale: The standard deviation of the logits: 0 is uniform, 10 is almost certain.

    Returns:
        The model. The same history gives the same numbers, in any process.

    Raises:
        InvalidArgumentError: If there are no tokens.
    """
    if vocab_size < 1:
        raise InvalidArgumentError(f"vocab_size is {vocab_size}; a vocabulary has at least one token")

    def model(ids: Sequence[int]) -> NDArray[np.float64]:
        history = np.asarray([seed, *ids], np.int64).tobytes()
        digest = int.from_bytes(hashlib.blake2b(history, digest_size=16).digest(), "little")
        logits = np.random.Generator(np.random.PCG64(digest)).normal(scale=scale, size=vocab_size)
        peak = logits.max()
        return np.asarray(logits - peak - np.log(np.exp(logits - peak).sum()))

    return model


def distribution(model: ToyModel, length: int, prompt: Sequence[int] = ()) -> dict[tuple[int, ...], float]:
    """Enumerates every continuation of some length.

    Args:
        model: A toy model.
        length: How many tokens; there are vocabulary to this power sequences.
        prompt: The token ids to continue.

    Returns:
        Sequence to probability, those of probability 0 left out; the sum is 1.
    """
    found: dict[tuple[int, ...], float] = {(): 1.0}
    for _ in range(length):
        found = {
            (*tokens, token): probability * exp(log)
            for tokens, probability in found.items()
            for token, log in enumerate(model([*prompt, *tokens]).tolist())
            if log > -np.inf
        }
    return found
