"""Decoders: from token strings back to text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tokengrove._native import DecoderCore, Regex
from tokengrove.compat.tokenizers._component import (
    Component,
    Field,
    MetaspaceFields,
    SequenceComponent,
    boolean,
    character,
    count,
    of_python,
    pattern,
    string,
)

if TYPE_CHECKING:
    from collections.abc import Sequence as Strings

    from tokengrove.compat.tokenizers._tokenizer import Tokenizer

__all__ = [
    "CTC",
    "BPEDecoder",
    "ByteFallback",
    "ByteLevel",
    "DecodeStream",
    "Decoder",
    "Fuse",
    "Metaspace",
    "Replace",
    "Sequence",
    "Strip",
    "WordPiece",
]


class Decoder(Component):
    """The base of all decoders."""

    KIND = "decoder"

    @staticmethod
    def custom(decoder: Any) -> Decoder:
        """Make a decoder of an object with a method ``decode(tokens)`` or ``decode_chain(tokens)``.

        Args:
            decoder: The object; ``decode`` gives text and ``decode_chain`` a list of strings that are joined.
        """
        made = Decoder()
        made._custom = decoder
        return made

    def decode(self, tokens: Strings[str]) -> str:
        """Give the text of token strings.

        Args:
            tokens: The strings.

        Raises:
            Exception: If the component is written in Python and fails.
        """
        if not self._is_custom():
            return self._compile(DecoderCore).decode(list(tokens))
        if self._custom is not None and not hasattr(self._custom, "decode_chain"):
            try:
                return str(self._custom.decode(list(tokens)))
            except Exception as error:
                raise of_python(error) from error
        return "".join(self._chain(list(tokens)))

    def _chain(self, tokens: list[str]) -> list[str]:
        """Give the strings that the next decoder of a sequence gets."""
        if self._custom is None:
            return self._compile(DecoderCore).decode_chain(tokens)
        try:
            return list(self._custom.decode_chain(tokens))
        except Exception as error:
            raise of_python(error) from error


class Sequence(SequenceComponent, Decoder):
    """Decoders one after another."""

    ITEMS = "decoders"
    BASE = Decoder

    def __init__(self, decoders: list[Any]) -> None:
        super().__init__(decoders)

    def _chain(self, tokens: list[str]) -> list[str]:
        for item in self._items:
            tokens = item._chain(tokens)
        return tokens


class ByteLevel(Decoder):
    """Byte alphabet to bytes."""

    TYPE = "ByteLevel"

    def __init__(self, **_kwargs: Any) -> None:
        self._state = {"add_prefix_space": True, "trim_offsets": True, "use_regex": True}


class ByteFallback(Decoder):
    """Tokens like ``<0x41>`` to the bytes they name."""

    TYPE = "ByteFallback"


class Fuse(Decoder):
    """All tokens joined into one."""

    TYPE = "Fuse"


class Replace(Decoder):
    """Every match in each token replaced."""

    TYPE = "Replace"

    def __init__(self, pattern: str | Regex, content: str) -> None:
        self._state = {"pattern": _pattern(pattern), "content": string(content)}


class Strip(Decoder):
    """A character removed at the ends of each token."""

    TYPE = "Strip"

    content = Field[str](character)
    start = Field[int](count)
    stop = Field[int](count)

    def __init__(self, content: str = " ", left: int = 0, right: int = 0) -> None:
        self._set(content=content, start=left, stop=right)


class Metaspace(MetaspaceFields, Decoder):
    """The visible character back to a space."""


class BPEDecoder(Decoder):
    """The end-of-word suffix back to a space."""

    TYPE = "BPEDecoder"

    suffix = Field[str](string)

    def __init__(self, suffix: str = "</w>") -> None:
        self._set(suffix=suffix)


class WordPiece(Decoder):
    """Tokens without the prefix begin a word."""

    TYPE = "WordPiece"

    prefix = Field[str](string)
    cleanup = Field[bool](boolean)

    def __init__(self, prefix: str = "##", cleanup: bool = True) -> None:
        self._set(prefix=prefix, cleanup=cleanup)


class CTC(Decoder):
    """Repeated tokens are one, and padding goes."""

    TYPE = "CTC"

    pad_token = Field[str](string)
    word_delimiter_token = Field[str](string)
    cleanup = Field[bool](boolean)

    def __init__(self, pad_token: str = "<pad>", word_delimiter_token: str = "|", cleanup: bool = True) -> None:
        self._set(pad_token=pad_token, word_delimiter_token=word_delimiter_token, cleanup=cleanup)


_pattern = pattern


class DecodeStream:
    """Decodes token by token: a step gives the text that has become certain.

    Args:
        ids: Ids that came before; their text is not given again.
        skip_special_tokens: Whether special tokens are left out.
    """

    __slots__ = ("_ids", "_index", "_prefix", "skip_special_tokens")

    def __init__(self, ids: Strings[int] | bool | None = None, skip_special_tokens: bool = False) -> None:
        if isinstance(ids, bool):
            # The reference library took the flag first in older versions.
            skip_special_tokens = ids
            ids = None
        self._ids = list(ids or ())
        self._prefix = ""
        self._index = 0
        self.skip_special_tokens = skip_special_tokens

    def step(self, tokenizer: Tokenizer, id: int | Strings[int]) -> str | None:
        """Add one token or several.

        Args:
            tokenizer: The tokenizer, the same at every step.
            id: The id or ids.

        Returns:
            The new text, or None while it may still change.

        Raises:
            Exception: If the text so far is no longer the beginning of the whole.
        """
        decode = tokenizer.decode
        ids, prefix = self._ids, self._prefix
        if not prefix and ids:
            prefix = decode(ids, skip_special_tokens=self.skip_special_tokens)
            if not prefix.endswith("\ufffd"):
                self._prefix, self._index = prefix, len(ids)
            prefix = self._prefix
        ids.extend([id] if isinstance(id, int) else id)
        text = decode(ids, skip_special_tokens=self.skip_special_tokens)
        if len(text.encode()) <= len(prefix.encode()) or text.endswith("\ufffd"):
            return None
        if not text.startswith(prefix):
            raise Exception(
                f"Invalid prefix encountered while decoding stream. Token ID: {ids[-1]}, "
                f"Expected prefix: '{prefix}', Actual string: '{text}'"
            )
        index = len(ids) - self._index
        self._ids = ids[self._index :]
        self._prefix = decode(self._ids, skip_special_tokens=self.skip_special_tokens)
        self._index = index
        return text[len(prefix) :]

    def __copy__(self) -> DecodeStream:
        """Copy the stream with what it remembers."""
        copy = DecodeStream(self._ids, self.skip_special_tokens)
        copy._prefix, copy._index = self._prefix, self._index
        return copy

    def __deepcopy__(self, _memo: dict[int, Any]) -> DecodeStream:
        """Copy the stream with what it remembers."""
        return self.__copy__()
