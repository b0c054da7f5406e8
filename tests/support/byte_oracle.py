"""Byte-level probabilities by enumeration: what tests of ``tokengrove.next_byte`` compare with.

Written from the definitions alone: covers are enumerated token by token, the merge loop is the textbook one; nothing
of the package is used.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Model = Callable[[list[int]], NDArray[np.float64]]


def gaussian_model(width: int, seed: int, scale: float = 2.0) -> Model:
    """A function of the whole history: logits drawn from a generator seeded by it."""

    @functools.lru_cache(maxsize=100_000)
    def logits(history: tuple[int, ...]) -> NDArray[np.float64]:
        return np.random.default_rng([seed, len(history), *history]).normal(scale=scale, size=width)

    return lambda ids: logits(tuple(ids))


def merge_loop(ranks: dict[bytes, int], text: bytes) -> list[int]:
    """The textbook loop: the pair of lowest rank merges, leftmost first."""
    parts = [bytes([byte]) for byte in text]
    while True:
        pairs = [(ranks[a + b], i) for i, (a, b) in enumerate(itertools.pairwise(parts)) if a + b in ranks]
        if not pairs:
            return [ranks[part] for part in parts]
        _, at = min(pairs)
        parts[at : at + 2] = [parts[at] + parts[at + 1]]


def encode(ranks: dict[bytes, int], text: bytes) -> list[int]:
    """As tiktoken encodes a piece: a token that is the whole piece wins."""
    return [ranks[text]] if text in ranks else merge_loop(ranks, text)


@dataclass
class Oracle:
    """Enumerates covers.

    Attributes:
        tokens: The bytes of each ordinary token.
        model: From ids to logits.
        ends: Ids that end a text.
        mode: As for ``ByteLM``.
        is_valid: Whether a sequence is the beginning of an encoding.
        may_end: Whether a sequence is an encoding.
    """

    tokens: dict[int, bytes]
    model: Model
    ends: Sequence[int]
    mode: str = "all"
    is_valid: Callable[[tuple[int, ...]], bool] = lambda _: True
    may_end: Callable[[tuple[int, ...]], bool] = lambda _: True
    context: tuple[int, ...] = ()
    _known: dict[tuple[int, ...], tuple[dict[int, float], float]] = field(default_factory=dict)

    def follows(self, history: tuple[int, ...]) -> tuple[dict[int, float], float]:
        """Probabilities of the tokens that count after a history, and of the end."""
        if history not in self._known:
            logits = np.asarray(self.model([*self.context, *history]), dtype=np.float64)
            kept = {id: logits[id] for id in self.tokens}
            ends = [logits[id] for id in self.ends]
            largest = max([*kept.values(), *ends])
            weights = {id: float(np.exp(logit - largest)) for id, logit in kept.items()}
            end = sum(float(np.exp(logit - largest)) for logit in ends)
            total = sum(weights.values()) + end
            if self.mode != "all":
                weights = {id: weight for id, weight in weights.items() if self.is_valid((*history, id))}
                end = end if self.may_end(history) else 0.0
            if self.mode == "canonical":
                total = sum(weights.values()) + end
            self._known[history] = ({id: weight / total for id, weight in weights.items()}, end / total)
        return self._known[history]

    def covers(self, text: bytes) -> Iterator[tuple[tuple[int, ...], float]]:
        """Every cover of some bytes with its probability."""
        stack: list[tuple[tuple[int, ...], int, float]] = [((), 0, 1.0)]
        while stack:
            history, at, weight = stack.pop()
            if at >= len(text):
                yield history, weight
                continue
            rest = text[at:]
            for id, probability in self.follows(history)[0].items():
                token = self.tokens[id]
                if rest.startswith(token) or token.startswith(rest):
                    stack.append(((*history, id), at + len(token), weight * probability))

    def prefix(self, text: bytes) -> float:
        """Probability that a text begins with some bytes."""
        return sum(weight for _, weight in self.covers(text))

    def end(self, text: bytes) -> float:
        """Probability that a text is these bytes."""
        exact = [(h, w) for h, w in self.covers(text) if sum(len(self.tokens[id]) for id in h) == len(text)]
        return sum(weight * self.follows(history)[1] for history, weight in exact)

    def next_byte(self, text: bytes) -> NDArray[np.float64]:
        """float64[257]: probabilities of what follows."""
        joint = np.array([self.prefix(text + bytes([byte])) for byte in range(256)] + [self.end(text)])
        normalised: NDArray[np.float64] = joint / joint.sum()
        return normalised


def bpe_oracle(ranks: dict[bytes, int], model: Model, ends: Sequence[int], mode: str) -> Oracle:
    """The oracle of a rank vocabulary without pretokenizer."""
    tokens = {id: token for token, id in ranks.items()}

    def spelled(ids: tuple[int, ...]) -> bytes:
        return b"".join(tokens[id] for id in ids)

    @functools.cache
    def is_valid(ids: tuple[int, ...]) -> bool:
        # Merges alone decide, unless the whole text is a token that they do not make.
        return merge_loop(ranks, spelled(ids)) == list(ids) or (len(ids) == 1)

    def may_end(ids: tuple[int, ...]) -> bool:
        return not ids or encode(ranks, spelled(ids)) == list(ids)

    def follows_whole(ids: tuple[int, ...]) -> bool:
        """Nothing follows a token that merges do not make."""
        return is_valid(ids) and all(merge_loop(ranks, spelled(ids[:n])) == list(ids[:n]) for n in range(1, len(ids)))

    return Oracle(tokens, model, ends, mode, follows_whole, may_end)


def ranks_of(tokens: Sequence[bytes]) -> dict[bytes, int]:
    """All bytes, then the given tokens."""
    ranks = {bytes([byte]): byte for byte in range(256)}
    for token in tokens:
        ranks.setdefault(token, len(ranks))
    return ranks
