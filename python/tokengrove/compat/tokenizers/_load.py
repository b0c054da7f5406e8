"""From the JSON form of components to components."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from typing import Any

from tokengrove._native import Regex
from tokengrove.compat.tokenizers import decoders, normalizers, pre_tokenizers, processors
from tokengrove.compat.tokenizers._component import BEHAVIORS, Component

_SNAKE = {name: snake for snake, name in BEHAVIORS.items()}


def _pattern(value: Mapping[str, str]) -> str | Regex:
    return Regex(value["Regex"]) if "Regex" in value else value["String"]


def _metaspace(cls: Callable[..., Component]) -> Callable[[Mapping[str, Any]], Component]:
    def make(value: Mapping[str, Any]) -> Component:
        scheme = value.get("prepend_scheme") or "always"
        if value.get("add_prefix_space") is False:
            scheme = "never"
        split = value.get("split")
        return cls(value["replacement"], scheme, True if split is None else split)

    return make


def _template(value: Mapping[str, Any]) -> Component:
    made = processors.TemplateProcessing()
    tokens = {name: dict(value["special_tokens"][name]) for name in sorted(value["special_tokens"])}
    made._state = {"single": value["single"], "pair": value["pair"], "special_tokens": tokens}
    return made


def _byte_level(value: Mapping[str, Any]) -> dict[str, Any]:
    names = ("add_prefix_space", "trim_offsets", "use_regex")
    return {name: value[name] for name in names if value.get(name) is not None}


_N, _P, _D, _Q = normalizers, pre_tokenizers, decoders, processors

_MAKERS: dict[str, dict[str, Callable[[Mapping[str, Any]], Component]]] = {
    "normalizer": {
        "Sequence": lambda v: _N.Sequence([component("normalizer", one) for one in v["normalizers"]]),
        "BertNormalizer": lambda v: _N.BertNormalizer(
            v["clean_text"], v["handle_chinese_chars"], v.get("strip_accents"), v["lowercase"]
        ),
        "NFC": lambda _: _N.NFC(),
        "NFD": lambda _: _N.NFD(),
        "NFKC": lambda _: _N.NFKC(),
        "NFKD": lambda _: _N.NFKD(),
        "Lowercase": lambda _: _N.Lowercase(),
        "Nmt": lambda _: _N.Nmt(),
        "StripAccents": lambda _: _N.StripAccents(),
        "ByteLevel": lambda _: _N.ByteLevel(),
        "Strip": lambda v: _N.Strip(v["strip_left"], v["strip_right"]),
        "Prepend": lambda v: _N.Prepend(v["prepend"]),
        "Replace": lambda v: _N.Replace(_pattern(v["pattern"]), v["content"]),
        "Precompiled": lambda v: _N.Precompiled(base64.b64decode(v["precompiled_charsmap"])),
    },
    "pre_tokenizer": {
        "Sequence": lambda v: _P.Sequence([component("pre_tokenizer", one) for one in v["pretokenizers"]]),
        "ByteLevel": lambda v: _P.ByteLevel(**_byte_level(v)),
        "Split": lambda v: _P.Split(_pattern(v["pattern"]), _SNAKE[v["behavior"]], v["invert"]),
        "Digits": lambda v: _P.Digits(v["individual_digits"]),
        "Punctuation": lambda v: _P.Punctuation(_SNAKE[v.get("behavior") or "Isolated"]),
        "Metaspace": _metaspace(_P.Metaspace),
        "Whitespace": lambda _: _P.Whitespace(),
        "WhitespaceSplit": lambda _: _P.WhitespaceSplit(),
        "CharDelimiterSplit": lambda v: _P.CharDelimiterSplit(v["delimiter"]),
        "UnicodeScripts": lambda _: _P.UnicodeScripts(),
        "FixedLength": lambda v: _P.FixedLength(v.get("length", 5)),
        "BertPreTokenizer": lambda _: _P.BertPreTokenizer(),
    },
    "post_processor": {
        "Sequence": lambda v: _Q.Sequence([component("post_processor", one) for one in v["processors"]]),
        "ByteLevel": lambda v: _Q.ByteLevel(**_byte_level(v)),
        "TemplateProcessing": _template,
        "BertProcessing": lambda v: _Q.BertProcessing(tuple(v["sep"]), tuple(v["cls"])),
        "RobertaProcessing": lambda v: _Q.RobertaProcessing(
            tuple(v["sep"]), tuple(v["cls"]), v["trim_offsets"], v["add_prefix_space"]
        ),
    },
    "decoder": {
        "Sequence": lambda v: _D.Sequence([component("decoder", one) for one in v["decoders"]]),
        "ByteLevel": lambda v: _with_state(_D.ByteLevel(), _byte_level(v)),
        "ByteFallback": lambda _: _D.ByteFallback(),
        "Fuse": lambda _: _D.Fuse(),
        "Replace": lambda v: _D.Replace(_pattern(v["pattern"]), v["content"]),
        "Strip": lambda v: _D.Strip(v["content"], v["start"], v["stop"]),
        "Metaspace": _metaspace(_D.Metaspace),
        "BPEDecoder": lambda v: _D.BPEDecoder(v["suffix"]),
        "WordPiece": lambda v: _D.WordPiece(v["prefix"], v["cleanup"]),
        "CTC": lambda v: _D.CTC(v["pad_token"], v["word_delimiter_token"], v["cleanup"]),
    },
}


def _with_state(made: Component, state: Mapping[str, Any]) -> Component:
    made._state = {**made._state, **state}
    return made


def component(kind: str, value: Any) -> Any:
    """Make a component.

    Args:
        kind: What it is: normalizer, pre_tokenizer, post_processor or decoder.
        value: Its JSON form, or None.

    Returns:
        The component, or None.

    Raises:
        Exception: If there is no such component or a field is missing.
    """
    if value is None:
        return None
    makers = _MAKERS[kind]
    try:
        return makers[value["type"]](value)
    except (KeyError, TypeError) as error:
        found = value.get("type") if isinstance(value, dict) else value
        raise Exception(f"no {kind} can be made of {found!r}: {error}") from error
