"""The requests of the language model evaluation harness, answered by a byte-level model."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from tokengrove.next_byte.model import ByteLM

__all__ = ["HarnessAdapter"]


class HarnessAdapter:
    """Answers the three kinds of requests of lm-evaluation-harness; probabilities do not depend on token borders.

    It needs nothing of the harness: pass it to code that calls the methods of ``lm_eval.api.model.LM``, or derive a
    class of both.

    Args:
        lm: The model.
        max_new_bytes: The limit for requests that name none.
    """

    def __init__(self, lm: ByteLM, *, max_new_bytes: int = 1024) -> None:
        self._lm = lm
        self._limit = max_new_bytes

    def loglikelihood(self, requests: Iterable[Any]) -> list[tuple[float, bool]]:
        """Score continuations.

        Args:
            requests: Objects whose ``args`` are a context and its continuation, or such pairs themselves.

        Returns:
            For each the logarithm of the continuation's probability, in nats, and whether every byte of it is the most
            probable one after those before.
        """
        return [self._one(*_arguments(request)) for request in requests]

    def _one(self, context: str, continuation: str) -> tuple[float, bool]:
        scores = self._lm.score(continuation, prompt=context)
        # A step for each byte, up to the first that is not the best.
        state = self._lm.state(context)
        greedy = True
        for byte in continuation.encode():
            greedy = int(np.argmax(state.logprobs())) == byte
            if not greedy:
                break
            state = state.advance(byte)
        return scores.total, greedy

    def loglikelihood_rolling(self, requests: Iterable[Any]) -> list[float]:
        """Score whole texts.

        Args:
            requests: Objects whose ``args`` are a text, or such tuples themselves.

        Returns:
            The logarithm of each text's probability, in nats; divided by its bytes, comparable across tokenizers. Texts
            longer than the model was made for are scored in windows, see :meth:`ByteLM.score`.
        """
        texts = (_arguments(request)[0] for request in requests)
        return [self._lm.score(text, window=self._lm.max_tokens).total for text in texts]

    def generate_until(self, requests: Iterable[Any]) -> list[str]:
        """Generate texts.

        Args:
            requests: Objects whose ``args`` are a context and options: ``until`` (stop strings), ``max_gen_toks`` (read
                as four bytes for each), ``do_sample``, ``temperature``, ``top_p``, ``top_k``.

        Returns:
            The texts; greedy unless sampling is asked for.
        """
        return [self._generate(*_arguments(request)) for request in requests]

    def _generate(self, context: str, options: dict[str, Any]) -> str:
        until = options.get("until", [])
        limit = options.get("max_gen_toks")
        sample = bool(options.get("do_sample", False))
        return self._lm.generate(
            context,
            stop=[until] if isinstance(until, str) else list(until),
            max_new_bytes=self._limit if limit is None else 4 * int(limit),
            temperature=float(options.get("temperature", 1.0)) if sample else 0.0,
            top_p=options.get("top_p") if sample else None,
            top_k=options.get("top_k") if sample else None,
            seed=options.get("seed", 0),
        ).text


def _arguments(request: Any) -> tuple[Any, ...]:
    return tuple(getattr(request, "args", request))
