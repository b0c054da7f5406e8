"""Functions that tests run in other processes; those import this module by name."""

from __future__ import annotations

import pickle

from tokengrove import Tokenizer


def encode_in_child(payload: tuple[bytes, list[str]]) -> list[list[int]]:
    """Runs in another process: unpickles the tokenizer, encodes one by one and as a batch."""
    tokenizer: Tokenizer = pickle.loads(payload[0])
    one_by_one = [tokenizer.encode_list(text) for text in payload[1]]
    assert tokenizer.encode_batch(payload[1]).to_lists() == one_by_one
    return one_by_one


INHERITED: list[Tokenizer] = []


def encode_inherited(texts: list[str]) -> list[list[int]]:
    """Runs in a forked process with the tokenizer of its parent."""
    tokenizer = INHERITED[0]
    return [*tokenizer.encode_batch(texts).to_lists(), *(tokenizer.encode_list(text) for text in texts)]
