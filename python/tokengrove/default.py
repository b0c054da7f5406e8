"""The vocabulary that comes with the package.

It lets everything be tried without a download; for real work load the tokenizer of your model. ``data/README.md`` says
which texts it was trained on, ``tools/train_default_vocab.py`` of the repository trains it.
"""

from __future__ import annotations

import functools

from tokengrove._native import Model
from tokengrove.tokenizer import Tokenizer

__all__ = ["PATTERN", "default_file", "default_special_tokens", "default_tokenizer"]

PATTERN = "o200k_base"
END_OF_TEXT = "<|endoftext|>"


def default_file() -> bytes:
    """Read the default vocabulary as a ``.tiktoken`` file.

    Returns:
        On each line a token in base64, a space, its rank; the first 256 tokens are the single bytes.
    """
    # These modules cost more than the rest of the package to import, and few programs need them.
    import gzip
    from importlib.resources import files

    return gzip.decompress((files("tokengrove") / "data" / "default.tiktoken.gz").read_bytes())


def default_special_tokens(data: bytes) -> dict[str, int]:
    """Give the special token of the default vocabulary, whose id follows the ranks.

    Args:
        data: What :func:`default_file` gives.

    Returns:
        The token and its id.
    """
    return {END_OF_TEXT: data.count(b"\n")}


@functools.cache
def default_tokenizer() -> Tokenizer:
    """Load the tokenizer that comes with the package.

    It is byte-level BPE with the o200k pattern and 32,768 entries, the last of them ``<|endoftext|>``, learnt from
    Python's standard library, public-domain English books and the Universal Declaration of Human Rights in many
    languages.

    Returns:
        The tokenizer; the same object every time.
    """
    data = default_file()
    return Tokenizer(Model.from_bytes(data, pattern=PATTERN, special_tokens=default_special_tokens(data)))
