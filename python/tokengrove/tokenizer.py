"""The tokenizer: text to ids and back.

:class:`Tokenizer` adds loading, saving, comparison and pickling to the methods that are implemented in Rust
(``tokengrove._native.TokenizerCore``); those are inherited and not wrapped, so that a call costs one call.
"""

from __future__ import annotations

import itertools
import operator
from dataclasses import dataclass
from os import PathLike
from typing import TYPE_CHECKING, Any, Literal, Self, overload
from weakref import WeakValueDictionary

import numpy as np

from tokengrove import _native
from tokengrove._native import DecodeStream, Model, TokenColumn, TokenizerCore
from tokengrove._replace import replace_file
from tokengrove.errors import InvalidArgumentError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
    from types import EllipsisType

    from numpy.typing import NDArray

__all__ = ["Chunk", "DecodeStream", "OffsetEncoding", "PaddedBatch", "TokenBatch", "TokenColumn", "Tokenizer"]


class TokenBatch:
    """The ids of several texts in one array (a ragged batch).

    Row ``i`` is ``ids[row_splits[i]:row_splits[i + 1]]``. The object is a sequence of rows: ``len(batch)``,
    ``batch[i]`` and iteration give views into ``ids``, without a copy.

    Attributes:
        ids: uint32[total], the ids of all rows, one after the other.
        row_splits: int64[rows + 1], where each row starts, then ``total``; starts with 0 and never decreases.
    """

    __slots__ = ("ids", "row_splits")

    ids: NDArray[np.uint32]
    row_splits: NDArray[np.int64]

    def __init__(self, ids: NDArray[np.uint32], row_splits: NDArray[np.int64]) -> None:
        """Join ids and row splits that were made elsewhere.

        Args:
            ids: uint32[total].
            row_splits: int64[rows + 1].

        Raises:
            InvalidArgumentError: If ``row_splits`` is empty, does not start with 0, decreases, or does not end with
                ``total``.
        """
        if row_splits.ndim != 1 or row_splits.size == 0 or ids.ndim != 1:
            raise InvalidArgumentError(
                f"a batch is ids[total] and row_splits[rows + 1]; found shapes {ids.shape} and {row_splits.shape}"
            )
        if row_splits[0] != 0 or row_splits[-1] != ids.size or bool((np.diff(row_splits) < 0).any()):
            raise InvalidArgumentError(
                f"row_splits must rise from 0 to {ids.size}, the number of ids; "
                f"found {row_splits[0]} to {row_splits[-1]}"
            )
        self.ids = ids
        self.row_splits = row_splits

    def __len__(self) -> int:
        """Give the number of rows."""
        return self.row_splits.size - 1

    @overload
    def __getitem__(self, index: int) -> NDArray[np.uint32]: ...
    @overload
    def __getitem__(self, index: slice) -> list[NDArray[np.uint32]]: ...
    def __getitem__(self, index: int | slice) -> NDArray[np.uint32] | list[NDArray[np.uint32]]:
        """Give one row, or a list of rows, as views into :attr:`ids`."""
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        at = operator.index(index)
        rows = len(self)
        if not -rows <= at < rows:
            raise IndexError(f"row {at} of a batch of {rows}")
        at %= rows
        return self.ids[self.row_splits[at] : self.row_splits[at + 1]]

    def __iter__(self) -> Iterator[NDArray[np.uint32]]:
        """Iterate over the rows, as views into :attr:`ids`."""
        splits = self.row_splits.tolist()
        for start, end in itertools.pairwise(splits):
            yield self.ids[start:end]

    def __eq__(self, other: object) -> bool:
        """Compare ids and row splits."""
        if not isinstance(other, TokenBatch):
            return NotImplemented
        return np.array_equal(self.ids, other.ids) and np.array_equal(self.row_splits, other.row_splits)

    __hash__ = None  # type: ignore[assignment]

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle as the two arrays."""
        return TokenBatch, (self.ids, self.row_splits)

    def __repr__(self) -> str:
        """Show the sizes."""
        return f"TokenBatch(rows={len(self)}, tokens={self.ids.size})"

    @property
    def lengths(self) -> NDArray[np.int64]:
        """int64[rows]: the number of tokens of each row."""
        return np.diff(self.row_splits)

    def to_lists(self) -> list[list[int]]:
        """Give the rows as lists of Python integers."""
        flat = self.ids.tolist()
        splits = self.row_splits.tolist()
        return [flat[start:end] for start, end in itertools.pairwise(splits)]


@dataclass(frozen=True, slots=True, eq=False)
class OffsetEncoding:
    """Ids with the places in the original text that they come from.

    Attributes:
        ids: uint32[n].
        byte_spans: int64[n, 2], start and end of each token in the UTF-8 form of the text (or in the ``bytes``
            given).
        char_spans: int64[n, 2], the same in characters; a token that begins or ends inside a character counts the
            whole character.
    """

    ids: NDArray[np.uint32]
    byte_spans: NDArray[np.int64]
    char_spans: NDArray[np.int64]

    def __len__(self) -> int:
        """Give the number of tokens."""
        return self.ids.size


@dataclass(frozen=True, slots=True, eq=False)
class PaddedBatch:
    """The ids of several texts in rows of one length.

    Attributes:
        ids: uint32[rows, length], padding included.
        attention_mask: bool[rows, length], False for padding.
    """

    ids: NDArray[np.uint32]
    attention_mask: NDArray[np.bool_]

    def __len__(self) -> int:
        """Give the number of rows."""
        return len(self.ids)


@dataclass(frozen=True, slots=True)
class Chunk:
    """A part of a longer text that fits a number of tokens.

    Attributes:
        text: The part.
        start: Where it starts in the text, in characters.
        end: Where it ends in the text, in characters.
        tokens: How many tokens ``text`` has when it is encoded by itself.
    """

    text: str
    start: int
    end: int
    tokens: int


class Tokenizer(TokenizerCore):
    """An exact byte-pair encoder, frozen after construction.

    Make one with :meth:`from_file` or :meth:`from_tiktoken`. A tokenizer can be shared between threads without a lock,
    used after a fork, hashed and compared (by content) and pickled.
    """

    # Weak references let a process that unpickles a tokenizer many times keep one of it.
    __slots__ = ("__weakref__",)

    @classmethod
    def from_file(
        cls,
        path: str | PathLike[str],
        *,
        pattern: str | EllipsisType | None = ...,
        special_tokens: Mapping[str, int] | None = None,
    ) -> Self:
        """Load a tokenizer file; the content says which kind it is.

        Ids are those of the library that the file was made for, and so is the text of ids that an encoding can give.
        SentencePiece writes other ids in its own way: it leaves control tokens out (``skip_special_tokens=True`` does
        that here), writes the unknown token as ``" ⁇ "`` (here its name), and puts one U+FFFD for every byte that is
        no character (here as Python does).

        Args:
            path: A Hugging Face ``tokenizer.json``, a ``.tiktoken`` rank file, a ``tekken.json`` or a SentencePiece
                ``.model`` of type BPE.
            pattern: For a rank file only, and required there: see :meth:`from_tiktoken`.
            special_tokens: For a rank file only: special tokens and their ids.

        Returns:
            The tokenizer.

        Raises:
            OSError: If the file cannot be read.
            VocabularyError: If the content is not a tokenizer.
            UnsupportedTokenizerError: If it is a tokenizer that is not BPE, or has a component that is not
                implemented.
            PatternError: If ``pattern`` is neither a known name nor a valid regular expression.
            InvalidArgumentError: If ``pattern`` is missing for a rank file, or given for another kind.
        """
        return cls(Model.from_file(path, pattern=pattern, special_tokens=special_tokens))

    @classmethod
    def from_tiktoken(
        cls,
        path_or_ranks: str | PathLike[str] | Mapping[bytes, int],
        pattern: str | None,
        special_tokens: Mapping[str, int] | None = None,
    ) -> Self:
        """Load a rank vocabulary as tiktoken has it: tokens merge in the order of their ids.

        Args:
            path_or_ranks: A ``.tiktoken`` file (base64 token, space, rank on each line) or a mapping from token bytes
                to rank.
            pattern: How text is cut before merging: a name (``"gpt2"``, ``"cl100k_base"``, ``"o200k_base"``,
                ``"llama3"``, ``"qwen2"``, ...), a regular expression in the syntax that tiktoken takes, or None to not
                cut at all.
            special_tokens: Texts and ids of special tokens; none if left out.

        Returns:
            The tokenizer.

        Raises:
            OSError: If the file cannot be read.
            VocabularyError: If one of the 256 bytes has no rank, two tokens share an id, or a line is malformed.
            PatternError: If ``pattern`` is neither a known name nor a valid regular expression.
        """
        if isinstance(path_or_ranks, (str, PathLike)):
            return cls(Model.from_file(path_or_ranks, pattern=pattern, special_tokens=special_tokens))
        return cls(Model.from_ranks(path_or_ranks, pattern=pattern, special_tokens=special_tokens))

    def save(self, path: str | PathLike[str]) -> None:
        """Write the tokenizer as a Hugging Face ``tokenizer.json``.

        Args:
            path: The file to write; an existing file is replaced when the new one is complete.

        Raises:
            UnsupportedTokenizerError: If the format has no form for a pattern or a component, see :meth:`to_json`.
            OSError: If the file cannot be written.
        """
        replace_file(path, self.to_json().encode())

    def truncate(
        self,
        text: str,
        max_tokens: int,
        side: Literal["left", "right"] = "right",
        *,
        add_special_tokens: bool = False,
        allowed_special: Literal["all"] | Collection[str] = (),
    ) -> str:
        """Cut a text to a number of tokens.

        Args:
            text: The text.
            max_tokens: How many tokens the result may have, at least 0.
            side: Which end to cut off.
            add_special_tokens: Whether ``max_tokens`` includes those that :meth:`encode` adds if asked.
            allowed_special: As for :meth:`encode`.

        Returns:
            The longest prefix of the text (its longest suffix if ``side`` is ``"left"``) whose own encoding has at most
            ``max_tokens`` tokens. It may have fewer tokens than a shorter prefix. For tokenizers that rewrite text or
            have no compiled pretokenizer, and for suffixes inside a piece of more than 4096 bytes, a longer one may
            exist that also fits.

        Raises:
            InvalidArgumentError: If ``max_tokens`` is negative or ``side`` is neither.
            InvalidTextError: As :meth:`encode` does.
            TypeError: If ``text`` is not ``str``.
        """
        return self._truncate(text, max_tokens, side, add_special_tokens, allowed_special)

    def chunk(
        self,
        text: str,
        max_tokens: int,
        overlap: int = 0,
        *,
        add_special_tokens: bool = False,
        allowed_special: Literal["all"] | Collection[str] = (),
    ) -> list[Chunk]:
        """Cut a text into chunks of a number of tokens.

        Args:
            text: The text.
            max_tokens: How many tokens a chunk may have when it is encoded by itself.
            overlap: How many tokens at the end of a chunk the next one may begin with, less than ``max_tokens``.
            add_special_tokens: Whether ``max_tokens`` includes those that :meth:`encode` adds if asked.
            allowed_special: As for :meth:`encode`.

        Returns:
            The chunks in order; together they cover the text, and each is as long as :meth:`truncate` makes it. Chunks
            end between characters, but not always between words.

        Raises:
            InvalidArgumentError: If ``overlap`` is negative or not less than ``max_tokens``, or if a single character
                has more than ``max_tokens`` tokens.
            InvalidTextError: As :meth:`encode` does.
            TypeError: If ``text`` is not ``str``.
        """
        return [Chunk(*part) for part in self._chunk(text, max_tokens, overlap, add_special_tokens, allowed_special)]

    def encode_padded(
        self,
        texts: Iterable[str | bytes],
        max_tokens: int | None = None,
        *,
        length: int | None = None,
        multiple_of: int = 1,
        pad_id: int = 0,
        side: Literal["left", "right"] = "right",
        truncation_side: Literal["left", "right"] = "right",
        add_special_tokens: bool = False,
        allowed_special: Literal["all"] | Collection[str] = (),
    ) -> PaddedBatch:
        """Encode several texts to rows of one length, as a model takes them; nothing is set on the tokenizer.

        Args:
            texts: An iterable of `str` or `bytes`.
            max_tokens: How many tokens of each row to keep, special tokens that are added included; None for all.
            length: How many tokens a row has with its padding; None for those of the longest.
            multiple_of: The length is rounded up to a multiple of this.
            pad_id: What rows are filled up with.
            side: Where padding goes.
            truncation_side: Which end of a text is cut off; special tokens that are added stay.
            add_special_tokens: As for :meth:`encode`, for each text.
            allowed_special: As for :meth:`encode`.

        Returns:
            uint32[rows, length] and a mask of the same shape.

        Raises:
            InvalidArgumentError: If ``max_tokens`` has no room for the special tokens, a row is longer than ``length``,
                a number is out of range, or a side is neither.
            InvalidTextError: As :meth:`encode` does.
            UnknownTokenError: As :meth:`encode` does.
            TypeError: If ``texts`` is a single text, or has an element that is neither ``str`` nor ``bytes``.
        """
        for name, number in {"max_tokens": max_tokens, "length": length, "multiple_of": multiple_of}.items():
            least = int(name == "multiple_of")
            if number is not None and not least <= number < 1 << 63:
                raise InvalidArgumentError(f"{name} must be at least {least} and less than 2^63; found {number}")
        if not 0 <= pad_id < 1 << 32:
            raise InvalidArgumentError(f"pad_id must be at least 0 and less than 2^32; found {pad_id}")
        columns = (length, multiple_of)
        arrays = _native.encode_padded(
            self, texts, max_tokens, truncation_side, columns, side, pad_id, add_special_tokens, allowed_special
        )
        return PaddedBatch(*arrays)

    def encode_arrow(
        self, column: Any, *, add_special_tokens: bool = False, allowed_special: Literal["all"] | Collection[str] = ()
    ) -> TokenColumn:
        """Encode a column of Arrow data: of pyarrow, polars, DuckDB and whatever else speaks the PyCapsule interface.

        Texts are read where they lie, and ids are handed over where they are made.

        Args:
            column: An object with ``__arrow_c_stream__`` or ``__arrow_c_array__``, of type string, large_string or
                string_view (or binary), in one array or several, with or without nulls.
            add_special_tokens: As for :meth:`encode`, for each text.
            allowed_special: As for :meth:`encode`.

        Returns:
            The ids as a column of type list<uint32>, null where the text is.

        Raises:
            InvalidArgumentError: If the Arrow data contradict themselves, or there are more than 2^31 - 1 ids.
            InvalidTextError: As :meth:`encode` does.
            UnknownTokenError: As :meth:`encode` does.
            TypeError: If ``column`` is no column of text.
        """
        return _native.encode_arrow(self, column, add_special_tokens, allowed_special)

    def encode_segments(
        self, segments: Sequence[tuple[str, bool]], *, add_special_tokens: bool = False
    ) -> NDArray[np.uint32]:
        """Encode text from several sources as one text: special tokens come only from those that are trusted.

        Args:
            segments: Pairs of a text and whether it is trusted. A special token is found only where all of it lies in
                trusted segments; what an untrusted segment says is text, also together with its neighbours. Otherwise
                nothing depends on where segments meet.
            add_special_tokens: As for :meth:`encode`.

        Returns:
            uint32[n]: the ids of the whole.

        Raises:
            InvalidTextError: As :meth:`encode` does.
            TypeError: If a segment is not a pair of str and bool.
        """
        return _native.encode_segments(self, segments, add_special_tokens)

    def encode_append(
        self,
        ids: Sequence[int] | NDArray[Any],
        text: str,
        *,
        allowed_special: Literal["all"] | Collection[str] = (),
    ) -> NDArray[np.uint32]:
        """Encode more text behind ids that are there, as if both were encoded together.

        Only the end of the ids is encoded again, from a place where that is proven to make no difference; so a
        conversation that goes on costs what is new, not what is old. Where no such place is known, all of it is encoded
        again.

        Args:
            ids: What :meth:`encode` gave for the text before, with the same ``allowed_special``.
            text: The text that follows.
            allowed_special: As for :meth:`encode`.

        Returns:
            uint32[n]: the ids of the text before and this one together.

        Raises:
            InvalidTextError: As :meth:`encode` does.
            UnknownTokenError: If an id is not a token's, or as :meth:`encode` does.
            TypeError: If ``ids`` are not integers or ``text`` is not str.
        """
        return _native.encode_append(self, ids, text, allowed_special)

    def is_canonical(
        self, ids: Sequence[int] | NDArray[Any], *, allowed_special: Literal["all"] | Collection[str] = ()
    ) -> bool:
        """Tell whether ids are what :meth:`encode` gives for the text that they decode to.

        Args:
            ids: A sequence or an array of ids.
            allowed_special: As for :meth:`encode`; with ``"all"``, a special token's id is canonical and its text in
                other tokens is not.

        Returns:
            Whether they are.

        Raises:
            UnknownTokenError: If an id is not a token's.
            TypeError: If ``ids`` are not integers.
        """
        return _native.is_canonical(self, ids, allowed_special)

    @staticmethod
    def first_divergence(a: Sequence[int] | NDArray[Any], b: Sequence[int] | NDArray[Any]) -> int | None:
        """Find where two sequences of ids begin to differ.

        Args:
            a: A sequence or an array of ids.
            b: Another.

        Returns:
            The first place at which they differ, the length of the shorter if it is the beginning of the longer, or
            None if they are equal.
        """
        one, other = np.asarray(a), np.asarray(b)
        shorter = min(one.size, other.size)
        differs = one[:shorter] != other[:shorter]
        if differs.any():
            return int(differs.argmax())
        return None if one.size == other.size else shorter

    def with_vocab_size(self, vocab_size: int) -> Self:
        """Keep the first tokens of a trained vocabulary.

        Args:
            vocab_size: The number of tokens to keep, added and special tokens included.

        Returns:
            A tokenizer with the ordinary tokens of the lowest ids and the merges among them: what training to that size
            would have given. All added tokens are kept; those that come behind the cut move up to it, in their order.

        Raises:
            InvalidArgumentError: If there are fewer tokens, or one that encoding cannot do without would go, such as a
                single byte or a single character (SentencePiece models have those at the end).
        """
        return type(self)(self._with_vocab_size(vocab_size))

    def __copy__(self) -> Self:
        """Return the tokenizer itself: it cannot change."""
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        """Return the tokenizer itself: it cannot change."""
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the content; unpickling it again in the same process gives the same object while that is in use."""
        fingerprint = self.fingerprint
        _RESTORED[fingerprint] = self
        return _restore, (type(self), fingerprint, *self._arguments())

    def __repr__(self) -> str:
        """Show sizes and the first digits of the fingerprint."""
        return (
            f"<{type(self).__name__} of {self.vocab_size} tokens, {len(self.special_tokens)} of them special, "
            f"fingerprint {self.fingerprint[:12]}>"
        )


# By fingerprint: the tokenizers of this process that have been pickled or unpickled and are still in use.
_RESTORED: WeakValueDictionary[str, Tokenizer] = WeakValueDictionary()


def _restore(
    cls: type[Tokenizer],
    fingerprint: str,
    data: bytes,
    pattern: str | EllipsisType | None,
    special_tokens: dict[str, int] | None,
) -> Tokenizer:
    """Unpickle a tokenizer."""
    known = _RESTORED.get(fingerprint)
    if known is not None and type(known) is cls:
        return known
    tokenizer = cls(Model.from_bytes(data, pattern=pattern, special_tokens=special_tokens))
    _RESTORED[fingerprint] = tokenizer
    return tokenizer
