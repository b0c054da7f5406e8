"""The same tokenizer, made by another library from the same file.

Only the file is shared: the reference library is given the file, or the ranks in it, and the patterns are the ones its
makers publish, not the ones that the native code was written from.
"""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from tokengrove._native import pattern_names
from tokengrove.verification.patterns import PATTERNS

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["REFERENCES", "RankFile", "Reference", "UnavailableReferenceError", "load_reference"]

REFERENCES = ("tiktoken", "tokenizers")


class UnavailableReferenceError(ValueError):
    """The reference library is not installed, or cannot make this tokenizer."""


class Reference:
    """A tokenizer of another library that takes special tokens as text.

    Attributes:
        library: The library's name.
        version: Its installed version.
    """

    library: str

    def __init__(self) -> None:
        from importlib.metadata import version

        self.version = version(self.library)

    def encode(self, text: str) -> Sequence[int]:
        """Give the ids of a text."""
        raise NotImplementedError

    def encode_batch(self, texts: Sequence[str], threads: int) -> Sequence[Sequence[int]]:
        """Give the ids of several texts.

        Args:
            texts: The texts.
            threads: How many threads to use, where the library lets one say.

        Returns:
            The ids of each text.
        """
        raise NotImplementedError


class TiktokenReference(Reference):
    """A ``tiktoken.Encoding`` made from ranks and a regular expression."""

    library = "tiktoken"

    def __init__(self, ranks: dict[bytes, int], pattern: str, special_tokens: dict[str, int]) -> None:
        super().__init__()
        import tiktoken

        self.encoding = tiktoken.Encoding(
            "reference", pat_str=pattern, mergeable_ranks=ranks, special_tokens=special_tokens
        )

    def encode(self, text: str) -> Sequence[int]:
        """Give the ids of a text."""
        ids: list[int] = self.encoding.encode_ordinary(text)
        return ids

    def encode_batch(self, texts: Sequence[str], threads: int) -> Sequence[Sequence[int]]:
        """Give the ids of several texts."""
        ids: list[list[int]] = self.encoding.encode_ordinary_batch(list(texts), num_threads=threads)
        return ids


class TokenizersReference(Reference):
    """A Hugging Face ``tokenizers.Tokenizer``."""

    library = "tokenizers"

    def __init__(self, path: Path) -> None:
        super().__init__()
        from tokenizers import Tokenizer

        try:
            self.tokenizer: Any = Tokenizer.from_file(str(path))
        except Exception as error:  # the library raises bare exceptions
            raise UnavailableReferenceError(f"tokenizers cannot load {path}: {error}") from error
        self.tokenizer.encode_special_tokens = True
        self.tokenizer.no_truncation()
        self.tokenizer.no_padding()

    def encode(self, text: str) -> Sequence[int]:
        """Give the ids of a text."""
        ids: list[int] = self.tokenizer.encode(text, add_special_tokens=False).ids
        return ids

    def encode_batch(self, texts: Sequence[str], threads: int) -> Sequence[Sequence[int]]:
        """Give the ids of several texts; the library takes its threads from RAYON_NUM_THREADS."""
        return [encoding.ids for encoding in self.tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)]


class RankFile(NamedTuple):
    """A vocabulary of ranks, and how text is cut.

    Attributes:
        data: A ``.tiktoken`` file: on each line a token in base64, a space, its rank.
        pattern: The name of a pattern or a regular expression.
        special_tokens: Special tokens and their ids.
    """

    data: bytes
    pattern: str
    special_tokens: dict[str, int]


def load_reference(library: str, source: Path | RankFile, pattern: str | None = None) -> Reference:
    """Make a tokenizer with a reference library.

    Args:
        library: One of :data:`REFERENCES`.
        source: The tokenizer's file, or ranks.
        pattern: For a file of ranks: the name of a pattern or a regular expression.

    Returns:
        The reference.

    Raises:
        UnavailableReferenceError: If the library is not installed or cannot make this tokenizer.
        OSError: If the file cannot be read.
    """
    if isinstance(source, Path) and is_rank_file(source):
        if pattern is None:
            raise UnavailableReferenceError(f"{source}: ranks need a pattern")
        source = RankFile(source.read_bytes(), pattern, {})
    try:
        if library == "tokenizers":
            if isinstance(source, RankFile) or source.suffix != ".json" or _is_tekken(source):
                raise UnavailableReferenceError("tokenizers needs a tokenizer.json")
            return TokenizersReference(source)
        if library == "tiktoken":
            if isinstance(source, RankFile):
                return TiktokenReference(read_ranks(source.data), _regex(source.pattern), source.special_tokens)
            if source.suffix == ".json" and _is_tekken(source):
                return _tekken(source)
            raise UnavailableReferenceError("tiktoken needs a .tiktoken file or a tekken.json")
    except ImportError as error:
        raise UnavailableReferenceError(f"{library} is not installed (pip install {library})") from error
    raise UnavailableReferenceError(f"no reference named {library!r}; there are {', '.join(REFERENCES)}")


def _regex(pattern: str) -> str:
    """Give the regular expression of a named pattern; any other string is one already."""
    if pattern in pattern_names() and pattern not in PATTERNS:
        raise UnavailableReferenceError(f"{pattern} is several patterns, one after the other; tiktoken takes one")
    return PATTERNS.get(pattern, pattern)


def read_ranks(data: bytes) -> dict[bytes, int]:
    """Read a .tiktoken file.

    Args:
        data: The file: on each line a token in base64, a space, its rank.

    Returns:
        Token and rank.
    """
    lines = (line.split() for line in data.splitlines() if line)
    return {base64.b64decode(token): int(rank) for token, rank in lines}


def is_rank_file(path: Path) -> bool:
    """Say whether a file is a list of ranks, whatever its name: some models call theirs ``tokenizer.model``.

    Args:
        path: The file.

    Returns:
        True if the first line is a token in base64, a space and a number.
    """
    with path.open("rb") as file:
        token, _, rank = file.readline(65_536).partition(b" ")
    return re.fullmatch(rb"[A-Za-z0-9+/]+={0,2}", token) is not None and rank.strip().isdigit()


def _is_tekken(path: Path) -> bool:
    """Say whether a JSON file has the layout of tekken.json."""
    with path.open(encoding="utf-8") as file:
        return '"default_vocab_size"' in file.read(4096)


def _tekken(path: Path) -> TiktokenReference:
    """Read a tekken.json: ranks follow the special tokens, whose ids come first."""
    data = json.loads(path.read_text(encoding="utf-8"))
    config = data["config"]
    specials = config["default_num_special_tokens"]
    kept = data["vocab"][: config["default_vocab_size"] - specials]
    ranks = {base64.b64decode(entry["token_bytes"]): entry["rank"] + specials for entry in kept}
    return TiktokenReference(ranks, config["pattern"], {})
