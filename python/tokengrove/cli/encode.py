"""``tokengrove encode``: text to ids."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import numpy as np

from tokengrove import InvalidTextError, TokenBatch, set_num_threads
from tokengrove.cli.errors import CommandError, ExitCode, UsageError
from tokengrove.cli.inputs import Document, add_input_arguments, at_least, batches, documents, total_size
from tokengrove.cli.outputs import FORMATS, IdWriter, make_writer, open_output
from tokengrove.cli.progress import add_progress_argument, progress
from tokengrove.cli.tokenizers import add_tokenizer_arguments, load_tokenizer

if TYPE_CHECKING:
    from collections.abc import Callable

    from tokengrove import Tokenizer

__all__ = ["add_encoding_arguments", "add_parser", "encode_documents", "encoding_options", "for_each", "run"]

Result = TypeVar("Result")

DESCRIPTION = """\
Write the token ids of texts.

A file is encoded as one text and read whole: cutting it elsewhere could change ids at the
cut. For files larger than memory use --lines or --jsonl, which read and write as they go.
"""

EPILOG = """\
formats:
  text   a line of ids a text (the default)
  jsonl  an object a text: {"source": ..., "ids": [...]}
  npy    one NumPy array uint32[total] of all texts
  u32    the same as raw little-endian integers

example:
  tokengrove encode --text "Hello, world"
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Describe the command."""
    parser = subparsers.add_parser(
        "encode",
        help="text to ids",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_input_arguments(parser)
    add_tokenizer_arguments(parser)
    add_encoding_arguments(parser)
    group = parser.add_argument_group("output")
    group.add_argument("-f", "--format", choices=FORMATS, help="how to write the ids")
    group.add_argument("--json", dest="format", action="store_const", const="jsonl", help="the same as --format jsonl")
    group.add_argument("-o", "--output", metavar="FILE", help="write there instead of stdout")
    group.add_argument(
        "--offsets",
        action="store_true",
        help="also the bytes and characters each token covers; as text: a token a line, id, byte span, character span",
    )
    group.add_argument(
        "--row-splits", metavar="FILE", help="where each text starts in the ids, int64[texts + 1] as .npy"
    )
    add_progress_argument(group)
    parser.set_defaults(run=run)


def add_encoding_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what else decides the ids."""
    parser.add_argument(
        "--special",
        action="store_true",
        help="special tokens written in the text become those tokens (default: they are text)",
    )
    parser.add_argument(
        "--add-special-tokens", action="store_true", help="add what the tokenizer puts around a text, such as <s>"
    )
    parser.add_argument(
        "--threads", type=at_least(1), metavar="N", help="threads to use (default: as many as there are cores)"
    )


def encoding_options(options: argparse.Namespace) -> dict[str, Any]:
    """Give the keyword arguments for the tokenizer that :func:`add_encoding_arguments` stands for."""
    if options.threads is not None:
        set_num_threads(options.threads)
    allowed: Literal["all"] | tuple[()] = "all" if options.special else ()
    return {"add_special_tokens": options.add_special_tokens, "allowed_special": allowed}


def run(options: argparse.Namespace) -> int:
    """Encode."""
    form = options.format or "text"
    if options.offsets and form not in ("text", "jsonl"):
        raise UsageError("--offsets goes with --format text or jsonl")
    tokenizer = load_tokenizer(options).tokenizer
    how = encoding_options(options)
    with open_output(options.output) as file, progress("encode", total_size(options), off=options.no_progress) as line:
        writer = make_writer(form, file, options.row_splits)
        for batch in batches(documents(options)):
            if options.offsets:
                tokens = _write_offsets(writer, tokenizer, batch, how)
            else:
                encoded = encode_documents(tokenizer, batch, how)
                tokens = encoded.ids.size
                for document, ids in zip(batch, encoded, strict=True):
                    writer.write(document.source, ids)
            line.advance(sum(document.size for document in batch), tokens)
        writer.close()
    return ExitCode.OK


def encode_documents(tokenizer: Tokenizer, batch: list[Document], how: dict[str, Any]) -> TokenBatch:
    """Encode a batch; an error names the text it is about."""
    if len(batch) == 1:  # a long text by itself is encoded on several threads
        ids = for_each(batch, lambda text: tokenizer.encode(text, **how))[0]
        return TokenBatch(ids, np.array([0, ids.size], dtype=np.int64))
    try:
        return tokenizer.encode_batch([document.text for document in batch], **how)
    except InvalidTextError:
        for_each(batch, lambda text: tokenizer.encode(text, **how))
        raise


def for_each(batch: list[Document], work: Callable[[str | bytes], Result]) -> list[Result]:
    """Do something with every text of a batch; an error names the text it is about.

    Args:
        batch: The texts.
        work: What to do.

    Returns:
        The results.

    Raises:
        CommandError: If a text has no UTF-8 form.
    """
    results = []
    for document in batch:
        try:
            results.append(work(document.text))
        except InvalidTextError as error:
            raise CommandError(f"{document.source}: {error}") from error
    return results


def _write_offsets(writer: IdWriter, tokenizer: Tokenizer, batch: list[Document], how: dict[str, Any]) -> int:
    """Encode and write a batch with offsets; gives the number of tokens."""
    encodings = for_each(batch, lambda text: tokenizer.encode_with_offsets(text, **how))
    for document, encoding in zip(batch, encodings, strict=True):
        writer.write_offsets(document.source, encoding)
    return sum(encoding.ids.size for encoding in encodings)
