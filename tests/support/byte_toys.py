"""Small vocabularies and models."""

from __future__ import annotations

from typing import NamedTuple

from support.byte_oracle import Model, Oracle, bpe_oracle, gaussian_model, ranks_of
from tokengrove import Tokenizer
from tokengrove.next_byte import ByteLM

TOKENS = (b"ab", b"cd", b"abc", b"aa", b"aaa", b"bc", b"dab", b"ba", b"ca", b"abcd", b"dd", b"bcb", b"da")
"""Merges over four letters: ties, runs, and `abcd`, which merges do not make (`ab` and `cd` come first)."""

END_ID = 300
SPECIAL_ID = 301


class Toy(NamedTuple):
    """A tokenizer, a model of it, and its oracle."""

    tokenizer: Tokenizer
    model: Model
    lm: ByteLM
    oracle: Oracle


def toy(mode: str, tokens: tuple[bytes, ...] = TOKENS, *, seed: int = 1, scale: float = 2.0, **options: object) -> Toy:
    ranks = ranks_of(tokens)
    tokenizer = Tokenizer.from_tiktoken(ranks, None, {"<|end|>": END_ID, "<|other|>": SPECIAL_ID})
    # Wider than the vocabulary, as padded models are.
    model = gaussian_model(310, seed, scale)
    lm = ByteLM(model, tokenizer, mode=mode, eos=END_ID, **options)  # type: ignore[arg-type]
    return Toy(tokenizer, model, lm, bpe_oracle(ranks, model, [END_ID], mode))
