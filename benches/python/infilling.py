"""Bits per byte of the true continuation of code cut at a random byte, four ways.

    python benches/python/infilling.py --model FOLDER --problems HumanEval-RandomSpanInfilling.jsonl.gz --out FILE

The prompt is the start of a prefix cut at a random byte; the continuation is what the file has next. ``tokens`` closes
the prompt at the cut, ``healing`` takes back its last token, ``canonical`` and ``all`` are the byte-level
distributions. The mode ``all`` multiplies histories with every byte, and with text as surprising as code is to small
models a beam soon bounds nothing; so it is asked about the first bytes of the continuation alone, of fewer problems,
and over the covers of the prompt's last tokens. Intervals are those of 95 % of bootstrap means over problems;
differences are of the same problems.
"""

from __future__ import annotations

import argparse
import gzip
import json
import math
from pathlib import Path
from typing import Any

import numpy as np

from tokengrove.next_byte.loading import load_byte_lm
from tokengrove.next_byte.model import ByteLM

LENGTH = 24
START = 8
"""Bytes at the start of a continuation, where the ways differ most."""
LONGEST_PROMPT = 80
TAKEN_BACK = 3
"""Tokens at the end of the prompt whose covers the mode ``all`` sums over."""


def closed(lm: ByteLM, history: list[int], given: bytes, text: bytes) -> np.ndarray[Any, Any]:
    """Logarithms of the bytes of a text behind ids and the bytes given: nothing before the ids stays open."""
    scorer = lm._vocab.scorer(given + text)
    assert scorer is not None
    tokens, parents = scorer.tree
    rows, count = [], 0
    for block in lm._evaluator.tree(history, tokens, parents):
        rows.append(scorer.read(count, block))
        count += len(block)
    found = scorer.finish(rows)
    assert found is not None
    return found[0][len(given) :]


def cases(path: Path, count: int, seed: int) -> list[tuple[bytes, bytes]]:
    """Prompts and continuations."""
    rng = np.random.default_rng(seed)
    with gzip.open(path, "rt", encoding="utf-8") as file:
        problems = [json.loads(line) for line in file]
    found = []
    for index in rng.permutation(len(problems))[:count]:
        problem = problems[index]
        prefix = problem["prompt"].encode()
        whole = prefix + problem["canonical_solution"].encode()
        cut = int(rng.integers(10, max(11, len(prefix) - LENGTH)))
        prompt = whole[:cut][-LONGEST_PROMPT:]
        if prompt.isascii() and whole[cut : cut + LENGTH].isascii():
            found.append((prompt, whole[cut : cut + LENGTH]))
    return found


def interval(values: np.ndarray[Any, Any], seed: int = 0) -> dict[str, float]:
    """Mean and bootstrap interval."""
    rng = np.random.default_rng(seed)
    means = values[rng.integers(0, len(values), size=(2000, len(values)))].mean(axis=1)
    low, high = np.quantile(means, [0.025, 0.975])
    return {"mean": float(values.mean()), "low": float(low), "high": float(high)}


def quantiles(values: list[float]) -> dict[str, float] | None:
    """How large values are."""
    return {"median": float(np.median(values)), "largest": max(values)} if values else None


def summary(logprobs: dict[str, list[np.ndarray[Any, Any]]], places: np.ndarray[Any, Any]) -> dict[str, Any]:
    """Bits per byte of some problems, and paired differences from the mode canonical."""
    bits = {name: np.array([-row.mean() / math.log(2) for row in rows]) for name, rows in logprobs.items()}
    found: dict[str, Any] = {}
    for name, values in bits.items():
        # A beam that has lost every history of a text says nothing about it.
        kept = places[: len(values)] & np.isfinite(values)
        if not kept.any():
            continue
        found[name] = {"problems": int(kept.sum())} | interval(values[kept])
        if name != "canonical":
            found[f"canonical - {name}"] = interval((bits["canonical"][: len(values)] - values)[kept])
    return found


def main() -> None:
    """Measure and write JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--problems", type=Path, required=True)
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument(
        "--beam", type=int, default=32, help="of the mode all; 0 leaves that out, which takes most time"
    )
    parser.add_argument("--beam-count", type=int, default=40, help="problems for the mode all: the first ones")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    lm = load_byte_lm(str(options.model))
    everything = load_byte_lm(str(options.model), mode="all", beam=options.beam) if options.beam else None
    whole: dict[str, list[Any]] = {"tokens": [], "healing": [], "canonical": []}
    every: list[Any] = []
    unresolved: list[float] = []
    inside: list[bool] = []
    for number, (prompt, text) in enumerate(cases(options.problems, options.count, 0)):
        ids = lm.tokenizer.encode_list(prompt)
        context = list(lm.state().context)
        whole["tokens"].append(closed(lm, context + ids, b"", text))
        whole["healing"].append(closed(lm, context + ids[:-1], lm.tokenizer.token_bytes(ids[-1]), text))
        whole["canonical"].append(lm.score(text, prompt=prompt).logprobs)
        if everything is not None and number < options.beam_count:
            tail = b"".join(map(lm.tokenizer.token_bytes, ids[-TAKEN_BACK:]))
            scores = everything.score(text[:START], prompt=[ids[:-TAKEN_BACK], tail])
            every.append(scores.logprobs)
            unresolved.append(scores.unresolved_mass)
        inside.append(lm.tokenizer.encode_list(prompt + text)[: len(ids)] != ids)
    cut_inside = np.array(inside)
    start: dict[str, list[Any]] = {name: [row[:START] for row in rows] for name, rows in whole.items()}
    if every:
        start["all"] = every
    places = {"all cuts": np.ones_like(cut_inside), "inside a token": cut_inside, "between tokens": ~cut_inside}
    result = {
        "model": options.model.name,
        "beam": options.beam,
        "unresolved mass": quantiles(unresolved),
        "lost by the beam": sum(not np.isfinite(row).all() for row in every),
        f"bits per byte of {LENGTH} bytes": {name: summary(whole, where) for name, where in places.items()},
        f"bits per byte of the first {START}": {name: summary(start, where) for name, where in places.items()},
    }
    report = json.dumps(result, indent=1)
    if options.out:
        options.out.write_text(report + "\n", encoding="utf-8")
    print(report)


if __name__ == "__main__":
    main()
