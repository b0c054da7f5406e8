"""Settings that go together.

Source: Bommarito, Katz and Bommarito, "KL3M Tokenizers" (2025), for both presets.
"""

from __future__ import annotations

from typing import Any

from tokengrove.errors import InvalidArgumentError

__all__ = ["KL3M_SPECIAL_TOKENS", "PRESETS", "preset_options"]

KL3M_SPECIAL_TOKENS = (
    "<|start|>",
    "<|end|>",
    "<|pad|>",
    "<|unk|>",
    "<|sep|>",
    "<|cls|>",
    "<|mask|>",
    "<|system|>",
    "</|system|>",
    "<|user|>",
    "</|user|>",
    "<|instruction|>",
    "</|instruction|>",
)
"""The special tokens of the KL3M tokenizers, in the order of their ids."""

PRESETS: dict[str, dict[str, Any]] = {
    "domain": {
        "pattern": "gpt2",
        "normalizer": "nfkc",
        "special_tokens": KL3M_SPECIAL_TOKENS,
        "min_frequency": 10,
        "pad_to": "power-of-two",
    },
    "character": {
        "pattern": "gpt2",
        "special_tokens": KL3M_SPECIAL_TOKENS,
        "min_frequency": 2,
        "max_token_bytes": 3,
        "pad_to": "power-of-two",
    },
}
"""By name: arguments of :func:`tokengrove.training.train_bpe`, which win over it when they are given."""


def preset_options(name: str | None) -> dict[str, Any]:
    """Look a preset up.

    Args:
        name: ``"domain"``, ``"character"`` or None.

    Returns:
        Its arguments; none for None.

    Raises:
        InvalidArgumentError: If there is none of that name.
    """
    if name is None:
        return {}
    if name not in PRESETS:
        raise InvalidArgumentError(f"no preset is named {name!r}; there are {', '.join(PRESETS)}")
    return PRESETS[name]
