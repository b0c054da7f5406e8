"""Equality with tiktoken on real text: the encodings, the texts, and every way to encode one.

`make test` compares a seeded sample of the texts, `make soak` all of them.
"""

from __future__ import annotations

import base64
import json
import operator
import random
import sysconfig
import zipfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import tokengrove
from support.data import CORPORA, corpus, data_file, rank_file
from tokengrove import Tokenizer
from tokengrove.verification import adversarial_texts
from tokengrove.verification.patterns import PATTERNS
from tokengrove.verification.reference import read_ranks

ENCODINGS = {
    "cl100k_base": "cl100k_base",
    "o200k_base": "o200k_base",
    "p50k_base": "p50k_base",
    "r50k_base": "r50k_base",
    "llama3": "llama3",
    "qwen": "qwen2",
    "mistral_tekken": "tekken",
}
"""Rank file and pattern. The first four are OpenAI's, the others are the references built with tiktoken's classes."""

DOCUMENT = 3000
"""Characters of a document that a longer text is cut into."""

SAMPLED = {"corpora": 30_000, "sources": 12, "languages": 40, "adversarial": 20_000}
WHOLE = {"corpora": None, "sources": None, "languages": None, "adversarial": 1_000_000}


class Text(NamedTuple):
    """A text and where it comes from."""

    kind: str
    name: str
    content: str


def make(name: str) -> Tokenizer:
    """A tokenizer that has encoded nothing yet."""
    return Tokenizer.from_tiktoken(rank_file(name), pattern=ENCODINGS[name])


def reference(name: str) -> Any:
    """The same in tiktoken, without the network: OpenAI's from its own list, the others from a regular expression."""
    import tiktoken
    from tiktoken_ext import openai_public

    ranks = read_ranks(rank_file(name).read_bytes())
    if not name.endswith("_base"):
        return tiktoken.Encoding(name, pat_str=PATTERNS[ENCODINGS[name]], mergeable_ranks=ranks, special_tokens={})
    load, openai_public.load_tiktoken_bpe = openai_public.load_tiktoken_bpe, lambda *_, **__: ranks
    try:
        return tiktoken.Encoding(**getattr(openai_public, name)())
    finally:
        openai_public.load_tiktoken_bpe = load


def tekken_file() -> bytes:
    """A tekken.json, as mistral-common writes them, of the ranks and the pattern of Mistral's rank file.

    The ids of the rank file already stand behind the 1000 special tokens; a tekken.json counts ranks from 0.
    """
    ranks = read_ranks(rank_file("mistral_tekken").read_bytes())
    reserved = 1000
    entries = [
        {"rank": rank - reserved, "token_bytes": base64.b64encode(token).decode(), "token_str": None}
        for token, rank in sorted(ranks.items(), key=operator.itemgetter(1))
    ]
    config = {
        "pattern": PATTERNS["tekken"],
        "num_vocab_tokens": len(entries),
        "default_vocab_size": len(entries) + reserved,
        "default_num_special_tokens": reserved,
        "version": "v3",
    }
    return json.dumps({"config": config, "vocab": entries}).encode()


def texts(amount: dict[str, Any], seed: int = 5) -> Iterator[Text]:
    """Every kind of text, as much of each as `amount` says; None is all."""
    chosen = random.Random(seed)
    for name in CORPORA:
        content = corpus(name)
        if amount["corpora"] is not None:
            at = chosen.randrange(len(content) - amount["corpora"])
            content = content[at : at + amount["corpora"]]
        yield Text("corpora", name, content)
    for name in ("tinystories_1000.json", "wikitext_1000.json"):
        yield Text("corpora", name, corpus(name)[: amount["corpora"]])
    library = Path(sysconfig.get_paths()["stdlib"])
    sources = sorted(path for path in library.rglob("*.py") if "site-packages" not in path.parts)
    for path in _some(sources, amount["sources"], chosen):
        yield Text("sources", str(path.relative_to(library)), path.read_bytes().decode("utf-8", "replace"))
    with zipfile.ZipFile(data_file("corpora/udhr/udhr2.zip")) as archive:
        names = sorted(name for name in archive.namelist() if name.endswith(".txt"))
        for name in _some(names, amount["languages"], chosen):
            yield Text("languages", name, archive.read(name).decode("utf-8"))
    for name, content in adversarial_texts(amount["adversarial"], seed):
        yield Text("adversarial", name, content)


def _some(names: list[Any], count: int | None, chosen: random.Random) -> list[Any]:
    return names if count is None else chosen.sample(names, min(count, len(names)))


def cut(content: str) -> list[str]:
    """The documents of a text."""
    return [content[at : at + DOCUMENT] for at in range(0, len(content), DOCUMENT)]


class Counts(NamedTuple):
    """What was compared.

    Attributes:
        texts: Texts, each as a whole and as documents.
        documents: Documents.
        bytes: UTF-8 bytes of the texts.
        tokens: Ids of the whole texts.
    """

    texts: int = 0
    documents: int = 0
    bytes: int = 0
    tokens: int = 0

    def plus(self, *more: int) -> Counts:
        return Counts(*(a + b for a, b in zip(self, more, strict=True)))


def expected(text: Text, theirs: Any) -> tuple[Text, list[int]]:
    """The text and its ids by tiktoken; or the longest half, quarter, ... of it that tiktoken does not give up on.

    Its regular expressions backtrack: on a long run of white space the engine panics, with most patterns.
    """
    while True:
        try:
            ids: list[int] = theirs.encode_ordinary(text.content)
        except BaseException as error:
            if type(error).__name__ != "PanicException":
                raise
            text = text._replace(name=f"half of {text.name}", content=text.content[: len(text.content) // 2])
        else:
            return text, ids


def same(ids: Any, expected: Any, text: Text, how: str) -> None:
    """Fails with the first difference, and not with a million ids."""
    left, right = np.asarray(ids, dtype=np.int64), np.asarray(expected, dtype=np.int64)
    if np.array_equal(left, right):
        return
    shared = min(left.size, right.size)
    unequal = np.flatnonzero(left[:shared] != right[:shared])
    at = int(unequal[0]) if unequal.size else shared
    raise AssertionError(
        f"{text.kind} {text.name}, {how}: ids differ from token {at} on: "
        f"{left[at : at + 8].tolist()} and not {right[at : at + 8].tolist()}"
    )


def check(
    fresh: Callable[[], Tokenizer], theirs: Any, found: Iterable[Text], *, cold: bool, halved: list[str] | None = None
) -> dict[str, Counts]:
    """Compares every way to encode with `encode_ordinary` of tiktoken.

    Args:
        fresh: Makes a tokenizer with an empty cache.
        theirs: A `tiktoken.Encoding`.
        found: The texts.
        cold: Whether each text also gets a tokenizer of its own, whose cache is empty.
        halved: Takes the names of the texts that were shortened for tiktoken.

    Returns:
        What was compared, by kind of text.
    """
    ours = fresh()
    counts: dict[str, Counts] = {}
    before = tokengrove.get_num_threads()
    try:
        for asked in found:
            text, whole = expected(asked, theirs)
            if text is not asked:
                assert ours.decode(ours.encode(asked.content)) == asked.content
                if halved is not None:
                    halved.append(text.name)
            documents = cut(text.content)
            parts = theirs.encode_ordinary_batch(documents, num_threads=2)
            joined = [id for part in parts for id in part]
            for threads in (1, 2):
                tokengrove.set_num_threads(threads)
                how = f"{threads} threads"
                if cold:
                    same(fresh().encode(text.content), whole, text, f"whole, cold, {how}")
                same(ours.encode(text.content), whole, text, f"whole, {how}")
                same(ours.encode(text.content.encode()), whole, text, f"bytes, {how}")
                batch = ours.encode_batch(documents)
                assert batch.lengths.tolist() == [len(part) for part in parts], (text.name, how)
                same(batch.ids, joined, text, f"batch, {how}")
            assert ours.encode_list(text.content) == whole, text.name
            assert ours.count(text.content) == len(whole)
            for document, part in zip(documents, parts, strict=True):
                same(ours.encode(document), part, text, "document")
            assert ours.decode(whole) == text.content
            size = len(text.content.encode())
            counts[text.kind] = counts.get(text.kind, Counts()).plus(1, len(documents), size, len(whole))
    finally:
        tokengrove.set_num_threads(before)
    return counts
