"""Writing a file so that the old one stays until the new one is complete."""

from __future__ import annotations

import os
import tempfile
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
    target = Path(path).resolve()
    if target.exists() and not target.is_file():
        target.write_bytes(data)
        return
    mode = target.stat().st_mode & 0o777 if target.exists() else None
    descriptor, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(_new_mode() if mode is None else mode)
        Path(name).replace(target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _new_mode() -> int:
    """The permissions of a file made in the usual way; those of a temporary file are narrower."""
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask
