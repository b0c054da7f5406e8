"""Which model a command asks for byte-level probabilities: ``--model``, ``--mode``, ``--eps``."""

from __future__ import annotations

import argparse
import codecs
import contextlib
import importlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from tokengrove.cli.errors import CommandError
from tokengrove.cli.inputs import at_least
from tokengrove.errors import InvalidArgumentError

if TYPE_CHECKING:
    from tokengrove.next_byte import ByteLM

__all__ = ["add_model_arguments", "load_default_model", "load_model", "prompt_bytes", "shown"]

DEFAULT_MODEL = "default"
"""The name of the model that comes with the package."""

DEFAULT_BEAM = 8
"""Histories a byte in the mode ``all``, whose number grows exponentially otherwise."""


def add_model_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that choose the model and how it is asked."""
    group = parser.add_argument_group("model")
    group.add_argument(
        "-m",
        "--model",
        default=DEFAULT_MODEL,
        metavar="FOLDER",
        help="a folder as the transformers library saves a model, with tokenizer.json (default: that in the package)",
    )
    group.add_argument("--dtype", default="float32", help="element type of the weights (default: %(default)s)")
    group.add_argument(
        "--mode",
        choices=("canonical", "canonical-raw", "all"),
        default="canonical",
        help="which token sequences count (default: %(default)s)",
    )
    group.add_argument(
        "--eps", type=_share, default=0.0, metavar="SHARE", help="leave out at most this share of the mass (default: 0)"
    )
    group.add_argument(
        "--beam",
        type=at_least(0),
        metavar="K",
        help=f"evaluate at most K histories a byte, 0 for all (default: {DEFAULT_BEAM} in the mode all, else all)",
    )


def _share(text: str) -> float:
    """Read a share of the mass, for argparse."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0.0 <= value < 1.0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a share: a number from 0 to below 1")
    return value


def load_default_model(**options: Any) -> ByteLM:
    """Load the model that comes with the package.

    Args:
        **options: As :class:`tokengrove.next_byte.ByteLM`.

    Returns:
        The model.

    Raises:
        CommandError: If torch is not installed, or this build has no model.
    """
    from tokengrove.next_byte import ByteLM

    try:
        files = importlib.import_module("tokengrove.default_model")
        forward = importlib.import_module("tokengrove.forward")
        with _without_progress_bars():
            model = forward.default_model()
        return ByteLM(model, files.default_model_tokenizer(), **options)
    except (ImportError, AttributeError) as error:
        raise CommandError(f"the model in the package cannot be loaded ({error}); give --model FOLDER") from error


def load_model(options: argparse.Namespace) -> ByteLM:
    """Load the model that the command line names.

    Args:
        options: What :func:`add_model_arguments` parsed.

    Returns:
        The model.

    Raises:
        CommandError: If it cannot be loaded.
    """
    from tokengrove.next_byte.loading import load_byte_lm

    beam = DEFAULT_BEAM if options.beam is None and options.mode == "all" else options.beam or None
    asked = {"mode": options.mode, "eps": options.eps, "beam": beam}
    if options.model == DEFAULT_MODEL:
        return load_default_model(**asked)
    try:
        with _without_progress_bars():
            return load_byte_lm(options.model, dtype=options.dtype, **asked)
    except (InvalidArgumentError, ImportError, ValueError, OSError) as error:
        # Messages of transformers have many lines.
        raise CommandError(str(error).partition("\n")[0]) from error


@contextlib.contextmanager
def _without_progress_bars() -> Iterator[None]:
    """Keep transformers from drawing on the terminal while a small model loads."""
    try:
        logging: Any = importlib.import_module("transformers.utils.logging")
    except ImportError:
        yield
        return
    drawn = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if drawn:
            logging.enable_progress_bar()


def prompt_bytes(text: str) -> bytes:
    r"""Read a prompt with the escapes of Python's bytes, such as ``\n`` and ``\xe4``.

    Args:
        text: What was typed.

    Returns:
        Its bytes.

    Raises:
        CommandError: If an escape is not complete.
    """
    if "\\" not in text:
        return text.encode()
    try:
        data, _ = codecs.escape_decode(text.encode())
    except ValueError as error:
        raise CommandError(f"{text!r}: {error}") from error
    return bytes(data)


def shown(byte: int) -> str:
    """Give a byte, or 256 for the end of the text, as a reader knows it."""
    if byte == 256:
        return "<end>"
    return repr(bytes([byte]))[2:-1] if byte != 0x20 else "␣"
