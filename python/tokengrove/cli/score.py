"""``tokengrove score``: how probable texts are, byte by byte."""

from __future__ import annotations

import argparse
import json
import math
import sys

from tokengrove.cli.byte_models import add_model_arguments, load_model
from tokengrove.cli.errors import ExitCode
from tokengrove.cli.inputs import add_input_arguments, documents

__all__ = ["add_parser", "run"]

DESCRIPTION = """\
Score texts with a model: bits per byte, which compare across vocabularies.
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
    group = parser.add_argument_group("output")
    group.add_argument("--json", action="store_true", help="write an object a text, with the score of every byte")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Score."""
    lm = load_model(options)
    bits, length, texts = 0.0, 0, 0
    for document in documents(options):
        text = document.text
        scores = lm.score(text)
        count = len(scores.logprobs)
        bits -= scores.total / math.log(2)
        length += count
        texts += 1
        if options.json:
            record = {
                "source": document.source,
                "bytes": count,
                "bits_per_byte": scores.bits_per_byte if count else None,
                "logprobs": scores.logprobs.tolist(),
                "end_logprob": scores.end_logprob,
            }
            sys.stdout.write(json.dumps(record) + "\n")
        else:
            sys.stdout.write(f"{scores.bits_per_byte:10.4f} bits/byte {count:>9} bytes  {document.source}\n")
    if texts > 1 and not options.json and length:
        sys.stdout.write(f"{bits / length:10.4f} bits/byte {length:>9} bytes  total\n")
    return ExitCode.OK
