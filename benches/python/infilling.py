"""Bits per byte of the true continuation of code cut at a random byte, four ways.

    python benches/python/infilling.py --model FOLDER --problems HumanEval-RandomSpanInfilling.jsonl.gz --out FILE

The prompt is the start of a prefix cut at a random byte; the continuation is what the file has next. ``tokens`` closes
the prompt at the cut, ``healing`` takes back its last token, ``canonical`` and ``all`` are the byte-level
distributions. Intervals are those of 95 % of bootstrap means over problems.
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
LONGEST_PROMPT = 80


def closed(lm: ByteLM, history: list[int], given: bytes, text: bytes) -> float:
    """Logarithm of the probability of a text behind ids and the bytes given: nothing before the ids stays open."""
    scorer = lm._vocab.scorer(given + text)
    assert scorer is not None
    tokens, parents = scorer.tree
    rows, count = [], 0
    for block in lm._evaluator.tree(history, tokens, parents):
        rows.append(scorer.read(count, block))
        count += len(block)
    found = scorer.finish(rows)
    assert found is not None
    return float(found[0][len(given) :].sum())


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


def main() -> None:
    """Measure and write JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True)
    parser.add_argument("--problems", type=Path, required=True)
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--beam", type=int, default=8, help="of the mode all; 0 leaves that out, which takes most time")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    lm = load_byte_lm(options.model)
    everything = load_byte_lm(options.model, mode="all", beam=options.beam) if options.beam else None
    bits: dict[str, list[float]] = {"tokens": [], "healing": [], "canonical": []}
    inside: list[bool] = []
    for prompt, text in cases(options.problems, options.count, 0):
        ids = lm.tokenizer.encode_list(prompt)
        context = list(lm.state().context)
        last = lm.tokenizer.token_bytes(ids[-1])
        found = {
            "tokens": closed(lm, context + ids, b"", text),
            "healing": closed(lm, context + ids[:-1], last, text),
            "canonical": lm.score(text, prompt=prompt).total,
        }
        if everything is not None:
            found["all"] = everything.score(text, prompt=prompt).total
        for name, total in found.items():
            bits.setdefault(name, []).append(-total / math.log(2) / len(text))
        inside.append(lm.tokenizer.encode_list(prompt + text)[: len(ids)] != ids)
    cut_inside = np.array(inside)
    result = {
        "model": options.model,
        "problems": len(inside),
        "cut inside a token": int(cut_inside.sum()),
        "bits per byte": {name: interval(np.array(values)) for name, values in bits.items()},
        "where the cut is inside a token": {
            name: interval(np.array(values)[cut_inside]) for name, values in bits.items() if cut_inside.any()
        },
        "elsewhere": {
            name: interval(np.array(values)[~cut_inside]) for name, values in bits.items() if (~cut_inside).any()
        },
    }
    report = json.dumps(result, indent=1)
    if options.out:
        options.out.write_text(report + "\n", encoding="utf-8")
    print(report)


if __name__ == "__main__":
    main()
