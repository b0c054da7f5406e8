"""OpenAI's published encodings: their patterns, special tokens and rank files.

The facts (addresses, hashes, patterns, ids) are those of tiktoken 0.14's ``tiktoken_ext.openai_public``.
"""

from __future__ import annotations

from dataclasses import dataclass
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


# Ids of o200k_harmony's chat format. All others from 200000 to 201087 are reserved, 200018 too, which
# o200k_base's <|endofprompt|> keeps as well.
_HARMONY = {
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
_RESERVED = (200000, 200001, 200004, 200009, 200010, 200011, *range(200013, 201088))


@dataclass(frozen=True)
class Published:
    """An encoding that is published as a rank file.

    Attributes:
        name: The name of the encoding.
        file: The name of its rank file, without the suffix.
        pattern: The pattern that cuts text.
        special_tokens: Special tokens and their ids.
        n_vocab: The number of tokens, where it is to be checked.
    """

    name: str
    file: str
    pattern: str
    special_tokens: dict[str, int]
    n_vocab: int | None = None

    @property
    def address(self) -> str:
        """Where the rank file is published."""
        return f"{_PUBLIC}encodings/{self.file}.tiktoken"

    @property
    def file_hash(self) -> str:
        """The SHA-256 of the rank file."""
        return _RANK_FILE_HASHES[self.file]

    def arguments(self) -> dict[str, Any]:
        """Give the arguments of :class:`~tokengrove.compat.tiktoken.Encoding`."""
        arguments = {
            "name": self.name,
            "pat_str": self.pattern,
            "mergeable_ranks": load_tiktoken_bpe(self.address, self.file_hash),
            "special_tokens": dict(self.special_tokens),
        }
        return arguments if self.n_vocab is None else {**arguments, "explicit_n_vocab": self.n_vocab}


PUBLISHED = {
    published.name: published
    for published in (
        Published("r50k_base", "r50k_base", r50k_pat_str, {ENDOFTEXT: 50256}, 50257),
        Published("p50k_base", "p50k_base", r50k_pat_str, {ENDOFTEXT: 50256}, 50281),
        Published(
            "p50k_edit",
            "p50k_base",
            r50k_pat_str,
            {ENDOFTEXT: 50256, FIM_PREFIX: 50281, FIM_MIDDLE: 50282, FIM_SUFFIX: 50283},
        ),
        Published(
            "cl100k_base",
            "cl100k_base",
            _CL100K_PATTERN,
            {ENDOFTEXT: 100257, FIM_PREFIX: 100258, FIM_MIDDLE: 100259, FIM_SUFFIX: 100260, ENDOFPROMPT: 100276},
        ),
        Published("o200k_base", "o200k_base", _O200K_PATTERN, {ENDOFTEXT: 199999, ENDOFPROMPT: 200018}),
        Published(
            "o200k_harmony",
            "o200k_base",
            _O200K_PATTERN,
            {ENDOFTEXT: 199999, ENDOFPROMPT: 200018} | _HARMONY | {f"<|reserved_{id}|>": id for id in _RESERVED},
        ),
    )
}
"""The encodings that are one rank file and what is said here; all but gpt2."""


def gpt2() -> dict[str, Any]:
    """Give the arguments of gpt2.

    Its own pair of files is used if it is on this machine. Its ranks are those of r50k_base token for token, so if only
    that file is here, it serves as well.
    """
    r50k = PUBLISHED["r50k_base"]
    try:
        ranks = data_gym_to_mergeable_bpe_ranks(
            vocab_bpe_file=f"{_PUBLIC}gpt-2/encodings/main/vocab.bpe",
            encoder_json_file=f"{_PUBLIC}gpt-2/encodings/main/encoder.json",
            vocab_bpe_hash=_VOCAB_BPE_HASH,
            encoder_json_hash=_ENCODER_JSON_HASH,
        )
    except OSError as error:
        try:
            ranks = load_tiktoken_bpe(r50k.address, r50k.file_hash)
        except OSError:
            raise error from None
    return {
        "name": "gpt2",
        "explicit_n_vocab": r50k.n_vocab,
        "pat_str": r50k.pattern,
        "mergeable_ranks": ranks,
        "special_tokens": dict(r50k.special_tokens),
    }


def r50k_base() -> dict[str, Any]:
    """Give the arguments of r50k_base (GPT-3)."""
    return PUBLISHED["r50k_base"].arguments()


def p50k_base() -> dict[str, Any]:
    """Give the arguments of p50k_base (Codex); its special token lies in the middle of the ids."""
    return PUBLISHED["p50k_base"].arguments()


def p50k_edit() -> dict[str, Any]:
    """Give the arguments of p50k_edit: p50k_base with tokens for filling in the middle."""
    return PUBLISHED["p50k_edit"].arguments()


def cl100k_base() -> dict[str, Any]:
    """Give the arguments of cl100k_base (GPT-3.5, GPT-4)."""
    return PUBLISHED["cl100k_base"].arguments()


def o200k_base() -> dict[str, Any]:
    """Give the arguments of o200k_base (GPT-4o and later)."""
    return PUBLISHED["o200k_base"].arguments()


def o200k_harmony() -> dict[str, Any]:
    """Give the arguments of o200k_harmony (gpt-oss): o200k_base with the tokens of its chat format."""
    return PUBLISHED["o200k_harmony"].arguments()


ENCODING_CONSTRUCTORS = {
    "gpt2": gpt2,
    "r50k_base": r50k_base,
    "p50k_base": p50k_base,
    "p50k_edit": p50k_edit,
    "cl100k_base": cl100k_base,
    "o200k_base": o200k_base,
    "o200k_harmony": o200k_harmony,
}
