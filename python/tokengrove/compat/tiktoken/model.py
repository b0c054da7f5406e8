"""Which encoding a model uses.

The names are those of tiktoken 0.14, which has them from the models' documentation.
"""

from __future__ import annotations

from tokengrove.compat.tiktoken.core import Encoding
from tokengrove.compat.tiktoken.registry import get_encoding

_PREFIXES = {
    "o200k_base": "o1- o3- o4-mini- gpt-5 gpt-4.5- gpt-4.1- chatgpt-4o- gpt-4o-",
    "cl100k_base": "gpt-4- gpt-3.5-turbo- gpt-35-turbo-",
    "o200k_harmony": "gpt-oss-",
}
# Fine-tuned models come last; the longer name must be tried before the one it begins with.
_FINE_TUNED = {
    "o200k_base": "ft:gpt-4o",
    "cl100k_base": "ft:gpt-4 ft:gpt-3.5-turbo ft:davinci-002 ft:babbage-002",
}
_MODELS = {
    "o200k_base": "o1 o3 o4-mini gpt-5 gpt-4.1 gpt-4o",
    "cl100k_base": (
        "gpt-4 gpt-3.5-turbo gpt-3.5 gpt-35-turbo davinci-002 babbage-002 "
        "text-embedding-ada-002 text-embedding-3-small text-embedding-3-large"
    ),
    "p50k_base": (
        "text-davinci-003 text-davinci-002 code-davinci-002 code-davinci-001 code-cushman-002 code-cushman-001 "
        "davinci-codex cushman-codex"
    ),
    "r50k_base": (
        "text-davinci-001 text-curie-001 text-babbage-001 text-ada-001 davinci curie babbage ada "
        "text-similarity-davinci-001 text-similarity-curie-001 text-similarity-babbage-001 text-similarity-ada-001 "
        "text-search-davinci-doc-001 text-search-curie-doc-001 text-search-babbage-doc-001 text-search-ada-doc-001 "
        "code-search-babbage-code-001 code-search-ada-code-001"
    ),
    "p50k_edit": "text-davinci-edit-001 code-davinci-edit-001",
    "gpt2": "gpt2 gpt-2",
}


def _by_name(*tables: dict[str, str]) -> dict[str, str]:
    """Turn tables of encoding -> names into one dict of name -> encoding, in the order written."""
    return {name: encoding for table in tables for encoding, names in table.items() for name in names.split()}


MODEL_PREFIX_TO_ENCODING: dict[str, str] = _by_name(_PREFIXES, _FINE_TUNED)
"""Beginnings of model names, for dated and fine-tuned models; the first that fits counts."""

MODEL_TO_ENCODING: dict[str, str] = _by_name(_MODELS)
"""Whole model names; these come before the beginnings."""


def encoding_name_for_model(model_name: str) -> str:
    """Give the name of the encoding that a model uses.

    Args:
        model_name: For example ``"gpt-4o"`` or ``"gpt-4o-2024-05-13"``.

    Returns:
        For example ``"o200k_base"``.

    Raises:
        KeyError: If neither the name nor a beginning of it is known.
    """
    exact = MODEL_TO_ENCODING.get(model_name)
    if exact is not None:
        return exact
    for prefix, encoding_name in MODEL_PREFIX_TO_ENCODING.items():
        if model_name.startswith(prefix):
            return encoding_name
    raise KeyError(
        f"Could not automatically map {model_name} to a tokeniser. "
        "Please use `tiktoken.get_encoding` to explicitly get the tokeniser you expect."
    )


def encoding_for_model(model_name: str) -> Encoding:
    """Give the encoding that a model uses.

    Args:
        model_name: For example ``"gpt-4o"``.

    Returns:
        The encoding, the same object on every call.

    Raises:
        KeyError: If neither the name nor a beginning of it is known.
        VocabularyNotFoundError: If its rank file is not on this machine and may not be downloaded.
    """
    return get_encoding(encoding_name_for_model(model_name))
