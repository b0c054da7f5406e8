"""Arguments that are looked at before anything is done."""

from __future__ import annotations


class VocabularySizeError(ValueError, AssertionError):
    """Ranks and special tokens do not add up to ``explicit_n_vocab`` (an AssertionError in tiktoken)."""


class NotAnIntegerError(TypeError, AssertionError):
    """A token is not a Python int (an AssertionError in tiktoken)."""


def check_size(name: str, ranks: int, specials: int, largest: int, n_vocab: int) -> None:
    """Refuse a vocabulary that does not have ``n_vocab`` tokens with ids from 0 on."""
    if ranks + specials != n_vocab:
        raise VocabularySizeError(
            f"{ranks} ranks and {specials} special tokens of {name!r} make {ranks + specials}, not {n_vocab}"
        )
    if largest != n_vocab - 1:
        raise VocabularySizeError(
            f"the largest token of {name!r} is {largest}; if there are {n_vocab}, it must be {n_vocab - 1}"
        )


def as_bytes(text_or_bytes: str | bytes) -> bytes:
    """Give the UTF-8 form of a text; anything else is left for the encoder to take or refuse."""
    return text_or_bytes.encode("utf-8") if isinstance(text_or_bytes, str) else text_or_bytes


def check_threads(num_threads: int | None) -> None:
    """Refuse what a thread pool of Python refuses."""
    if num_threads is not None and num_threads <= 0:
        raise ValueError("max_workers must be greater than 0")
