"""``tokengrove demo``: the package at work, without a download."""

from __future__ import annotations

import argparse
import sys
import sysconfig
import time
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple

import tokengrove
from tokengrove.cli import demo_bytes, speculate
from tokengrove.cli.errors import ExitCode
from tokengrove.cli.pieces import SHADES, visible
from tokengrove.cli.terminal import add_color_arguments, bold, color_wanted, dim, duration, size

__all__ = ["DEMOS", "add_parser", "run"]

DEMOS = ("encode", "bytes", "speculate")
"""What there is to show."""

MOST_BYTES = 8_000_000
FEWEST_BYTES = 200_000
SAMPLE_REPEATS = 200

DESCRIPTION = """\
Show the package at work on what it carries; needs no network and takes a few seconds.

bytes: continue prompts cut in mid-word by tokens, by healing and by exact bytes (needs torch).
encode: cut a real text into pieces and tokens, time it, and decode it back.
speculate: let a small language model write a story, several tokens for each forward pass.
"""

EPILOG = """\
example:
  tokengrove demo encode
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Describe the command."""
    parser = subparsers.add_parser(
        "demo",
        help="see it work, no download",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("what", nargs="?", choices=DEMOS, default=DEMOS[0], help="what to show (default: %(default)s)")
    add_color_arguments(parser)
    parser.set_defaults(run=run)


class DemoText(NamedTuple):
    """The text of the demonstration.

    Attributes:
        data: The text as UTF-8.
        origin: What it is.
    """

    data: bytes
    origin: str


def demo_text() -> DemoText:
    """Read some megabytes of text from this machine: the sources of Python's standard library.

    Returns:
        The text; the sample in the package, many times over, where Python comes without its sources.
    """
    root = Path(sysconfig.get_paths()["stdlib"])
    parts: list[bytes] = []
    length = 0
    for path in sorted(root.glob("*.py")) + sorted(root.glob("*/*.py")):
        try:
            data = path.read_bytes()
            data.decode()
        except (OSError, UnicodeDecodeError):
            continue
        if length + len(data) <= MOST_BYTES:
            parts.append(data)
            length += len(data)
    if length >= FEWEST_BYTES:
        return DemoText(b"".join(parts), f"Python's standard library on this machine, {len(parts):,} files")
    return DemoText(sample().encode() * SAMPLE_REPEATS, f"the sample in this package, {SAMPLE_REPEATS} times")


def sample() -> str:
    """Read the sample: the first article of the Universal Declaration of Human Rights in several languages."""
    return (files("tokengrove") / "data" / "sample.txt").read_text(encoding="utf-8")


def run(options: argparse.Namespace) -> int:
    """Show."""
    color = color_wanted(options.color, sys.stdout)
    if options.what == "bytes":
        return demo_bytes.show(color)
    if options.what == "speculate":
        return speculate.show(color)
    out = sys.stdout
    out.write(bold(f"tokengrove {tokengrove.__version__}: text to tokens and back", color) + "\n\n")

    started = time.perf_counter()
    tokenizer = tokengrove.default_tokenizer()
    tokenizer.encode("")  # what is put off until the first call is loading, not encoding
    loading = time.perf_counter() - started
    _line(
        "vocabulary", f"the one in this package, {tokenizer.vocab_size:,} tokens, loaded in {duration(loading)}", color
    )

    text = demo_text()
    _line("text", f"{text.origin}, {size(len(text.data))}", color)

    started = time.perf_counter()
    ids = tokenizer.encode(text.data)
    first = time.perf_counter() - started
    started = time.perf_counter()
    tokenizer.encode(text.data)
    again = time.perf_counter() - started
    pieces = len(tokenizer.pieces(text.data))
    _line("pieces", f"{pieces:,}, by the o200k pattern", color)
    _line("tokens", f"{ids.size:,}, {len(text.data) / ids.size:.2f} bytes per token", color)
    threads = tokengrove.get_num_threads()
    on = f"on {threads} threads" if threads > 1 else "on one thread"
    _line("first pass", f"{duration(first)}, {size(len(text.data) / first)}/s {on}", color)
    _line("again", f"{duration(again)}, {size(len(text.data) / again)}/s (the caches know the text)", color)

    same = tokenizer.decode_bytes(ids) == text.data
    _line("round trip", "decode(encode(text)) == text" if same else "FAILED: the decoded text is not the text", color)

    out.write("\nThe first article of the Universal Declaration of Human Rights, a colour a token:\n\n")
    for line in sample().splitlines():
        if line:
            out.write("  " + tokens_line(tokenizer, line, color) + "\n")
    out.write("\nNext: " + bold('tokengrove inspect --text "your text"', color) + ", or tokengrove --help\n")
    return ExitCode.OK if same else ExitCode.FAILED


def _line(label: str, value: str, color: bool) -> None:
    """Write one fact."""
    sys.stdout.write(f"  {dim(f'{label:<12}', color)}{value}\n")


def tokens_line(tokenizer: tokengrove.Tokenizer, line: str, color: bool) -> str:
    """Give a line of text with its tokens marked: by colour, or by bars between them.

    Args:
        tokenizer: The tokenizer.
        line: The text.
        color: Whether to use colour.

    Returns:
        The line, and how many tokens it has.
    """
    ids = tokenizer.encode_list(line)
    tokens = [visible(tokenizer.token_bytes(id), spaces=not color) for id in ids]
    if not color:
        return f"{'|'.join(tokens)}  ({len(ids)})"
    painted = (
        f"\x1b[48;5;{SHADES[index % len(SHADES)][0]}m\x1b[97m{token}\x1b[0m" for index, token in enumerate(tokens)
    )
    return f"{''.join(painted)}  {dim(f'({len(ids)})', color)}"
