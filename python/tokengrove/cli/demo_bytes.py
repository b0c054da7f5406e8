"""``tokengrove demo bytes``: a prompt cut in mid-word, continued in three ways."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import numpy as np

from tokengrove.cli.byte_models import load_default_model
from tokengrove.cli.errors import ExitCode
from tokengrove.cli.terminal import bold, dim

if TYPE_CHECKING:
    from tokengrove.next_byte import ByteLM

__all__ = ["by_naive_healing", "by_tokens", "show"]

PROMPTS = (
    "Once upon a ti",
    "The little girl was very hap",
    "They played in the par",
    "One day, Tom and his mom went to the st",
)
"""Each ends inside a word of the sort of text that the model knows."""

LENGTH = 40
JUDGED = 12


def by_tokens(lm: ByteLM, prompt: str, length: int) -> bytes:
    """Continue greedily by tokens from the encoding of the prompt.

    Args:
        lm: The model.
        prompt: The prompt.
        length: How many bytes to give at least, if the text does not end.

    Returns:
        The bytes behind the prompt.
    """
    return _greedy(lm, [*lm.state().context, *lm.tokenizer.encode_list(prompt)], b"", length)


def by_naive_healing(lm: ByteLM, prompt: str, length: int) -> bytes:
    """Take back the last token of the prompt, and continue greedily with tokens that agree with its bytes.

    Args:
        lm: The model.
        prompt: The prompt.
        length: How many bytes to give at least, if the text does not end.

    Returns:
        The bytes behind the prompt.
    """
    ids = lm.tokenizer.encode_list(prompt)
    given = lm.tokenizer.token_bytes(ids[-1])
    return _greedy(lm, [*lm.state().context, *ids[:-1]], given, length)


def _greedy(lm: ByteLM, ids: list[int], given: bytes, length: int) -> bytes:
    """Continue by the best token each time; what it spells must agree with the bytes given."""
    made = b""
    while len(made) < len(given) + length:
        logits = lm.logits(ids)
        left = given[len(made) :]
        for best in np.argsort(-logits, kind="stable").tolist():
            if best in lm.eos and not left:
                return made[len(given) :]
            spelled = lm.token_text(best)
            if spelled and (spelled.startswith(left) or left.startswith(spelled)):
                break
        else:
            break
        ids = [*ids, best]
        made += spelled
    return made[len(given) :]


def show(color: bool) -> int:
    """Show the three continuations side by side.

    Args:
        color: Whether to use colour.

    Returns:
        The exit code.

    Raises:
        CommandError: If the model in the package cannot be loaded.
    """
    lm = load_default_model()
    out = sys.stdout
    out.write(bold("A prompt cut in mid-word, continued by the model in this package", color) + "\n")
    out.write(
        dim(f"with the surprise of the model, in bits, at the first {JUDGED} bytes of each: less is better\n", color)
    )
    for prompt in PROMPTS:
        out.write(f"\n  {bold(prompt, color)}{dim('|', color)}\n")
        rows = (
            ("tokens", by_tokens(lm, prompt, LENGTH)),
            ("token healing", by_naive_healing(lm, prompt, LENGTH)),
            ("exact bytes", lm.generate(prompt, max_new_bytes=LENGTH, temperature=0.0).data),
        )
        for name, data in rows:
            bits = -lm.score(data[:JUDGED], prompt=prompt).total / np.log(2)
            shown = data[:LENGTH].decode(errors="replace").replace("\n", "␤")
            out.write(f"    {dim(f'{name:<14}', color)}{shown:<{LENGTH}}  {bits:5.1f} {dim('bits', color)}\n")
    out.write("\nNext: " + bold('tokengrove next-byte "Once upon a ti"', color) + "\n")
    return ExitCode.OK
