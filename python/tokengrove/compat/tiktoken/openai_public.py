"""OpenAI's published encodings: their patterns, special tokens and rank files.

The facts (addresses, hashes, patterns, ids) are those of tiktoken 0.14's ``tiktoken_ext.openai_public``.
"""

from __future__ import annotations

from typing import Any

from tokengrove.compat.tiktoken.load import data_gym_to_mergeable_bpe_ranks, load_tiktoken_bpe

ENDOFTEXT = "<|endoftext|>"
FIM_PREFIX = "<|fim_prefix|>"
FIM_MIDDLE = "<|fim_middle|>"
FIM_SUFFIX = "<|fim_suffix|>"
ENDOFPROMPT = "<|endofprompt|>"

_PUBLIC = "https://openaipublic.blob.core.windows.net/"

_RANK_FILE_HASHES = {
    "r50k_base": "306cd27f03c1a714eca7108e03d66b7dc042abe8c258b44c199a7ed9838dd930",
    "p50k_base": "94b5ca7dff4d00767bc256fdd1b27e5b17361d7b8a5f968547f9f23eb70d2069",
    "cl100k_base": "223921b76ee99bde995b7ff738513eef100fb51d18c93597a113bcffe865b2a7",
    "o200k_base": "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d",
}
_VOCAB_BPE_HASH = "1ce1664773c50f3e0cc8842619a93edc4624525b728b188a9e0be33b7726adc5"
_ENCODER_JSON_HASH = "196139668be63f3b5d6574427317ae82f612a97c5d1cdaf36ed2256dbf636783"

r50k_pat_str = r"'(?:[sdmt]|ll|ve|re)| ?\p{L}++| ?\p{N}++| ?[^\s\p{L}\p{N}]++|\s++$|\s+(?!\S)|\s"
"""The pattern of gpt2, r50k_base, p50k_base and p50k_edit."""

_CL100K_PATTERN = (
    r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+"
    r"|\s++$|\s*[\r\n]|\s+(?!\S)|\s"
)
_O200K_UPPER = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]"
_O200K_LOWER = r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"
_O200K_BEFORE = r"[^\r\n\p{L}\p{N}]?"
_O200K_AFTER = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
_O200K_PATTERN = "|".join(
    [
        f"{_O200K_BEFORE}{_O200K_UPPER}*{_O200K_LOWER}+{_O200K_AFTER}",
        f"{_O200K_BEFORE}{_O200K_UPPER}+{_O200K_LOWER}*{_O200K_AFTER}",
        r"\p{N}{1,3}",
        r" ?[^\s\p{L}\p{N}]+[\r\n/]*",
        r"\s*[\r\n]+",
        r"\s+(?!\S)",
        r"\s+",
    ]
)


def _ranks(name: str) -> dict[bytes, int]:
    return load_tiktoken_bpe(f"{_PUBLIC}encodings/{name}.tiktoken", expected_hash=_RANK_FILE_HASHES[name])


def gpt2() -> dict[str, Any]:
    """Give the arguments of gpt2.

    Its own pair of files is used if it is on this machine. Its ranks are those of r50k_base token for token, so if
    only that file is here, it serves as well.
    """
    try:
        ranks = data_gym_to_mergeable_bpe_ranks(
            vocab_bpe_file=f"{_PUBLIC}gpt-2/encodings/main/vocab.bpe",
            encoder_json_file=f"{_PUBLIC}gpt-2/encodings/main/encoder.json",
            vocab_bpe_hash=_VOCAB_BPE_HASH,
            encoder_json_hash=_ENCODER_JSON_HASH,
        )
    except OSError as error:
        try:
            ranks = _ranks("r50k_base")
        except OSError:
            raise error from None
    return {
        "name": "gpt2",
        "explicit_n_vocab": 50257,
        "pat_str": r50k_pat_str,
        "mergeable_ranks": ranks,
        "special_tokens": {ENDOFTEXT: 50256},
    }


def r50k_base() -> dict[str, Any]:
    """Give the arguments of r50k_base (GPT-3)."""
    return {
        "name": "r50k_base",
        "explicit_n_vocab": 50257,
        "pat_str": r50k_pat_str,
        "mergeable_ranks": _ranks("r50k_base"),
        "special_tokens": {ENDOFTEXT: 50256},
    }


def p50k_base() -> dict[str, Any]:
    """Give the arguments of p50k_base (Codex); its special token lies in the middle of the ids."""
    return {
        "name": "p50k_base",
        "explicit_n_vocab": 50281,
        "pat_str": r50k_pat_str,
        "mergeable_ranks": _ranks("p50k_base"),
        "special_tokens": {ENDOFTEXT: 50256},
    }


def p50k_edit() -> dict[str, Any]:
    """Give the arguments of p50k_edit: p50k_base with tokens for filling in the middle."""
    return {
        "name": "p50k_edit",
        "pat_str": r50k_pat_str,
        "mergeable_ranks": _ranks("p50k_base"),
        "special_tokens": {ENDOFTEXT: 50256, FIM_PREFIX: 50281, FIM_MIDDLE: 50282, FIM_SUFFIX: 50283},
    }


def cl100k_base() -> dict[str, Any]:
    """Give the arguments of cl100k_base (GPT-3.5, GPT-4)."""
    return {
        "name": "cl100k_base",
        "pat_str": _CL100K_PATTERN,
        "mergeable_ranks": _ranks("cl100k_base"),
        "special_tokens": {
            ENDOFTEXT: 100257,
            FIM_PREFIX: 100258,
            FIM_MIDDLE: 100259,
            FIM_SUFFIX: 100260,
            ENDOFPROMPT: 100276,
        },
    }


def o200k_base() -> dict[str, Any]:
    """Give the arguments of o200k_base (GPT-4o and later)."""
    return {
        "name": "o200k_base",
        "pat_str": _O200K_PATTERN,
        "mergeable_ranks": _ranks("o200k_base"),
        "special_tokens": {ENDOFTEXT: 199999, ENDOFPROMPT: 200018},
    }


def o200k_harmony() -> dict[str, Any]:
    """Give the arguments of o200k_harmony (gpt-oss): o200k_base with the tokens of its chat format.

    Ids 200013 and up are all reserved, among them 200018, which o200k_base's ``<|endofprompt|>`` keeps as well.
    """
    chat_format = {
        "<|startoftext|>": 199998,
        ENDOFTEXT: 199999,
        "<|return|>": 200002,
        "<|constrain|>": 200003,
        "<|channel|>": 200005,
        "<|start|>": 200006,
        "<|end|>": 200007,
        "<|message|>": 200008,
        "<|call|>": 200012,
    }
    reserved = [200000, 200001, 200004, 200009, 200010, 200011, *range(200013, 201088)]
    base = o200k_base()
    return base | {
        "name": "o200k_harmony",
        "special_tokens": base["special_tokens"] | chat_format | {f"<|reserved_{id}|>": id for id in reserved},
    }


ENCODING_CONSTRUCTORS = {
    "gpt2": gpt2,
    "r50k_base": r50k_base,
    "p50k_base": p50k_base,
    "p50k_edit": p50k_edit,
    "cl100k_base": cl100k_base,
    "o200k_base": o200k_base,
    "o200k_harmony": o200k_harmony,
}
