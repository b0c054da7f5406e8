"""The distribution of the next byte after some bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, SupportsIndex

import numpy as np

from tokengrove.errors import InvalidArgumentError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tokengrove._native import ByteCovers
    from tokengrove.next_byte.model import ByteLM

__all__ = ["ByteState", "Cover"]


class Cover(NamedTuple):
    """A token sequence that spells some bytes, its last token perhaps more.

    Attributes:
        ids: The tokens behind the context.
        logprob: Logarithm of its share of all covers of these bytes, in nats.
    """

    ids: tuple[int, ...]
    logprob: float


class ByteState:
    """A model after some bytes. Made by :meth:`ByteLM.state`; immutable, so that states can be kept and forked at will.

    The model is asked when a probability is first looked at, not when a byte is added.
    """

    __slots__ = ("_base", "_covers", "_history", "_lm", "_resolved")

    def __init__(self, lm: ByteLM, history: tuple[int, ...], covers: ByteCovers, base: float) -> None:
        self._lm = lm
        self._history = history
        self._covers = covers
        self._base = base
        # Whether the model has been asked about all that `covers` needs: the same state, known better.
        self._resolved = False

    def __repr__(self) -> str:
        """Show how likely the bytes are and how many bundles of covers there are."""
        return f"ByteState(logprob={self.logprob:.4f}, bundles={len(self._covers)})"

    def _resolve(self) -> ByteCovers:
        if not self._resolved:
            self._covers = self._lm._resolve(self._history, self._covers)
            self._resolved = True
        return self._covers

    def logprobs(self) -> NDArray[np.float64]:
        """Give the distribution of what follows.

        Returns:
            float64[257]: logarithms, in nats, of the probability of each byte and, at index 256
            (:data:`tokengrove.next_byte.END`), of the end of the text, given no other special token. They sum to 1.

        Raises:
            InvalidArgumentError: If the bytes so far have probability 0, or the model needs a context that it lacks.
            LogitsError: If the model gives too few logits, NaN, or nothing but -inf.
        """
        found = self._resolve().logprobs()
        if np.isneginf(found).all():
            raise InvalidArgumentError(
                "no token sequence that counts spells these bytes: they have probability 0"
                + ("" if self._lm.mode == "all" else '; bytes that are not UTF-8 need the mode "all"')
            )
        return found

    def advance(self, byte: SupportsIndex | bytes) -> ByteState:
        """Add bytes.

        Args:
            byte: One byte as a number or as `bytes`, or several as `bytes`.

        Returns:
            The state behind them; this one stays as it is.

        Raises:
            InvalidArgumentError: If a number is not a byte. As :meth:`logprobs`.
        """
        data = byte if isinstance(byte, bytes) else _one_byte(byte)
        state = self
        for value in data:
            covers = state._resolve()
            state = ByteState(self._lm, self._history, covers.advance(value), self._base)
        return state

    def __lshift__(self, data: bytes) -> ByteState:
        """Add bytes, as :meth:`advance`."""
        return self.advance(data)

    @property
    def logprob(self) -> float:
        """Logarithm of the probability, in nats, that a text begins with the bytes of the last text segment.

        With ``eps`` or ``beam`` this is a lower bound; at most the share :attr:`unresolved_mass` is missing. In the
        mode ``canonical-raw`` it is the sum of the logarithms of each byte given those before.
        """
        return self._covers.logprob - self._base

    @property
    def special_logprob(self) -> float:
        """Logarithm of the probability of a special token next, other than the ends, before those are left out."""
        return self._resolve().special_logprob

    @property
    def unresolved_mass(self) -> float:
        """The share of all mass that the model was not asked about.

        No probability that :meth:`logprobs` gives is further than this from the exact one, nor is the sum of the
        differences of any set of them. 0 unless ``eps`` or ``beam`` is used.
        """
        return self._resolve().unresolved_mass

    def covers(self, k: int = 10) -> list[Cover]:
        """Give the most probable covers of the bytes.

        Args:
            k: How many at most.

        Returns:
            The covers, most probable first.

        Raises:
            InvalidArgumentError: If ``k`` is negative.
        """
        if k < 0:
            raise InvalidArgumentError(f"k is the number of covers, not {k}")
        return [Cover(tuple(ids), share) for ids, share in self._resolve().covers(k)]

    def cover_at(self, place: float) -> Cover:
        """Give the cover at a place among all, laid side by side, each as wide as its share.

        Args:
            place: Between 0 and 1; a uniform random number draws a cover.

        Returns:
            The cover.

        Raises:
            InvalidArgumentError: If ``place`` is not between 0 and 1, or the bytes have probability 0.
        """
        if not 0.0 <= place <= 1.0:
            raise InvalidArgumentError(f"place is between 0 and 1, not {place}")
        found = self._resolve().cover_at(place)
        if found is None:
            raise InvalidArgumentError("no token sequence spells these bytes: they have probability 0")
        return Cover(tuple(found[0]), found[1])

    @property
    def context(self) -> tuple[int, ...]:
        """The ids before the last text segment: what the model sees before every cover."""
        return self._history


def _one_byte(value: SupportsIndex) -> bytes:
    number = value.__index__()
    if not 0 <= number <= 255:
        raise InvalidArgumentError(f"a byte is 0 to 255, not {number}; the end of the text cannot be advanced over")
    return bytes([number])
