"""What a generation did: tokens, forward passes, and where the time went."""

from __future__ import annotations

from dataclasses import dataclass, field

__all__ = ["PHASES", "GenerationStats"]

PHASES = ("prefill", "draft", "forward", "verify", "learn")
"""The parts of a generation that are timed, in the order in which a step goes through them."""


@dataclass(slots=True)
class GenerationStats:
    """Counts and times of one call of ``generate``.

    In a batch, a pass that several rows take part in counts once for each of them, so that plain decoding has one
    token per pass at any batch size.

    Attributes:
        tokens: Tokens emitted.
        steps: Forward passes after the prompt, each counted once however many rows took part.
        passes: Forward passes that gave a token, the one over the prompt included, counted for each row.
        drafted: Nodes evaluated beside roots.
        accepted: Those of them whose tokens were emitted.
        lengths: How many passes emitted 1, 2, 3, ... tokens: ``lengths[i]`` of them emitted ``i + 1``.
        switched_off: Whether speculation was given up as slower than plain decoding.
        seconds: Wall-clock seconds by phase, see :data:`PHASES`. Work on a device is timed where its result is waited
            for, which is in ``verify``.
    """

    tokens: int = 0
    steps: int = 0
    passes: int = 0
    drafted: int = 0
    accepted: int = 0
    lengths: list[int] = field(default_factory=list)
    switched_off: bool = False
    seconds: dict[str, float] = field(default_factory=lambda: dict.fromkeys(PHASES, 0.0))

    @property
    def mean_accepted_tokens(self) -> float:
        """Tokens emitted per forward pass; plain decoding has 1.0, and so has a generation without any pass."""
        return self.tokens / self.passes if self.passes else 1.0

    @property
    def total_seconds(self) -> float:
        """The sum over all phases."""
        return sum(self.seconds.values())

    def count(self, emitted: int) -> None:
        """Counts one pass of one row.

        Args:
            emitted: How many tokens it gave, at least 1.
        """
        self.passes += 1
        self.tokens += emitted
        self.lengths.extend([0] * (emitted - len(self.lengths)))
        self.lengths[emitted - 1] += 1
