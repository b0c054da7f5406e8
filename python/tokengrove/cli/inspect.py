"""``tokengrove inspect``: a text's pieces and tokens, to look at."""

from __future__ import annotations

import argparse
import sys

from tokengrove.cli import pieces
from tokengrove.cli.errors import CommandError, ExitCode
from tokengrove.cli.inputs import add_input_arguments, documents
from tokengrove.cli.outputs import open_output
from tokengrove.cli.terminal import add_color_arguments, bold, color_wanted
from tokengrove.cli.tokenizers import add_tokenizer_arguments, load_tokenizer

__all__ = ["add_parser", "run"]

DESCRIPTION = """\
Show how a text is cut: into pieces by the pattern, then into tokens by the merges.

In colour a piece has one hue and its tokens alternate in shade; without colour a piece is
in [brackets] with bars between its tokens. Text that no token stands for, because the
tokenizer's normalizer removes it, is grey or in {braces}. Signs stand for what is
invisible: · a space, ↵ a line feed, → a tab, \\xe2 a part of a character.
"""

EPILOG = """\
example:
  tokengrove inspect --text "Tokenizers don't see words."
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Describe the command."""
    parser = subparsers.add_parser(
        "inspect",
        help="a text's pieces and tokens in colour",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_input_arguments(parser, records=False)
    add_tokenizer_arguments(parser)
    parser.add_argument("--special", action="store_true", help="special tokens written in the text become those tokens")
    group = parser.add_argument_group("output")
    group.add_argument("--brief", action="store_true", help="the text and the counts, without the table of tokens")
    form = group.add_mutually_exclusive_group()
    form.add_argument(
        "--json", action="store_true", help="write an object a text: pieces, and tokens with ids and spans"
    )
    form.add_argument(
        "--html", metavar="FILE", help="write a page for a browser, with ids where the pointer rests (- is stdout)"
    )
    add_color_arguments(group)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Show."""
    loaded = load_tokenizer(options)
    color = color_wanted(options.color, sys.stdout)
    for number, document in enumerate(documents(options)):
        if options.html and number:
            raise CommandError("--html takes one text")
        data = document.text.encode("utf-8", "strict") if isinstance(document.text, str) else document.text
        text = pieces.InspectedText.of(loaded.tokenizer, data, special=options.special)
        if options.html:
            with open_output(options.html) as file:
                file.write(pieces.to_html(text, loaded.name).encode())
        elif options.json:
            sys.stdout.write(pieces.to_json(text, loaded.name) + "\n")
        else:
            _show(text, options.brief, color)
    return ExitCode.OK


def _show(text: pieces.InspectedText, brief: bool, color: bool) -> None:
    """Write the text, the table and the counts."""
    sys.stdout.write((pieces.colored(text) if color else pieces.plain(text)) + "\n\n")
    if not brief:
        for row in pieces.rows(text, color):
            sys.stdout.write(row + "\n")
        sys.stdout.write("\n")
    sys.stdout.write(bold(text.summary(), color) + "\n")
