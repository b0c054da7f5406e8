"""Measures the resident memory of a process that loads a vocabulary and encodes much text; JSON on standard output.

Arguments: rank file, pattern, megabytes for each round, then the text files. Memory is counted beyond
``import numpy``; the text of one document and its ids exist during a measurement's encoding, not at its end.
"""

from __future__ import annotations

import ctypes
import gc
import json
import random
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psutil

DOCUMENT = 200_000


def resident() -> float:
    """Resident megabytes, after free pages have gone back to the system where the C library can do so."""
    gc.collect()
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if trim is not None:
            trim(0)
    return float(psutil.Process().memory_info().rss) / 2**20


def documents(paths: list[Path], seed: int) -> Iterator[str]:
    """Endless documents: windows of the files at random places, a tenth of each of random letters and digits."""
    rng = random.Random(seed)
    sizes = [path.stat().st_size for path in paths]
    letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 \n"
    while True:
        at = rng.randrange(len(paths))
        with paths[at].open("rb") as file:
            file.seek(rng.randrange(max(1, sizes[at] - DOCUMENT)))
            text = file.read(DOCUMENT).decode(errors="ignore")
        yield text + "".join(rng.choices(letters, k=DOCUMENT // 10))


def main() -> None:
    """Prints the figures."""
    path, pattern, megabytes = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    texts = documents([Path(name) for name in sys.argv[4:]], seed=5)
    np.zeros(1)
    sum(len(next(texts)) for _ in range(3))
    base = resident()

    from tokengrove import Tokenizer

    start = time.process_time()
    tokenizer = Tokenizer.from_tiktoken(path, pattern=pattern)
    seconds = time.process_time() - start
    figures = {"load_seconds": seconds, "loaded": resident() - base}
    for name in ("encoded", "encoded_again"):
        done = 0
        while done < megabytes * 2**20:
            text = next(texts)
            tokenizer.encode(text)
            done += len(text.encode())
        figures[name] = resident() - base
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
