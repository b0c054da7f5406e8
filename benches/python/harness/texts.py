"""The texts that are measured: six classes of real text, documents cut from them, and worst cases."""

from __future__ import annotations

import base64
import hashlib
import io
import random
import sysconfig
from collections.abc import Callable, Iterator
from pathlib import Path

CLASSES = ("english", "code", "multilingual", "cjk", "json_log", "chat_md")
LATIN_CLASSES = ("english", "code", "json_log", "chat_md")
MAX_BYTES = 6_000_000
SEED = 20260101

# Left out of the code class: tests (not installed everywhere) and generated tables, which are data rather than code.
_NOT_CODE = {"site-packages", "dist-packages", "test", "tests", "idle_test", "encodings", "pydoc_data", "__pycache__"}

_DOCUMENT_MIN = 1024
_DOCUMENT_MAX = 4096


class MissingTextError(Exception):
    """A class of text is not on this machine."""


def load(name: str, corpora: Path | None, limit: int = MAX_BYTES) -> str:
    """Read one class of text.

    Args:
        name: One of :data:`CLASSES`.
        corpora: The folder with ``NAME.txt``; not needed for ``code``.
        limit: The most bytes of UTF-8 to take; the text ends at a line end at or before it.

    Returns:
        The text.

    Raises:
        MissingTextError: If the file is not there.
    """
    if name == "code":
        return _cut_at_line_end(standard_library_source(limit), limit)
    if corpora is None or not (corpora / f"{name}.txt").is_file():
        raise MissingTextError(f"no {name}.txt in {corpora or 'any folder: TOKENGROVE_TEST_DATA is not set'}")
    return _cut_at_line_end((corpora / f"{name}.txt").read_bytes(), limit)


def _cut_at_line_end(data: bytes, limit: int) -> str:
    if len(data) > limit:
        data = data[: data.rfind(b"\n", 0, limit) + 1 or limit]
    return data.decode("utf-8", errors="ignore")


def standard_library_source(limit: int) -> bytes:
    """Concatenate sources of this interpreter's standard library, in an order that mixes its packages.

    Args:
        limit: Stop once this many bytes are collected.

    Returns:
        UTF-8. The same for the same Python version: files are ordered by a hash of their relative path.
    """
    root = Path(sysconfig.get_paths()["stdlib"])
    names = [path.relative_to(root) for path in root.rglob("*.py") if not _NOT_CODE.intersection(path.parts)]
    names.sort(key=lambda name: hashlib.sha256(name.as_posix().encode()).digest())
    parts: list[bytes] = []
    size = 0
    for name in names:
        data = (root / name).read_bytes()
        try:
            data.decode("utf-8")
        except UnicodeDecodeError:
            continue
        parts.append(data)
        size += len(data)
        if size >= limit:
            break
    return b"".join(parts)


def documents(text: str) -> list[str]:
    """Cut a text at line ends into documents of about 1 to 4 KB.

    Args:
        text: Any text. A line longer than 4 KB is cut inside.

    Returns:
        Documents that concatenate to the text, in order, each of at most 4096 bytes of UTF-8; the same for the same
        text.
    """
    rng = random.Random(SEED)
    found: list[str] = []
    lines: list[str] = []
    size = 0
    target = rng.randint(_DOCUMENT_MIN, _DOCUMENT_MAX)
    for line in _short_lines(text):
        length = len(line.encode("utf-8"))
        if lines and (size >= target or size + length > _DOCUMENT_MAX):
            found.append("".join(lines))
            lines, size = [], 0
            target = rng.randint(_DOCUMENT_MIN, _DOCUMENT_MAX)
        lines.append(line)
        size += length
    if lines:
        found.append("".join(lines))
    return found


def _short_lines(text: str) -> Iterator[str]:
    """Yield lines with their ends; a line that could exceed a document is cut every 1024 characters."""
    for line in io.StringIO(text, newline="\n"):
        for start in range(0, len(line), _DOCUMENT_MAX // 4):
            yield line[start : start + _DOCUMENT_MAX // 4]


def _random_letters(count: int) -> str:
    letters = random.Random(SEED).choices(b"abcdefghijklmnopqrstuvwxyz", k=count)
    return bytes(letters).decode("ascii")


def _random_han(count: int) -> str:
    rng = random.Random(SEED)
    return "".join(chr(rng.randint(0x4E00, 0x9FA5)) for _ in range(count))


def _base64(count: int) -> str:
    return base64.b64encode(random.Random(SEED).randbytes(count)).decode("ascii")[:count]


# Names are written to results and tables; a name ending in `_10m` is ten times its namesake.
WORST_CASES: dict[str, Callable[[], str]] = {
    "letter_a": lambda: "a" * 1_000_000,
    "letter_a_10m": lambda: "a" * 10_000_000,
    "random_letters": lambda: _random_letters(1_000_000),
    "random_letters_10m": lambda: _random_letters(10_000_000),
    "spaces": lambda: " " * 1_000_000,
    "newlines": lambda: "\n" * 1_000_000,
    "digits": lambda: "0123456789" * 100_000,
    "emoji": lambda: "\N{GRINNING FACE}" * 1_000_000,
    "random_han": lambda: _random_han(333_333),
    "base64": lambda: _base64(1_000_000),
}
