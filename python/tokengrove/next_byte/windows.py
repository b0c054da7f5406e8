"""Long texts in parts that a model can take."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from tokengrove.tokenizer import Tokenizer

__all__ = ["Window", "longest_sequence", "windows"]


class Window(NamedTuple):
    """A part of a text and what is shown before it, as offsets in bytes.

    Attributes:
        first: Where what is shown begins.
        start: Where the part begins; what is before it is given.
        end: Where it ends.
    """

    first: int
    start: int
    end: int


def windows(tokenizer: Tokenizer, text: bytes, size: int) -> list[Window]:
    """Cut a text into parts of half a window, each shown behind the half before it.

    Args:
        tokenizer: Says how long texts are in tokens.
        text: The text.
        size: The length of a window in tokens, at least 2.

    Returns:
        The parts, in order. A text that fits is one part. Cuts are between characters; a part may be a few tokens
        longer than half a window where a character has many.
    """
    ids = tokenizer.encode_with_offsets(text)
    if len(ids.ids) <= size:
        return [Window(0, 0, len(text))]
    half = size // 2
    cuts = ids.byte_spans[half::half, 0].tolist()
    inside = [bool(cut) and 0x80 <= text[cut] < 0xC0 for cut in cuts]
    # A cut inside a character moves to its start.
    moved = [_character(text, cut) if within else cut for cut, within in zip(cuts, inside, strict=True)]
    edges = np.unique([0, *moved, len(text)]).tolist()
    starts = [0, *edges[:-2]]
    return [Window(*edge) for edge in zip(starts, edges[:-1], edges[1:], strict=True)]


def _character(text: bytes, at: int) -> int:
    """Give the start of the character around a place; the place itself where the bytes are no character."""
    starts = itertools.takewhile(lambda back: back >= 0, range(at - 1, at - 4, -1))
    return next((back for back in starts if text[back] >= 0xC0), at)


def longest_sequence(model: Any) -> int | None:
    """Give the longest sequence that a model was made for, in tokens.

    Args:
        model: A model of transformers, or a tree model around one.

    Returns:
        What its configuration says; None if there is none.
    """
    for holder in (model, getattr(model, "model", None)):
        config: Any = getattr(holder, "config", None)
        text_config = config.get_text_config() if hasattr(config, "get_text_config") else config
        found = getattr(text_config, "max_position_embeddings", None)
        if isinstance(found, int) and found > 1:
            return found
    return None
