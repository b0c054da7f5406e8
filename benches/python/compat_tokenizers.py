"""Speed of the tokenizers drop-in beside tokenizers itself: full encodings, ids alone, transformers calls, loading.

Both run on one thread, in turns, on parts of a text that neither has seen; what they give is compared first, and a
difference ends the run. Prints medians and their ratio, and writes JSON with every time to a file if one is named::

    python benches/python/compat_tokenizers.py --vocabs FOLDER --text FILE [--out FILE]
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

os.environ["TOKENIZERS_PARALLELISM"] = "false"
os.environ["RAYON_NUM_THREADS"] = "1"

import tokenizers as reference

import tokengrove
import tokengrove.compat.tokenizers as drop_in

NAMES = ("gpt2", "llama-3.2", "qwen2", "roberta-base", "mistral-nemo-tekken", "llama-2-13b-chat", "phi-3-mini")
ROUNDS = 7


def clock(call: Callable[[], Any]) -> float:
    """Seconds that a call takes."""
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def documents(text: str, round_number: int, size: int, length: int) -> list[str]:
    """Consecutive parts of the text that no other round has."""
    start = round_number * size
    part = text[start : start + size]
    return [part[at : at + length] for at in range(0, len(part), length)]


def same(theirs: Any, ours: Any) -> None:
    """Ends the run if two lists of encodings differ."""
    for one, other in zip(theirs, ours, strict=True):
        if (one.ids, one.offsets, one.word_ids, one.tokens) != (other.ids, other.offsets, other.word_ids, other.tokens):
            sys.exit("the encodings differ: nothing was timed")


def compare(name: str, text: str, folder: Path, size: int) -> dict[str, Any]:
    """Times one vocabulary."""
    file = str(folder / name / "tokenizer.json")
    loading: dict[str, list[float]] = {"theirs": [], "ours": []}
    for _ in range(3):
        loading["theirs"].append(clock(lambda: reference.Tokenizer.from_file(file)))
        loading["ours"].append(clock(lambda: drop_in.Tokenizer.from_file(file).encode("a")))
    theirs, ours = reference.Tokenizer.from_file(file), drop_in.Tokenizer.from_file(file)
    sample = documents(text[-20_000:], 0, 20_000, 1000)
    same(theirs.encode_batch(sample), ours.encode_batch(sample))
    native = tokengrove.Tokenizer.from_file(file)
    results: dict[str, Any] = {"loading": loading}
    calls: dict[str, tuple[Callable[[Any, list[str]], Any], Any, Any]] = {
        "full": (lambda t, docs: t.encode_batch(docs), theirs, ours),
        "ids": (lambda t, docs: t.encode_batch_fast(docs), theirs, ours),
    }
    for part, (kind, (call, one, other)) in enumerate(calls.items()):
        times: dict[str, list[float]] = {"theirs": [], "ours": [], "core": []}
        for number in range(ROUNDS):
            docs = documents(text, ROUNDS * part + number, size, 2000)
            order = [("theirs", partial(call, one, docs)), ("ours", partial(call, other, docs))]
            if kind == "ids":
                order.insert(number % 3, ("core", partial(native.encode_batch, docs)))
            for label, run in order if number % 2 else reversed(order):
                times[label].append(clock(run))
        results[kind] = times
    return results


def transformers_calls(name: str, text: str, folder: Path, size: int) -> dict[str, Any]:
    """Times ``tokenizer(list_of_documents)`` of transformers."""
    from transformers import PreTrainedTokenizerFast

    from tokengrove.integrations.transformers_tokenizer import accelerate

    loader: Any = PreTrainedTokenizerFast
    theirs = loader(tokenizer_file=str(folder / name / "tokenizer.json"))
    ours = accelerate(theirs)
    times: dict[str, list[float]] = {"theirs": [], "ours": []}
    for number in range(ROUNDS):
        docs = documents(text, 2 * ROUNDS + number, size, 2000)
        if number == 0 and dict(theirs(docs)) != dict(ours(docs)):
            sys.exit("the calls differ: nothing was timed")
        for label, tokenizer in (
            (("theirs", theirs), ("ours", ours)) if number % 2 else (("ours", ours), ("theirs", theirs))
        ):
            times[label].append(clock(partial(tokenizer, docs)))
    return times


def whole_document(name: str, text: str, folder: Path) -> dict[int, Any]:
    """Times one long text, which is one piece to a SentencePiece-style vocabulary, at growing lengths."""
    file = str(folder / name / "tokenizer.json")
    theirs, ours = reference.Tokenizer.from_file(file), drop_in.Tokenizer.from_file(file)
    results = {}
    for length in (20_000, 40_000, 80_000, 160_000):
        part = text[:length]
        results[length] = {
            "theirs": clock(partial(theirs.encode, part)),
            "ours": clock(partial(ours.encode, part)),
        }
    return results


def main() -> None:
    """Runs everything and prints a table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--vocabs", type=Path, required=True, help="folder of folders with a tokenizer.json each")
    parser.add_argument("--text", type=Path, required=True, help="a text of a few megabytes")
    parser.add_argument("--size", type=int, default=200_000, help="characters for each round")
    parser.add_argument("--names", default=",".join(NAMES), help="which of the folders")
    parser.add_argument("--out", type=Path, help="where to write the times as JSON")
    arguments = parser.parse_args()
    text = arguments.text.read_text(encoding="utf-8")
    tokengrove.set_num_threads(1)
    everything: dict[str, Any] = {}
    median = statistics.median
    for name in arguments.names.split(","):
        found = compare(name, text, arguments.vocabs, arguments.size)
        found["transformers"] = transformers_calls(name, text, arguments.vocabs, arguments.size)
        if "llama-2" in name:
            found["whole document"] = whole_document(name, text, arguments.vocabs)
        everything[name] = found
        row = [f"{name:22}"]
        for kind in ("loading", "full", "ids", "transformers"):
            ours, theirs = median(found[kind]["ours"]), median(found[kind]["theirs"])
            row.append(f"{kind} {ours * 1000:.1f} ms, x{theirs / ours:.1f}")
        row.append(f"ids/core {median(found['ids']['ours']) / median(found['ids']['core']):.2f}")
        print("; ".join(row), flush=True)
        if "whole document" in found:
            print(
                "  whole document:",
                {k: [round(s * 1000, 1) for s in v.values()] for k, v in found["whole document"].items()},
            )
    if arguments.out:
        arguments.out.write_text(json.dumps(everything, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
