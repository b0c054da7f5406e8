"""Parses the command line, runs one command and maps what goes wrong to one line and an exit code."""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
from typing import TYPE_CHECKING

import tokengrove
from tokengrove.cli import (
    bench,
    count,
    counts,
    decode,
    demo,
    encode,
    generate,
    inspect,
    next_byte,
    resize,
    score,
    train,
    verify,
)
from tokengrove.cli.errors import CommandError, ExitCode
from tokengrove.errors import TokengroveError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["build_parser", "main"]

COMMANDS = (encode, decode, count, inspect, verify, next_byte, score, generate, bench, demo, train, counts, resize)
"""A module for each command or few of a kind: ``add_parser`` describes them and names the functions that run them."""

EPILOG = """\
exit codes: 0 done, 1 a difference or a failure, 2 a wrong command line

example:
  tokengrove count README.md
"""


def build_parser() -> argparse.ArgumentParser:
    """Make the parser of the whole command line."""
    parser = argparse.ArgumentParser(
        prog="tokengrove",
        description="Exact byte-pair encoding: text to tokens and back.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"tokengrove {tokengrove.__version__}")
    subparsers = parser.add_subparsers(title="commands", metavar="COMMAND")
    for command in COMMANDS:
        command.add_parser(subparsers)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        arguments: The arguments after the program's name; those of the process if left out.

    Returns:
        The exit code, see :class:`tokengrove.cli.errors.ExitCode`.
    """
    parser = build_parser()
    options = parser.parse_args(arguments)
    if not hasattr(options, "run"):
        parser.print_help(sys.stderr)
        return ExitCode.USAGE
    # Text that the terminal cannot show is replaced, not an error. Ids and decoded text are written as bytes.
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(AttributeError, ValueError):
            stream.reconfigure(errors="replace")  # type: ignore[union-attr]
    try:
        code: int = options.run(options)
        sys.stdout.flush()
    except BrokenPipeError:
        _discard_stdout()
        return ExitCode.BROKEN_PIPE
    except KeyboardInterrupt:
        return _fail("interrupted", ExitCode.INTERRUPTED)
    except CommandError as error:
        return _fail(str(error), error.exit_code)
    except TokengroveError as error:
        return _fail(str(error))
    except OSError as error:
        return _fail(f"{error.filename}: {error.strerror}" if error.filename else str(error))
    except MemoryError:
        return _fail("out of memory; --lines or --jsonl read one text at a time")
    return code


def _fail(message: str, code: ExitCode = ExitCode.FAILED) -> ExitCode:
    """Say on stderr, in one line, what went wrong."""
    with contextlib.suppress(OSError):
        sys.stdout.flush()
    sys.stderr.write(f"tokengrove: {' '.join(message.split())}\n")
    return code


def _discard_stdout() -> None:
    """Point stdout at nothing, so that the interpreter's last flush does not meet the closed pipe again."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
