"""Trainers: what a new vocabulary is to be like."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tokengrove.compat.tokenizers._added import AddedToken
from tokengrove.errors import UnsupportedTokenizerError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["BpeTrainer", "ParityBpeTrainer", "Trainer", "UnigramTrainer", "WordLevelTrainer", "WordPieceTrainer"]


class Trainer:
    """The base of all trainers."""


def _alphabet(alphabet: Sequence[str]) -> list[str]:
    """The first characters, each once."""
    return list(dict.fromkeys(text[0] for text in alphabet if text))


def _tokens(tokens: Sequence[Any]) -> list[AddedToken]:
    found = []
    for token in tokens:
        if isinstance(token, str):
            found.append(AddedToken(token, special=True))
        elif isinstance(token, AddedToken):
            token.special = True
            found.append(token)
        else:
            raise TypeError("special_tokens must be a List[Union[str, AddedToken]]")
    return found


class BpeTrainer(Trainer):
    """Trains a BPE model.

    Args:
        vocab_size: How many tokens the vocabulary has at the end, alphabet and special tokens included.
        min_frequency: How often a pair must occur to be merged.
        show_progress: Whether to show progress; taken for compatibility.
        progress_format: How; taken for compatibility.
        special_tokens: Tokens that come first.
        limit_alphabet: The most characters to begin with.
        initial_alphabet: Characters to begin with, whether they occur or not; of longer strings the first counts.
        continuing_subword_prefix: Put before every symbol of a word but the first.
        end_of_word_suffix: Put after the last symbol of a word.
        max_token_length: The most characters of a token.
    """

    def __init__(
        self,
        *,
        vocab_size: int = 30000,
        min_frequency: int = 0,
        show_progress: bool = True,
        progress_format: str = "indicatif",
        special_tokens: Sequence[str | AddedToken] = (),
        limit_alphabet: int | None = None,
        initial_alphabet: Sequence[str] = (),
        continuing_subword_prefix: str | None = None,
        end_of_word_suffix: str | None = None,
        max_token_length: int | None = None,
    ) -> None:
        self.vocab_size = vocab_size
        self.min_frequency = min_frequency
        self.show_progress = show_progress
        self.progress_format = progress_format
        self.special_tokens = special_tokens
        self.limit_alphabet = limit_alphabet
        self.initial_alphabet = initial_alphabet
        self.continuing_subword_prefix = continuing_subword_prefix
        self.end_of_word_suffix = end_of_word_suffix
        self.max_token_length = max_token_length
        self._words = 0

    @property
    def special_tokens(self) -> list[AddedToken]:
        """Tokens that come first."""
        return list(self._special_tokens)

    @special_tokens.setter
    def special_tokens(self, special_tokens: Sequence[str | AddedToken]) -> None:
        self._special_tokens = _tokens(special_tokens)

    @property
    def initial_alphabet(self) -> list[str]:
        """Characters to begin with, whether they occur or not."""
        return list(self._initial_alphabet)

    @initial_alphabet.setter
    def initial_alphabet(self, alphabet: Sequence[str]) -> None:
        self._initial_alphabet = _alphabet(alphabet)

    def get_word_count(self) -> int:
        """Give the number of different words of the last training."""
        return self._words

    def __getstate__(self) -> bytes:
        """Give the JSON form as bytes."""
        state = {
            "min_frequency": self.min_frequency,
            "vocab_size": self.vocab_size,
            "show_progress": self.show_progress,
            "progress_format": self.progress_format.capitalize(),
            "special_tokens": [token.__getstate__() for token in self._special_tokens],
            "limit_alphabet": self.limit_alphabet,
            "initial_alphabet": self._initial_alphabet,
            "continuing_subword_prefix": self.continuing_subword_prefix,
            "end_of_word_suffix": self.end_of_word_suffix,
            "max_token_length": self.max_token_length,
            "words": {},
        }
        return json.dumps({"BpeTrainer": state}, ensure_ascii=False, separators=(",", ":")).encode()

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle as the JSON form."""
        return _load, (self.__getstate__(),)

    def __repr__(self) -> str:
        """Show what the trainer was told."""
        return f"BpeTrainer(vocab_size={self.vocab_size}, min_frequency={self.min_frequency})"


def _load(state: bytes) -> BpeTrainer:
    """Make a trainer of its JSON form."""
    settings = json.loads(state)["BpeTrainer"]
    del settings["words"]
    settings["special_tokens"] = [AddedToken(**token) for token in settings["special_tokens"]]
    settings["progress_format"] = settings["progress_format"].lower()
    return BpeTrainer(**settings)


class _Unsupported(Trainer):
    """A trainer of models that tokengrove does not have."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        raise UnsupportedTokenizerError(
            f"{type(self).__name__}: tokengrove trains models of type BPE only. Use the package tokenizers itself."
        )


class ParityBpeTrainer(_Unsupported):
    """Not supported: making one raises an error."""


class UnigramTrainer(_Unsupported):
    """Not supported: making one raises an error."""


class WordLevelTrainer(_Unsupported):
    """Not supported: making one raises an error."""


class WordPieceTrainer(_Unsupported):
    """Not supported: making one raises an error."""
