"""Seconds of ``generate`` with drafts against ``model.generate`` without: `python benches/python/speculation_speed.py`.

The off-switch is on, as users have it, and everything counts: the prompt, drafting, learning, finding out what pays.
Prompts are decoded by both in turn, each first every other time. The ratio of times is a mean over prompts with its
95 % interval; below 1 is faster. Texts are compared; where they differ, two logits must have been as good as equal.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from statistics import mean
from typing import Any

import torch

from speculation import MARGIN, parse
from speculation_prompts import prompts
from speculation_report import interval
from tokengrove.default_model import default_model_path
from tokengrove.forward import adapt
from tokengrove.integrations.transformers import generate, load
from tokengrove.speculative import Drafter, GenerationStats, PromptLookup, TokenRecycling


def once(network: Any, ids: torch.Tensor, drafter: Drafter | None, options: argparse.Namespace) -> Any:
    """One text, and what it took."""
    gathered: list[GenerationStats] = []
    arguments: dict[str, Any] = {
        "attention_mask": torch.ones_like(ids),
        "max_new_tokens": options.new_tokens,
        "do_sample": options.temperature > 0,
        "eos_token_id": None,
        "pad_token_id": 0,
    }
    if options.temperature > 0:
        arguments |= {"temperature": options.temperature, "top_k": 0}
    torch.manual_seed(1)
    begin = time.perf_counter()
    if drafter is None:
        found = network.generate(ids, **arguments)
    else:
        found = generate(network, ids, drafter=drafter, stats_callback=gathered.append, **arguments)
    return found, time.perf_counter() - begin, gathered


def parted(network: Any, ids: torch.Tensor, plain: torch.Tensor, found: torch.Tensor) -> None:
    """Stops unless two greedy texts part where two tokens were as good."""
    at = int((plain[0] != found[0]).nonzero()[0])
    with torch.no_grad():
        row = network(plain[:, :at]).logits[0, -1]
    apart = float((row[plain[0, at]] - row[found[0, at]]).abs() / row.abs().max())
    if apart > MARGIN:
        raise SystemExit(f"texts part at token {at - ids.shape[1]}, by {apart:.1e}")


def measure(network: Any, made: list[list[int]], options: argparse.Namespace) -> dict[str, Any]:
    """All prompts, in turn."""
    vocab_size = adapt(network).vocab_size
    ratios, loops, off, rates, seconds = [], [], 0, [], [0.0, 0.0]
    drafter = TokenRecycling(vocab_size)
    for number, prompt in enumerate(made):
        ids = torch.tensor([prompt])
        if options.states == ["cold"]:
            drafter = TokenRecycling(vocab_size)
        order = [None, drafter] if number % 2 else [drafter, None]
        results = {kind is None: once(network, ids, kind, options) for kind in order}
        (plain, slow, _), (found, fast, gathered) = results[True], results[False]
        # What the loop itself costs or saves: it drafts nothing.
        loop = once(network, ids, PromptLookup(budget=0), options)[1]
        if not torch.equal(plain, found) and options.temperature == 0:
            parted(network, ids, plain, found)
        # The first prompt warms the machine up.
        if number:
            ratios.append(fast / slow)
            loops.append(loop / slow)
            rates.append(gathered[0].mean_accepted_tokens)
            off += gathered[0].switched_off
            seconds = [seconds[0] + slow, seconds[1] + fast]
    ratio, half = interval(ratios)
    tokens = options.new_tokens * len(ratios)
    return {
        "prompts": len(ratios), "ratio": ratio, "ratio_95": half, "upper": ratio + half, "switched_off": off,
        "without_drafts": mean(loops),
        "mat": mean(rates), "plain_tokens_per_second": tokens / seconds[0], "tokens_per_second": tokens / seconds[1],
        "ratios": [round(value, 4) for value in ratios],
    }  # fmt: skip


def main() -> int:
    """Measure and add to a JSON file."""
    options = parse(None)
    torch.set_num_threads(options.threads)
    folder = options.data / "models" / options.model
    name = default_model_path() if options.model == "default" else folder if folder.is_dir() else options.model
    network, tokenizer = load(str(name))
    record: list[dict[str, Any]] = []
    for prompt_class in options.classes:
        made = prompts(
            options.data, prompt_class, lambda text: tokenizer(text)["input_ids"], options.count + 1,
            options.prompt_tokens,
        )  # fmt: skip
        key = {"model": options.label, "class": prompt_class, "temperature": options.temperature}
        record.append({**key, "states": options.states, "new_tokens": options.new_tokens})
        record[-1] |= measure(network, made, options)
        row = record[-1]
        print(
            f"{options.label} {prompt_class:14} ratio {row['ratio']:.3f} ± {row['ratio_95']:.3f}, upper "
            f"{row['upper']:.3f} (without drafts {row['without_drafts']:.3f}); "
            f"{row['mat']:.2f} a pass, off in {row['switched_off']} of {row['prompts']}; "
            f"{row['plain_tokens_per_second']:.0f} -> {row['tokens_per_second']:.0f} tokens/s",
            flush=True,
        )
        if options.json:
            path: Path = options.json
            old = json.loads(path.read_text(encoding="utf-8")) if path.exists() else []
            names = ("model", "class", "temperature", "states")
            kept = [other for other in old if any(other[n] != row[n] for n in names)]
            path.write_text(json.dumps([*kept, row]) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
