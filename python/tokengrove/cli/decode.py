"""``tokengrove decode``: ids to text."""

from __future__ import annotations

import argparse
import io
import json
import re
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from tokengrove.cli.errors import CommandError, ExitCode, UsageError
from tokengrove.cli.inputs import STDIN, open_input
from tokengrove.cli.outputs import FORMATS, open_output
from tokengrove.cli.tokenizers import add_tokenizer_arguments, load_tokenizer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from tokengrove import Tokenizer

__all__ = ["add_parser", "run"]

DESCRIPTION = """\
Write the text of token ids, byte for byte.

All ids of a file are one text, and nothing is added to it: `tokengrove encode FILE |
tokengrove decode` gives FILE back. With --lines every line of ids (or every JSON line) is a
text of its own, ended by a newline.
"""

EPILOG = """\
formats:
  text   numbers with spaces or commas between them
  jsonl  on each line a list of ids, or an object with such a list at "ids"
  npy    a NumPy array of integers with one axis
  u32    32-bit little-endian integers

example:
  tokengrove encode --text "Hello, world" | tokengrove decode
"""

SUFFIXES = {".jsonl": "jsonl", ".npy": "npy", ".u32": "u32", ".bin": "u32"}
LIMIT = 2**32


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Describe the command."""
    parser = subparsers.add_parser(
        "decode",
        help="ids to text",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("files", nargs="*", metavar="FILE", help="files of ids; - or none is stdin")
    parser.add_argument("--ids", nargs="+", metavar="ID", help="ids given here, instead of files")
    parser.add_argument(
        "-f", "--format", choices=FORMATS, help="what the files hold (default: by the file's name, else text)"
    )
    parser.add_argument("--lines", action="store_true", help="each line of ids is a text")
    add_tokenizer_arguments(parser)
    group = parser.add_argument_group("output")
    group.add_argument("--skip-special-tokens", action="store_true", help="leave special tokens out of the text")
    group.add_argument(
        "--json", action="store_true", help='write an object a text: {"text": ...}, broken UTF-8 replaced'
    )
    group.add_argument("-o", "--output", metavar="FILE", help="write there instead of stdout")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Decode."""
    if options.ids and options.files:
        raise UsageError("give files or --ids, not both")
    tokenizer = load_tokenizer(options).tokenizer
    with open_output(options.output) as file:
        for ids in _texts(options):
            file.write(_decoded(tokenizer, ids, options))
    return ExitCode.OK


def _decoded(tokenizer: Tokenizer, ids: NDArray[np.uint32], options: argparse.Namespace) -> bytes:
    """Give the bytes to write for one text."""
    if options.json:
        text = tokenizer.decode(ids, skip_special_tokens=options.skip_special_tokens)
        return json.dumps({"text": text}, ensure_ascii=False).encode("utf-8") + b"\n"
    data = tokenizer.decode_bytes(ids, skip_special_tokens=options.skip_special_tokens)
    return data + b"\n" if options.lines else data


def _texts(options: argparse.Namespace) -> Iterator[NDArray[np.uint32]]:
    """Read the ids, a text at a time."""
    if options.ids:
        yield parse_ids(" ".join(options.ids).encode(), "--ids")
        return
    for name in options.files or [STDIN]:
        form = options.format or next((form for suffix, form in SUFFIXES.items() if name.endswith(suffix)), "text")
        shown = "<stdin>" if name == STDIN else name
        with open_input(name) as file:
            if form in ("npy", "u32"):
                yield _binary_ids(shown, file, form)
                continue
            parse = parse_ids if form == "text" else _json_ids
            lines = (
                parse(line, f"{shown}:{number}")
                for number, line in enumerate(file, 1)
                if line.strip() or form == "text"
            )
            if options.lines:
                yield from lines
            else:
                yield np.concatenate([np.empty(0, np.uint32), *lines])


def parse_ids(data: bytes, source: str) -> NDArray[np.uint32]:
    """Read numbers with spaces or commas between them.

    Args:
        data: The numbers; brackets around them are taken too.
        source: What an error calls the place.

    Returns:
        uint32[n].

    Raises:
        CommandError: If something is not a number, or too large for an id.
    """
    words = re.split(rb"[\s,]+", data.strip(b" \t\r\n,[]"))
    if words == [b""]:
        return np.empty(0, np.uint32)
    wrong = next((word for word in words if not word.isdigit() or int(word) >= LIMIT), None)
    if wrong is not None:
        shown = wrong[:40].decode("utf-8", "replace")
        raise CommandError(f"{source}: {shown!r} is not an id (a number from 0 to {LIMIT - 1})")
    return np.array(words, dtype=np.uint64).astype(np.uint32)


def _json_ids(line: bytes, source: str) -> NDArray[np.uint32]:
    """Read a list of ids, or the list at "ids" of an object."""
    try:
        record = json.loads(line)
    except ValueError as error:
        raise CommandError(f"{source}: not JSON: {error}") from error
    ids = record.get("ids") if isinstance(record, dict) else record
    if not isinstance(ids, list) or not all(type(id) is int and 0 <= id < LIMIT for id in ids):
        raise CommandError(f'{source}: neither a list of ids nor an object with such a list at "ids"')
    return np.array(ids, dtype=np.uint32)


def _binary_ids(name: str, file: BinaryIO, form: str) -> NDArray[np.uint32]:
    """Read a .npy array or raw integers."""
    if form == "u32":
        data = file.read()
        if len(data) % 4:
            raise CommandError(f"{name}: {len(data)} bytes are not a whole number of 32-bit ids")
        return np.frombuffer(data, dtype="<u4").astype(np.uint32, copy=False)
    try:
        array = np.load(io.BytesIO(file.read()), allow_pickle=False)
    except (ValueError, EOFError) as error:
        raise CommandError(f"{name}: not a .npy file: {error}") from error
    if not isinstance(array, np.ndarray) or array.ndim != 1 or array.dtype.kind not in "iu":
        found = f"{array.dtype}{list(array.shape)}" if isinstance(array, np.ndarray) else type(array).__name__
        raise CommandError(f"{name}: ids are an array of integers with one axis; found {found}")
    if array.size and not (array.min() >= 0 and array.max() < LIMIT):
        raise CommandError(f"{name}: ids are numbers from 0 to {LIMIT - 1}; found {array.min()} to {array.max()}")
    return array.astype(np.uint32, copy=False)
