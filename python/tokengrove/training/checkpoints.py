"""Training that goes on after an interruption."""

from __future__ import annotations

import hashlib
import json
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tokengrove._replace import replace_file
from tokengrove.errors import InvalidArgumentError, VocabularyError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from os import PathLike

__all__ = ["Checkpoints", "Observer", "Pairs", "check_path"]

Pairs = list[tuple[bytes, bytes]]
"""Merges as the two tokens that they join."""

_FORMAT = 1


class Checkpoints:
    """A file that holds how far a training has come.

    A new state is written beside the file and then takes its place, so that the file is complete at any time.
    """

    def __init__(self, path: str | PathLike[str], settings: dict[str, Any]) -> None:
        """Use a file for a training.

        Args:
            path: The file; if it exists, its state is where :meth:`load` goes on.
            settings: What the result depends on.

        Raises:
            InvalidArgumentError: If there is something that is no file.
            OSError: If a file cannot be written there.
        """
        check_path(path)
        self.path = Path(path)
        text = json.dumps(settings, sort_keys=True, ensure_ascii=False, default=repr)
        self.fingerprint = hashlib.sha256(text.encode()).hexdigest()

    def load(self) -> tuple[int, Pairs, int] | None:
        """Read the state.

        Returns:
            The stage, the merges so far, and how many of them are from stages before; None if there is no file.

        Raises:
            VocabularyError: If the file is no checkpoint.
            InvalidArgumentError: If it is one of another training.
            OSError: If it cannot be read.
        """
        try:
            text = self.path.read_text(encoding="ascii")
        except FileNotFoundError:
            return None
        except UnicodeDecodeError as error:
            raise VocabularyError(f"{self.path} is not a checkpoint of a training") from error
        try:
            state = json.loads(text)
            if state["format"] != _FORMAT:
                raise VocabularyError(f"{self.path} has format {state['format']}; this package reads {_FORMAT}")
            pairs = [(bytes.fromhex(left), bytes.fromhex(right)) for left, right in state["merges"]]
            found = (int(state["stage"]), pairs, int(state["inherited"]))
            fingerprint = state["fingerprint"]
        except VocabularyError:
            raise
        except (ValueError, TypeError, KeyError) as error:
            raise VocabularyError(f"{self.path} is not a checkpoint of a training, or was cut short") from error
        if fingerprint != self.fingerprint:
            raise InvalidArgumentError(
                f"{self.path} is a checkpoint of another training: the text or an option differs. "
                "Give another file, or remove this one to begin anew"
            )
        return found

    def save(self, stage: int, merges: Sequence[tuple[bytes, bytes]], inherited: int) -> None:
        """Write a state.

        Args:
            stage: The stage, counting from 0.
            merges: The merges so far.
            inherited: How many of them are from stages before.

        Raises:
            OSError: If it cannot be written; the state before stays.
        """
        state = {
            "format": _FORMAT,
            "fingerprint": self.fingerprint,
            "stage": stage,
            "inherited": inherited,
            "merges": [(left.hex(), right.hex()) for left, right in merges],
        }
        replace_file(self.path, json.dumps(state).encode("ascii"))

    def remove(self) -> None:
        """Remove the file, when training is done."""
        self.path.unlink(missing_ok=True)


def check_path(path: str | PathLike[str]) -> None:
    """Refuse a file that a state could not be written to.

    Args:
        path: The file.

    Raises:
        InvalidArgumentError: If there is something that is no file.
        OSError: If its folder does not exist or cannot be written to.
    """
    file = Path(path)
    if file.exists() and not file.is_file():
        raise InvalidArgumentError(f"a checkpoint is a file; {file} is something else")
    folder = file.resolve().parent
    try:
        with tempfile.NamedTemporaryFile(prefix=f".{file.name}.", dir=folder):
            pass
    except OSError as error:
        raise type(error)(error.errno, f"no checkpoint can be written there: {error.strerror}", str(folder)) from None


class Observer:
    """What the extension tells how training goes: passes it on, and asks for a checkpoint when it is time."""

    def __init__(
        self,
        tell: Callable[[str, int, int], object] | None,
        checkpoints: Checkpoints | None,
        every: float,
        stage: int,
        inherited: int,
    ) -> None:
        self._tell = tell
        self._checkpoints = checkpoints
        self._every = every
        self._stage = stage
        self._inherited = inherited
        self._last = time.monotonic()

    def __call__(self, phase: str, tokens: int, goal: int) -> bool:
        """Take how far training has come; tell whether a checkpoint is wanted."""
        if self._tell is not None:
            self._tell(phase, tokens, goal)
        return self._checkpoints is not None and time.monotonic() - self._last >= self._every

    def checkpoint(self, merges: Pairs) -> None:
        """Take the merges so far."""
        if self._checkpoints is not None:
            self._checkpoints.save(self._stage, merges, self._inherited)
            self._last = time.monotonic()
