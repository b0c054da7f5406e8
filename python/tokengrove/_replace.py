"""Writing a file so that the old one stays until the new one is complete."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path


def replace_file(path: str | os.PathLike[str], data: bytes) -> None:
    """Write a file; one that exists is replaced when the new one is complete.

    What is no ordinary file, such as ``/dev/stdout``, is written to and stays what it is.

    Args:
        path: The file.
        data: Its contents.

    Raises:
        OSError: If it cannot be written; a file that was there before is then unchanged.
    """
    if Path(path).exists() and not Path(path).is_file():
        Path(path).write_bytes(data)
        return
    with replacing(path) as part:
        part.write_bytes(data)


@contextlib.contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Give a file to write beside another one; it takes the other one's place at the end.

    Args:
        path: The file to replace, or to make; no folder or device.

    Yields:
        The file to write, empty at first.

    Raises:
        OSError: If it cannot be written; a file that was there before is then unchanged.
    """
    target = Path(path).resolve()
    mode = target.stat().st_mode & 0o777 if target.exists() else None
    descriptor, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    part = Path(name)
    try:
        os.close(descriptor)
        yield part
        with part.open("r+b") as file:
            os.fsync(file.fileno())
        part.chmod(_new_mode() if mode is None else mode)
        part.replace(target)
    except BaseException as error:
        part.unlink(missing_ok=True)
        # What the extension raises names no file; an error without a number has only its own message to show.
        if isinstance(error, OSError) and error.errno is not None:
            error.filename = str(path)
        raise


def _new_mode() -> int:
    """The permissions of a file made in the usual way; those of a temporary file are narrower."""
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask
