"""``tokengrove demo speculate``: the model of the package writes a story, and each forward pass has its colour."""

from __future__ import annotations

import sys
from collections import Counter
from typing import Any

from tokengrove.cli.errors import CommandError, ExitCode
from tokengrove.cli.pieces import SHADES, visible
from tokengrove.cli.terminal import bold, dim
from tokengrove.default_model import default_model_tokenizer

__all__ = ["show"]

PROMPT = "Once upon a time there was a little girl who"
NEW_TOKENS = 160
WIDTH = 100


class _Steps:
    """A streamer that keeps what each step emitted."""

    def __init__(self) -> None:
        self.steps: list[list[int]] = []

    def put(self, value: Any) -> None:
        self.steps.append(value.reshape(-1).tolist())

    def end(self) -> None:
        pass


def show(color: bool) -> ExitCode:
    """Generate twice, with and without drafts, and show which tokens came together.

    Args:
        color: Whether to use colour; if not, bars stand between steps.

    Returns:
        Failure if the two texts differ.

    Raises:
        CommandError: If torch or transformers is missing.
    """
    try:
        from tokengrove.forward import adapt, default_model
        from tokengrove.speculative import TokenRecycling, generate
    except ImportError as error:
        raise CommandError(
            f"this demo needs torch and transformers: pip install tokengrove[transformers] ({error})"
        ) from error
    tokenizer = default_model_tokenizer()
    network = default_model()
    model, end = adapt(network), network.config.eos_token_id
    prompt = tokenizer.encode_list(PROMPT)
    steps = _Steps()
    plain = generate(model, prompt, max_new_tokens=NEW_TOKENS, eos_token_id=end)
    drafted = generate(
        model,
        prompt,
        drafter=TokenRecycling(model.vocab_size),
        max_new_tokens=NEW_TOKENS,
        eos_token_id=end,
        adaptive=False,
        streamer=steps,
    )
    out = sys.stdout
    out.write(bold("Tokens that came out of one forward pass share a colour", color) + "\n\n")
    out.write(
        _painted([tokenizer.token_bytes(id) for id in prompt], _without(steps.steps[1:], end), tokenizer, color)
        + "\n\n"
    )
    stats = drafted.stats
    lengths = Counter({i + 1: n for i, n in enumerate(stats.lengths) if n})
    _line("tokens", f"{stats.tokens}, in {stats.passes} forward passes: {stats.mean_accepted_tokens:.2f} a pass", color)
    _line("a pass gave", ", ".join(f"{k} token{'s' * (k > 1)} {n}x" for k, n in sorted(lengths.items())), color)
    same = plain.new_tokens == drafted.new_tokens
    _line("lossless", "the text is that of plain decoding" if same else "FAILED: plain decoding differs", color)
    return ExitCode.OK if same else ExitCode.FAILED


def _without(steps: list[list[int]], end: int) -> list[list[int]]:
    """The steps without the token that ended the text."""
    return [kept for step in steps if (kept := [token for token in step if token != end])]


def _painted(prompt: list[bytes], steps: list[list[int]], tokenizer: Any, color: bool) -> str:
    """The text, wrapped, with a mark for each step."""
    lines = [dim("".join(visible(token, spaces=False) for token in prompt), color)]
    width = sum(map(len, prompt))
    for number, step in enumerate(steps):
        text = "".join(visible(tokenizer.token_bytes(id), spaces=not color) for id in step)
        if width + len(text) > WIDTH:
            lines.append("")
            width = 0
        shade = SHADES[number % len(SHADES)][0]
        lines[-1] += f"\x1b[48;5;{shade}m\x1b[97m{text}\x1b[0m" if color else f"|{text}"
        width += len(text) + (not color)
    return "\n".join(f"  {line}" for line in lines)


def _line(label: str, value: str, color: bool) -> None:
    sys.stdout.write(f"  {dim(f'{label:<12}', color)}{value}\n")
