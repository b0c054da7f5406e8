"""The encoders that are compared, each behind the same few functions.

An adapter uses the fastest way its library offers to turn text into ids on the number of threads asked for, with text
that looks like a special token encoded as text. Where a library gives arrays, arrays are taken; list-only libraries are
marked so. A library is imported when it is loaded, not before.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from harness.vocabularies import Vocabulary


class UnavailableError(Exception):
    """A peer cannot be measured here; the message says why."""


@dataclass(frozen=True)
class Encoder:
    """A loaded tokenizer.

    Attributes:
        encode: One text to ids.
        documents: Texts to ids on one thread, as fast as the library can; by default one call each.
        batch: Texts to ids on the number of threads it was loaded for; None if the library has no such call.
        decode: Ids to text; None if not offered.
        decodes: The form of ids that decoding takes fastest.
        count: The number of ids without the ids; None if not offered.
    """

    encode: Callable[[str], Any]
    documents: Callable[[list[str]], Any] | None = None
    batch: Callable[[list[str]], Any] | None = None
    decode: Callable[[Any], str] | None = None
    decodes: Literal["array", "list"] = "list"
    count: Callable[[str], int] | None = None

    def encode_documents(self, texts: list[str]) -> Any:
        """Encode documents on one thread.

        Args:
            texts: The documents.

        Returns:
            A list with each document's ids, or all ids in one array.
        """
        if self.documents is not None:
            return self.documents(texts)
        encode = self.encode
        return [encode(text) for text in texts]


@dataclass(frozen=True)
class Peer:
    """What is known of a library before it is loaded.

    Attributes:
        name: The name in tables.
        distribution: The package whose version is reported.
        module: The module to import; its import is timed apart from loading.
        load: Module, vocabulary and number of threads to a loaded tokenizer.
        output: Whether ids come as an array (or a buffer that becomes one without a copy) or as a list.
        calls: What is called, for the notes under the tables.
        max_bytes: The most text to measure with; slow peers get less.
        needs_tokenizer_json: Whether it reads the vocabulary as a Hugging Face file.
    """

    name: str
    distribution: str
    module: str
    load: Callable[[Any, Vocabulary, int], Encoder]
    output: Literal["array", "list"] = "list"
    calls: str = "encode_ordinary"
    max_bytes: int = 1 << 30
    needs_tokenizer_json: bool = False

    def load_library(self) -> Any:
        """Import the library.

        Returns:
            The module.

        Raises:
            UnavailableError: If it is not installed or does not import.
        """
        try:
            return importlib.import_module(self.module)
        except Exception as error:
            raise UnavailableError(f"import {self.module}: {type(error).__name__}: {error}") from error

    def version(self) -> str:
        """Give the installed version.

        Returns:
            The version of the distribution; this package's own needs no installation, only an importable module.

        Raises:
            UnavailableError: If it is not installed.
        """
        if self.distribution == OWN:
            return str(importlib.import_module(OWN).__version__)
        try:
            return metadata.version(self.distribution)
        except metadata.PackageNotFoundError:
            raise UnavailableError(f"{self.distribution} is not installed") from None


def flat(ids: Any) -> NDArray[np.uint32]:
    """Make one array of whatever an encoder gave, to compare it.

    Args:
        ids: An array, an awkward array, a list of int, or a list of any of these.

    Returns:
        uint32[n], all ids in order.
    """
    if isinstance(ids, np.ndarray):
        return ids.astype(np.uint32, copy=False).reshape(-1)
    if type(ids).__module__.startswith("awkward"):
        return np.asarray(importlib.import_module("awkward").flatten(ids, axis=None), dtype=np.uint32)
    if isinstance(ids, list) and ids and not isinstance(ids[0], int):
        return np.concatenate([flat(part) for part in ids])
    return np.asarray(ids, dtype=np.uint32)


def _buffer(ids: bytes) -> NDArray[np.uint32]:
    return np.frombuffer(ids, dtype=np.uint32)


def _tokengrove(library: Any, vocabulary: Vocabulary, threads: int) -> Encoder:
    library.set_num_threads(threads)
    tokenizer = library.Tokenizer.from_tiktoken(vocabulary.ranks, pattern=vocabulary.name)
    return Encoder(
        encode=tokenizer.encode,
        batch=lambda texts: tokenizer.encode_batch(texts).ids,
        decode=tokenizer.decode,
        decodes="array",
        count=tokenizer.count,
    )


def _tokengrove_tiktoken(library: Any, vocabulary: Vocabulary, threads: int) -> Encoder:
    importlib.import_module(OWN).set_num_threads(threads)
    return _tiktoken(library, vocabulary, threads)


def _tiktoken(library: Any, vocabulary: Vocabulary, threads: int) -> Encoder:
    encoding = library.get_encoding(vocabulary.name)
    return Encoder(
        encode=encoding.encode_ordinary,
        batch=lambda texts: encoding.encode_ordinary_batch(texts, num_threads=threads),
        decode=encoding.decode,
    )


def _gigatoken(library: Any, vocabulary: Vocabulary, threads: int) -> Encoder:
    # Without special tokens, because it always recognises those it has.
    tokenizer = library.Tokenizer.from_tiktoken(vocabulary.ranks, pretokenizer=vocabulary.short)
    return Encoder(
        encode=tokenizer.encode,
        batch=lambda texts: tokenizer.encode_batch(texts, parallel=threads > 1),
        decode=lambda ids: str(tokenizer.decode(ids), "utf-8", "replace"),
        decodes="array",
    )


def _gigatoken_tiktoken(library: Any, vocabulary: Vocabulary, threads: int) -> Encoder:
    shim = library.Tokenizer.from_tiktoken(vocabulary.ranks, pretokenizer=vocabulary.short).as_tiktoken()
    return Encoder(
        encode=shim.encode_ordinary,
        batch=lambda texts: shim.encode_ordinary_batch(texts, num_threads=threads),
        decode=shim.decode,
    )


def _quicktok(library: Any, vocabulary: Vocabulary, threads: int) -> Encoder:
    if not hasattr(library, "get_encoding"):
        raise UnavailableError("the installed module `quicktok` is not from the package quicktok-v1")
    tokenizer = library.get_encoding(vocabulary.name)
    return Encoder(
        encode=lambda text: tokenizer.encode_batch([text], threads)[0],
        documents=lambda texts: tokenizer.encode_batch(texts, 1)[0],
        batch=lambda texts: tokenizer.encode_batch(texts, threads)[0],
        decode=tokenizer.decode,
        count=tokenizer.count,
    )


def _fastokens(library: Any, vocabulary: Vocabulary, threads: int) -> Encoder:
    tokenizer = library.Tokenizer.from_tiktoken(str(vocabulary.ranks), encoding=vocabulary.name)

    def encode(texts: list[str]) -> NDArray[np.uint32]:
        return _buffer(tokenizer.encode_batch_flat(texts)[0])

    return Encoder(encode=lambda text: encode([text]), documents=encode, batch=encode, decode=tokenizer.decode)


def _tokenizers(library: Any, vocabulary: Vocabulary, threads: int) -> Encoder:
    tokenizer = library.Tokenizer.from_file(str(vocabulary.tokenizer_json))

    def encode(texts: list[str]) -> list[list[int]]:
        return [encoding.ids for encoding in tokenizer.encode_batch_fast(texts, add_special_tokens=False)]

    return Encoder(encode=lambda text: encode([text])[0], documents=encode, batch=encode, decode=tokenizer.decode)


def _rs_bpe(library: Any, vocabulary: Vocabulary, threads: int) -> Encoder:
    tokenizer = getattr(library.openai, vocabulary.name)()
    return Encoder(encode=tokenizer.encode, decode=tokenizer.decode, count=tokenizer.count)


def _bpe_openai(library: Any, vocabulary: Vocabulary, threads: int) -> Encoder:
    # The backend: the wrapper around it refuses a million characters.
    tokenizer = library.tokenizer_for_encoding(vocabulary.name)
    return Encoder(encode=tokenizer.encode, decode=tokenizer.decode, count=tokenizer.count)


def _wordchipper(library: Any, vocabulary: Vocabulary, threads: int) -> Encoder:
    options = library.TokenizerOptions.default()
    options.set_parallel(threads > 1)
    options.set_accelerated_lexers(True)
    tokenizer = library.Tokenizer.from_pretrained(f"openai:{vocabulary.name}", options)
    ordinary = library.SpecialFilter.include_none()
    return Encoder(encode=lambda text: tokenizer.encode(text, ordinary), decode=tokenizer.decode)


def _splintr(library: Any, vocabulary: Vocabulary, threads: int) -> Encoder:
    pattern = getattr(library, f"{vocabulary.name.upper()}_PATTERN")
    tokenizer = library.Tokenizer(str(vocabulary.ranks), pattern, {})
    return Encoder(
        encode=lambda text: _buffer(tokenizer.encode_flat(text)),
        batch=lambda texts: _buffer(tokenizer.encode_batch_flat(texts)[0]),
        decode=tokenizer.decode,
    )


def _riptoken(library: Any, vocabulary: Vocabulary, threads: int) -> Encoder:
    encoding = library.get_encoding(vocabulary.name)
    return Encoder(encode=encoding.encode_ordinary, decode=encoding.decode)


def _tokie(library: Any, vocabulary: Vocabulary, threads: int) -> Encoder:
    tokenizer = library.Tokenizer.from_json(str(vocabulary.tokenizer_json))
    return Encoder(
        encode=lambda text: tokenizer.encode(text, add_special_tokens=False).ids,
        decode=tokenizer.decode,
        count=tokenizer.count_tokens,
    )


OWN = "tokengrove"
OWN_LISTS = "tokengrove (tiktoken drop-in)"
LIST_RIVAL = "gigatoken (as_tiktoken)"
REFERENCE = "tiktoken"

_ARRAY: Literal["array"] = "array"

# The fastest known, measured in every cell.
CONTENDERS = (
    Peer(OWN, OWN, OWN, _tokengrove, _ARRAY, "Tokenizer.encode; encode_batch"),
    Peer("gigatoken", "gigatoken", "gigatoken", _gigatoken, _ARRAY, "Tokenizer.encode; encode_batch"),
    # The package named `quicktok` is another one.
    Peer("quicktok", "quicktok-v1", "quicktok", _quicktok, _ARRAY, "Tokenizer.encode_batch"),
    Peer("fastokens", "fastokens", "fastokens", _fastokens, _ARRAY, "Tokenizer.encode_batch_flat"),
    Peer(REFERENCE, "tiktoken", "tiktoken", _tiktoken),
)
# Measured where a run has the time.
OTHERS = (
    Peer("splintr", "splintr-rs", "splintr", _splintr, _ARRAY, "Tokenizer.encode_flat"),
    Peer("bpe-openai", "bpe-openai", "bpe_openai._bindings", _bpe_openai, calls="PyTokenizer.encode"),
    Peer("rs-bpe", "rs-bpe", "rs_bpe.bpe", _rs_bpe, calls="Tokenizer.encode"),
    Peer("wordchipper", "wordchipper", "wordchipper", _wordchipper, calls="Tokenizer.encode"),
    Peer("riptoken", "riptoken", "riptoken", _riptoken),
    Peer("tokie", "tokie", "tokie", _tokie, calls="Tokenizer.encode", needs_tokenizer_json=True),
    Peer(
        "tokenizers",
        "tokenizers",
        "tokenizers",
        _tokenizers,
        calls="Tokenizer.encode_batch_fast",
        max_bytes=1_000_000,
        needs_tokenizer_json=True,
    ),
)
# Drop-ins for tiktoken, which give lists of int.
LIST_PEERS = (
    Peer(OWN_LISTS, OWN, "tokengrove.compat.tiktoken", _tokengrove_tiktoken),
    Peer(LIST_RIVAL, "gigatoken", "gigatoken", _gigatoken_tiktoken),
)
PEERS = {peer.name: peer for peer in (*CONTENDERS, *OTHERS, *LIST_PEERS)}
