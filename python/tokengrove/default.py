"""The vocabulary that comes with the package.

It lets everything be tried without a download; for real work load the tokenizer of your model. ``data/README.md`` says
which texts it was trained on, ``tools/train_default_vocab.py`` of the repository trains it.
"""

from __future__ import annotations

import functools

from tokengrove.tokenizer import Tokenizer

__all__ = ["default_ranks", "default_tokenizer"]

PATTERN = "o200k_base"
END_OF_TEXT = "<|endoftext|>"


def default_ranks() -> dict[bytes, int]:
    """Read the tokens of the default vocabulary.

    Returns:
        Token bytes and rank; the first 256 ranks are the single bytes.
    """
    # These modules cost more than the rest of the package to import, and few programs need them.
    import base64
    import gzip
    from importlib.resources import files

    lines = gzip.decompress((files("tokengrove") / "data" / "default.tiktoken.gz").read_bytes()).splitlines()
    return {base64.b64decode(token): int(rank) for token, rank in (line.split() for line in lines)}


@functools.cache
def default_tokenizer() -> Tokenizer:
    """Load the tokenizer that comes with the package.

    It is byte-level BPE with the o200k pattern and 32,768 entries, the last of them ``<|endoftext|>``, learnt from
    Python's standard library, public-domain English books and the Universal Declaration of Human Rights in many
    languages.

    Returns:
        The tokenizer; the same object every time.
    """
    ranks = default_ranks()
    return Tokenizer.from_tiktoken(ranks, pattern=PATTERN, special_tokens={END_OF_TEXT: len(ranks)})
