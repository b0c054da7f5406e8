"""``tokengrove next-byte``: what follows some bytes."""

from __future__ import annotations

import argparse
import json
import math
import sys
from typing import TYPE_CHECKING

import numpy as np

from tokengrove.cli.byte_models import add_model_arguments, load_model, prompt_bytes, shown
from tokengrove.cli.errors import ExitCode
from tokengrove.cli.inputs import at_least
from tokengrove.cli.terminal import add_color_arguments, bold, color_wanted, dim

if TYPE_CHECKING:
    from tokengrove.next_byte import ByteState

__all__ = ["add_parser", "percent", "run"]

DESCRIPTION = """\
Show the exact distribution of the next byte after a prompt, and the token sequences that
cover the prompt. The prompt may end anywhere: inside a word, behind a blank, inside a
character (\\xe4).
"""

EPILOG = """\
example:
  tokengrove next-byte "Once upon a ti"
"""

WIDTH = 40
"""Of the longest bar."""

LAST = 8
"""Tokens shown of a cover."""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Describe the command."""
    parser = subparsers.add_parser(
        "next-byte",
        help="what byte follows, by a model",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("prompt", help="the text, with escapes such as \\n and \\xe4")
    add_model_arguments(parser)
    group = parser.add_argument_group("output")
    group.add_argument(
        "--top", type=at_least(1), default=10, metavar="N", help="how many bytes and covers (default: %(default)s)"
    )
    group.add_argument("--json", action="store_true", help="write one object")
    add_color_arguments(group)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Show."""
    prompt = prompt_bytes(options.prompt)
    lm = load_model(options)
    state = lm.state(prompt)
    if options.json:
        sys.stdout.write(json.dumps(_record(state, options.top)) + "\n")
        return ExitCode.OK
    color = color_wanted(options.color, sys.stdout)
    lines = []
    logprobs = state.logprobs()
    for byte in np.argsort(-logprobs, kind="stable")[: options.top].tolist():
        if np.isneginf(logprobs[byte]):
            break
        share = math.exp(logprobs[byte])
        lines.append(f"  {bold(f'{shown(byte):<6}', color)} {percent(share)}  {'█' * round(share * WIDTH)}")
    lines += ["", f"  log probability of the prompt {state.logprob:.4f} nats"]
    if state.unresolved_mass > 0.0:
        lines.append(f"  every probability above is within {state.unresolved_mass:.2e} of the exact one")
    lines += ["", "covers: the token sequences that spell the prompt, the last token perhaps more"]
    for cover in state.covers(options.top):
        tokens = dim(" | ", color).join(_text(lm.tokenizer.token_bytes(id)) for id in cover.ids[-LAST:])
        dots = dim("... | ", color) if len(cover.ids) > LAST else ""
        lines.append(f"  {percent(math.exp(cover.logprob))}  {dots}{tokens or dim('no token yet', color)}")
    sys.stdout.writelines(line.rstrip() + "\n" for line in lines)
    return ExitCode.OK


def percent(share: float) -> str:
    """Give a share in nine columns: with two decimals, or in scientific notation if that would show nothing.

    Args:
        share: From 0 to 1.

    Returns:
        Such as ``" 12.34 %"`` or ``"1.2e-07 %"``.
    """
    return f"{share:7.2%}".replace("%", " %") if share >= 5e-5 or share == 0.0 else f"{100 * share:.1e} %"


def _text(token: bytes) -> str:
    """Give a token as a reader knows it: characters as they are, where it is whole characters."""
    try:
        text = token.decode()
    except UnicodeDecodeError:
        return "".join(shown(byte) for byte in token)
    visible = text.replace(" ", "␣")
    return (
        visible if visible.isprintable() else "".join(one if one.isprintable() else repr(one)[1:-1] for one in visible)
    )


def _record(state: ByteState, top: int) -> dict[str, object]:
    logprobs = state.logprobs()
    return {
        "logprob": state.logprob,
        "logprobs": [None if math.isinf(value) else value for value in logprobs.tolist()],
        "special_logprob": None if math.isinf(state.special_logprob) else state.special_logprob,
        "unresolved_mass": state.unresolved_mass,
        "covers": [{"ids": list(cover.ids), "logprob": cover.logprob} for cover in state.covers(top)],
    }
