"""The class :class:`Encoding`: tiktoken's interface over the native encoder."""

from __future__ import annotations

import functools
import importlib
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias, cast

from tokengrove._native import CoreBPE
from tokengrove.compat.tiktoken._checks import NotAnIntegerError, as_bytes, check_size, check_threads
from tokengrove.compat.tiktoken._specials import (
    raise_disallowed_special_token as raise_disallowed_special_token,
)
from tokengrove.compat.tiktoken._specials import refuse, repair_surrogates, searcher
from tokengrove.errors import VocabularyError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence
    from collections.abc import Set as AbstractSet

    import numpy as np
    import numpy.typing as npt

    from tokengrove._native import Specials
    from tokengrove.tokenizer import Tokenizer

    _Tokens: TypeAlias = Sequence[int] | npt.NDArray[np.integer[Any]]

_NO_TOKENS: frozenset[str] = frozenset()


class _EncodingLike(Protocol):
    """What a tiktoken encoding, of either package, is made of."""

    @property
    def name(self) -> str: ...
    @property
    def _pat_str(self) -> str: ...
    @property
    def _mergeable_ranks(self) -> dict[bytes, int]: ...
    @property
    def _special_tokens(self) -> dict[str, int]: ...


class Encoding:
    """A named encoding: text to tokens and back.

    It is not changed by use and can be shared between threads.

    Attributes:
        name: The name; encodings with different special tokens should have different names.
        max_token_value: The largest token.
    """

    name: str
    max_token_value: int
    _pat_str: str
    _special_tokens: dict[str, int]
    _special_token_values: set[int]
    _core_bpe: CoreBPE

    def __init__(
        self,
        name: str,
        *,
        pat_str: str,
        mergeable_ranks: dict[bytes, int],
        special_tokens: dict[str, int],
        explicit_n_vocab: int | None = None,
    ) -> None:
        """Build an encoding.

        Args:
            name: The name.
            pat_str: The regular expression that cuts text into pieces, in the syntax of the Rust crate
                ``fancy-regex``. Text that it does not match is dropped.
            mergeable_ranks: Ranks by token. All 256 single bytes must be there; lower ranks merge first.
            special_tokens: Special tokens and their ids.
            explicit_n_vocab: The number of tokens, if it is to be checked: there must be as many, with ids from 0
                without a gap.

        Raises:
            ValueError: If the pattern is not a regular expression, a byte has no rank, or two tokens share a rank.
            VocabularySizeError: If ``explicit_n_vocab`` does not fit.
            TypeError: If an argument has the wrong type.
            OverflowError: If a rank is negative or above 2**32 - 1.
        """
        largest = max(max(mergeable_ranks.values()), max(special_tokens.values(), default=0))
        if explicit_n_vocab:
            check_size(name, len(mergeable_ranks), len(special_tokens), largest, explicit_n_vocab)
        self._mergeable_ranks = mergeable_ranks
        self._set_parts(name, pat_str, special_tokens, CoreBPE(mergeable_ranks, special_tokens, pat_str), largest)

    def _set_parts(
        self, name: str, pat_str: str, special_tokens: dict[str, int], core_bpe: CoreBPE, max_token_value: int
    ) -> None:
        self.name = name
        self._pat_str = pat_str
        self._special_tokens = special_tokens
        self._special_token_values = set(special_tokens.values())
        self._core_bpe = core_bpe
        self.max_token_value = max_token_value

    @classmethod
    def _from_rank_file(
        cls,
        name: str,
        *,
        contents: bytes,
        pat_str: str,
        special_tokens: dict[str, int],
        explicit_n_vocab: int | None,
    ) -> Encoding:
        """Build an encoding from a rank file; the dict of ranks is made if it is asked for."""
        core_bpe = CoreBPE.from_rank_file(contents, special_tokens, pat_str)
        if core_bpe is None:
            raise VocabularyError(f"the rank file of {name!r} is malformed")
        largest = core_bpe.max_token_value()
        if explicit_n_vocab:
            check_size(name, core_bpe.rank_count(), len(special_tokens), largest, explicit_n_vocab)
        encoding = cls.__new__(cls)
        encoding._set_parts(name, pat_str, special_tokens, core_bpe, largest)
        return encoding

    @functools.cached_property
    def _mergeable_ranks(self) -> dict[bytes, int]:
        """Ranks by token; set at once by the constructor, made on demand for an encoding that came from a file."""
        return self._core_bpe.mergeable_ranks()

    @classmethod
    def from_tiktoken(cls, encoding: _EncodingLike) -> Encoding:
        """Make the fast equal of an encoding that tiktoken made, also of one built by hand.

        Args:
            encoding: An encoding of tiktoken, or of this package, which is returned as it is.

        Returns:
            An encoding that gives the same tokens.

        Raises:
            TypeError: If the object is not an encoding.
        """
        if isinstance(encoding, cls):
            return encoding
        try:
            name, pattern = encoding.name, encoding._pat_str
            ranks, specials = encoding._mergeable_ranks, encoding._special_tokens
        except AttributeError as error:
            raise TypeError(f"{type(encoding).__name__!r} object is not a tiktoken encoding: {error}") from None
        return cls(name, pat_str=pattern, mergeable_ranks=ranks, special_tokens=specials)

    @functools.cached_property
    def tokenizer(self) -> Tokenizer:
        """The same encoding as a :class:`tokengrove.Tokenizer`, with offsets, counting, truncation and more."""
        from tokengrove.tokenizer import Tokenizer

        # Where special tokens share an id, decoding knows the first only, and so does a Tokenizer at all.
        first = {id: token for token, id in reversed(self._special_tokens.items())}
        names = {token: id for id, token in first.items()}
        return Tokenizer.from_tiktoken(self._mergeable_ranks, pattern=self._pat_str, special_tokens=names)

    def __repr__(self) -> str:
        return f"<Encoding {self.name!r}>"

    # Text to tokens

    def encode_ordinary(self, text: str) -> list[int]:
        """Encode a text in which special tokens are ordinary text.

        Args:
            text: The text. Surrogate pairs count as their character, lone surrogates as U+FFFD.

        Returns:
            The tokens.

        Raises:
            TypeError: If ``text`` is not a str.
        """
        try:
            return self._core_bpe.encode_ordinary(text)
        except UnicodeEncodeError:
            return self._core_bpe.encode_ordinary(repair_surrogates(text))

    def encode(
        self,
        text: str,
        *,
        allowed_special: Literal["all"] | AbstractSet[str] = _NO_TOKENS,
        disallowed_special: Literal["all"] | Collection[str] = "all",
    ) -> list[int]:
        """Encode a text.

        A special token in a text is taken as such if it is allowed, refused if it is disallowed, and ordinary text if
        it is neither. By default all are refused, because text from outside must not be able to steer the model.

        Args:
            text: The text. Surrogate pairs count as their character, lone surrogates as U+FFFD.
            allowed_special: A set of special tokens, or ``"all"``.
            disallowed_special: A collection of texts, ``()`` for none, or ``"all"`` for all special tokens that are
                not allowed.

        Returns:
            The tokens.

        Raises:
            ValueError: If the text has a disallowed token.
            TypeError: If ``text`` is not a str or ``allowed_special`` not a set.
        """
        allowed, refused = self._policy(allowed_special, disallowed_special)
        try:
            if refused is None:
                return self._core_bpe.encode(text, allowed)
            found = self._core_bpe.encode_unless(text, allowed, refused)
        except UnicodeEncodeError:
            if refused is not None:
                refuse(text, refused)
            return self._core_bpe.encode(repair_surrogates(text), allowed)
        if isinstance(found, str):
            raise_disallowed_special_token(found)
        return found

    def encode_to_numpy(
        self,
        text: str,
        *,
        allowed_special: Literal["all"] | AbstractSet[str] = _NO_TOKENS,
        disallowed_special: Literal["all"] | Collection[str] = "all",
    ) -> npt.NDArray[np.uint32]:
        """Encode a text to an array, without making a list.

        Args:
            text: The text; it must have a UTF-8 form (surrogates are not repaired here).
            allowed_special: As for :meth:`encode`.
            disallowed_special: As for :meth:`encode`.

        Returns:
            uint32[n], read-only.

        Raises:
            ValueError: If the text has a disallowed token; UnicodeEncodeError if it has a surrogate.
            TypeError: If ``text`` is not a str or ``allowed_special`` not a set.
        """
        allowed = self._apply_policy(text, allowed_special, disallowed_special)
        return self._core_bpe.encode_to_tiktoken_buffer(text, allowed)

    def encode_ordinary_batch(self, text: list[str], *, num_threads: int = 8) -> list[list[int]]:
        """Encode texts in parallel; special tokens are ordinary text.

        Args:
            text: The texts, in any iterable.
            num_threads: 1 to stay on this thread; otherwise the package's thread pool is used
                (:func:`tokengrove.set_num_threads`), whatever the number.

        Returns:
            The tokens of each text.

        Raises:
            TypeError: If an item is not a str.
            ValueError: If ``num_threads`` is not positive.
        """
        check_threads(num_threads)
        texts = list(text)
        batch = self._core_bpe.encode_batch(texts, _NO_TOKENS, None, num_threads != 1)
        return batch if batch is not None else [self.encode_ordinary(item) for item in texts]

    def encode_batch(
        self,
        text: list[str],
        *,
        num_threads: int = 8,
        allowed_special: Literal["all"] | AbstractSet[str] = _NO_TOKENS,
        disallowed_special: Literal["all"] | Collection[str] = "all",
    ) -> list[list[int]]:
        """Encode texts in parallel.

        Args:
            text: The texts, in any iterable.
            num_threads: As for :meth:`encode_ordinary_batch`.
            allowed_special: As for :meth:`encode`.
            disallowed_special: As for :meth:`encode`.

        Returns:
            The tokens of each text.

        Raises:
            ValueError: If a text has a disallowed token, or ``num_threads`` is not positive.
            TypeError: If an item is not a str or ``allowed_special`` not a set.
        """
        allowed, disallowed = self._policy(allowed_special, disallowed_special)
        check_threads(num_threads)
        texts = list(text)
        if not texts:
            return []
        batch = self._core_bpe.encode_batch(texts, allowed, disallowed, num_threads != 1)
        if batch is not None:
            return batch
        # Some text is refused, has surrogates or is no text: one by one, so that the first of them decides.
        refused = () if disallowed is None else frozenset(disallowed.tokens())
        return [self.encode(item, allowed_special=allowed_special, disallowed_special=refused) for item in texts]

    def encode_with_unstable(
        self,
        text: str,
        *,
        allowed_special: Literal["all"] | AbstractSet[str] = _NO_TOKENS,
        disallowed_special: Literal["all"] | Collection[str] = "all",
    ) -> tuple[list[int], list[list[int]]]:
        """Encode a text that may go on: the settled tokens, and what the rest may become.

        Args:
            text: The text; it must have a UTF-8 form (surrogates are not repaired here).
            allowed_special: As for :meth:`encode`.
            disallowed_special: As for :meth:`encode`.

        Returns:
            The tokens of a beginning of the text, and token sequences whose bytes each begin with the rest of the text.

        Raises:
            ValueError: If the text has a disallowed token; UnicodeEncodeError if it has a surrogate.
            TypeError: If ``text`` is not a str or ``allowed_special`` not a set.
        """
        allowed = self._apply_policy(text, allowed_special, disallowed_special)
        return self._core_bpe.encode_with_unstable(text, allowed)

    def encode_single_token(self, text_or_bytes: str | bytes) -> int:
        """Give the token of a text that is one token, special tokens included.

        Args:
            text_or_bytes: The text or bytes of the token.

        Returns:
            The token.

        Raises:
            KeyError: If there is no such token.
            TypeError: If the argument is neither str nor bytes.
        """
        return self._core_bpe.encode_single_token(as_bytes(text_or_bytes))

    def _policy(
        self, allowed: Literal["all"] | AbstractSet[str], disallowed: Literal["all"] | Collection[str]
    ) -> tuple[Specials | AbstractSet[str], Specials | None]:
        """Give the allowed tokens, and a search for the disallowed ones (None if there are none).

        The usual cases come first: taking set differences of a thousand tokens costs more than encoding a short text.
        """
        if disallowed == "all":
            if allowed is _NO_TOKENS or (type(allowed) is set and not allowed):
                return _NO_TOKENS, self._refuse_all
            if allowed == "all":
                return self._allow_all, None
            disallowed = self.special_tokens_set - allowed
        refused = searcher(frozenset(disallowed)) if disallowed else None
        if allowed == "all":
            return self._allow_all, refused
        if isinstance(allowed, (set, frozenset)):
            return self._frozen(frozenset(allowed)) if allowed else _NO_TOKENS, refused
        # Not a set, which the encoder reports once the text itself has been found in order.
        return allowed, refused

    def _apply_policy(
        self, text: str, allowed: Literal["all"] | AbstractSet[str], disallowed: Literal["all"] | Collection[str]
    ) -> Specials | AbstractSet[str]:
        """Refuse a text with disallowed tokens; give the allowed ones."""
        allowed_tokens, refused = self._policy(allowed, disallowed)
        if refused is not None:
            refuse(text, refused)
        return allowed_tokens

    @functools.cached_property
    def _frozen(self) -> Callable[[frozenset[str]], Specials]:
        """Freezes sets of allowed tokens for the encoder; the last ones used are kept."""
        return functools.lru_cache(maxsize=16)(self._core_bpe.allow)

    @functools.cached_property
    def _allow_all(self) -> Specials:
        return self._core_bpe.allow(frozenset(self._special_tokens))

    @functools.cached_property
    def _refuse_all(self) -> Specials | None:
        return searcher(frozenset(self._special_tokens)) if self._special_tokens else None

    # Tokens to text

    def decode_bytes(self, tokens: _Tokens) -> bytes:
        """Give the bytes of tokens.

        Args:
            tokens: The tokens: a sequence of ints or an array.

        Returns:
            Their bytes, joined.

        Raises:
            KeyError: If a token is unknown.
            OverflowError: If one is negative or above 2**32 - 1.
            TypeError: If they are not a sequence of ints.
        """
        return self._core_bpe.decode_bytes(tokens)

    def decode(self, tokens: _Tokens, errors: str = "replace") -> str:
        """Give the text of tokens.

        Args:
            tokens: As for :meth:`decode_bytes`.
            errors: What happens to bytes that are not UTF-8, as for :meth:`bytes.decode`. With the default they
                become U+FFFD, so the text need not encode to the same tokens again.

        Returns:
            The text.

        Raises:
            KeyError: If a token is unknown.
            OverflowError: If one is negative or above 2**32 - 1.
            TypeError: If they are not a sequence of ints.
            UnicodeDecodeError: If ``errors="strict"`` and the bytes are not UTF-8.
        """
        return self._core_bpe.decode_bytes(tokens).decode("utf-8", errors=errors)

    def decode_single_token_bytes(self, token: int) -> bytes:
        """Give the bytes of one token, special tokens included.

        Args:
            token: The token.

        Returns:
            Its bytes.

        Raises:
            KeyError: If it is unknown.
            OverflowError: If it is negative or above 2**32 - 1.
            TypeError: If it is not an int.
        """
        return self._core_bpe.decode_single_token_bytes(token)

    def decode_tokens_bytes(self, tokens: Iterable[int]) -> list[bytes]:
        """Give the bytes of each token.

        Args:
            tokens: The tokens, in any iterable.

        Returns:
            The bytes of each.

        Raises:
            KeyError: If a token is unknown.
            OverflowError: If one is negative or above 2**32 - 1.
            TypeError: If one is not an int.
        """
        return self._core_bpe.decode_tokens_bytes(tokens)

    def decode_with_offsets(self, tokens: Iterable[int]) -> tuple[str, list[int]]:
        """Give the text of tokens and where in it each begins.

        Args:
            tokens: The tokens, in any iterable; together they must be UTF-8.

        Returns:
            The text, and for each token the index of the first character that has bytes of it.

        Raises:
            KeyError: If a token is unknown.
            UnicodeDecodeError: If the bytes are not UTF-8.
        """
        joined, offsets = self._core_bpe.decode_with_offsets(tokens)
        return joined.decode("utf-8", errors="strict"), offsets

    def decode_batch(self, batch: Iterable[_Tokens], *, errors: str = "replace", num_threads: int = 8) -> list[str]:
        """Give the text of several sequences of tokens.

        Args:
            batch: The sequences, in any iterable.
            errors: As for :meth:`decode`.
            num_threads: Checked and otherwise ignored: handing the work to threads takes longer than the work.

        Returns:
            The text of each.

        Raises:
            KeyError: If a token is unknown.
            ValueError: If ``num_threads`` is not positive.
        """
        check_threads(num_threads)
        return [self.decode(tokens, errors) for tokens in batch]

    def decode_bytes_batch(self, batch: Iterable[_Tokens], *, num_threads: int = 8) -> list[bytes]:
        """Give the bytes of several sequences of tokens.

        Args:
            batch: The sequences, in any iterable.
            num_threads: As for :meth:`decode_batch`.

        Returns:
            The bytes of each.

        Raises:
            KeyError: If a token is unknown.
            ValueError: If ``num_threads`` is not positive.
        """
        check_threads(num_threads)
        return [self.decode_bytes(tokens) for tokens in batch]

    # The vocabulary

    def token_byte_values(self) -> list[bytes]:
        """Give the bytes of all tokens but the special ones, in byte order."""
        return self._core_bpe.token_byte_values()

    @property
    def eot_token(self) -> int:
        """The token ``<|endoftext|>``; a KeyError if the encoding has none."""
        return self._special_tokens["<|endoftext|>"]

    @functools.cached_property
    def special_tokens_set(self) -> set[str]:
        """The special tokens."""
        return set(self._special_tokens)

    def is_special_token(self, token: int) -> bool:
        """Say whether a token is special.

        Args:
            token: The token, an int.

        Returns:
            Whether it is special; False for one that does not exist.

        Raises:
            NotAnIntegerError: If it is not an int.
        """
        if not isinstance(token, int):
            raise NotAnIntegerError(f"a token must be an int, not {type(token).__name__}")
        return token in self._special_token_values

    @property
    def n_vocab(self) -> int:
        """One more than the largest token: the size of a table indexed by token."""
        return self.max_token_value + 1

    # Not part of the public interface, but in use by other packages

    def _encode_single_piece(self, text_or_bytes: str | bytes) -> list[int]:
        """Encode bytes as one piece: without the pattern and without special tokens."""
        return self._core_bpe.encode_single_piece(as_bytes(text_or_bytes))

    def _encode_only_native_bpe(self, text: str) -> list[int]:
        """Encode a text piece by piece; no surrogates, no special tokens.

        tiktoken cuts with the Python package ``regex`` here, whose Unicode tables differ from those it encodes with.
        This package cuts as it always does.
        """
        tokens: list[int] = []
        for piece in self._core_bpe.split(text):
            tokens.extend(self._core_bpe.encode_single_piece(piece.encode("utf-8")))
        return tokens

    def _encode_bytes(self, text: bytes) -> list[int]:
        """Encode bytes that may end inside a character, without special tokens."""
        return self._core_bpe._encode_bytes(text)

    # Pickling

    def __getstate__(self) -> object:
        """A registered encoding pickles as its name, any other as its parts."""
        registered = _registry().ENCODINGS.get(self.name)
        if registered is not None and self.__dict__ is registered.__dict__:
            return self.name
        return {
            "name": self.name,
            "pat_str": self._pat_str,
            "mergeable_ranks": self._mergeable_ranks,
            "special_tokens": self._special_tokens,
        }

    def __setstate__(self, value: object) -> None:
        """Share everything with the registered encoding of that name, or build from the parts."""
        if isinstance(value, str):
            self.__dict__ = _registry().get_encoding(value).__dict__
        else:
            initialise = cast("Callable[..., None]", self.__init__)  # type: ignore[misc]
            initialise(**cast("dict[str, Any]", value))


def _registry() -> Any:
    """Give the module of registered encodings, which itself needs this one."""
    return importlib.import_module("tokengrove.compat.tiktoken.registry")
