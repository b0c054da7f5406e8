"""Loads every file of a folder and uses what loads; one JSON line for each file on standard output.

Runs as a program of its own, so that a crash, a hang or a memory bomb ends this process and not the test run.
"""

from __future__ import annotations

import contextlib
import json
import resource
import sys
import time
from pathlib import Path

from tokengrove import Tokenizer

MEMORY_LIMIT = 3 << 30
TEXTS: list[str | bytes] = [
    "",
    "the thing in <|end|> zzz",
    "caf\u00e9 \u6771\u4eac \U0001f600\0\x7f",
    "a" * 3000,
    b"\xff\xfe\x80the",
]


def use(tokenizer: Tokenizer) -> None:
    """Calls what a caller would; documented errors are fine."""
    for text in TEXTS:
        with contextlib.suppress(ValueError, KeyError):
            ids = tokenizer.encode(text)
            tokenizer.decode_bytes(ids)
            tokenizer.count(text)
    for bad in (2**32 - 1, 10**9):
        with contextlib.suppress(KeyError):
            tokenizer.decode_bytes([bad])


def attempt(path: Path) -> dict[str, object]:
    """Loads and uses one file; gives the error's classes and message, the seconds and the megabytes it took."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.perf_counter()
    classes, message = [], ""
    try:
        # For other kinds of file even `pattern=None` is refused: they have a pattern of their own.
        if path.suffix == ".tiktoken":
            use(Tokenizer.from_file(path, pattern="gpt2"))
        else:
            use(Tokenizer.from_file(path))
    except BaseException as error:  # a panic that escapes is not an Exception
        classes, message = [c.__name__ for c in type(error).__mro__], str(error)
    seconds = time.perf_counter() - start
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    return {"file": path.name, "classes": classes, "message": message, "seconds": seconds, "megabytes": grown}


def main() -> None:
    """Runs the folder named by the first argument."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_LIMIT, MEMORY_LIMIT))
    for path in sorted(Path(sys.argv[1]).iterdir()):
        print(json.dumps({"start": path.name}), flush=True)
        print(json.dumps(attempt(path)), flush=True)


if __name__ == "__main__":
    main()
