"""``tokengrove score``: how probable texts are, byte by byte."""

from __future__ import annotations

import argparse
import json
import math
import sys
from typing import TYPE_CHECKING

import numpy as np

from tokengrove.cli.byte_models import add_model_arguments, load_model
from tokengrove.cli.errors import ExitCode
from tokengrove.cli.inputs import add_input_arguments, at_least, documents

if TYPE_CHECKING:
    from tokengrove.next_byte import ByteLM, ByteScores

__all__ = ["add_parser", "run"]

DESCRIPTION = """\
Score texts with a model: bits per byte, which compare across vocabularies. A text longer than
the model was made for is scored in parts, each given the part before it.
"""

EPILOG = """\
example:
  tokengrove score --text "Once upon a time there was a cat."
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Describe the command."""
    parser = subparsers.add_parser(
        "score",
        help="bits per byte, by a model",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_input_arguments(parser)
    add_model_arguments(parser)
    parser.add_argument(
        "--window",
        type=at_least(0),
        metavar="N",
        help="score longer texts in parts of N/2 tokens, 0 for never (default: what the model was made for)",
    )
    group = parser.add_argument_group("output")
    group.add_argument("--json", action="store_true", help="write an object a text, with the score of every byte")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Score."""
    lm = load_model(options)
    window = lm.max_tokens if options.window is None else options.window or None
    bits, length, texts = 0.0, 0, 0
    for document in documents(options):
        scores = lm.score(document.text, window=window)
        count = len(scores.logprobs)
        bits -= scores.total / math.log(2)
        length += count
        texts += 1
        if options.json:
            sys.stdout.write(json.dumps(_record(document.source, scores)) + "\n")
            continue
        sys.stdout.write(_line(scores.bits_per_byte, count, document.source))
        if np.isneginf(scores.total):
            at = int(np.flatnonzero(np.isneginf(scores.logprobs))[0])
            sys.stderr.write(
                f"tokengrove: {document.source}: byte {at} has probability 0{_advice(document.text, lm)}\n"
            )
        if scores.unresolved_mass > 0.0:
            sys.stderr.write(
                f"tokengrove: {document.source}: with a beam; up to {scores.unresolved_mass:.1e} of the mass at a byte "
                "was left out\n"
            )
    if texts > 1 and not options.json:
        sys.stdout.write(_line(bits / length if length else math.nan, length, "total"))
    return ExitCode.OK


def _line(bits_per_byte: float, count: int, name: str) -> str:
    shown = "-" if math.isnan(bits_per_byte) else f"{bits_per_byte:.4f}"
    return f"{shown:>10} bits/byte {count:>9} bytes  {name}\n"


def _advice(text: str | bytes, lm: ByteLM) -> str:
    """Say what to do about bytes that no canonical sequence spells."""
    try:
        text.encode() if isinstance(text, str) else text.decode()
    except UnicodeError:
        return "" if lm.mode == "all" else ": it is not UTF-8; --mode all scores any bytes"
    return ""


def _record(source: str, scores: ByteScores) -> dict[str, object]:
    """Give what JSON can hold: null for what is not finite."""
    return {
        "source": source,
        "bytes": len(scores.logprobs),
        "bits_per_byte": _finite(scores.bits_per_byte),
        "logprobs": [_finite(value) for value in scores.logprobs.tolist()],
        "end_logprob": _finite(scores.end_logprob),
        "unresolved_mass": scores.unresolved_mass,
    }


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
