"""``tokengrove generate``: continue a text with a model of transformers, drafting as it goes."""

from __future__ import annotations

import argparse
import json
import os
import sys
from typing import TYPE_CHECKING, Any

from tokengrove.cli.errors import CommandError, ExitCode
from tokengrove.cli.live import LiveStatistics
from tokengrove.default_model import default_model_path

if TYPE_CHECKING:
    from tokengrove.speculative import Drafter, GenerationStats

__all__ = ["add_parser", "run"]

DESCRIPTION = """\
Continue a text with a causal language model, several tokens for each forward pass.

The drafter changes how fast the text comes, never what it is: `--drafter none` writes the
same. The text goes to stdout as it is made, statistics to stderr: while it runs if both are
a terminal, and at the end.
"""

EPILOG = """\
drafters:
  recycling  trees from everything the model has said so far
  static-80  the fixed tree of the Token Recycling paper
  lookup     what followed the last words earlier in the text
  none       one token at a time

Without --model the small model that comes with the package is taken. A model is a folder, or the
name of one that the transformers library has downloaded before; it is downloaded only if
TOKENGROVE_ALLOW_DOWNLOAD=1 says so.

example:
  tokengrove generate "Once upon a time there was" --max-new-tokens 100
"""

DRAFTERS = ("recycling", "static-80", "lookup", "none")


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Describe the command."""
    parser = subparsers.add_parser(
        "generate",
        help="continue a text with a language model",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("prompt", metavar="PROMPT", help="the text to continue; - is stdin")
    parser.add_argument(
        "--model",
        metavar="NAME",
        help="a folder, or a name that transformers knows (default: the model of the package)",
    )
    parser.add_argument("--drafter", choices=DRAFTERS, default="recycling", help="default: recycling")
    parser.add_argument("--budget", type=int, metavar="N", help="the most drafted nodes of a step")
    parser.add_argument("-n", "--max-new-tokens", type=int, default=200, metavar="N", help="default: 200")
    parser.add_argument("--device", default="cpu", help="where the model runs (default: cpu)")
    group = parser.add_argument_group("sampling")
    group.add_argument("--sample", action="store_true", help="draw tokens instead of taking the likeliest")
    group.add_argument("--temperature", type=float, default=1.0, metavar="T")
    group.add_argument("--top-k", type=int, default=0, metavar="K", help="only the K likeliest tokens (default: all)")
    group.add_argument("--top-p", type=float, default=1.0, metavar="P")
    group.add_argument("--seed", type=int, default=0, metavar="N", help="of the random numbers (default: 0)")
    group = parser.add_argument_group("output")
    group.add_argument("--json", action="store_true", help="write one object with the text and the statistics")
    group.add_argument("--quiet", action="store_true", help="no statistics on stderr")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Generate."""
    try:
        from tokengrove.integrations.transformers import Text, load
        from tokengrove.speculative import generate
    except ImportError as error:
        raise CommandError(
            f"generating needs torch and transformers: pip install tokengrove[transformers] ({error})"
        ) from error
    prompt = sys.stdin.read() if options.prompt == "-" else options.prompt
    downloads = os.environ.get("TOKENGROVE_ALLOW_DOWNLOAD") == "1"
    name = options.model or str(default_model_path())
    try:
        model, tokenizer = load(name, device=options.device, downloads=downloads)
    except (OSError, ValueError, RuntimeError) as error:
        raise CommandError(f"{name}: {str(error).splitlines()[0]}") from error
    text = Text(tokenizer, None if options.json else _write)
    result = generate(
        model,
        tokenizer(prompt)["input_ids"],
        drafter=_drafter(options.drafter, model.config.get_text_config().vocab_size),
        budget=options.budget,
        max_new_tokens=options.max_new_tokens,
        do_sample=options.sample,
        temperature=options.temperature,
        top_k=options.top_k,
        top_p=options.top_p,
        seed=options.seed,
        eos_token_id=model.generation_config.eos_token_id,
        streamer=LiveStatistics(text, sys.stderr) if _is_live(options) else text,
    )
    summary = _summary(result.stats)
    if options.json:
        sys.stdout.write(json.dumps({"text": text.text, **summary}, ensure_ascii=False) + "\n")
    else:
        sys.stdout.write("\n")
        if not options.quiet:
            sys.stderr.write(_line(summary) + "\n")
    return ExitCode.OK


def _is_live(options: argparse.Namespace) -> bool:
    """Whether statistics are shown while the text is written: on a terminal that shows both and knows how to."""
    if options.json or options.quiet or os.environ.get("TERM", "dumb") == "dumb":
        return False
    return sys.stdout.isatty() and sys.stderr.isatty()


def _write(piece: str) -> None:
    sys.stdout.write(piece)
    sys.stdout.flush()


def _drafter(name: str, vocab_size: int) -> Drafter | None:
    from tokengrove.speculative import PromptLookup, TokenRecycling

    if name == "none":
        return None
    if name == "lookup":
        return PromptLookup()
    return TokenRecycling(vocab_size, tree="static-80" if name == "static-80" else "dynamic")


def _summary(stats: GenerationStats) -> dict[str, Any]:
    return {
        "tokens": stats.tokens,
        "passes": stats.passes,
        "mean_accepted_tokens": round(stats.mean_accepted_tokens, 3),
        "switched_off": stats.switched_off,
        "seconds": {phase: round(seconds, 4) for phase, seconds in stats.seconds.items()},
    }


def _line(summary: dict[str, Any]) -> str:
    seconds = sum(summary["seconds"].values())
    rate = summary["tokens"] / seconds if seconds else 0.0
    off = "; drafting was given up: it took more time than it saved" if summary["switched_off"] else ""
    return (
        f"{summary['tokens']} tokens in {summary['passes']} passes, {summary['mean_accepted_tokens']} a pass; "
        f"{rate:.1f} tokens/s{off}"
    )
