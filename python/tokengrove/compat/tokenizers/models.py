"""Models: BPE, and the names of those that tokengrove does not have."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from tokengrove._native import BpeModel, HfCore, Token
from tokengrove.compat.tokenizers import _repr
from tokengrove.compat.tokenizers._component import CHANGES
from tokengrove.errors import UnsupportedTokenizerError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["BPE", "Model", "Unigram", "WordLevel", "WordPiece"]

_OPTIONS = (
    "dropout",
    "unk_token",
    "continuing_subword_prefix",
    "end_of_word_suffix",
    "fuse_unk",
    "byte_fallback",
    "ignore_merges",
)


class Model:
    """The base of all models."""

    def __getstate__(self) -> bytes:
        """Give the JSON form as bytes."""
        raise NotImplementedError


class BPE(Model):
    """Byte-pair encoding.

    Args:
        vocab: Token strings and ids, or the path of a JSON file of them.
        merges: Pairs of token strings in the order of their rank, or the path of a file of them.
        cache_capacity: Not needed; taken for compatibility.
        dropout: The probability, 0 to 1, that a merge is left out.
        unk_token: The token for unknown characters.
        continuing_subword_prefix: Put before every symbol of a piece but the first.
        end_of_word_suffix: Put after the last symbol of a piece.
        fuse_unk: Whether a run of unknown characters gives one unknown token.
        byte_fallback: Whether unknown characters become the tokens of their bytes.
        ignore_merges: Whether a whole piece that is a token is that token, whatever the merges say.

    Raises:
        ValueError: If only one of ``vocab`` and ``merges`` is given.
        Exception: If a merge names an unknown token, or an option is out of its range.
    """

    _native: BpeModel

    def __init__(
        self,
        vocab: dict[str, int] | str | None = None,
        merges: Sequence[tuple[str, str]] | str | None = None,
        *,
        cache_capacity: int | None = None,
        dropout: float | None = None,
        unk_token: str | None = None,
        continuing_subword_prefix: str | None = None,
        end_of_word_suffix: str | None = None,
        fuse_unk: bool = False,
        byte_fallback: bool = False,
        ignore_merges: bool = False,
    ) -> None:
        if (vocab is None) != (merges is None):
            raise ValueError("`vocab` and `merges` must be both specified")
        if isinstance(vocab, str) and isinstance(merges, str):
            try:
                vocab, merges = BPE.read_file(vocab, merges)
            except (OSError, ValueError) as error:
                raise Exception(f"Error while initializing BPE: {error}") from error
        elif isinstance(vocab, str) or isinstance(merges, str):
            raise TypeError("`vocab` and `merges` must be both be from memory or both filenames")
        options = (
            _probability(dropout),
            unk_token,
            continuing_subword_prefix,
            end_of_word_suffix,
            bool(fuse_unk),
            bool(byte_fallback),
            bool(ignore_merges),
        )
        table, pairs = dict(vocab or {}), list(merges or ())
        _check(table, pairs, continuing_subword_prefix or "")
        self._take(BpeModel(table, pairs, options))

    @classmethod
    def _of(cls, native: BpeModel) -> BPE:
        """Make a model of what was read from a file."""
        made = cls.__new__(cls)
        made._take(native)
        return made

    def _take(self, native: BpeModel) -> None:
        self._native = native
        self._compiled: tuple[BpeModel, HfCore] | None = None

    def _core(self) -> HfCore:
        """The model alone, compiled."""
        compiled = self._compiled
        if compiled is None or compiled[0] is not self._native:
            try:
                compiled = (self._native, HfCore(self._native, "{}", []))
            except Exception as error:
                raise Exception(f"Error while initializing BPE: {error}") from error
            self._compiled = compiled
        return compiled[1]

    def _get(self, name: str) -> Any:
        return self._native.options[_OPTIONS.index(name)]

    def _change(self, name: str, value: Any) -> None:
        options: list[Any] = list(self._native.options)
        options[_OPTIONS.index(name)] = value
        self._native = self._native.with_options(cast("Any", tuple(options)))
        CHANGES.note()

    @property
    def dropout(self) -> float | None:
        """The probability that a merge is left out."""
        found: float | None = self._get("dropout")
        return found

    @dropout.setter
    def dropout(self, dropout: float | None) -> None:
        self._change("dropout", _probability(dropout))

    @property
    def unk_token(self) -> str | None:
        """The token for unknown characters."""
        found: str | None = self._get("unk_token")
        return found

    @unk_token.setter
    def unk_token(self, unk_token: str | None) -> None:
        self._change("unk_token", unk_token)

    @property
    def continuing_subword_prefix(self) -> str | None:
        """Put before every symbol of a piece but the first."""
        found: str | None = self._get("continuing_subword_prefix")
        return found

    @continuing_subword_prefix.setter
    def continuing_subword_prefix(self, continuing_subword_prefix: str | None) -> None:
        self._change("continuing_subword_prefix", continuing_subword_prefix)

    @property
    def end_of_word_suffix(self) -> str | None:
        """Put after the last symbol of a piece."""
        found: str | None = self._get("end_of_word_suffix")
        return found

    @end_of_word_suffix.setter
    def end_of_word_suffix(self, end_of_word_suffix: str | None) -> None:
        self._change("end_of_word_suffix", end_of_word_suffix)

    @property
    def fuse_unk(self) -> bool:
        """Whether a run of unknown characters gives one unknown token."""
        return bool(self._get("fuse_unk"))

    @fuse_unk.setter
    def fuse_unk(self, fuse_unk: bool) -> None:
        self._change("fuse_unk", bool(fuse_unk))

    @property
    def byte_fallback(self) -> bool:
        """Whether unknown characters become the tokens of their bytes."""
        return bool(self._get("byte_fallback"))

    @byte_fallback.setter
    def byte_fallback(self, byte_fallback: bool) -> None:
        self._change("byte_fallback", bool(byte_fallback))

    @property
    def ignore_merges(self) -> bool:
        """Whether a whole piece that is a token is that token, whatever the merges say."""
        return bool(self._get("ignore_merges"))

    @ignore_merges.setter
    def ignore_merges(self, ignore_merges: bool) -> None:
        self._change("ignore_merges", bool(ignore_merges))

    def tokenize(self, sequence: str) -> list[Token]:
        """Give the tokens of one piece.

        Args:
            sequence: The piece; nothing normalizes or splits it.

        Returns:
            The tokens, with offsets in bytes.
        """
        return [Token(number, value, offsets) for number, value, offsets in self._core().tokenize(sequence)]

    def token_to_id(self, token: str) -> int | None:
        """Give the id of a token string, or None."""
        return self._native.token_to_id(token)

    def id_to_token(self, id: int) -> str | None:
        """Give the string of an id, or None."""
        return self._native.id_to_token(id)

    def get_trainer(self) -> Any:
        """Give a trainer of such models."""
        from tokengrove.compat.tokenizers.trainers import BpeTrainer

        return BpeTrainer()

    def save(self, folder: str, prefix: str | None = None, name: str | None = None) -> list[str]:
        """Write ``vocab.json`` and ``merges.txt``.

        Args:
            folder: Where.
            prefix: What the names begin with, if anything.
            name: Another name of that argument.

        Returns:
            The paths of the files.
        """
        begin = f"{prefix or name}-" if prefix or name else ""
        vocab, merges = Path(folder) / f"{begin}vocab.json", Path(folder) / f"{begin}merges.txt"
        vocab.write_text(self._native.vocab_json(), encoding="utf-8")
        lines = ["#version: 0.2", *(f"{left} {right}" for left, right in self._native.merges())]
        merges.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return [str(vocab), str(merges)]

    @staticmethod
    def read_file(vocab: str, merges: str) -> tuple[dict[str, int], list[tuple[str, str]]]:
        """Read ``vocab.json`` and ``merges.txt``.

        Raises:
            OSError: If a file cannot be read.
            ValueError: If a file is not of the format.
        """
        table = json.loads(Path(vocab).read_text(encoding="utf-8"))
        if not isinstance(table, dict):
            raise ValueError(f"{vocab} must hold an object of token strings and ids, not a {type(table).__name__}")
        pairs = []
        for number, line in enumerate(Path(merges).read_text(encoding="utf-8").split("\n"), 1):
            text = line.removesuffix("\r")
            if not text or text.startswith("#version"):
                continue
            parts = text.split(" ")
            if len(parts) != 2:
                raise ValueError(f"Merges text file invalid at line {number}")
            pairs.append((parts[0], parts[1]))
        return table, pairs

    @classmethod
    def from_file(cls, vocab: str, merges: str, **kwargs: Any) -> BPE:
        """Make a model of ``vocab.json`` and ``merges.txt``; keywords as for the class."""
        return cls(*BPE.read_file(vocab, merges), **kwargs)

    def _clear_cache(self) -> None:
        """Do nothing: caches have a fixed size."""

    def _resize_cache(self, capacity: int) -> None:
        """Do nothing: caches have a fixed size."""

    def _head(self) -> dict[str, Any]:
        """The JSON form without its two long lists."""
        head: dict[str, Any] = {"type": "BPE", **dict(zip(_OPTIONS, self._native.options, strict=True))}
        return head

    def _text(self, indent: int | None = None) -> str:
        """The JSON form."""
        head = json.dumps(self._head(), ensure_ascii=False, separators=(",", ":") if indent is None else None)
        if indent is None:
            return f'{head[:-1]},"vocab":{self._native.vocab_json()},"merges":{self._native.merges_json()}}}'
        space = " " * indent
        lines = [f'{space}  "{name}": {json.dumps(value, ensure_ascii=False)},' for name, value in self._head().items()]
        lists = [
            f'{space}  "vocab": {self._native.vocab_json(space + "  ")},',
            f'{space}  "merges": {self._native.merges_json(space + "  ")}',
        ]
        return "\n".join(["{", *lines, *lists, space + "}"])

    def _show(self, limit: int) -> str:
        vocab = sorted(self._native.vocab().items(), key=lambda item: item[1])
        return _repr.model(self._head(), vocab, self._native.merges(), limit)

    def __getstate__(self) -> bytes:
        """Give the JSON form as bytes."""
        return self._text().encode()

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle as the JSON form."""
        return _load, (self.__getstate__(),)

    def __repr__(self) -> str:
        """Show the model."""
        return self._show(_repr.LONG)

    def __str__(self) -> str:
        """Show the model, long lists cut off."""
        return self._show(_repr.SHORT)


def _load(state: bytes) -> BPE:
    """Make a model of its JSON form."""
    native, _ = BpeModel.open(b'{"model":' + state + b"}")
    return BPE._of(native)


def _check(vocab: dict[str, int], merges: list[tuple[str, str]], prefix: str) -> None:
    """Check that merges join tokens to tokens."""
    for left, right in merges:
        for token in (left, right, left + right[len(prefix) :]):
            if token not in vocab:
                raise Exception(f"Error while initializing BPE: Token `{token}` out of vocabulary")


def _probability(dropout: Any) -> float | None:
    if dropout is None:
        return None
    if isinstance(dropout, bool) or not isinstance(dropout, (int, float)):
        raise TypeError(f"dropout must be a number, not {type(dropout).__name__}")
    if not 0 <= dropout <= 1:
        raise Exception("Error while initializing BPE: Dropout should be between 0 and 1, inclusive")
    return float(dropout)


class _Unsupported(Model):
    """A model that tokengrove does not have."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        raise UnsupportedTokenizerError(
            f"a model of type {type(self).__name__}: tokengrove has models of type BPE only. "
            "Use the package tokenizers itself for this one; both can be imported side by side."
        )


class Unigram(_Unsupported):
    """Not supported: making one raises an error."""


class WordLevel(_Unsupported):
    """Not supported: making one raises an error."""


class WordPiece(_Unsupported):
    """Not supported: making one raises an error."""
