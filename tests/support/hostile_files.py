"""Vocabulary files that no trainer wrote: truncated, contradictory, enormous on paper, or noise.

Every case is made here, from a small valid file of each format, so nothing hostile is stored in the repository.
"""

from __future__ import annotations

import base64
import json
import random
import struct
from collections.abc import Iterator
from typing import Any

Json = dict[str, Any]


def byte_alphabet() -> list[str]:
    """The 256 characters that byte-level tokenizer files write bytes with, in byte order.

    Printable Latin-1 stands for itself; the others are shifted to U+0100 and up, in order.
    """
    printable = {*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)}
    shifted = iter(range(0x100, 0x200))
    return [chr(byte) if byte in printable else chr(next(shifted)) for byte in range(256)]


# --- valid files ---------------------------------------------------------------------------------------------------


def rank_lines() -> list[bytes]:
    """The lines of a small valid rank file."""
    tokens = [bytes([byte]) for byte in range(256)] + [b"th", b"the", b" the", b"in", b"ing", b"\xc3\xa9"]
    return [base64.b64encode(token) + b" " + str(rank).encode() for rank, token in enumerate(tokens)]


def rank_file(lines: list[bytes] | None = None) -> bytes:
    return b"\n".join(rank_lines() if lines is None else lines) + b"\n"


def hf_json() -> Json:
    """A small valid byte-level ``tokenizer.json``."""
    vocab = {char: index for index, char in enumerate(byte_alphabet())}
    merges = [["t", "h"], ["th", "e"], ["i", "n"], ["in", "g"]]
    for left, right in merges:
        vocab[left + right] = len(vocab)
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [
            {
                "id": len(vocab),
                "content": "<|end|>",
                "single_word": False,
                "lstrip": False,
                "rstrip": False,
                "normalized": False,
                "special": True,
            }
        ],
        "normalizer": None,
        "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True},
        "post_processor": {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": False, "use_regex": True},
        "decoder": {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True},
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": None,
            "continuing_subword_prefix": None,
            "end_of_word_suffix": None,
            "fuse_unk": False,
            "byte_fallback": False,
            "ignore_merges": False,
            "vocab": vocab,
            "merges": merges,
        },
    }


def tekken_json() -> Json:
    """A small valid ``tekken.json``."""
    tokens = [bytes([byte]) for byte in range(256)] + [b"th", b"the", b"in", b"ing"]
    return {
        "config": {
            "pattern": r"[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+",
            "num_vocab_tokens": len(tokens),
            "default_vocab_size": len(tokens) + 3,
            "default_num_special_tokens": 3,
            "version": "v3",
        },
        "vocab": [
            {"rank": rank, "token_bytes": base64.b64encode(token).decode(), "token_str": None}
            for rank, token in enumerate(tokens)
        ],
        "special_tokens": [
            {"rank": rank, "token_str": text, "is_control": True} for rank, text in enumerate(("<unk>", "<s>", "</s>"))
        ],
    }


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def _field(number: int, payload: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(payload)) + payload


def sentencepiece(model_type: int = 2) -> bytes:
    """A small valid SentencePiece model of type BPE (2), as protocol buffer bytes."""

    def piece(text: str, score: float, kind: int) -> bytes:
        return _field(1, _field(1, text.encode()) + b"\x15" + struct.pack("<f", score) + b"\x18" + _varint(kind))

    pieces = [piece("<unk>", 0, 2), piece("<s>", 0, 3), piece("</s>", 0, 3)]
    pieces += [piece(f"<0x{byte:02X}>", 0, 6) for byte in range(256)]
    pieces += [piece(text, -rank, 1) for rank, text in enumerate(("\u2581t", "he", "\u2581the", "in"))]
    pieces += [piece(char, -100 - rank, 1) for rank, char in enumerate("\u2581etinhao")]
    trainer = _field(2, b"\x18" + _varint(model_type) + b"\x98\x02\x01")  # model_type = 3, byte_fallback = 35
    normalizer = _field(3, _field(1, b"identity") + b"\x18\x01\x20\x00\x28\x01")
    return b"".join(pieces) + trainer + normalizer


def dump(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()


VALID: dict[str, bytes] = {
    "valid.tiktoken": rank_file(),
    "valid.json": dump(hf_json()),
    "valid-tekken.json": dump(tekken_json()),
    "valid.model": sentencepiece(),
}


# --- hostile files -------------------------------------------------------------------------------------------------


def _noise() -> Iterator[tuple[str, bytes]]:
    yield "empty", b""
    yield "newline", b"\n"
    yield "nul", b"\0" * 4096
    yield "random", random.Random(1).randbytes(65536)
    yield "utf16", b"\xff\xfe" + "{}".encode("utf-16-le")
    yield "one-long-line", b"A" * 4_000_000
    yield "elf", b"\x7fELF" + b"\x02\x01\x01" + bytes(500)
    yield "gzip", b"\x1f\x8b\x08" + bytes(100)
    yield "html", b"<!DOCTYPE html><html><body>404</body></html>"
    yield "lfs-pointer", b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 3613922\n"


def _ranks() -> Iterator[tuple[str, bytes]]:
    lines = rank_lines()
    yield "missing-byte", rank_file(lines[:65] + lines[66:])
    yield "no-bytes-at-all", rank_file(lines[256:])
    yield "duplicate-rank", rank_file([*lines, base64.b64encode(b"zz") + b" 256"])
    yield "bad-base64", rank_file([*lines, b"!!!! 300"])
    yield "no-rank", rank_file([*lines, base64.b64encode(b"zz")])
    yield "three-fields", rank_file([*lines, base64.b64encode(b"zz") + b" 300 7"])
    yield "negative-rank", rank_file([*lines, base64.b64encode(b"zz") + b" -1"])
    yield "fractional-rank", rank_file([*lines, base64.b64encode(b"zz") + b" 1.5"])
    yield "rank-over-32-bits", rank_file([*lines, base64.b64encode(b"zz") + b" 4294967296"])
    yield "rank-over-64-bits", rank_file([*lines, base64.b64encode(b"zz") + b" 99999999999999999999999"])
    yield "token-is-empty", rank_file([*lines, b" 300"])
    yield "not-ascii", rank_file([*lines, "\u00e9\u00e9\u00e9\u00e9 300".encode()])
    yield "cut-in-a-line", rank_file()[:-4]


def _json() -> Iterator[tuple[str, bytes]]:
    valid = dump(hf_json())
    for part in (1, 10, 50, 90, 99):
        yield f"cut-at-{part}-percent", valid[: len(valid) * part // 100]
    yield "null", b"null"
    yield "number", b"1e999"
    yield "array", b"[]"
    yield "object", b"{}"
    yield "deep-arrays", b"[" * 200_000
    yield "deep-objects", b'{"a":' * 200_000
    yield "deep-inside", valid.replace(b'"normalizer": null', b'"normalizer": ' + b"[" * 100_000 + b"]" * 100_000)
    yield "invalid-utf8", valid.replace(b'"BPE"', b'"B\xffE"')
    yield "trailing-text", valid + b" {}"

    def changed(**changes: Any) -> bytes:
        return dump({**hf_json(), **changes})

    def model(**changes: Any) -> bytes:
        return changed(model={**hf_json()["model"], **changes})

    vocab, merges = hf_json()["model"]["vocab"], hf_json()["model"]["merges"]
    yield "no-model", dump({k: v for k, v in hf_json().items() if k != "model"})
    yield "model-is-a-list", changed(model=[])
    yield "model-type-unknown", model(type="Telepathy")
    yield "model-unigram", changed(model={"type": "Unigram", "unk_id": 0, "vocab": [["<unk>", 0.0], ["a", -1.0]]})
    yield "model-wordpiece", changed(model={"type": "WordPiece", "unk_token": "[UNK]", "vocab": {"[UNK]": 0}})
    yield "vocab-is-a-list", model(vocab=["a", "b"])
    yield "vocab-is-empty", model(vocab={})
    yield "id-negative", model(vocab={**vocab, "zz": -1})
    yield "id-fractional", model(vocab={**vocab, "zz": 1.5})
    yield "id-a-string", model(vocab={**vocab, "zz": "7"})
    yield "id-over-32-bits", model(vocab={**vocab, "zz": 2**32})
    yield "id-over-64-bits", model(vocab={**vocab, "zz": 10**30})
    yield "id-shared", model(vocab={**vocab, "zz": 256})
    yield "merges-are-a-number", model(merges=7)
    yield "merge-of-three", model(merges=[["t", "h", "e"]])
    yield "merge-of-one", model(merges=[["t"]])
    yield "merge-is-empty", model(merges=[""])
    yield "merge-unknown-part", model(merges=[["t", "nothing"]])
    yield "merge-unknown-product", model(merges=[["q", "q"]])
    yield "merge-cycle", model(merges=[["th", "e"], ["the", ""], ["", "the"]])
    yield "merge-of-empty-token", model(vocab={**vocab, "": 300}, merges=[*merges, ["", "t"], ["t", ""]])
    yield "dropout-a-string", model(dropout="often")

    def added(**changes: Any) -> bytes:
        return changed(added_tokens=[{**hf_json()["added_tokens"][0], **changes}])

    yield "added-id-negative", added(id=-5)
    yield "added-id-over-32-bits", added(id=2**40)
    yield "added-content-a-number", added(content=7)
    yield "added-token-without-content", changed(added_tokens=[{"id": 1}])
    yield "added-tokens-an-object", changed(added_tokens={})

    def component(name: str, **value: Any) -> bytes:
        return changed(**{name: value})

    for name in ("normalizer", "pre_tokenizer", "post_processor", "decoder"):
        yield f"{name}-unknown", component(name, type="Telepathy")
        yield f"{name}-without-type", component(name, a=1)
        yield f"{name}-a-string", changed(**{name: "ByteLevel"})
    split = {"type": "Split", "behavior": "Isolated", "invert": False}
    yield "regex-invalid", component("pre_tokenizer", **split, pattern={"Regex": "("})
    yield "regex-huge-repeat", component("pre_tokenizer", **split, pattern={"Regex": "(?:(?:a{1000}){1000}){1000}"})
    yield "regex-deep", component("pre_tokenizer", **split, pattern={"Regex": "(" * 50_000 + "a" + ")" * 50_000})
    yield "regex-neither", component("pre_tokenizer", **split, pattern={"Glob": "*"})
    yield "behavior-unknown", component("pre_tokenizer", type="Split", pattern={"String": "a"}, behavior="Eaten")
    yield (
        "template-unknown-token",
        component(
            "post_processor",
            type="TemplateProcessing",
            single=[{"SpecialToken": {"id": "[NOWHERE]", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
            pair=[],
            special_tokens={},
        ),
    )
    yield "precompiled-noise", component("normalizer", type="Precompiled", precompiled_charsmap="AAAA/////w==")


def _odd_json() -> Iterator[tuple[str, bytes]]:
    """Files with something strange in them that may load or be refused; either is fine, quickly and without a crash."""
    base = hf_json()
    vocab, merges = base["model"]["vocab"], base["model"]["merges"]

    def model(**changes: Any) -> bytes:
        return dump({**base, "model": {**base["model"], **changes}})

    yield "vocab-lacks-bytes", model(vocab={"a": 0, "b": 1, "ab": 2}, merges=[["a", "b"]])
    yield "unk-token-unknown", model(unk_token="<nowhere>", byte_fallback=False)
    yield "added-id-of-another-token", dump({**base, "added_tokens": [{**base["added_tokens"][0], "id": 5}]})
    yield "added-content-empty", dump({**base, "added_tokens": [{**base["added_tokens"][0], "content": ""}]})
    nested: Json = {"type": "Lowercase"}
    for _ in range(60):
        nested = {"type": "Sequence", "normalizers": [nested]}
    yield "sequence-nested", dump({**base, "normalizer": nested})
    yield "id-huge", model(vocab={**vocab, "zz": 2**32 - 1})
    yield "ids-sparse", model(vocab={**vocab, **{f"z{n}": n * 50_000_000 for n in range(6, 80)}})
    yield "merges-repeated", model(merges=merges * 3)
    yield "merges-out-of-order", model(merges=merges[::-1])
    yield "token-of-a-megabyte", model(vocab={**vocab, "z" * 1_000_000: 300})
    yield "byte-order-mark", b"\xef\xbb\xbf" + dump(base)
    yield "keys-repeated", dump(base).replace(b'"dropout"', b'"type": "BPE", "dropout"')
    yield (
        "replace-nothing",
        dump({**base, "normalizer": {"type": "Replace", "pattern": {"String": ""}, "content": "x"}}),
    )
    yield (
        "replace-empty-match",
        dump({**base, "normalizer": {"type": "Replace", "pattern": {"Regex": "z*"}, "content": "-"}}),
    )
    yield (
        "regex-backtracks",
        dump(
            {
                **base,
                "pre_tokenizer": {
                    "type": "Split",
                    "pattern": {"Regex": "(?:a|aa|a?)*(?!.)b|(a+)+$"},
                    "behavior": "Isolated",
                    "invert": False,
                },
            }
        ),
    )
    yield (
        "regex-empty-match",
        dump(
            {
                **base,
                "pre_tokenizer": {"type": "Split", "pattern": {"Regex": "x*"}, "behavior": "Isolated", "invert": False},
            }
        ),
    )
    yield (
        "added-tokens-nested",
        dump(
            {
                **base,
                "added_tokens": [
                    {**base["added_tokens"][0], "id": 300 + n, "content": "a" * (n + 1)} for n in range(400)
                ],
            }
        ),
    )


def _tekken() -> Iterator[tuple[str, bytes]]:
    valid = dump(tekken_json())
    for part in (10, 60, 99):
        yield f"cut-at-{part}-percent", valid[: len(valid) * part // 100]

    def config(**changes: Any) -> bytes:
        return dump({**tekken_json(), "config": {**tekken_json()["config"], **changes}})

    def entry(**changes: Any) -> bytes:
        value = tekken_json()
        value["vocab"][70].update(changes)
        return dump(value)

    yield "vocabulary-huge", config(default_vocab_size=10**18)
    yield "vocabulary-negative", config(default_vocab_size=-1)
    yield "vocabulary-below-specials", config(default_vocab_size=2)
    yield "specials-huge", config(default_num_special_tokens=10**18)
    yield "pattern-invalid", config(pattern="[")
    yield "pattern-missing", dump({**tekken_json(), "config": {"default_vocab_size": 10}})
    yield "entry-bad-base64", entry(token_bytes="!")
    yield "entry-without-bytes", entry(token_bytes=None)
    yield "entry-duplicate-byte", entry(token_bytes="QQ==")
    yield "vocab-is-an-object", dump({**tekken_json(), "vocab": {}})


def _sentencepiece() -> Iterator[tuple[str, bytes]]:
    valid = sentencepiece()
    for part in (1, 30, 99):
        yield f"cut-at-{part}-percent", valid[: len(valid) * part // 100]
    yield "length-past-the-end", b"\x0a\xff\xff\xff\xff\x0f" + b"a" * 20
    yield "length-over-64-bits", b"\x0a" + b"\xff" * 12 + b"\x01"
    yield "wire-type-7", b"\x0f" + valid
    yield "unigram", sentencepiece(model_type=1)
    yield "piece-not-utf8", _field(1, _field(1, b"\xff\xfe") + b"\x15\0\0\0\0\x18\x01") + valid


def _prefixed(suffix: str, cases: Iterator[tuple[str, bytes]]) -> Iterator[tuple[str, bytes]]:
    for name, data in cases:
        yield f"{name}{suffix}", data


def must_fail() -> dict[str, bytes]:
    """File name -> content; every one has to be refused with a clear error."""
    cases: dict[str, bytes] = {}
    for suffix in (".tiktoken", ".json", ".model"):
        cases |= dict(_prefixed(suffix, _noise()))
    cases |= dict(_prefixed(".tiktoken", _ranks()))
    cases |= dict(_prefixed(".json", _json()))
    cases |= dict(_prefixed("-tekken.json", _tekken()))
    cases |= dict(_prefixed(".model", _sentencepiece()))
    return cases


def may_fail() -> dict[str, bytes]:
    """File name -> content; each may load or be refused."""
    cases = dict(_prefixed(".json", _odd_json()))
    cases["ranks-huge.tiktoken"] = rank_file([*rank_lines(), base64.b64encode(b"zz") + b" 4294967295"])
    cases["duplicate-token.tiktoken"] = rank_file([*rank_lines(), base64.b64encode(b"th") + b" 900"])
    cases["crlf.tiktoken"] = rank_file().replace(b"\n", b"\r\n")
    cases["token-of-a-megabyte.tiktoken"] = rank_file([*rank_lines(), base64.b64encode(b"z" * 1_000_000) + b" 300"])
    cases["cut-after-a-line.tiktoken"] = rank_file(rank_lines()[:260])
    return cases


def mutations(count: int, seed: int) -> Iterator[tuple[str, bytes]]:
    """Valid files with a few bytes changed, removed, repeated or exchanged; the same ones for the same seed."""
    rng = random.Random(seed)
    names = sorted(VALID)
    for number in range(count):
        name = names[number % len(names)]
        data = bytearray(VALID[name])
        for _ in range(rng.choice((1, 1, 2, 5, 20))):
            at, length = rng.randrange(len(data)), rng.choice((1, 1, 4, 64))
            match rng.randrange(5):
                case 0:
                    data[at] = rng.randrange(256)
                case 1:
                    del data[at : at + length]
                case 2:
                    data[at:at] = data[at : at + length]
                case 3:
                    data[at:at] = rng.choice((b"0", b"9999999999", b'"', b"]", b"\n", b"-1", b"null", b"\xff" * 5))
                case _:
                    other = rng.randrange(len(data))
                    data[at : at + length] = data[other : other + length]
            if not data:
                data += b"\0"
        stem, _, suffix = name.partition(".")
        yield f"{stem}-mutation-{number}.{suffix}", bytes(data)
