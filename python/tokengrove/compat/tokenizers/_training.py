"""Training through the handle: texts to counted pieces, pieces to a model."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tokengrove.compat.tokenizers import models
from tokengrove.compat.tokenizers._merges import learn
from tokengrove.compat.tokenizers.trainers import BpeTrainer

if TYPE_CHECKING:
    from tokengrove.compat.tokenizers._tokenizer import Tokenizer


def lines(files: Iterable[str]) -> Iterator[str]:
    """Give the lines of files, line ends included."""
    for file in files:
        with Path(file).open(encoding="utf-8", newline="") as opened:
            yield from opened


def texts(iterator: Iterable[Any]) -> Iterator[str]:
    """Give the texts of an iterable of texts or of lists of them."""
    for item in iterator:
        if isinstance(item, str):
            yield item
        else:
            yield from item


def train(tokenizer: Tokenizer, sequences: Iterator[str], trainer: Any) -> None:
    """Train a model on texts and put it into the tokenizer.

    Raises:
        TypeError: If the trainer is not a ``BpeTrainer``.
    """
    trainer = tokenizer.model.get_trainer() if trainer is None else trainer
    if not isinstance(trainer, BpeTrainer):
        raise TypeError(f"a BPE model needs a BpeTrainer, not {type(trainer).__name__}")
    counts: Counter[str] = Counter()
    for sequence in sequences:
        counts.update(tokenizer._pieces(sequence))
    trainer._words = len(counts)
    vocab, merges = learn(counts, trainer)
    old = tokenizer.model
    tokenizer.model = models.BPE(
        vocab,
        merges,
        dropout=old.dropout,
        unk_token=old.unk_token,
        continuing_subword_prefix=trainer.continuing_subword_prefix,
        end_of_word_suffix=trainer.end_of_word_suffix,
        fuse_unk=old.fuse_unk,
        byte_fallback=old.byte_fallback,
        ignore_merges=old.ignore_merges,
    )
    tokenizer.add_special_tokens(list(trainer.special_tokens))
