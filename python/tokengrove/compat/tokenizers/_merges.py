"""Learning merges from counted words: the options of a trainer, for the learner of ``tokengrove.training``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from tokengrove import _native
from tokengrove.errors import InvalidArgumentError

if TYPE_CHECKING:
    from tokengrove.compat.tokenizers.trainers import BpeTrainer


def learn(words: Mapping[str, int], trainer: BpeTrainer) -> tuple[dict[str, int], list[tuple[str, str]]]:
    """Learn a vocabulary.

    Args:
        words: Pieces and how often they occur.
        trainer: What the vocabulary is to be like.

    Returns:
        Token strings and ids, and the merges in the order of their rank.
    """
    options = {
        "units": "chars",
        "ties": "tokenizers",
        "special_tokens": [token.content for token in trainer.special_tokens],
        "limit_alphabet": trainer.limit_alphabet,
        "initial_alphabet": trainer.initial_alphabet,
        "all_bytes": False,
        "continuing_subword_prefix": trainer.continuing_subword_prefix or "",
        "end_of_word_suffix": trainer.end_of_word_suffix or "",
        "vocab_size": trainer.vocab_size,
        "reserved": 0,
        "min_frequency": trainer.min_frequency,
        "max_token_bytes": None,
        "max_token_length": trainer.max_token_length,
        "max_words": None,
        "forbid": [],
        "never": [],
    }
    counts = _native.PieceCounts.from_items((word.encode(), count) for word, count in words.items())
    try:
        trained = _learned(counts, options)
    except InvalidArgumentError:
        # There are more symbols than tokens wanted: the reference gives them all then, and no merge.
        most = sum(map(len, words)) + len(trainer.initial_alphabet) + len(trainer.special_tokens)
        trained = _learned(counts, {**options, "vocab_size": most, "min_frequency": 2**62})
    strings = trained.strings
    vocab: dict[str, int] = {}
    for id, string in enumerate(strings):
        vocab.setdefault(string, id)
    return vocab, [(strings[left], strings[right]) for left, right, _, _ in trained.merges]


def _learned(counts: _native.PieceCounts, options: dict[str, Any]) -> _native.Trained:
    """Learn without looking back at anything learned before."""
    return _native.learn(counts, options, inherited=(), keep_inherited=False, resume=None, observer=None)
