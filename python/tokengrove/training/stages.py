"""Stages of training: cut text coarser as the vocabulary grows."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tokengrove.errors import InvalidArgumentError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tokengrove.training.template import Component

__all__ = ["Stage", "check_stages"]


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage: how text is cut, and how large the vocabulary is at its end.

    Attributes:
        pattern: As for :func:`tokengrove.training.train_bpe`.
        vocab_size: Size of the vocabulary, special tokens included.
        max_words: The most words a token learned in this stage has, where words are what spaces separate; None for
            any number.
        forbid: Texts that no token learned in this stage contains.

    Source:
        Liu, Hayase et al., "SuperBPE: Space Travel for Language Models" (2025): the second stage has ``max_words=4``
        and ``forbid=[": "]``.
    """

    pattern: str | Component | None
    vocab_size: int
    max_words: int | None = None
    forbid: Sequence[str] = ()


def check_stages(stages: Sequence[Stage]) -> None:
    """Refuse stages that contradict each other.

    Args:
        stages: The stages, in order.

    Raises:
        InvalidArgumentError: If there is none, sizes do not rise, or a limit is not positive.
    """
    if not stages:
        raise InvalidArgumentError("stages must name at least one stage")
    for before, stage in itertools.pairwise(stages):
        if stage.vocab_size <= before.vocab_size:
            raise InvalidArgumentError(
                f"each stage must have a larger vocabulary than the one before; "
                f"found {before.vocab_size}, then {stage.vocab_size}"
            )
    for stage in stages:
        if stage.max_words is not None and stage.max_words < 1:
            raise InvalidArgumentError(f"max_words must be at least 1; found {stage.max_words}")
        if isinstance(stage.forbid, str) or not all(stage.forbid):
            raise InvalidArgumentError(f"forbid must be a list of texts that are not empty; found {stage.forbid!r}")
