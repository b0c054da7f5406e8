#!/usr/bin/env python3
"""Train the vocabulary that `tokengrove.default_tokenizer()` loads.

A plain trainer, kept simple on purpose: it runs once, offline, and its result is committed as package data. It learns
byte-level BPE with the o200k pattern from texts whose licences allow it (see `python/tokengrove/data/README.md`):

    python tools/train_default_vocab.py --stdlib --udhr udhr2.zip --gutenberg english.txt \
        --out python/tokengrove/data/default.tiktoken.gz

The same texts and the same options give the same file, byte for byte. Needs the `regex` package; takes some minutes.
"""

from __future__ import annotations

import argparse
import ast
import base64
import gzip
import hashlib
import heapq
import io
import json
import re
import sys
import sysconfig
import time
import tokenize
import zipfile
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

PATTERN = "|".join(
    [
        r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?",
        r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?",
        r"\p{N}{1,3}",
        r" ?[^\s\p{L}\p{N}]+[\r\n/]*",
        r"\s*[\r\n]+",
        r"\s+(?!\S)",
        r"\s+",
    ]
)
"""The pattern of o200k_base."""

DEFAULT_RANKS = 32_767
"""With the one special token the ids just fill 15 bits: 0..=32,767."""

SKIPPED_FOLDERS = {"site-packages", "dist-packages", "test", "tests", "idle_test", "lib2to3", "__pycache__"}

WIDESPREAD = """
arb ben bul cat ces cmn_hans cmn_hant dan deu ell_monotonic fin fra guj heb hin hun ind ita jpn kor mar mya nld nob
pan pes_1 pol por_BR por_PT ron rus spa srp_cyrl swe swh tam tha tur ukr urd vie zul
"""
"""Languages of the UDHR that count more than the others, so that their letters and frequent words become tokens."""


class Source(NamedTuple):
    """One group of training texts.

    Attributes:
        name: What the report calls it.
        weight: How many times each text counts.
        texts: The texts.
    """

    name: str
    weight: int
    texts: Iterable[str]


# --- texts ------------------------------------------------------------------------------------------------------------


def stdlib_files() -> list[Path]:
    """The Python standard library's own sources on this machine, without its tests, in a fixed order."""
    root = Path(sysconfig.get_paths()["stdlib"])
    files = (path for path in root.rglob("*.py") if not SKIPPED_FOLDERS & set(path.relative_to(root).parts))
    return sorted(files, key=lambda path: path.relative_to(root).as_posix())


def stdlib_sources() -> Iterator[str]:
    """The text of each source file; files in an encoding that Python itself refuses are left out."""
    for path in stdlib_files():
        try:
            with tokenize.open(path) as file:
                yield file.read()
        except (SyntaxError, UnicodeDecodeError):
            continue


def stdlib_docstrings() -> Iterator[str]:
    """Documentation strings as the prose they are: dedented, and the language reference's topics unescaped."""
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    for source in stdlib_sources():
        try:
            tree = ast.parse(source)
        except SyntaxError:
            continue
        for node in ast.walk(tree):
            if isinstance(node, documented) and (docstring := ast.get_docstring(node)):
                yield docstring
    from pydoc_data.topics import topics

    yield from (text for _, text in sorted(topics.items()))


def udhr_texts(archive: Path, *, widespread: bool) -> Iterator[str]:
    """The Universal Declaration of Human Rights, one text a language: the widespread languages, or all the others."""
    with zipfile.ZipFile(archive) as zipped:
        for name in sorted(zipped.namelist()):
            if name.endswith(".txt") and (Path(name).stem in WIDESPREAD.split()) == widespread:
                yield zipped.read(name).decode("utf-8")


def gutenberg_books(path: Path) -> Iterator[str]:
    """The books of a file that holds Project Gutenberg texts, without the project's own header and licence."""
    book = r"^\*\*\* START OF TH[^\n]*\*\*\*$(.*?)^(?:End of (?:the )?Project Gutenberg|\*\*\* END OF TH)"
    for match in re.finditer(book, path.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL):
        yield match[1].strip()


# --- training ---------------------------------------------------------------------------------------------------------


def count_pretokens(sources: Iterable[Source], digest: hashlib._Hash) -> Counter[bytes]:
    """Counts the pieces of all texts and reports each source on stderr."""
    import regex

    pattern = regex.compile(PATTERN)
    counts: Counter[bytes] = Counter()
    for source in sources:
        size = 0
        local: Counter[str] = Counter()
        for text in source.texts:
            local.update(pattern.findall(text))
            size += len(data := text.encode())
            digest.update(data)
        for piece, count in local.items():
            counts[piece.encode()] += count * source.weight
        print(f"{source.name}: {size:,} bytes, weight {source.weight}, {len(local):,} pieces", file=sys.stderr)
    return counts


class Trainer:
    """BPE training over counted pieces, with incremental pair counts.

    A piece is always kept as the ranks so far encode it. A new token is therefore joined wherever two neighbours spell
    its bytes, whichever split made it the best one, as an encoder that knows only ranks will do.
    """

    def __init__(self, counts: Counter[bytes]) -> None:
        self.tokens = [bytes([byte]) for byte in range(256)]
        self.ids = {token: id for id, token in enumerate(self.tokens)}
        # The order of the pieces is fixed here; nothing below depends on the order of a dictionary or a set.
        kept = sorted((piece, count) for piece, count in counts.items() if len(piece) > 1 and count > 1)
        self.pieces = [list(piece) for piece, _ in kept]
        self.counts = [count for _, count in kept]
        self.pair_counts: Counter[tuple[int, int]] = Counter()
        self.pair_pieces: defaultdict[tuple[int, int], set[int]] = defaultdict(set)
        for index, piece in enumerate(self.pieces):
            for pair in pairwise(piece):
                self.pair_counts[pair] += self.counts[index]
                self.pair_pieces[pair].add(index)
        self.heap = [(-count, pair) for pair, count in self.pair_counts.items()]
        heapq.heapify(self.heap)

    def train(self, ranks: int) -> list[bytes]:
        """Learns tokens until there are `ranks`, or no pair occurs twice; returns them in rank order."""
        started = time.monotonic()
        while len(self.tokens) < ranks and (pair := self._best_pair()):
            self._add(self.tokens[pair[0]] + self.tokens[pair[1]])
            if len(self.tokens) % 1000 == 0:
                print(f"{len(self.tokens):,} tokens, {time.monotonic() - started:.0f} s", file=sys.stderr)
        return self.tokens

    def _best_pair(self) -> tuple[int, int] | None:
        """The most frequent pair; the one with the smallest ids among equals."""
        while self.heap:
            negative, pair = heapq.heappop(self.heap)
            if -negative == self.pair_counts.get(pair, 0) and -negative > 1:
                return pair
        return None

    def _add(self, token: bytes) -> None:
        """Makes `token` the next rank and joins it in every piece."""
        self.ids[token] = len(self.tokens)
        self.tokens.append(token)
        touched: set[int] = set()
        for at in range(1, len(token)):
            left, right = self.ids.get(token[:at]), self.ids.get(token[at:])
            if left is not None and right is not None:
                touched |= self.pair_pieces.get((left, right), set())
        changed: set[tuple[int, int]] = set()
        for index in touched:
            old, new = self.pieces[index], self._joined(self.pieces[index])
            self._recount(index, old, -self.counts[index], changed)
            self._recount(index, new, self.counts[index], changed)
            self.pieces[index] = new
        for pair in changed:
            if (count := self.pair_counts[pair]) > 0:
                heapq.heappush(self.heap, (-count, pair))
            else:
                del self.pair_counts[pair]
                self.pair_pieces.pop(pair, None)

    def _joined(self, piece: list[int]) -> list[int]:
        """The piece with its lowest-ranked joinable neighbours joined, until there are none."""
        piece = list(piece)
        while True:
            joins = (
                (rank, at)
                for at, (left, right) in enumerate(pairwise(piece))
                if (rank := self.ids.get(self.tokens[left] + self.tokens[right])) is not None
            )
            best = min(joins, default=None)
            if best is None:
                return piece
            rank, at = best
            piece[at : at + 2] = [rank]

    def _recount(self, index: int, piece: list[int], weight: int, changed: set[tuple[int, int]]) -> None:
        """Adds the pairs of a piece (or takes them away, if `weight` is negative)."""
        for pair in pairwise(piece):
            self.pair_counts[pair] += weight
            changed.add(pair)
            if weight > 0:
                self.pair_pieces[pair].add(index)
            else:
                self.pair_pieces[pair].discard(index)


# --- the file ---------------------------------------------------------------------------------------------------------


def to_file(tokens: list[bytes]) -> bytes:
    """The tokens as a gzipped rank file (`base64 rank` lines) without a time stamp."""
    lines = (base64.b64encode(token) + b" " + str(rank).encode() + b"\n" for rank, token in enumerate(tokens))
    buffer = io.BytesIO()
    with gzip.GzipFile(fileobj=buffer, mode="wb", compresslevel=9, mtime=0, filename="") as file:
        file.write(b"".join(lines))
    return buffer.getvalue()


def main(arguments: list[str] | None = None) -> int:
    """Trains and writes the file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stdlib", action="store_true", help="sources and documentation strings of this Python")
    parser.add_argument(
        "--udhr", type=Path, metavar="ZIP", help="the Universal Declaration of Human Rights, .txt members"
    )
    parser.add_argument("--gutenberg", type=Path, metavar="FILE", help="a text file that holds Project Gutenberg books")
    parser.add_argument("--text", type=Path, action="append", default=[], metavar="FILE", help="any other text file")
    parser.add_argument(
        "--ranks", type=int, default=DEFAULT_RANKS, help="tokens to learn, bytes included (%(default)s)"
    )
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="the .tiktoken.gz file to write")
    options = parser.parse_args(arguments)
    sources = []
    if options.stdlib:
        sources.append(Source("Python sources", 2, stdlib_sources()))
        sources.append(Source("Python documentation strings", 4, stdlib_docstrings()))
    if options.udhr:
        sources.append(Source("UDHR, widespread languages", 10, udhr_texts(options.udhr, widespread=True)))
        sources.append(Source("UDHR, other languages", 1, udhr_texts(options.udhr, widespread=False)))
    if options.gutenberg:
        sources.append(Source("Project Gutenberg books", 3, gutenberg_books(options.gutenberg)))
    sources.extend(Source(path.name, 1, [path.read_text(encoding="utf-8")]) for path in options.text)
    if not sources:
        parser.error("nothing to train on: give at least one of --stdlib, --udhr, --gutenberg, --text")
    digest = hashlib.sha256()
    tokens = Trainer(count_pretokens(sources, digest)).train(options.ranks)
    data = to_file(tokens)
    options.out.write_bytes(data)
    report = {
        "python": sys.version.split()[0],
        "ranks": len(tokens),
        "bytes": len(data),
        "sha256": hashlib.sha256(data).hexdigest(),
        "texts_sha256": digest.hexdigest(),
    }
    print(json.dumps(report, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
