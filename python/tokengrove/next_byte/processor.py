"""A filter that keeps generation of tokens canonical."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

from tokengrove._native import ByteVocab

if TYPE_CHECKING:
    import torch

    from tokengrove.tokenizer import Tokenizer

__all__ = ["CanonicalLogitsProcessor"]


class CanonicalLogitsProcessor:
    """Leaves out tokens after which the sequence is no longer what the tokenizer gives for any text.

    Use it in the ``logits_processor`` list of ``generate`` of the transformers library. Special tokens stay possible;
    ids that end a text do where the text may end. A prompt that is not canonical itself is left alone.

    Args:
        tokenizer: The model's tokenizer.
        eos: The ids that end a text.

    Raises:
        UnsupportedTokenizerError: If valid encodings cannot be followed for this tokenizer.
    """

    def __init__(self, tokenizer: Tokenizer, eos: int | Iterable[int] = ()) -> None:
        ends = [eos] if isinstance(eos, int) else [int(id) for id in eos]
        self._vocab = ByteVocab(tokenizer, "canonical", ends)
        self._breaks = frozenset(ends) | frozenset(self._vocab.special_ids)

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        """Filter.

        Args:
            input_ids: int64[batch, length], the sequences so far.
            scores: float[batch, vocabulary], the logits of what follows.

        Returns:
            The logits, -inf where a token is left out.
        """
        import torch

        kept = scores.clone()
        for row, ids in enumerate(input_ids.tolist()):
            start = max((at + 1 for at, id in enumerate(ids) if id in self._breaks), default=0)
            valid = self._vocab.valid_next(ids[start:])
            if valid is None:
                continue
            valid[self._vocab.special_ids] = True
            wide = np.zeros(scores.shape[-1], dtype=np.bool_)
            count = min(len(valid), len(wide))
            wide[:count] = valid[:count]
            kept[row].masked_fill_(~torch.from_numpy(wide).to(scores.device), -torch.inf)
        return kept
