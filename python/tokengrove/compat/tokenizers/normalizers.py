"""Normalizers: what happens to text before it is split."""

from __future__ import annotations

import base64
from typing import Any

from tokengrove._native import NormalizedString, NormalizerCore, Regex, lend_normalized
from tokengrove.compat.tokenizers._component import (
    Component,
    Field,
    HiddenPattern,
    SequenceComponent,
    boolean,
    of_python,
    optional_boolean,
    pattern,
    string,
)

__all__ = [
    "NFC",
    "NFD",
    "NFKC",
    "NFKD",
    "NORMALIZERS",
    "BertNormalizer",
    "ByteLevel",
    "Lowercase",
    "Nmt",
    "Normalizer",
    "Precompiled",
    "Prepend",
    "Replace",
    "Sequence",
    "Strip",
    "StripAccents",
    "unicode_normalizer_from_str",
]


class Normalizer(Component):
    """The base of all normalizers."""

    KIND = "normalizer"

    @staticmethod
    def custom(obj: Any) -> Normalizer:
        """Make a normalizer of an object with a method ``normalize(normalized)``.

        Args:
            obj: The object; the method gets a ``NormalizedString`` that it may change while it runs.
        """
        normalizer = Normalizer()
        normalizer._custom = obj
        return normalizer

    def normalize(self, normalized: NormalizedString) -> None:
        """Normalize a text in place.

        Args:
            normalized: The text.

        Raises:
            Exception: If the component is written in Python and fails.
        """
        if self._custom is None:
            self._compile(NormalizerCore).normalize(normalized)
            return
        try:
            lend_normalized(self._custom.normalize, normalized)
        except Exception as error:
            raise of_python(error) from error

    def normalize_str(self, sequence: str) -> str:
        """Give the normalized form of a text.

        Args:
            sequence: The text.
        """
        if not self._is_custom():
            return self._compile(NormalizerCore).normalize_str(sequence)
        normalized = NormalizedString(sequence)
        self.normalize(normalized)
        return normalized.normalized


class Sequence(SequenceComponent, Normalizer):
    """Normalizers one after another."""

    ITEMS = "normalizers"
    BASE = Normalizer

    def __init__(self, normalizers: list[Any]) -> None:
        super().__init__(normalizers)

    def normalize(self, normalized: NormalizedString) -> None:
        """Normalize a text in place."""
        for item in self._items:
            item.normalize(normalized)


class BertNormalizer(Normalizer):
    """What the model BERT does to text."""

    TYPE = "BertNormalizer"

    clean_text = Field[bool](boolean)
    handle_chinese_chars = Field[bool](boolean)
    strip_accents = Field["bool | None"](optional_boolean)
    lowercase = Field[bool](boolean)

    def __init__(
        self,
        clean_text: bool = True,
        handle_chinese_chars: bool = True,
        strip_accents: bool | None = None,
        lowercase: bool = True,
    ) -> None:
        self._set(
            clean_text=clean_text,
            handle_chinese_chars=handle_chinese_chars,
            strip_accents=strip_accents,
            lowercase=lowercase,
        )


class NFC(Normalizer):
    """Canonical composition."""

    TYPE = "NFC"


class NFD(Normalizer):
    """Canonical decomposition."""

    TYPE = "NFD"


class NFKC(Normalizer):
    """Compatibility composition."""

    TYPE = "NFKC"


class NFKD(Normalizer):
    """Compatibility decomposition."""

    TYPE = "NFKD"


class Lowercase(Normalizer):
    """Every character to lower case."""

    TYPE = "Lowercase"


class Nmt(Normalizer):
    """Control characters removed, other white space to spaces."""

    TYPE = "Nmt"


class StripAccents(Normalizer):
    """Combining marks removed."""

    TYPE = "StripAccents"


class ByteLevel(Normalizer):
    """UTF-8 bytes written in GPT-2's byte alphabet."""

    TYPE = "ByteLevel"


class Strip(Normalizer):
    """White space removed at the ends."""

    TYPE = "Strip"

    left = Field[bool](boolean, name="strip_left")
    right = Field[bool](boolean, name="strip_right")

    def __init__(self, left: bool = True, right: bool = True) -> None:
        self._set(left=left, right=right)


class Prepend(Normalizer):
    """Text put before the input unless that is empty."""

    TYPE = "Prepend"

    prepend = Field[str](string)

    def __init__(self, prepend: str = "▁") -> None:
        self._set(prepend=prepend)


class Replace(Normalizer):
    """Every match replaced."""

    TYPE = "Replace"

    pattern = HiddenPattern()
    content = Field[str](string)

    def __init__(self, pattern: str | Regex, content: str) -> None:
        self._state = {"pattern": _pattern(pattern)}
        self._set(content=content)


class Precompiled(Normalizer):
    """A character map compiled by SentencePiece, applied to grapheme clusters."""

    TYPE = "Precompiled"

    def __init__(self, precompiled_charsmap: bytes) -> None:
        self._state = {"precompiled_charsmap": base64.b64encode(bytes(precompiled_charsmap)).decode()}
        try:
            self._compile(NormalizerCore)
        except Exception as error:
            raise Exception(f"Error while attempting to build Precompiled normalizer: {error}") from error
        if not precompiled_charsmap:
            raise Exception("Error while attempting to build Precompiled normalizer: Cannot parse precompiled_charsmap")


_pattern = pattern

NORMALIZERS: dict[str, type[Normalizer]] = {"nfc": NFC, "nfd": NFD, "nfkc": NFKC, "nfkd": NFKD}


def unicode_normalizer_from_str(normalizer: str) -> Normalizer:
    """Make the normalizer of a form of Unicode.

    Args:
        normalizer: The form: nfc, nfd, nfkc or nfkd.

    Raises:
        ValueError: If there is no such form.
    """
    if normalizer not in NORMALIZERS:
        raise ValueError(f"{normalizer} is not a known unicode normalizer. Available are {NORMALIZERS.keys()}")
    return NORMALIZERS[normalizer]()
