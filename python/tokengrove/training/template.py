"""What happens to text before merging: the part of a tokenizer that training does not learn.

A template is the components of a ``tokenizer.json`` other than its model. Counting runs them, and the trained tokenizer
has them, so that both cut text alike.
"""

from __future__ import annotations

import functools
import json
import operator
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from tokengrove._native import Model, PieceCounts, pattern_names
from tokengrove.errors import InvalidArgumentError, VocabularyError
from tokengrove.tokenizer import Tokenizer

__all__ = ["Component", "Digits", "Template", "shown"]

Component = Mapping[str, Any]
"""A component as ``tokenizer.json`` writes it."""

Digits = Literal["l2r", "r2l", "single", "run"]
"""How runs of digits are cut: in groups from the left or the right, one by one, or not."""

_NORMALIZERS = {"nfc": "NFC", "nfd": "NFD", "nfkc": "NFKC", "nfkd": "NFKD", "lowercase": "Lowercase"}
_BYTE_LEVEL = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False}


@dataclass(frozen=True)
class Template:
    """The components of a tokenizer other than its model.

    Attributes:
        normalizer: The normalizer, or None.
        pre_tokenizer: The pre-tokenizer, or None.
        decoder: The decoder, or None.
        post_processor: The post-processor, or None.
    """

    normalizer: Component | None
    pre_tokenizer: Component | None
    decoder: Component | None = None
    post_processor: Component | None = None
    _cache: dict[str, Model] = field(default_factory=dict, compare=False, repr=False)

    @classmethod
    def make(
        cls,
        pattern: str | Component | None,
        normalizer: str | Sequence[str] | Component | None = None,
        digits: Digits | None = None,
        digit_group: int = 3,
    ) -> Template:
        """Make one from what training functions take.

        Args:
            pattern: A name, a regular expression, a pre-tokenizer as ``tokenizer.json`` writes it, or None to not cut.
            normalizer: ``"nfc"``, ``"nfd"``, ``"nfkc"``, ``"nfkd"``, ``"lowercase"``, several of them in order, or a
                component.
            digits: How numbers are cut before the pattern is applied; None leaves them to the pattern. A named pattern
                then leaves numbers as they were cut.
            digit_group: The most digits in a group.

        Returns:
            The template.

        Raises:
            InvalidArgumentError: If a name is unknown or a size is not positive, or if a pattern that is not named cuts
                numbers further than ``digits`` says.
        """
        pre_tokenizer = dict(pattern) if isinstance(pattern, Mapping) else _pre_tokenizer(pattern)
        if digits is not None:
            named = isinstance(pattern, str) and pattern in pattern_names()
            pre_tokenizer = _with_digits(pre_tokenizer, digits, digit_group, named)
        byte_level = _mentions(pre_tokenizer, "ByteLevel")
        decoder = {**_BYTE_LEVEL, "add_prefix_space": True, "use_regex": True} if byte_level else None
        template = cls(_normalizer(normalizer), pre_tokenizer, decoder)
        if digits is not None and pattern is not None:
            _check_digits(template, digits, digit_group)
        return template

    @classmethod
    def of_tokenizer(cls, tokenizer: Tokenizer) -> tuple[Template, dict[str, Any]]:
        """Take the components of a tokenizer.

        Args:
            tokenizer: Any tokenizer that ``tokenizer.json`` has a form for.

        Returns:
            The template, and the whole ``tokenizer.json``.

        Raises:
            UnsupportedTokenizerError: If the format has no form for it.
        """
        parts: dict[str, Any] = json.loads(tokenizer.to_json())
        template = cls(parts["normalizer"], parts["pre_tokenizer"], parts["decoder"], parts["post_processor"])
        return template, parts

    @property
    def byte_level(self) -> bool:
        """Whether text is merged as bytes, not as characters."""
        return _mentions(self.pre_tokenizer, "ByteLevel") or _mentions(self.normalizer, "ByteLevel")

    def tokens_like(self, text: str) -> list[bytes]:
        """Give the tokens that would be taken for an added token: those of its text, and of the same string in a file.

        Args:
            text: The text of an added token.

        Returns:
            The tokens, as bytes.
        """
        if not self.byte_level:
            return [text.encode()]
        bytes_of = {char: byte for byte, char in _byte_chars().items()}
        known = all(char in bytes_of for char in text)
        return [text.encode(), *([bytes(bytes_of[char] for char in text)] if known else [])]

    def written(self, token: bytes) -> str:
        """Give the string of a token in a ``tokenizer.json``.

        Args:
            token: The token; UTF-8 if text is merged as characters.

        Returns:
            The string.
        """
        return "".join(map(_byte_chars().__getitem__, token)) if self.byte_level else token.decode()

    def difference(self, other: Template) -> str | None:
        """Say how text is cut differently.

        Args:
            other: Another template.

        Returns:
            The first difference, in a few words; None if both cut text alike.
        """
        for name in ("normalizer", "pre_tokenizer"):
            one, two = (json.dumps(getattr(cut, name), ensure_ascii=False, sort_keys=True) for cut in (self, other))
            if one != two:
                alike = next((at for at, (a, b) in enumerate(zip(one, two, strict=False)) if a != b), 0)
                at = max(alike - 20, 0)
                parts = [
                    f"{'...' if at else ''}{text[at : at + 60]}{'...' if len(text) > at + 60 else ''}"
                    for text in (one, two)
                ]
                return f"{name} {parts[0]} and {parts[1]}"
        return None

    @property
    def description(self) -> str:
        """What counts carry along: equal if, and only if, text is cut alike."""
        parts = {"normalizer": self.normalizer, "pre_tokenizer": self.pre_tokenizer}
        return json.dumps(parts, ensure_ascii=False, sort_keys=True, separators=(",", ":"))

    @classmethod
    def from_description(cls, description: str) -> Template:
        """Read what :attr:`description` gave.

        Args:
            description: The description.

        Returns:
            The template.

        Raises:
            VocabularyError: If it is no such description.
        """
        try:
            parts = json.loads(description)
            return cls.make(parts["pre_tokenizer"])._replaced(parts["normalizer"])
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise VocabularyError(f"the counts do not say how their text was cut: {description[:200]!r}") from error

    def _replaced(self, normalizer: Component | None) -> Template:
        decoder = self.decoder
        if decoder is None and _mentions(normalizer, "ByteLevel"):
            decoder = {**_BYTE_LEVEL, "add_prefix_space": True, "use_regex": True}
        return Template(normalizer, self.pre_tokenizer, decoder)

    @property
    def model(self) -> Model:
        """What cuts text: a tokenizer without merges."""
        if "model" not in self._cache:
            vocab = _byte_vocab() if self.byte_level else {}
            self._cache["model"] = Model.from_bytes(self.to_json(vocab, [], []).encode(), pattern=...)
        return self._cache["model"]

    def to_json(
        self,
        vocab: Mapping[str, int],
        merges: Sequence[tuple[str, str]],
        added_tokens: Sequence[Component],
        **model: Any,
    ) -> str:
        """Write a ``tokenizer.json``.

        Args:
            vocab: Token strings and ids.
            merges: Pairs of token strings.
            added_tokens: Added tokens as the format writes them.
            model: Other fields of the model.

        Returns:
            The file's content.
        """
        fields = {
            "type": "BPE",
            "dropout": None,
            "unk_token": None,
            "continuing_subword_prefix": None,
            "end_of_word_suffix": None,
            "fuse_unk": False,
            "byte_fallback": False,
            "ignore_merges": False,
        }
        parts = {
            "version": "1.0",
            "truncation": None,
            "padding": None,
            "added_tokens": list(added_tokens),
            "normalizer": self.normalizer,
            "pre_tokenizer": self.pre_tokenizer,
            "post_processor": self.post_processor,
            "decoder": self.decoder,
            "model": {**fields, **model, "vocab": vocab, "merges": merges},
        }
        return json.dumps(parts, ensure_ascii=False)


def shown(component: Component | None) -> str:
    """Write a component for a message.

    Args:
        component: The component, or None.

    Returns:
        At most some two hundred characters: the JSON, cut short in the middle.
    """
    text = json.dumps(component, ensure_ascii=False, sort_keys=True)
    return text if len(text) <= 200 else f"{text[:120]} ... {text[-60:]}"


@functools.cache
def _byte_chars() -> dict[int, str]:
    """The characters that stand for bytes in a ``tokenizer.json``."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in set(printable)]
    return {**{byte: chr(byte) for byte in printable}, **{byte: chr(0x100 + n) for n, byte in enumerate(others)}}


def _byte_vocab() -> dict[str, int]:
    """The 256 characters of the byte alphabet."""
    return {char: place for place, char in enumerate(_byte_chars().values())}


def _pre_tokenizer(pattern: str | None) -> dict[str, Any]:
    """A byte-level pre-tokenizer for a name, a regular expression or nothing."""
    if pattern is None:
        return dict(_BYTE_LEVEL)
    if pattern in pattern_names():
        ranks = {bytes([byte]): byte for byte in range(256)}
        parts = json.loads(Tokenizer.from_tiktoken(ranks, pattern=pattern).to_json())
        named: dict[str, Any] = parts["pre_tokenizer"]
        return named
    return {"type": "Sequence", "pretokenizers": [_split(pattern), dict(_BYTE_LEVEL)]}


def _split(regex: str) -> dict[str, Any]:
    """A split at the matches of a regular expression, which are pieces as is the text between them."""
    return {"type": "Split", "pattern": {"Regex": regex}, "behavior": "Isolated", "invert": False}


def _with_digits(pre_tokenizer: dict[str, Any], digits: str, group: int, named: bool) -> dict[str, Any]:
    """Put a split of numbers before a pre-tokenizer; a named one loses its own."""
    if operator.index(group) < 1:
        raise InvalidArgumentError(f"digit_group must be at least 1; found {group}")
    patterns = {
        "l2r": rf"\p{{N}}{{1,{group}}}",
        "r2l": rf"\p{{N}}{{1,{group}}}(?=(?:\p{{N}}{{{group}}})*(?!\p{{N}}))",
        "single": r"\p{N}",
        "run": r"\p{N}+",
    }
    if digits not in patterns:
        raise InvalidArgumentError(f"digits must be one of {', '.join(patterns)}; found {digits!r}")
    nested = pre_tokenizer.get("type") == "Sequence"
    rest = pre_tokenizer["pretokenizers"] if nested else [pre_tokenizer]
    if named:
        rest = [part for part in map(_with_whole_numbers, rest) if part is not None]
    return {"type": "Sequence", "pretokenizers": [_split(patterns[digits]), *rest]}


# A number, or some digits of one, as an alternative of the named patterns.
_NUMBER = re.compile(r"(?<=\|)(?:\(\?>\\p\{N\}\{1,3\}\)|\\p\{N\}(?:\{1,3\})?)(?=\|)")


def _with_whole_numbers(component: dict[str, Any]) -> dict[str, Any] | None:
    """A component of a named pattern that leaves numbers whole; None for one that does nothing but cut them."""
    if component["type"] != "Split":
        return component
    regex: str = component["pattern"]["Regex"]
    if regex in (r"\p{N}", r"\p{N}{1,3}"):
        return None
    return _split(_NUMBER.sub(lambda _: r"\p{N}+", regex))


def _check_digits(template: Template, digits: Digits, group: int) -> None:
    """Refuse a pattern that cuts numbers further than asked for."""
    number = "1234567890" * (group // 3 + 1)
    wanted = Template.make(None, None, digits, group)
    found, expected = (
        dict(PieceCounts.count(cut.model, [number], None).most_common(None)) for cut in (template, wanted)
    )
    if found != expected:
        raise InvalidArgumentError(
            f"the pattern cuts numbers itself, so digits={digits!r} would not have its effect: "
            r"leave numbers whole in it (\p{N}+), or leave digits out"
        )


def _normalizer(normalizer: str | Sequence[str] | Component | None) -> Component | None:
    """A normalizer component for what training functions take."""
    if normalizer is None or isinstance(normalizer, Mapping):
        return normalizer
    names = [normalizer] if isinstance(normalizer, str) else list(normalizer)
    unknown = [name for name in names if name.lower() not in _NORMALIZERS]
    if unknown:
        allowed = ", ".join(_NORMALIZERS)
        raise InvalidArgumentError(f"no normalizer is named {unknown[0]!r}; there are {allowed}, and components")
    parts = [{"type": _NORMALIZERS[name.lower()]} for name in names]
    return parts[0] if len(parts) == 1 else {"type": "Sequence", "normalizers": parts} if parts else None


def _mentions(component: Any, kind: str) -> bool:
    """Whether a component, or one inside it, is of a type."""
    if isinstance(component, Mapping):
        return component.get("type") == kind or any(_mentions(value, kind) for value in component.values())
    return isinstance(component, list) and any(_mentions(value, kind) for value in component)
