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
        pairs = [_arguments(request) for request in requests]
        scores = self._lm.score_batch([pair[1] for pair in pairs], prompts=[pair[0] for pair in pairs])
        return [(score.total, self._is_greedy(*pair)) for score, pair in zip(scores, pairs, strict=True)]

    def _is_greedy(self, context: str, continuation: str) -> bool:
        # A step for each byte, up to the first that is not the best.
        state = self._lm.state(context)
        for byte in continuation.encode():
            if int(np.argmax(state.logprobs())) != byte:
                return False
            state = state.advance(byte)
        return True

    def loglikelihood_rolling(self, requests: Iterable[Any]) -> list[float]:
        """Score whole texts.

        Args:
            requests: Objects whose ``args`` are a text, or such tuples themselves.

        Returns:
            The logarithm of each text's probability, in nats; divided by its bytes, comparable across tokenizers. Texts
            longer than the model was made for are scored in windows, see :meth:`ByteLM.score`.
        """
        texts = [_arguments(request)[0] for request in requests]
        return [score.total for score in self._lm.score_batch(texts, window=self._lm.max_tokens)]

    def generate_until(self, requests: Iterable[Any]) -> list[str]:
        """Generate texts.

        Args:
            requests: Objects whose ``args`` are a context and options: ``until`` (stop strings), ``max_gen_toks`` (read
                as four bytes for each), ``do_sample``, ``temperature``, ``top_p``, ``top_k``.

        Returns:
            The texts; greedy unless sampling is asked for.
        """
        asked = [_arguments(request) for request in requests]
        options = [self._options(given) for _, given in asked]
        texts = [""] * len(asked)
        # Requests of the same options are a batch; a harness makes few kinds.
        for kind in {repr(one): one for one in options}.values():
            places = [place for place, one in enumerate(options) if one == kind]
            made = self._lm.generate_batch([asked[place][0] for place in places], **kind)
            for place, one in zip(places, made, strict=True):
                texts[place] = one.text
        return texts

    def _options(self, given: dict[str, Any]) -> dict[str, Any]:
        until = given.get("until", [])
        limit = given.get("max_gen_toks")
        sample = bool(given.get("do_sample", False))
        return {
            "stop": [until] if isinstance(until, str) else list(until),
            "max_new_bytes": self._limit if limit is None else 4 * int(limit),
            "temperature": float(given.get("temperature", 1.0)) if sample else 0.0,
            "top_p": given.get("top_p") if sample else None,
            "top_k": given.get("top_k") if sample else None,
            "seed": given.get("seed", 0),
        }


def _arguments(request: Any) -> tuple[Any, ...]:
    return tuple(getattr(request, "args", request))
