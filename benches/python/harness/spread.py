"""How far repeated measurements lie apart."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median, quantiles

__all__ = ["spread"]


def spread(samples: Sequence[float]) -> dict[str, float]:
    """Give the median and the quartiles.

    Args:
        samples: At least two numbers.

    Returns:
        ``median``, ``low`` and ``high``, in the unit of the samples.
    """
    low, _, high = quantiles(samples, n=4)
    return {"median": median(samples), "low": low, "high": high}
