"""Byte-pair encoding written to be read, and shown at work in colour.

Nothing here is fast. It gives the same tokens as :class:`~tokengrove.compat.tiktoken.Encoding`, and its training
picks the same merges as tiktoken's module of this name.
"""

from __future__ import annotations

import inspect
import itertools
import sys
from collections import Counter
from typing import TYPE_CHECKING, Literal, TypeAlias

from tokengrove._native import Splitter
from tokengrove.compat.tiktoken.registry import get_encoding

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tokengrove.compat.tiktoken.core import Encoding

Visualise: TypeAlias = Literal["colour", "color", "simple"] | None
"""How work is shown: coloured tokens, plain lists, or not at all."""

_BACKGROUNDS = [f"\u001b[48;5;{colour}m" for colour in (153, 223, 157, 218, 187, 147)]
_TEXT = "\u001b[38;5;16m"
_RESET = "\u001b[0m"
_SHOWN_WORDS = {"colour": 50, "color": 50, "simple": 20}


class SimpleBytePairEncoding:
    """Text to tokens by the algorithm as it is explained, one merge at a time.

    Attributes:
        pat_str: The pattern that cuts text into words.
        mergeable_ranks: Ranks by token; of two possible merges the one with the lower rank comes first.
    """

    def __init__(self, *, pat_str: str, mergeable_ranks: dict[bytes, int]) -> None:
        """Build an encoding.

        Args:
            pat_str: The pattern, in the syntax of :class:`~tokengrove.compat.tiktoken.Encoding`.
            mergeable_ranks: Ranks by token, all single bytes included.
        """
        self.pat_str = pat_str
        self.mergeable_ranks = mergeable_ranks
        self._splitter = Splitter(pat_str)
        self._decoder = {rank: token for token, rank in mergeable_ranks.items()}

    def encode(self, text: str, visualise: Visualise = "colour") -> list[int]:
        """Encode a text.

        Args:
            text: The text.
            visualise: How to show each merge.

        Returns:
            The tokens.
        """
        tokens: list[int] = []
        for word in self._splitter.split(text):
            tokens += bpe_encode(self.mergeable_ranks, word.encode(), visualise=visualise)
        return tokens

    def decode_bytes(self, tokens: Iterable[int]) -> bytes:
        """Give the bytes of tokens, joined; a KeyError for an unknown one."""
        return b"".join(self.decode_tokens_bytes(tokens))

    def decode(self, tokens: Iterable[int]) -> str:
        """Give the text of tokens; bytes that are not UTF-8 become U+FFFD."""
        return self.decode_bytes(tokens).decode("utf-8", errors="replace")

    def decode_tokens_bytes(self, tokens: Iterable[int]) -> list[bytes]:
        """Give the bytes of each token; a KeyError for an unknown one."""
        return [self._decoder[token] for token in tokens]

    @staticmethod
    def train(training_data: str, vocab_size: int, pat_str: str) -> SimpleBytePairEncoding:
        """Learn an encoding from a text, showing each merge in colour.

        Args:
            training_data: The text.
            vocab_size: How many tokens there shall be, at least 256.
            pat_str: The pattern that cuts text into words; no merge crosses a word.

        Returns:
            The encoding.

        Raises:
            ValueError: If ``vocab_size`` is below 256, or more than the text has merges for.
        """
        ranks = bpe_train(data=training_data, vocab_size=vocab_size, pat_str=pat_str)
        return SimpleBytePairEncoding(pat_str=pat_str, mergeable_ranks=ranks)

    @staticmethod
    def from_tiktoken(encoding: str | Encoding) -> SimpleBytePairEncoding:
        """Take the pattern and ranks of an encoding, given as such or by name; special tokens are left behind."""
        if isinstance(encoding, str):
            encoding = get_encoding(encoding)
        return SimpleBytePairEncoding(pat_str=encoding._pat_str, mergeable_ranks=encoding._mergeable_ranks)


def bpe_encode(mergeable_ranks: dict[bytes, int], input: bytes, visualise: Visualise = "colour") -> list[int]:
    """Encode one word.

    Args:
        mergeable_ranks: Ranks by token.
        input: The bytes of the word.
        visualise: How to show each merge.

    Returns:
        The tokens.
    """
    parts = [input[at : at + 1] for at in range(len(input))]
    while True:
        _show(parts, visualise)
        # Every two neighbours whose bytes together are a token could merge: (rank, where).
        possible = [
            (mergeable_ranks[left + right], at)
            for at, (left, right) in enumerate(itertools.pairwise(parts))
            if left + right in mergeable_ranks
        ]
        if not possible:
            break
        _, at = min(possible)
        parts[at : at + 2] = [parts[at] + parts[at + 1]]
    if visualise:
        _print()
    return [mergeable_ranks[part] for part in parts]


def bpe_train(data: str, vocab_size: int, pat_str: str, visualise: Visualise = "colour") -> dict[bytes, int]:
    """Learn ranks from a text.

    Start with the 256 bytes, then make a token of the most frequent pair of neighbours, again and again. Of pairs that
    are equally frequent the one that comes first in the text wins.

    Args:
        data: The text to learn from.
        vocab_size: How many tokens there shall be, at least 256.
        pat_str: The pattern that cuts text into words; no merge crosses a word.
        visualise: How to show each merge.

    Returns:
        Ranks by token.

    Raises:
        ValueError: If ``vocab_size`` is below 256, or more than the text has merges for.
    """
    if vocab_size < 256:
        raise ValueError(f"vocab_size must be at least 256, so that all bytes can be encoded; found {vocab_size}")
    ranks = {bytes([byte]): byte for byte in range(256)}
    text = [word.encode() for word in Splitter(pat_str).split(data)]
    counts = Counter(text)
    parts = {word: [word[at : at + 1] for at in range(len(word))] for word in counts}
    while len(ranks) < vocab_size:
        pairs: Counter[tuple[bytes, bytes]] = Counter()
        for word, count in counts.items():
            for pair in itertools.pairwise(parts[word]):
                pairs[pair] += count
        if not pairs:
            raise ValueError(f"the text has merges for {len(ranks)} tokens only, not {vocab_size}")
        best = max(pairs, key=lambda pair: pairs[pair])
        token = best[0] + best[1]
        ranks[token] = len(ranks)
        for word in counts:
            parts[word] = _merge(parts[word], best)
        if visualise:
            _print(f"The most frequent pair is {best[0]!r} + {best[1]!r}, {pairs[best]} times.")
            _print(f"It becomes token {ranks[token]}, {token!r}. The beginning of the text is now:")
            shown = text[: _SHOWN_WORDS[visualise]]
            _show([part for word in shown for part in parts[word]], visualise)
            _print()
    return ranks


def _merge(parts: list[bytes], pair: tuple[bytes, bytes]) -> list[bytes]:
    """Join each occurrence of a pair, from left to right."""
    merged: list[bytes] = []
    at = 0
    while at < len(parts):
        step = 2 if tuple(parts[at : at + 2]) == pair else 1
        merged.append(b"".join(parts[at : at + step]))
        at += step
    return merged


def visualise_tokens(token_values: Sequence[bytes]) -> None:
    """Print tokens with coloured backgrounds, on one line.

    The colour follows from where a token begins, so that it stays when tokens before it merge; neighbours never have
    the same. Bytes that are no whole character show as U+FFFD.

    Args:
        token_values: The bytes of the tokens.
    """
    line, place, last = "", 0, -1
    for token in token_values:
        shown = token.decode("utf-8", errors="replace")
        colour = place % len(_BACKGROUNDS)
        if colour == last:
            colour = (colour + 1) % len(_BACKGROUNDS)
        line += _BACKGROUNDS[colour] + _TEXT + shown
        last = colour
        place += len(shown)
    _print(line + _RESET)


def _show(parts: Sequence[bytes], visualise: Visualise) -> None:
    if visualise in ("colour", "color"):
        visualise_tokens(parts)
    elif visualise == "simple":
        _print(repr(list(parts)))


def _print(line: str = "") -> None:
    sys.stdout.write(line + "\n")


def train_simple_encoding() -> SimpleBytePairEncoding:
    """Learn an encoding of 600 tokens from this file with GPT-2's pattern, and show it encode "hello world"."""
    pattern = r"'s|'t|'re|'ve|'m|'ll|'d| ?[\p{L}]+| ?[\p{N}]+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
    source = inspect.getsource(sys.modules[__name__])
    encoding = SimpleBytePairEncoding.train(source, vocab_size=600, pat_str=pattern)
    _print("These are the merges that encode 'hello world':")
    encoding.encode("hello world")
    return encoding
