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
from tokengrove.cli.terminal import add_color_arguments, bold, color_wanted, dim

if TYPE_CHECKING:
    from tokengrove.next_byte import ByteState

__all__ = ["add_parser", "run"]

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
        "--top", type=int, default=10, metavar="N", help="how many bytes and covers (default: %(default)s)"
    )
    group.add_argument("--json", action="store_true", help="write one object")
    add_color_arguments(group)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Show."""
    lm = load_model(options)
    state = lm.state(prompt_bytes(options.prompt))
    if options.json:
        sys.stdout.write(json.dumps(_record(state, options.top)) + "\n")
        return ExitCode.OK
    color = color_wanted(options.color, sys.stdout)
    logprobs = state.logprobs()
    for byte in np.argsort(-logprobs, kind="stable")[: options.top].tolist():
        share = math.exp(logprobs[byte])
        bar = "█" * round(share * WIDTH)
        sys.stdout.write(f"  {bold(f'{shown(byte):<6}', color)} {share:8.4%}  {bar}\n")
    sys.stdout.write(f"\n  log probability of the prompt {state.logprob:.4f} nats\n")
    if state.unresolved_mass > 0.0:
        sys.stdout.write(f"  every probability above is within {state.unresolved_mass:.2e} of the exact one\n")
    sys.stdout.write("\ncovers\n")
    for cover in state.covers(options.top):
        tokens = dim(" | ", color).join(_text(lm.tokenizer.token_bytes(id)) for id in cover.ids[-8:])
        dots = "... | " if len(cover.ids) > 8 else ""
        sys.stdout.write(f"  {math.exp(cover.logprob):8.4%}  {dots}{tokens}\n")
    return ExitCode.OK


def _text(token: bytes) -> str:
    return "".join(shown(byte) for byte in token) if not token.isascii() else token.decode().replace(" ", "␣")


def _record(state: ByteState, top: int) -> dict[str, object]:
    logprobs = state.logprobs()
    return {
        "logprob": state.logprob,
        "logprobs": [None if math.isinf(value) else value for value in logprobs.tolist()],
        "special_logprob": None if math.isinf(state.special_logprob) else state.special_logprob,
        "unresolved_mass": state.unresolved_mass,
        "covers": [{"ids": list(cover.ids), "logprob": cover.logprob} for cover in state.covers(top)],
    }
