"""How components and tokenizers show themselves: as the reference library does."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tokengrove.compat.tokenizers._component import Component
    from tokengrove.compat.tokenizers._tokenizer import Tokenizer

SHORT = 5
"""Elements of a list that ``str`` shows."""
LONG = 100
"""Elements of a list that ``repr`` shows."""

_NAMES = frozenset({"behavior", "prepend_scheme", "direction", "strategy"})
"""Fields that hold one of a few names, which are shown without quotes."""


def _joined(parts: Iterable[str], limit: int) -> str:
    shown = list(itertools.islice(parts, limit + 1))
    if len(shown) > limit:
        shown[limit:] = ["..."]
    return ", ".join(shown)


def _quoted(text: str) -> str:
    return f'"{text}"'


def _value(value: Any, limit: int, name: str = "") -> str:
    if isinstance(value, str):
        return value if name in _NAMES else _quoted(value)
    if name == "pattern":
        ((kind, text),) = value.items()
        return f"{kind}({_quoted(text)})"
    if name in ("sep", "cls"):
        return f"({_quoted(value[0])}, {value[1]})"
    if isinstance(value, Mapping):
        if "type" in value:
            return _object(value["type"], {k: v for k, v in value.items() if k != "type"}, limit)
        if len(value) == 1 and set(value) <= {"Fixed", "Sequence", "SpecialToken"}:
            ((kind, inner),) = value.items()
            return _object(kind, inner, limit) if isinstance(inner, Mapping) else f"{kind}({inner})"
        return "{" + _joined((f"{_quoted(k)}:{_value(v, limit)}" for k, v in value.items()), limit) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + _joined((_value(item, limit) for item in value), limit) + "]"
    return str(value)


def _object(kind: str, fields: Mapping[str, Any], limit: int) -> str:
    def shown(name: str, value: Any) -> str:
        if name == "id" and kind == "Sequence":
            return str(value)
        if name == "special_tokens":
            inner = (f"{_quoted(k)}:{_object('SpecialToken', v, limit)}" for k, v in value.items())
            return "{" + _joined(inner, limit) + "}"
        return _value(value, limit, name)

    return f"{kind}({', '.join(f'{name}={shown(name, value)}' for name, value in fields.items())})"


def component(shown: Component, limit: int) -> str:
    """Show a component; lists of more than ``limit`` elements are cut off."""
    return _value(shown._json(), limit)


def model(options: Mapping[str, Any], vocab: Iterable[tuple[str, int]], merges: Iterable[Any], limit: int) -> str:
    """Show a model."""
    fields = ", ".join(f"{name}={_value(value, limit)}" for name, value in options.items() if name != "type")
    strings = _joined((f"{_quoted(token)}:{number}" for token, number in vocab), limit)
    pairs = _joined((f"({_quoted(left)}, {_quoted(right)})" for left, right in merges), limit)
    return f"BPE({fields}, vocab={{{strings}}}, merges=[{pairs}])"


def tokenizer(shown: Tokenizer, limit: int) -> str:
    """Show a tokenizer."""
    head = shown._head()
    parts = []
    for name, value in head.items():
        if value is None:
            text = "None"
        elif name == "truncation":
            text = _object("TruncationParams", value, limit)
        elif name == "padding":
            text = _object("PaddingParams", value, limit)
        else:
            text = _value(value, limit)
        parts.append(f"{name}={text}")
    return f"Tokenizer({', '.join(parts)}, model={shown.model._show(limit)})"
