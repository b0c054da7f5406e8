"""Exact and fast byte-pair encoding, next-byte probabilities and train-free speculative decoding.

This module re-exports the tokenizer and the token tree. Importing it loads NumPy and the native extension, never torch
or transformers.
"""

from tokengrove._native import TokenTree, get_num_threads, pattern_names, set_num_threads
from tokengrove._native import version as _version
from tokengrove.default import default_tokenizer
from tokengrove.errors import (
    InternalError,
    InvalidArgumentError,
    InvalidTextError,
    PatternError,
    TokengroveError,
    UnknownTokenError,
    UnsupportedTokenizerError,
    VocabularyError,
)
from tokengrove.tokenizer import Chunk, DecodeStream, OffsetEncoding, PaddedBatch, TokenBatch, Tokenizer

__all__ = [
    "Chunk",
    "DecodeStream",
    "InternalError",
    "InvalidArgumentError",
    "InvalidTextError",
    "OffsetEncoding",
    "PaddedBatch",
    "PatternError",
    "TokenBatch",
    "TokenTree",
    "TokengroveError",
    "Tokenizer",
    "UnknownTokenError",
    "UnsupportedTokenizerError",
    "VocabularyError",
    "__version__",
    "default_tokenizer",
    "get_num_threads",
    "pattern_names",
    "set_num_threads",
]

__version__: str = _version()
