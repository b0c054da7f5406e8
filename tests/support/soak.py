"""How long a soak test may run, random documents for it, and where its results go."""

from __future__ import annotations

import json
import os
import platform
import random
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import tokengrove
from support.data import CORPORA, corpus

# Each line holds characters that patterns treat in a way of their own.
SPECIMENS = (
    *(" ", "  ", "\t", "\n", "\r\n", "\u00a0", "\u3000", "\u2028", "\x0b", "\x85", "\u200b", "\ufeff"),
    *("'s", "'S", "'ll", "'LL", "\u2019s", "'\u017f", "'RE", "n't"),
    *("0", "12", "123", "1234", "\u0661\u0662", "\u00bd", "\u2167", "1,000.5"),
    *("\u0301", "\u0e33", "\u094d", "\u200d", "\U0001f468\u200d\U0001f469", "\U0001f1e9\U0001f1ea", "\ufe0f"),
    *("\u01c5", "\u02b0", "\u0130", "\u1e9e", "\u00df", "\ua66e", "\U00010400", "\U0001d400"),
    *("\u6771\u4eac", "\ud55c\uad6d", "\u30c6\u30b9", "\u0e44\u0e17\u0e22", "\u0627\u0644", "\u05e9"),
    *("!!", "//", "...", "\u2014", "{}", "->", "\\n", "\0", "\x7f", "\ufffd", "\U0010ffff", "<|endoftext|>"),
)


class Clock:
    """Counts down a share of the hours that ``TOKENGROVE_SOAK_HOURS`` grants to all soak tests together."""

    def __init__(self, share: float) -> None:
        self.start = time.monotonic()
        self.limit = float(os.environ.get("TOKENGROVE_SOAK_HOURS", "1")) * 3600 * share

    def seconds(self) -> float:
        return time.monotonic() - self.start

    def running(self) -> bool:
        return self.seconds() < self.limit


def documents(seed: int) -> Iterator[str]:
    """Endless texts: windows of real ones, with specimens and single code points strewn in, from short to long."""
    rng = random.Random(seed)
    try:
        texts = [corpus(name) for name in CORPORA]
    except pytest.skip.Exception:
        texts = [Path(__file__).read_text(encoding="utf-8")]
    while True:
        text = rng.choice(texts)
        length = int(10 ** rng.uniform(0, 5))
        at = rng.randrange(max(1, len(text) - length))
        characters = list(text[at : at + length])
        for _ in range(int(len(characters) * rng.choice((0, 0, 0.001, 0.02, 0.3)))):
            place = rng.randrange(len(characters))
            code = rng.randrange(0x110000)
            if rng.random() < 0.7 or 0xD800 <= code < 0xE000:
                characters[place] = rng.choice(SPECIMENS)
            else:
                characters[place] = chr(code)
        yield "".join(characters) * (rng.choice((2, 50)) if rng.random() < 0.01 else 1)


def report(name: str, **results: Any) -> None:
    """Writes one result file to the folder ``TOKENGROVE_SOAK_OUT``."""
    folder = Path(os.environ.get("TOKENGROVE_SOAK_OUT", "benches/results"))
    folder.mkdir(parents=True, exist_ok=True)
    about = {
        "name": name,
        "tokengrove": tokengrove.__version__,
        "python": platform.python_version(),
        "machine": platform.machine(),
        "finished": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }
    path = folder / f"soak-{name}.json"
    path.write_text(json.dumps({**about, **results}, indent=1) + "\n", encoding="utf-8")
