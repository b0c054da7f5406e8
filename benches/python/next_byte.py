"""Byte-level probabilities against genlm-bytes and a loop over rows: same model, same vocabulary, same text.

    python benches/python/next_byte.py --model FOLDER --vocabulary RANKS --out FILE

``--model`` is a small causal model as the transformers library saves it, ``--vocabulary`` a rank file of about 128,000
tokens. genlm-bytes is measured if it is installed, with its batching wait set to zero; answers are compared first.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import resource
import statistics
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from tokengrove import Tokenizer
from tokengrove._native import ByteVocab
from tokengrove.next_byte import ByteLM

PROMPT = "Once upon a time, there was a little girl named Lily. She lov"
BYTES = 60
WIDE = 20_000
"""A beam that holds every history of a short text."""
TEXT = (
    "Once upon a time, there was a little girl named Lily. She loved to play outside in the park. One day, she saw a "
    "big, red ball. She wanted to play with it, but it was too high. Lily's mom said, \"Lily, let's go to the park.\" "
    "Lily was sad and didn't know what to do. She said, \"I want to play with your ball, but I can't find it.\" Her "
    "mom smiled and they went home together to look."
)


def timed(work: Callable[[], Any], rounds: int = 1) -> tuple[float, Any]:
    """Seconds a round, and the last result."""
    started = time.perf_counter()
    for _ in range(rounds):
        result = work()
    return (time.perf_counter() - started) / rounds, result


def resident() -> float:
    """Peak memory of the process in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def spread(samples: list[float]) -> dict[str, float]:
    """Median and range."""
    return {"median": statistics.median(samples), "min": min(samples), "max": max(samples), "runs": len(samples)}


def large_vocabulary(path: Path, rounds: int) -> dict[str, Any]:
    """Building the trie and one distribution from a row of logits."""
    end = sum(1 for line in path.read_text(encoding="ascii").splitlines() if line)
    tokenizer = Tokenizer.from_tiktoken(path, "llama3", {"<|endoftext|>": end})
    found: dict[str, Any] = {"tokens": tokenizer.vocab_size}
    before = resident()
    builds = [timed(lambda: ByteVocab(tokenizer, "all", [end]))[0] for _ in range(rounds)]
    vocab = ByteVocab(tokenizer, "all", [end])
    found["trie"] = {"seconds": spread(builds), "nodes": vocab.trie_size[0], "bytes": vocab.trie_size[1]}
    rules, canonical = timed(lambda: ByteVocab(tokenizer, "canonical", [end]))
    found["trie_and_rules_seconds"] = rules
    logits = np.random.default_rng(0).normal(scale=4.0, size=vocab.width).astype(np.float32)
    softmax: list[float] = []
    distribution: dict[str, list[float]] = {"all": [], "canonical": []}
    for _ in range(rounds * 5):
        softmax.append(timed(lambda: _softmax(logits))[0])
        for mode, one in (("all", vocab), ("canonical", canonical)):
            start = one.start()
            distribution[mode].append(timed(partial(_distribution, start, logits))[0])
    found["softmax_float64"] = spread(softmax)
    found["distribution"] = {mode: spread(samples) for mode, samples in distribution.items()}
    found["peak_mb"] = resident() - before
    found["genlm"] = _genlm_trie(tokenizer, logits, rounds)
    return found


def _distribution(start: Any, logits: np.ndarray[Any, Any]) -> Any:
    return start.resolve([0], [logits]).logprobs()


def _softmax(logits: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    wide = logits.astype(np.float64)
    weights = np.exp(wide - wide.max())
    return weights / weights.sum()  # type: ignore[no-any-return]


def _genlm_trie(tokenizer: Tokenizer, logits: np.ndarray[Any, Any], rounds: int) -> dict[str, Any] | None:
    try:
        import torch
        from genlm.backend.tokenization import Token
        from genlm.bytes import TokenByteTrie
    except ImportError:
        return None
    torch.set_num_threads(1)
    ids = [id for id in range(tokenizer.max_token_id + 1) if _is_token(tokenizer, id)]
    decode = [Token(id, tokenizer.token_bytes(id)) for id in ids]
    before = resident()
    build, trie = timed(lambda: TokenByteTrie(decode=decode, device="cpu"))
    weights = torch.from_numpy(_softmax(logits)).float()
    sums = [timed(lambda: trie.weight_sum(weights))[0] for _ in range(rounds)]
    return {"build_seconds": build, "distribution": spread(sums), "peak_mb": resident() - before}


def _is_token(tokenizer: Tokenizer, id: int) -> bool:
    try:
        return bool(tokenizer.token_bytes(id))
    except KeyError:
        return False


def small_model(folder: Path, rounds: int) -> dict[str, Any]:
    """Generation, scoring and the model's own time."""
    import torch
    from transformers import AutoModelForCausalLM

    torch.set_num_threads(1)
    tokenizer = Tokenizer.from_file(folder / "tokenizer.json")
    model: Any = AutoModelForCausalLM.from_pretrained(folder, local_files_only=True)
    model.eval()
    lm = ByteLM(model, tokenizer)
    found: dict[str, Any] = {}
    lm.generate(PROMPT, max_new_bytes=8, seed=0)
    asked, made = lm.evaluations, lm.generate(PROMPT, max_new_bytes=BYTES, temperature=0.0)
    found["evaluations_per_byte"] = (lm.evaluations - asked - len(tokenizer.encode_list(PROMPT))) / len(made.data)
    rows = _row_by_row(lm, model, tokenizer)
    genlm = _genlm_model(folder)
    samples: dict[str, list[float]] = {"tokengrove": [], "model_alone": [], "row_by_row": []}
    samples |= {f"genlm_K{width}": [] for width in (1, 5, 20)} if genlm else {}
    for _ in range(rounds):
        samples["tokengrove"].append(timed(lambda: lm.generate(PROMPT, max_new_bytes=BYTES, temperature=0.0))[0])
        samples["model_alone"].append(timed(lambda: _model_alone(model, len(made.data)))[0])
        samples["row_by_row"].append(timed(rows)[0])
        for width in (1, 5, 20):
            if genlm:
                samples[f"genlm_K{width}"].append(timed(partial(genlm, width))[0])
    found["generate_bytes_per_second"] = {
        name: {"median": BYTES / statistics.median(times), "runs": len(times)} for name, times in samples.items()
    }
    found["score"] = _scoring(lm, rounds)
    return found


def _model_alone(model: Any, steps: int) -> None:
    """As many cached single-token passes as bytes were generated."""
    import torch

    with torch.no_grad():
        ids = torch.ones((1, 20), dtype=torch.long)
        past = model(ids, use_cache=True).past_key_values
        for _ in range(steps):
            past = model(torch.ones((1, 1), dtype=torch.long), past_key_values=past, use_cache=True).past_key_values


def _row_by_row(lm: ByteLM, model: Any, tokenizer: Tokenizer) -> Callable[[], Any]:
    """The same method without a cache: every history is a forward pass of its own."""
    import torch

    def logits(ids: list[int]) -> Any:
        with torch.no_grad():
            return model(torch.tensor([ids])).logits[0, -1]

    plain = ByteLM(logits, tokenizer, eos=lm.eos, context=lm.state().context)
    return lambda: plain.generate(PROMPT, max_new_bytes=BYTES, temperature=0.0)


def _genlm_model(folder: Path) -> Callable[[int], Any] | None:
    try:
        from genlm.backend import load_model_by_name
        from genlm.bytes import BeamParams, ByteBeamState
    except ImportError:
        return None
    llm = load_model_by_name(str(folder), backend="hf", llm_opts={"timeout": 0, "hf_opts": {"device_map": "cpu"}})

    async def run(width: int) -> Any:
        llm.clear_cache()
        beam = await ByteBeamState.initial(llm, BeamParams(K=width, eos_byte_strings=[b"</s>"]))
        try:
            beam = await beam.prefill(PROMPT.encode())
            return await beam.greedy(b"", BYTES)
        finally:
            await beam.cleanup()

    return lambda width: asyncio.run(run(width))


def agreement(folder: Path) -> list[dict[str, Any]] | None:
    """Distances between the distributions of both where both are exact: the mode ``all``, and a beam wide enough."""
    try:
        from genlm.backend import load_model_by_name
        from genlm.bytes import BeamParams, ByteBeamState
    except ImportError:
        return None
    from transformers import AutoModelForCausalLM

    model: Any = AutoModelForCausalLM.from_pretrained(folder, local_files_only=True)
    lm = ByteLM(model.eval(), Tokenizer.from_file(folder / "tokenizer.json"), mode="all")
    llm = load_model_by_name(str(folder), backend="hf", llm_opts={"timeout": 0, "hf_opts": {"device_map": "cpu"}})

    async def theirs(text: str) -> tuple[np.ndarray[Any, Any], int]:
        llm.clear_cache()
        beam = await ByteBeamState.initial(llm, BeamParams(K=WIDE, eos_byte_strings=[b"</s>"], heal=False))
        try:
            # The space that the tokenizer puts before every text is a byte like others there.
            beam = await beam.prefill(b" " + text.encode())
            logs = await beam.logp_next()
            return np.exp([float(logs[byte]) for byte in [*range(256), 257]]), len(beam.states)
        finally:
            await beam.cleanup()

    found = []
    for text in ("", "O", "The c", "Once", "a cat"):
        expected, histories = asyncio.run(theirs(text))
        distance = float(np.abs(np.exp(lm.state(text).logprobs()) - expected).sum() / 2)
        if distance > 1e-5:
            sys.exit(f"after {text!r} the distributions differ by {distance}")
        found.append({"text": text, "histories": histories, "total_variation": distance})
    return found


def _scoring(lm: ByteLM, rounds: int) -> dict[str, Any]:
    text = TEXT.encode()[:400]
    passes = lm.passes
    whole = lm.score(text)
    passes = lm.passes - passes

    def by_bytes() -> float:
        state, total = lm.state(), 0.0
        for byte in text:
            total += float(state.logprobs()[byte])
            state = state.advance(byte)
        return total

    total = by_bytes()
    if abs(total - whole.total) > 1e-2:
        sys.exit(f"score gives {whole.total}, byte by byte {total}")
    one, steps = [], []
    for _ in range(rounds):
        one.append(timed(lambda: lm.score(text))[0])
        steps.append(timed(by_bytes)[0])
    ratio = statistics.median(steps) / statistics.median(one)
    return {"bytes": len(text), "passes": passes, "score": spread(one), "by_bytes": spread(steps), "ratio": ratio}


def main() -> None:
    """Measure and write JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path)
    parser.add_argument("--vocabulary", type=Path)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    found: dict[str, Any] = {}
    if options.vocabulary:
        found["vocabulary"] = large_vocabulary(options.vocabulary, options.rounds)
    if options.model:
        found["agreement"] = agreement(options.model)
        found["model"] = small_model(options.model, options.rounds)
    text = json.dumps(found, indent=1)
    if options.out:
        options.out.write_text(text + "\n", encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
