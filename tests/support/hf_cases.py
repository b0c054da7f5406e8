"""Random tokenizers and texts, run through Hugging Face tokenizers and through the drop-in side by side.

Everything comes from a seed: ``Case(seed)`` makes one small tokenizer with random components, added tokens and
settings, in both libraries, from the same JSON; ``difference`` encodes and decodes random inputs and says where they
disagree.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from operator import methodcaller
from typing import Any

import tokenizers as reference

import tokengrove.compat.tokenizers as drop_in

CHARS = [
    *"aAbBcCdehllo  \t\n'.,!?-_0129",
    *("é", "É", "ñ", "ß", "İ", "ǅ", "ﬁ", "½", "²", "٣", "Ⅷ", "e\u0301", "\u0301", "\u0323", "q\u0323\u0307"),
    *("日", "本", "語", "の", "カ", "ー", "한", "각", "ᄀ", "ᅡ", "д", "Ж", "α", "Ω", "ب", "ا", "ไ", "ท"),
    *("▁", "Ġ", "Ċ", "\u00a0", "\u3000", "\u200b", "\u200d", "\ufeff", "\ufffd", "\u2028", "\x00", "\x07", "\x85"),
    *("😀", "👍🏽", "👨\u200d👩", "🇩🇪", "𝔘", "…", "—", "«", "।", "#", "<s>", "</s>", "[X]", "<a b>", " w "),
]
ADDED = ("<s>", "</s>", "[X]", "<a b>", "ab", " w ", "▁", "Ab", "é", "日本", "ll", "<s", " ", "b c", "_a_")
LITERALS = (" ", "a", "ab", "▁", ".", "-", "é", "日", "\n", "ll", "  ")
EXPRESSIONS = (
    *(r"\s+", r"\w+", r"[a-z]", r"\d", r"[^\w\s]", r"a|b", r"(?i:'s|'t)", r" ?\w+", r"\p{L}+|\p{N}", r"[日本]+"),
    *(r"(?=b)", r"l{2}", r"\s", r".", r"[^a]+", r"\b", r"^a", r"a$", r"(?<=a)b"),
)


def text(rng: random.Random, most: int = 24) -> str:
    """A short text of characters and strings that some component treats in a way of its own."""
    chars = rng.choices(CHARS, k=rng.randint(0, most))
    if rng.random() < 0.1:
        code = rng.randrange(0x110000)
        chars.insert(rng.randint(0, len(chars)), chr(code) if not 0xD800 <= code < 0xE000 else "\ue000")
    return "".join(chars)


def pattern(rng: random.Random) -> dict[str, str]:
    if rng.random() < 0.5:
        return {"String": rng.choice(LITERALS)}
    return {"Regex": rng.choice(EXPRESSIONS)}


def flag(rng: random.Random) -> bool:
    return rng.random() < 0.5


def behavior(rng: random.Random) -> str:
    return rng.choice(["Removed", "Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous"])


Maker = Callable[[random.Random], dict[str, Any]]

NORMALIZERS: dict[str, Maker] = {
    "NFC": lambda _: {},
    "NFD": lambda _: {},
    "NFKC": lambda _: {},
    "NFKD": lambda _: {},
    "Lowercase": lambda _: {},
    "StripAccents": lambda _: {},
    "Nmt": lambda _: {},
    "ByteLevel": lambda _: {},
    "Strip": lambda r: {"strip_left": flag(r), "strip_right": flag(r)},
    "Prepend": lambda r: {"prepend": r.choice(["▁", "ab", " ", "é"])},
    "Replace": lambda r: {"pattern": pattern(r), "content": r.choice(["", "▁", "x", "ab", "日", " "])},
    "BertNormalizer": lambda r: {
        "clean_text": flag(r),
        "handle_chinese_chars": flag(r),
        "strip_accents": r.choice([None, True, False]),
        "lowercase": flag(r),
    },
}

PRE_TOKENIZERS: dict[str, Maker] = {
    "ByteLevel": lambda r: {"add_prefix_space": flag(r), "trim_offsets": flag(r), "use_regex": flag(r)},
    "Split": lambda r: {"pattern": pattern(r), "behavior": behavior(r), "invert": flag(r)},
    "Digits": lambda r: {"individual_digits": flag(r)},
    "Punctuation": lambda r: {"behavior": behavior(r)},
    "Metaspace": lambda r: {
        "replacement": r.choice(["▁", "_", "日"]),
        "prepend_scheme": r.choice(["first", "never", "always"]),
        "split": flag(r),
    },
    "Whitespace": lambda _: {},
    "WhitespaceSplit": lambda _: {},
    "CharDelimiterSplit": lambda r: {"delimiter": r.choice(["a", " ", "日"])},
    "UnicodeScripts": lambda _: {},
    "FixedLength": lambda r: {"length": r.randint(1, 6)},
    "BertPreTokenizer": lambda _: {},
}

DECODERS: dict[str, Maker] = {
    "ByteLevel": lambda _: {"add_prefix_space": True, "trim_offsets": True, "use_regex": True},
    "ByteFallback": lambda _: {},
    "Fuse": lambda _: {},
    "Replace": lambda r: {"pattern": pattern(r), "content": r.choice(["", " ", "x"])},
    "Metaspace": lambda r: {
        "replacement": r.choice(["▁", "_"]),
        "prepend_scheme": r.choice(["first", "never", "always"]),
        "split": flag(r),
    },
    "BPEDecoder": lambda r: {"suffix": r.choice(["</w>", "b"])},
    "WordPiece": lambda r: {"prefix": r.choice(["##", "a"]), "cleanup": flag(r)},
    "CTC": lambda r: {"pad_token": "a", "word_delimiter_token": "▁", "cleanup": flag(r)},
}


def component(rng: random.Random, makers: dict[str, Maker], names: list[str] | None = None) -> dict[str, Any]:
    name = rng.choice(names or list(makers))
    return {"type": name, **makers[name](rng)}


def chain(rng: random.Random, makers: dict[str, Maker], field: str) -> dict[str, Any] | None:
    """No component, one, or a sequence."""
    count = rng.choice([0, 1, 1, 2, 3])
    if count == 0:
        return None
    if count == 1:
        return component(rng, makers)
    return {"type": "Sequence", field: [component(rng, makers) for _ in range(count)]}


def post_processor(rng: random.Random) -> dict[str, Any] | None:
    byte_level = {"type": "ByteLevel", "add_prefix_space": flag(rng), "trim_offsets": flag(rng), "use_regex": True}
    marks = {"sep": ["[X]", 901], "cls": ["<s>", 900]}
    special = {
        "<s>": {"id": "<s>", "ids": [900], "tokens": ["<s>"]},
        "two": {"id": "two", "ids": [901, 902], "tokens": ["[X]", "</s>"]},
    }

    def piece(name: str) -> dict[str, Any]:
        type_id = rng.randint(0, 2)
        if name in "AB":
            return {"Sequence": {"id": name, "type_id": type_id}}
        return {"SpecialToken": {"id": name, "type_id": type_id}}

    template = {
        "type": "TemplateProcessing",
        "single": [piece(name) for name in rng.choice([["A"], ["<s>", "A"], ["<s>", "A", "two"], ["A", "two"]])],
        "pair": [
            piece(name)
            for name in rng.choice([["A", "B"], ["<s>", "A", "two", "B"], ["B", "<s>", "A"], ["A", "B", "A"]])
        ],
        "special_tokens": special,
    }
    roberta = {"type": "RobertaProcessing", **marks, "trim_offsets": flag(rng), "add_prefix_space": flag(rng)}
    bert = {"type": "BertProcessing", **marks}
    sequence = {"type": "Sequence", "processors": [byte_level, rng.choice([template, bert, roberta])]}
    return rng.choice([None, byte_level, template, bert, roberta, sequence])


def model(rng: random.Random) -> dict[str, Any]:
    """A vocabulary of most of the characters, with merges among them."""
    prefix = rng.choice([None, None, None, None, "##"])
    suffix = rng.choice([None, None, None, None, "</w>"])
    byte_level = rng.random() < 0.4
    alphabet = reference.pre_tokenizers.ByteLevel.alphabet()
    if byte_level:
        symbols = sorted(alphabet) if rng.random() < 0.7 else rng.sample(sorted(alphabet), 230)
    else:
        symbols = sorted({char for char in "".join(CHARS) if rng.random() < 0.85} | set("ab▁"))
    symbols = symbols + [f"{prefix}{one}" for one in symbols if prefix and rng.random() < 0.8]
    symbols += [f"{one}{suffix}" for one in symbols if suffix and rng.random() < 0.8]
    if rng.random() < 0.3:
        symbols += [f"<0x{byte:02X}>" for byte in range(256) if rng.random() < 0.999]
    unknown = rng.choice([None, "<unk>", "<unk>", "a"])
    vocab: dict[str, int] = {}
    for symbol in ["<unk>", *symbols]:
        vocab.setdefault(symbol, len(vocab))
    merges: list[list[str]] = []
    likely = [token for token in vocab if any(char in "abcdehlo Ġ▁" for char in token)]
    for _ in range(rng.choice([0, 20, 80])):
        left, right = rng.choice(likely), rng.choice(likely)
        if (suffix and left.endswith(suffix)) or (prefix and not right.startswith(prefix)):
            continue
        product = left + (right[len(prefix) :] if prefix else right)
        if [left, right] in merges or len(product) > 8 + len(prefix or "") + len(suffix or ""):
            continue
        vocab.setdefault(product, len(vocab))
        merges.append([left, right])
        likely.append(product)
    return {
        "type": "BPE",
        "dropout": None,
        "unk_token": unknown,
        "continuing_subword_prefix": prefix,
        "end_of_word_suffix": suffix,
        "fuse_unk": flag(rng),
        # Byte tokens that stand for affixes have no place in the text, and the reference gives them any.
        "byte_fallback": not (prefix or suffix) and flag(rng),
        "ignore_merges": rng.random() < 0.3,
        "vocab": vocab,
        "merges": merges,
    }


def added_tokens(rng: random.Random, size: int) -> list[dict[str, Any]]:
    tokens = []
    for number, content in enumerate(rng.sample(ADDED, rng.choice([0, 0, 1, 3, 6]))):
        tokens.append(
            {
                "id": size + number,
                "content": content,
                "single_word": rng.random() < 0.2,
                "lstrip": rng.random() < 0.3,
                "rstrip": rng.random() < 0.3,
                "normalized": flag(rng),
                "special": flag(rng),
            }
        )
    return tokens


@dataclass
class Case:
    """One tokenizer in both libraries."""

    seed: int

    def __post_init__(self) -> None:
        rng = random.Random(self.seed)
        self.rng = rng
        made = model(rng)
        self.file: dict[str, Any] = {
            "version": "1.0",
            "truncation": None,
            "padding": None,
            "added_tokens": added_tokens(rng, len(made["vocab"])),
            "normalizer": chain(rng, NORMALIZERS, "normalizers"),
            "pre_tokenizer": chain(rng, PRE_TOKENIZERS, "pretokenizers"),
            "post_processor": post_processor(rng),
            "decoder": chain(rng, DECODERS, "decoders"),
            "model": made,
        }
        self.leave_out_twins()
        text = json.dumps(self.file)
        self.theirs = reference.Tokenizer.from_str(text)
        self.ours = drop_in.Tokenizer.from_str(text)
        if rng.random() < 0.3:
            self.set("enable_truncation", rng.randint(4, 9), **truncation(rng))
        if rng.random() < 0.3:
            self.set("enable_padding", **padding(rng))
        if rng.random() < 0.2:
            self.theirs.encode_special_tokens = self.ours.encode_special_tokens = True

    def leave_out_twins(self) -> None:
        """Drop added tokens that the normalizer makes equal or empty.

        Which of equal ones the reference finds is a matter of luck, and with an empty one it panics or looks for it
        until memory is used up. Nor can those be compared whose normalizing makes it panic.
        """
        plain = {**self.file, "added_tokens": [], "post_processor": None}
        normalizer = reference.Tokenizer.from_str(json.dumps(plain)).normalizer
        seen = {""}
        kept = []
        for token in self.file["added_tokens"]:
            form = token["content"]
            if normalizer is not None and token["normalized"]:
                form = outcome(methodcaller("normalize_str", form), normalizer)
            if isinstance(form, str) and form not in seen:
                kept.append(token)
                seen.add(form)
        self.file["added_tokens"] = kept

    def inserts_by_empty_match(self) -> bool:
        """Whether a normalizer puts text where it matched nothing.

        At the beginning of a text, the original then writes the first characters twice in the next step that rewrites.
        """
        normalizer = self.file["normalizer"] or {}
        steps = normalizer.get("normalizers", [normalizer])
        return any(step.get("pattern", {}).get("Regex") in (r"\b", "(?=b)") for step in steps)

    def set(self, method: str, *args: Any, **kwargs: Any) -> None:
        """Change a setting of both; what one refuses, the other refuses too."""
        errors = [outcome(lambda t: getattr(t, method)(*args, **kwargs), t) for t in (self.theirs, self.ours)]
        assert [str(error) for error in errors[:1]] == [str(error) for error in errors[1:]], errors

    def difference(self) -> str | None:
        """Encode something and decode it, and say where the two disagree."""
        rng = self.rng
        add = flag(rng)
        kind = rng.choice(["text", "text", "text", "pair", "words", "batch", "fast"])
        # What is cut off of several inputs is combined in all ways: with long texts the reference runs out of memory.
        size = 5 if self.ours.truncation else 24
        if kind in ("batch", "fast"):
            inputs: Any = [text(rng, size) if flag(rng) else (text(rng, size), text(rng, size)) for _ in range(3)]
            method = "encode_batch" if kind == "batch" else "encode_batch_fast"
            call: Callable[[Any], Any] = lambda t: getattr(t, method)(inputs, add_special_tokens=add)  # noqa: E731
        elif kind == "words":
            inputs = [text(rng, 6) for _ in range(rng.randint(0, 4))]
            call = lambda t: [t.encode(inputs, is_pretokenized=True, add_special_tokens=add)]  # noqa: E731
        else:
            inputs = (text(rng, size), text(rng, size) if kind == "pair" else None)
            call = lambda t: [t.encode(*inputs, add_special_tokens=add)]  # noqa: E731
        theirs, ours = outcome(call, self.theirs), outcome(call, self.ours)
        if isinstance(theirs, BaseException) or isinstance(ours, BaseException):
            if type(theirs).__name__ == "PanicException":
                return None  # what stops the program cannot be matched
            same = isinstance(theirs, BaseException) and isinstance(ours, Exception)
            return None if same else f"{kind} {inputs!r}: {theirs!r} and {ours!r}"
        for one, other in zip(theirs, ours, strict=True):
            if found := compare(one, other):
                return f"{kind} {inputs!r} add={add}: {found}"
            skip = flag(rng)
            ids = [*one.ids, *rng.choices(range(1200), k=2)]
            rng.shuffle(ids)
            for some in (one.ids, ids):
                decoded = outcome(partial(decode, some, skip), self.theirs)
                if type(decoded).__name__ == "PanicException":
                    continue
                again = decode(some, skip, self.ours)
                if decoded != again:
                    return f"decode {some} skip={skip}: {decoded!r} and {again!r}"
        return None


def decode(ids: list[int], skip_special_tokens: bool, tokenizer: Any) -> Any:
    return tokenizer.decode(ids, skip_special_tokens=skip_special_tokens)


def truncation(rng: random.Random) -> dict[str, Any]:
    return {
        "stride": rng.randint(0, 2),
        "strategy": rng.choice(["longest_first", "only_first", "only_second"]),
        "direction": rng.choice(["left", "right"]),
    }


def padding(rng: random.Random) -> dict[str, Any]:
    return {
        "direction": rng.choice(["left", "right"]),
        "length": rng.choice([None, 3, 12]),
        "pad_to_multiple_of": rng.choice([None, 4]),
        "pad_id": 903,
        "pad_type_id": 1,
        "pad_token": "[P]",
    }


FIELDS = (
    "ids",
    "type_ids",
    "tokens",
    "offsets",
    "word_ids",
    "special_tokens_mask",
    "attention_mask",
    "sequence_ids",
    "n_sequences",
)


def outcome(call: Callable[[Any], Any], tokenizer: Any) -> Any:
    """What a call gives, or the error it ends in."""
    try:
        return call(tokenizer)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        return error


def compare(theirs: Any, ours: Any) -> str | None:
    """Where two encodings differ."""
    for name in FIELDS:
        expected, found = getattr(theirs, name), getattr(ours, name)
        if expected != found:
            return f"{name}: {expected} and {found}"
    if len(theirs.overflowing) != len(ours.overflowing):
        return f"overflowing: {len(theirs.overflowing)} and {len(ours.overflowing)}"
    for number, (one, other) in enumerate(zip(theirs.overflowing, ours.overflowing, strict=True)):
        if found := compare(one, other):
            return f"overflowing[{number}].{found}"
    return None


def cases(first: int, count: int) -> Iterator[Case]:
    """Cases with consecutive seeds."""
    return (Case(seed) for seed in range(first, first + count))
