"""Truncation and padding as a user sets them, as files hold them and as the core takes them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

_STRATEGIES = {"longest_first": "LongestFirst", "only_first": "OnlyFirst", "only_second": "OnlySecond"}
_SNAKE = {value: key for key, value in _STRATEGIES.items()}


def _count(value: Any, name: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{name} must be an int, not {type(value).__name__}")
    if value < 0:
        raise OverflowError(f"{name} must not be negative: found {value}")
    return value


def _direction(value: Any) -> str:
    if value not in ("left", "right"):
        raise ValueError(f"Unknown `direction`: `{value}`. Use one of `left` or `right`")
    return str(value)


@dataclass(frozen=True)
class Truncation:
    """How long encodings may be."""

    max_length: int = 512
    stride: int = 0
    strategy: str = "longest_first"
    direction: str = "right"

    @classmethod
    def read(cls, max_length: Any, kwargs: dict[str, Any]) -> Truncation:
        """Read the arguments of ``enable_truncation``."""
        unknown = set(kwargs) - {"stride", "strategy", "direction"}
        if unknown:
            raise TypeError(f"enable_truncation() got an unexpected keyword argument {min(unknown)!r}")
        strategy = kwargs.get("strategy", "longest_first")
        if strategy not in _STRATEGIES:
            raise ValueError(
                f"Unknown `strategy`: `{strategy}`. Use one of `longest_first`, `only_first`, or `only_second`"
            )
        stride = _count(kwargs.get("stride", 0), "stride")
        direction = _direction(kwargs.get("direction", "right"))
        return cls(_count(max_length, "max_length"), stride, strategy, direction)

    def check(self, added: int) -> None:
        """Check that windows move on although some tokens are added."""
        effective = (self.max_length - added) % (1 << 64)
        if effective < self.stride:
            raise ValueError(
                f"tokenizer stride set to {self.stride}, which is greater than or equal to its effective max length "
                f"of {effective} (= {self.max_length} original max length - {added} added special tokens), "
            )

    @classmethod
    def of_json(cls, value: dict[str, Any]) -> Truncation:
        """Read the form of files."""
        strategy = _SNAKE[value.get("strategy", "LongestFirst")]
        direction = value.get("direction", "Right").lower()
        return cls(value["max_length"], value.get("stride", 0), strategy, direction)

    def json(self) -> dict[str, Any]:
        """Give the form of files."""
        return {
            "direction": self.direction.capitalize(),
            "max_length": self.max_length,
            "strategy": _STRATEGIES[self.strategy],
            "stride": self.stride,
        }

    def arguments(self) -> dict[str, Any]:
        """Give the arguments of ``enable_truncation``."""
        return {
            "max_length": self.max_length,
            "stride": self.stride,
            "strategy": self.strategy,
            "direction": self.direction,
        }

    def native(self) -> tuple[int, int, str, str]:
        """Give what the core takes."""
        return self.max_length, self.stride, self.strategy, self.direction


@dataclass(frozen=True)
class Padding:
    """How long encodings are made."""

    length: int | None = None
    pad_to_multiple_of: int | None = None
    direction: str = "right"
    pad_id: int = 0
    pad_type_id: int = 0
    pad_token: str = "[PAD]"

    @classmethod
    def read(cls, kwargs: dict[str, Any]) -> Padding:
        """Read the arguments of ``enable_padding``."""
        if "max_length" in kwargs:
            # The name of older versions.
            kwargs = {**kwargs, "length": kwargs["max_length"]}
            del kwargs["max_length"]
        names = {"length", "pad_to_multiple_of", "direction", "pad_id", "pad_type_id", "pad_token"}
        unknown = set(kwargs) - names
        if unknown:
            raise TypeError(f"enable_padding() got an unexpected keyword argument {min(unknown)!r}")
        length, multiple = kwargs.get("length"), kwargs.get("pad_to_multiple_of")
        token = kwargs.get("pad_token", "[PAD]")
        if not isinstance(token, str):
            raise TypeError(f"pad_token must be a str, not {type(token).__name__}")
        return cls(
            None if length is None else _count(length, "length"),
            None if multiple is None else _count(multiple, "pad_to_multiple_of"),
            _direction(kwargs.get("direction", "right")),
            _count(kwargs.get("pad_id", 0), "pad_id"),
            _count(kwargs.get("pad_type_id", 0), "pad_type_id"),
            token,
        )

    @classmethod
    def of_json(cls, value: dict[str, Any]) -> Padding:
        """Read the form of files."""
        strategy = value.get("strategy", "BatchLongest")
        return cls(
            strategy["Fixed"] if isinstance(strategy, dict) else None,
            value.get("pad_to_multiple_of"),
            value.get("direction", "Right").lower(),
            value.get("pad_id", 0),
            value.get("pad_type_id", 0),
            value.get("pad_token", "[PAD]"),
        )

    def json(self) -> dict[str, Any]:
        """Give the form of files."""
        return {
            "strategy": "BatchLongest" if self.length is None else {"Fixed": self.length},
            "direction": self.direction.capitalize(),
            "pad_to_multiple_of": self.pad_to_multiple_of,
            "pad_id": self.pad_id,
            "pad_type_id": self.pad_type_id,
            "pad_token": self.pad_token,
        }

    def arguments(self) -> dict[str, Any]:
        """Give the arguments of ``enable_padding``."""
        return {
            "length": self.length,
            "pad_to_multiple_of": self.pad_to_multiple_of,
            "pad_id": self.pad_id,
            "pad_token": self.pad_token,
            "pad_type_id": self.pad_type_id,
            "direction": self.direction,
        }

    def native(self) -> tuple[int | None, int | None, str, int, int, str]:
        """Give what the core takes."""
        return self.length, self.pad_to_multiple_of, self.direction, self.pad_id, self.pad_type_id, self.pad_token
