"""How the target chooses its next token, exactly as without a draft: processors, then the likeliest or one sample.

Every emitted token is chosen once, in order, from the logits after exactly the tokens before it, so the processors see
what they would see in plain decoding and a generator of random numbers is asked as often and in the same order.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch

from tokengrove.errors import InvalidArgumentError

__all__ = ["Chooser", "Processor", "standard_processors"]

Processor = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
"""Takes the tokens so far, int64[1, n], and scores, float32[1, vocab]; gives the scores to go on with. Those of the
transformers library fit."""


class Chooser:
    """Chooses next tokens from logits.

    Args:
        processors: Applied in order.
        do_sample: Whether to draw from the distribution instead of taking the likeliest token.
        generator: Where the random numbers come from; None is torch's global generator.
        rows: Processors that were made for a batch of so many sequences may hold something for each of them. They are
            shown as many copies of the sequence, and what they make of the one in its own place is taken.
    """

    def __init__(
        self,
        processors: Sequence[Processor] = (),
        *,
        do_sample: bool = False,
        generator: torch.Generator | None = None,
        rows: int = 1,
    ) -> None:
        self._processors = tuple(processors)
        self._rows = rows
        self._do_sample = do_sample
        self._generator = generator

    @property
    def is_plain(self) -> bool:
        """Whether the choice is the likeliest token of the row alone, so that all rows can be chosen from at once."""
        return not self._processors and not self._do_sample

    def choose(self, tokens: Sequence[int], logits: torch.Tensor, row: int = 0) -> int:
        """Chooses the token after `tokens`.

        Args:
            tokens: Token ids so far; read only if there are processors.
            logits: Their row, float[vocab].
            row: The number of the sequence in its batch.

        Returns:
            The token id.

        Raises:
            InvalidArgumentError: If the processors leave no token possible, or the scores are not numbers.
        """
        # float32, as transformers do, so that both break near-ties alike.
        scores = logits.to(torch.float32, copy=True)[None]
        if self._processors:
            ids = torch.tensor([list(tokens)], dtype=torch.int64, device=scores.device)
            if self._rows > 1:
                ids, scores = ids.repeat(self._rows, 1), scores.repeat(self._rows, 1)
            for process in self._processors:
                scores = process(ids, scores)
            if self._rows > 1:
                scores = scores[row : row + 1]
        if not self._do_sample:
            best = int(scores.argmax(-1))
            # The largest of scores with a NaN among them is NaN.
            if math.isnan(scores[0, best]):
                raise InvalidArgumentError(f"the model gave NaN, or a processor did, after {len(tokens)} tokens")
            return best
        probabilities = torch.softmax(scores, dim=-1)
        if not bool(torch.isfinite(probabilities).all()):
            raise InvalidArgumentError(
                f"no token can be sampled after {len(tokens)} tokens: the scores hold NaN, or all of them are -inf"
            )
        return int(torch.multinomial(probabilities, num_samples=1, generator=self._generator))


def standard_processors(
    *,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    repetition_penalty: float = 1.0,
    do_sample: bool = True,
) -> list[Processor]:
    """Makes the usual processors, in the order in which transformers apply them.

    Args:
        temperature: Scores are divided by it; above 0.
        top_k: Only so many likeliest tokens stay possible; None or 0 keeps all.
        top_p: Only the likeliest tokens whose probabilities reach this sum stay possible, in (0, 1]; None keeps all.
        repetition_penalty: Positive scores of tokens that occurred are divided by it, negative ones multiplied.
        do_sample: Without sampling only the repetition penalty has an effect, and only it is made.

    Returns:
        The processors that change anything.

    Raises:
        InvalidArgumentError: If a number is out of range.
    """
    for name, number in (("temperature", temperature), ("repetition_penalty", repetition_penalty)):
        if not (number > 0 and math.isfinite(number)):
            raise InvalidArgumentError(f"{name} is {number}; it must be a number above 0")
    if top_k is not None and top_k < 0:
        raise InvalidArgumentError(f"top_k is {top_k}; it cannot be negative")
    if top_p is not None and not 0 < top_p <= 1:
        raise InvalidArgumentError(f"top_p is {top_p}; it must be in (0, 1]")
    processors: list[Processor] = []
    if repetition_penalty != 1.0:
        processors.append(lambda ids, scores: _penalise(ids, scores, repetition_penalty))
    if do_sample:
        if temperature != 1.0:
            processors.append(lambda ids, scores: scores / temperature)
        if top_k:
            processors.append(lambda ids, scores: _keep_top_k(scores, top_k))
        if top_p is not None and top_p < 1:
            processors.append(lambda ids, scores: _keep_top_p(scores, top_p))
    return processors


def _penalise(ids: torch.Tensor, scores: torch.Tensor, penalty: float) -> torch.Tensor:
    seen = scores.gather(1, ids)
    return scores.scatter(1, ids, torch.where(seen < 0, seen * penalty, seen / penalty))


def _keep_top_k(scores: torch.Tensor, k: int) -> torch.Tensor:
    least = scores.topk(min(k, scores.shape[-1])).values[..., -1:]
    return scores.masked_fill(scores < least, -math.inf)


def _keep_top_p(scores: torch.Tensor, p: float) -> torch.Tensor:
    values, order = scores.sort(descending=False)
    unlikely = values.softmax(dim=-1).cumsum(dim=-1) <= 1 - p
    unlikely[..., -1:] = False
    return scores.masked_fill(unlikely.scatter(1, order, unlikely), -math.inf)
