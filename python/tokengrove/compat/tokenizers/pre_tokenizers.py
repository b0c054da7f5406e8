"""Pre-tokenizers: how text is cut into pieces that the model never merges across."""

from __future__ import annotations

from typing import Any

from tokengrove._native import PreTokenizedString, PreTokenizerCore, Regex
from tokengrove.compat.tokenizers._component import (
    Component,
    Field,
    HiddenPattern,
    MetaspaceFields,
    SequenceComponent,
    behavior,
    behavior_name,
    boolean,
    character,
    count,
    of_python,
    pattern,
)

__all__ = [
    "BertPreTokenizer",
    "ByteLevel",
    "CharDelimiterSplit",
    "Digits",
    "FixedLength",
    "Metaspace",
    "PreTokenizer",
    "Punctuation",
    "Sequence",
    "Split",
    "UnicodeScripts",
    "Whitespace",
    "WhitespaceSplit",
]


class PreTokenizer(Component):
    """The base of all pre-tokenizers."""

    KIND = "pre_tokenizer"

    @staticmethod
    def custom(pretok: Any) -> PreTokenizer:
        """Make a pre-tokenizer of an object with a method ``pre_tokenize(pretok)``.

        Args:
            pretok: The object; the method gets a ``PreTokenizedString`` to split.
        """
        pre_tokenizer = PreTokenizer()
        pre_tokenizer._custom = pretok
        return pre_tokenizer

    def pre_tokenize(self, pretok: PreTokenizedString) -> None:
        """Split a text in place.

        Args:
            pretok: The text.

        Raises:
            Exception: If the component is written in Python and fails.
        """
        if self._custom is None:
            self._compile(PreTokenizerCore).pre_tokenize(pretok)
            return
        try:
            self._custom.pre_tokenize(pretok)
        except Exception as error:
            raise of_python(error) from error

    def pre_tokenize_str(self, s: str) -> list[tuple[str, tuple[int, int]]]:
        """Split a text.

        Args:
            s: The text.

        Returns:
            The pieces, each with where it lies in the text, in characters.
        """
        pretok = PreTokenizedString(s)
        self.pre_tokenize(pretok)
        return [(text, offsets) for text, offsets, _ in pretok.get_splits()]


class Sequence(SequenceComponent, PreTokenizer):
    """Pre-tokenizers one after another, each on the pieces of the one before."""

    ITEMS = "pretokenizers"
    BASE = PreTokenizer

    def __init__(self, pre_tokenizers: list[Any]) -> None:
        super().__init__(pre_tokenizers)

    def pre_tokenize(self, pretok: PreTokenizedString) -> None:
        """Split a text in place."""
        for item in self._items:
            item.pre_tokenize(pretok)


class ByteLevel(PreTokenizer):
    """GPT-2's: an optional regular expression, then bytes written in the byte alphabet."""

    TYPE = "ByteLevel"

    add_prefix_space = Field[bool](boolean)
    trim_offsets = Field[bool](boolean)
    use_regex = Field[bool](boolean)

    def __init__(
        self, add_prefix_space: bool = True, trim_offsets: bool = True, use_regex: bool = True, **_kwargs: Any
    ) -> None:
        self._set(add_prefix_space=add_prefix_space, trim_offsets=trim_offsets, use_regex=use_regex)

    @staticmethod
    def alphabet() -> list[str]:
        """Give the 256 characters that stand for bytes."""
        visible = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
        return [chr(code) for code in [*visible, *range(0x100, 0x100 + 256 - len(visible))]]


class Split(PreTokenizer):
    """A split at the matches of a pattern."""

    TYPE = "Split"

    pattern = HiddenPattern()
    behavior = Field[str](behavior, write=behavior_name)
    invert = Field[bool](boolean)

    def __init__(self, pattern: str | Regex, behavior: Any, invert: bool = False) -> None:
        self._state = {"pattern": _pattern(pattern)}
        self._set(behavior=behavior, invert=invert)


class Digits(PreTokenizer):
    """A split around numeric characters."""

    TYPE = "Digits"

    individual_digits = Field[bool](boolean)

    def __init__(self, individual_digits: bool = False) -> None:
        self._set(individual_digits=individual_digits)


class Punctuation(PreTokenizer):
    """A split at punctuation characters."""

    TYPE = "Punctuation"

    behavior = Field[str](behavior, write=behavior_name)

    def __init__(self, behavior: Any = "isolated") -> None:
        self._set(behavior=behavior)


class Metaspace(MetaspaceFields, PreTokenizer):
    """Spaces replaced by a visible character, and a split before each."""


class Whitespace(PreTokenizer):
    """Words and runs of other non-space characters; white space is dropped."""

    TYPE = "Whitespace"


class WhitespaceSplit(PreTokenizer):
    """A split at white space, which is dropped."""

    TYPE = "WhitespaceSplit"


class CharDelimiterSplit(PreTokenizer):
    """A split at a character, which is dropped."""

    TYPE = "CharDelimiterSplit"

    delimiter = Field[str](character)

    def __init__(self, delimiter: str) -> None:
        self._set(delimiter=delimiter)


class UnicodeScripts(PreTokenizer):
    """A split where the script changes."""

    TYPE = "UnicodeScripts"


class FixedLength(PreTokenizer):
    """Pieces of a number of characters each."""

    TYPE = "FixedLength"

    length = Field[int](count)

    def __init__(self, length: int = 5) -> None:
        self._set(length=length)


class BertPreTokenizer(PreTokenizer):
    """A split at white space, which is dropped, and around punctuation."""

    TYPE = "BertPreTokenizer"


_pattern = pattern
