"""``tokengrove train``: learn a vocabulary."""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from tokengrove.cli.errors import ExitCode, UsageError
from tokengrove.cli.training import (
    add_cut_arguments,
    add_file_arguments,
    counts_or_texts,
    cut_of,
    log,
    report,
    show_progress,
    show_report,
)
from tokengrove.errors import UnsupportedTokenizerError
from tokengrove.training import PretokenCounts, Stage, optimal_vocab_size, train_bpe, write_tiktoken
from tokengrove.training.presets import PRESETS

__all__ = ["add_parser", "run"]

DESCRIPTION = """\
Learn a byte-pair vocabulary from text, or from counts that count-pretokens wrote.

The merges are exactly those of Hugging Face tokenizers (or rustbpe, with --ties rustbpe). The
result does not depend on threads, the order of files, or how counting was spread.

Files: plain text, .jsonl, .parquet, each also as .gz or .zst. Folder --out gets a
tokenizer.json and, if all bytes are tokens, a tokenizer.tiktoken.
"""

EPILOG = """\
example:
  tokengrove train README.md --vocab-size 2000 --pattern o200k_base --out vocabulary
  tokengrove train README.md --vocab-size auto --model-params 1e7 --preset character --out letters
  tokengrove train README.md --vocab-size 300 --superwords 280 --max-words 3 --out superwords
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Describe the command."""
    parser = subparsers.add_parser(
        "train",
        help="learn a vocabulary from text or counts",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_file_arguments(parser, "texts to learn from, or counts of pieces")
    add_cut_arguments(parser)
    group = parser.add_argument_group("vocabulary")
    group.add_argument("--vocab-size", metavar="N|auto", help="tokens to have at the end; auto needs --model-params")
    group.add_argument(
        "--model-params", type=float, metavar="P", help="parameters of the model without those of the vocabulary"
    )
    group.add_argument("--preset", choices=sorted(PRESETS), help="defaults that go together")
    group.add_argument("--special", action="append", default=[], metavar="TEXT", help="a special token")
    group.add_argument("--custom", action="append", default=[], metavar="TEXT", help="a token to append")
    group.add_argument("--min-frequency", type=int, metavar="N", help="the smallest count of a pair that merges")
    group.add_argument("--max-token-bytes", type=int, metavar="N", help="the most bytes of a learned token")
    group.add_argument("--pad-to", metavar="N|power-of-two", help="fill the vocabulary up")
    group.add_argument("--ties", choices=("tokenizers", "rustbpe"), default="tokenizers", help="which tie merges first")
    superwords = parser.add_argument_group("superwords")
    superwords.add_argument(
        "--superwords", type=int, metavar="N", help="learn tokens of several words from N tokens on (SuperBPE)"
    )
    superwords.add_argument(
        "--superword-pattern", metavar="REGEX", default=SUPERWORD_PATTERN, help="how text is cut from then on"
    )
    superwords.add_argument("--max-words", type=int, default=4, metavar="N", help="the most words of a token (4)")
    superwords.add_argument(
        "--aggregated", action="store_true", help="learn superwords the fast way, which is another algorithm"
    )
    out = parser.add_argument_group("output")
    out.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder to write to")
    out.add_argument("--checkpoint", type=Path, metavar="FILE", help="keeps the state; the same command goes on there")
    out.add_argument("--held-out", action="append", metavar="FILE", help="text to measure the vocabulary on")
    out.add_argument("--json", action="store_true", help="write progress and the report as lines of JSON")
    out.add_argument("--no-progress", action="store_true", help="no progress line on stderr")
    parser.set_defaults(run=run)


SUPERWORD_PATTERN = r"\p{N}{1,3}| ?[^\s\p{L}\p{N}]{2,}[\r\n/]*| +(?!\S)"
"""The pattern that the SuperBPE authors recommend for the second stage: numbers, runs of signs, runs of spaces."""


def run(options: argparse.Namespace) -> int:
    """Learn."""
    begun = time.monotonic()
    size = _vocab_size(options)
    source = counts_or_texts(options)
    cut = cut_of(options)
    stages = None
    if options.superwords is not None:
        if isinstance(source, PretokenCounts):
            raise UsageError("--superwords needs text: each stage cuts it in another way")
        pattern = cut.pop("pattern", "o200k_base")
        limits = {"max_words": options.max_words, "forbid": [": "]}
        stages = [Stage(pattern, options.superwords), Stage(options.superword_pattern, size, **limits)]
    elif options.aggregated:
        raise UsageError("--aggregated says how superwords are learned: give --superwords N, too")
    elif not isinstance(source, PretokenCounts) and "pattern" not in cut and options.preset is None:
        raise UsageError("say how text is cut: --pattern o200k_base, or --preset")
    pad_to = options.pad_to
    with show_progress(options) as progress:
        tokenizer = train_bpe(
            source,
            None if stages else size,
            stages=stages,
            superwords="aggregated" if options.aggregated else "exact",
            special_tokens=options.special or None,
            custom_tokens=options.custom,
            min_frequency=options.min_frequency,
            max_token_bytes=options.max_token_bytes,
            pad_to=int(pad_to) if pad_to is not None and pad_to.isdecimal() else pad_to,
            ties=options.ties,
            preset=options.preset,
            checkpoint=options.checkpoint,
            progress=progress,
            **cut,
        )
    options.out.mkdir(parents=True, exist_ok=True)
    tokenizer.save(options.out / "tokenizer.json")
    try:
        write_tiktoken(tokenizer, options.out / "tokenizer.tiktoken")
    except UnsupportedTokenizerError:
        # Ranks are not for vocabularies of characters.
        (options.out / "tokenizer.tiktoken").unlink(missing_ok=True)
    log(options, event="trained", out=str(options.out), seconds=round(time.monotonic() - begun, 3))
    texts = None if isinstance(source, PretokenCounts) else source
    show_report(options, report(tokenizer, options.held_out, texts))
    return ExitCode.OK


def _vocab_size(options: argparse.Namespace) -> int:
    """The size asked for."""
    size: str | None = options.vocab_size
    if size == "auto":
        if options.model_params is None:
            raise UsageError("--vocab-size auto needs --model-params, such as 7e9")
        return optimal_vocab_size(options.model_params)
    if options.model_params is not None:
        raise UsageError("--model-params goes with --vocab-size auto")
    if size is None or not size.isdecimal():
        raise UsageError(f"--vocab-size must be a number of tokens or auto; found {size or 'nothing'}")
    return int(size)
