"""What superwords gain and cost: plain BPE, exact superwords and aggregated ones, on text held out from training.

Usage: ``python benches/python/superwords.py TEXT [--vocab-size N] [--words N] [--held-out BYTES] [--json OUT]``.

Learns from the beginning of a text, line by line, and measures on its end. Each way is trained in turns, several times,
each time in a process of its own. ``same`` is how many of the superwords (the tokens learned in the second stage) the
exact way learns too. Fails if exact superwords give less than 10 % more bytes per token than plain BPE.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path
from statistics import median
from typing import Any

from harness.machine import describe

WAYS = ("plain", "exact", "aggregated")
SUPERWORDS = r"\p{N}{1,3}| ?[^\s\p{L}\p{N}]{2,}[\r\n/]*| +(?!\S)"


def parts(path: Path, held_out: int) -> tuple[list[str], str]:
    """The lines to learn from, and the text to measure on."""
    text = path.read_text(encoding="utf-8")
    cut = text.index("\n", len(text) - held_out) + 1
    return text[:cut].splitlines(keepends=True), text[cut:]


def worker(options: argparse.Namespace) -> None:
    """Train once and print what was found."""
    from tokengrove.training import Stage, train_bpe

    lines, held_out = parts(options.text, options.held_out)
    stages = [
        Stage("o200k_base", options.words),
        Stage(SUPERWORDS, options.vocab_size, max_words=4, forbid=[": "]),
    ]
    wall, cpu = time.perf_counter(), time.process_time()
    if options.worker == "plain":
        tokenizer = train_bpe(lines, options.vocab_size, "o200k_base")
    else:
        tokenizer = train_bpe(lines, stages=stages, superwords=options.worker)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    tokens = [tokenizer.token_bytes(token).hex() for token in range(options.words, options.vocab_size)]
    value = len(held_out.encode()) / tokenizer.count(held_out)
    print(json.dumps({"wall": wall, "cpu": cpu, "bytes_per_token": value, "tokens": tokens}))


def main() -> int:
    """Train each way in turns, compare, write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("text", type=Path, help="a text of some megabytes")
    parser.add_argument("--vocab-size", type=int, default=32_000)
    parser.add_argument("--words", type=int, default=26_000, help="size of the vocabulary when superwords begin")
    parser.add_argument("--held-out", type=int, default=500_000, help="characters at the end to measure on")
    parser.add_argument("--launches", type=int, default=3)
    parser.add_argument("--json", type=Path, help="where to write the figures")
    parser.add_argument("--worker", choices=WAYS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        worker(options)
        return 0
    runs: dict[str, list[dict[str, Any]]] = {way: [] for way in WAYS}
    for _ in range(options.launches):
        for way in WAYS:
            done = subprocess.run(
                [sys.executable, __file__, *sys.argv[1:], "--worker", way], capture_output=True, text=True, check=True
            )
            runs[way].append(json.loads(done.stdout))
    tokens = {way: set(runs[way][0]["tokens"]) for way in WAYS}
    results: dict[str, Any] = {"machine": describe(), "vocab_size": options.vocab_size, "words": options.words}
    results |= {"held_out": options.held_out, "text_bytes": options.text.stat().st_size, "ways": {}}
    plain = runs["plain"][0]["bytes_per_token"]
    for way in WAYS:
        value = runs[way][0]["bytes_per_token"]
        figures = {
            "wall": [run["wall"] for run in runs[way]],
            "cpu": [run["cpu"] for run in runs[way]],
            "bytes_per_token": value,
            "superwords_same_as_exact": len(tokens[way] & tokens["exact"]),
        }
        results["ways"][way] = figures
        line = f"{way:11} {value:.3f} bytes per token ({value / plain - 1:+.1%}), {median(figures['wall']):.2f} s"
        print(f"{line}, {figures['superwords_same_as_exact']:,} of {len(tokens[way]):,} superwords same", flush=True)
    if options.json:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    gain = results["ways"]["exact"]["bytes_per_token"] / plain - 1
    if gain < 0.1:
        print(f"exact superwords gain {gain:.1%}, less than 10 %", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
