"""How large a vocabulary should be.

Source: Tao et al., "Scaling Laws with Vocabulary: Larger Models Deserve Larger Vocabularies" (NeurIPS 2024). The
constants are those that the paper fitted.
"""

from __future__ import annotations

import math
from typing import Literal

from tokengrove.errors import InvalidArgumentError

__all__ = ["characters_to_tokens", "optimal_vocab_size"]

_WIDTHS = (
    (50e6, 512),
    (200e6, 768),
    (500e6, 1024),
    (1e9, 1536),
    (2e9, 2048),
    (5e9, 3200),
    (10e9, 4096),
    (20e9, 5120),
    (50e9, 6048),
    (100e9, 8192),
    (200e9, 12288),
    (500e9, 16384),
    (1e12, 20480),
)
"""Embedding widths of models of usual shape, by the most parameters other than those of the vocabulary."""
_WIDEST = 24576


def characters_to_tokens(vocab_size: float) -> float:
    """Tell how many tokens a character of text has, on average.

    Args:
        vocab_size: Size of the vocabulary; more than 200,000 counts as 200,000.

    Returns:
        Tokens per character, as fitted on SlimPajama with BPE vocabularies of at most 96,000 tokens.

    Raises:
        InvalidArgumentError: If the size is not positive.
    """
    if not vocab_size > 0:
        raise InvalidArgumentError(f"vocab_size must be positive; found {vocab_size}")
    log = math.log(min(vocab_size, 200_000))
    return 0.00639222 * log * log - 0.15811069 * log + 1.20470122


def optimal_vocab_size(
    non_vocab_params: float | None = None,
    flops: float | None = None,
    embedding_dim: int | None = None,
    approach: Literal[1, 2, 3] = 3,
) -> int:
    """Tell which vocabulary size makes a language model best for what its training costs.

    Fitted on models of up to 3 billion parameters with vocabularies of up to 96,000 tokens, trained on English text;
    beyond that it extrapolates, and the three approaches differ by some percent. The tokens-per-character curve is
    flat from 200,000 tokens on. Round to what your hardware likes.

    Args:
        non_vocab_params: Parameters of the model other than those of the embedding and the output layer.
        flops: Floating-point operations of the whole training. By default what is optimal for the parameters; more
            means longer training. Without ``non_vocab_params``, the parameters are what is optimal for it.
        embedding_dim: Width of the embedding; by default that of models of usual shape.
        approach: 1 extrapolates from models trained with equal cost, 2 from the derivative of the cost by the size, 3
            from a fitted loss, the only one that takes ``flops`` apart from the parameters.

    Returns:
        The number of tokens.

    Raises:
        InvalidArgumentError: If neither parameters nor cost are given, a value is not positive, or both are given for
            an approach that takes one.

    Source:
        Tao et al. (2024), sections 3.1 to 3.3.
    """
    for name, value in (
        ("non_vocab_params", non_vocab_params),
        ("flops", flops),
        ("embedding_dim", embedding_dim),
    ):
        if value is not None and not (value > 0 and math.isfinite(value)):
            raise InvalidArgumentError(f"{name} must be a positive number; found {value}")
    if approach not in (1, 2, 3):
        raise InvalidArgumentError(f"approach must be 1, 2 or 3; found {approach}")
    scale = math.exp(-2.4846510161625193)
    if non_vocab_params is None:
        if flops is None:
            raise InvalidArgumentError("give non_vocab_params, flops, or both")
        non_vocab_params = scale * math.sqrt(flops)
    elif flops is not None and approach != 3:
        raise InvalidArgumentError("only approach 3 takes a cost that is not the optimal one for the parameters")
    if flops is None:
        flops = (non_vocab_params / scale) ** 2
    if embedding_dim is None:
        embedding_dim = next((width for most, width in _WIDTHS if non_vocab_params <= most), _WIDEST)
    if approach == 1:
        vocab_params: float = math.exp(-1.589031299255507) * flops**0.4163622634135234
    elif approach == 2:
        vocab_params = 3_145_728 * (non_vocab_params / 33e6) ** 0.8353974035228025
    else:
        return round(_least_loss(non_vocab_params / 1e6, flops / 1e15, embedding_dim / 1e3) * 1e3)
    return round(vocab_params / embedding_dim)


def _least_loss(params: float, flops: float, width: float) -> float:
    """The vocabulary (in thousands) at which the fitted loss is least; millions of parameters, thousands of width."""
    alpha, beta = 0.6707374679896795, 0.44660634152009615
    a, b = 0.19584238398665638, 2.1241123120064955

    def falls(log_size: float) -> bool:
        """Whether more vocabulary still lowers the loss."""
        vocab = math.exp(log_size) * width
        gain = math.log(alpha * a) - (alpha + 1) * math.log(vocab)
        cost = math.log(beta * b) + beta * math.log(6 / flops) + (beta - 1) * math.log(params + vocab)
        return gain > cost

    low, high = math.log(1e-3), math.log(1e9)
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if falls(middle) else (low, middle)
    return math.exp(low)
