"""Tokens per forward pass, and seconds, of every way to draft: `make bench-speculative`.

Each method decodes the same prompts. *Cold* gives every prompt a drafter of its own, *warm* one drafter that has seen
all prompts before it, the first ones not counted. Texts that loop (a period of at most 32 tokens, four times in a row)
flatter every method that copies; they are left out of the means and counted. Every text is compared with that of plain
decoding before anything is reported: another text is an error, unless the two parted where the best two logits differ
by less than float32 can tell, which is counted and left out.

    python benches/python/speculation.py --model default --classes novels --budget 80 --temperature 0.7 --json FILE

adds its rows to FILE, in the place of those it has of the same model, class, temperature, budget, state and method.
`speculation_report.py` makes tables of such files.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

import speculation_prompts
from speculation_methods import ABLATIONS, MAIN, methods
from tokengrove.default_model import default_model_path
from tokengrove.forward import TreeModel, adapt
from tokengrove.integrations.transformers import load
from tokengrove.speculative import GenerationStats, generate

LOOP_PERIOD, LOOP_TIMES = 32, 4
TRANSFORMERS_LOOKUP = "lookup (transformers)"
MARGIN = 1e-4
"""The part of the largest logit by which two may differ and still change places in float32."""
KEYS = ("model", "class", "temperature", "budget", "state", "method")


def loops(tokens: Sequence[int]) -> bool:
    """Whether somewhere a period of at most 32 tokens stands four times in a row."""
    for period in range(1, LOOP_PERIOD + 1):
        run = 0
        for i in range(period, len(tokens)):
            run = run + 1 if tokens[i] == tokens[i - period] else 0
            if run >= period * (LOOP_TIMES - 1):
                return True
    return False


class Bench:
    """One model and one class of prompts.

    Args:
        network: A model of transformers.
        prompts: Token ids.
        options: The command line's.
    """

    def __init__(self, network: Any, prompts: list[list[int]], options: argparse.Namespace) -> None:
        self.network = network
        self.target: TreeModel = adapt(network)
        self.prompts = prompts
        self.options = options
        self.expected: list[list[int]] = []
        self.plain = Tally()

    def run_plain(self) -> None:
        """Decodes every prompt plainly; what loops is left out everywhere."""
        for number, prompt in enumerate(self.prompts):
            begin = time.perf_counter()
            result = self._generate(number, prompt, None)
            took = time.perf_counter() - begin
            self.expected.append(result.new_tokens[0])
            if self.counts(number):
                self.plain.add(result.stats, took)

    def counts(self, number: int) -> bool:
        """Whether a prompt is one of those that are measured."""
        return number >= self.options.warm_up and not loops(self.expected[number])

    def run(self, method: str, budget: int, warm: bool) -> Tally:
        """Decodes the prompts that count, and in warm state those before them, with one method."""
        make = methods(self.target.vocab_size, budget)[method]
        tally, drafter = Tally(), make()
        for number, prompt in enumerate(self.prompts):
            if not warm:
                if not self.counts(number):
                    continue
                drafter = make()
            begin = time.perf_counter()
            result = self._generate(number, prompt, drafter)
            took = time.perf_counter() - begin
            if result.new_tokens[0] != self.expected[number]:
                self._check_tie(number, result.new_tokens[0], method)
                tally.ties += 1
            elif self.counts(number):
                tally.add(result.stats, took)
        return tally

    def run_transformers_lookup(self) -> Tally:
        """Prompt lookup as ``model.generate`` has it; greedy."""
        tally, passes = Tally(), 0

        def note(*_: Any) -> None:
            nonlocal passes
            passes += 1

        hook = self.network.base_model.register_forward_hook(note)
        for number, prompt in enumerate(self.prompts):
            if not self.counts(number):
                continue
            passes, begin = 0, time.perf_counter()
            found = self.network.generate(
                torch.tensor([prompt]),
                attention_mask=torch.ones(1, len(prompt), dtype=torch.int64),
                max_new_tokens=self.options.new_tokens,
                do_sample=False,
                eos_token_id=None,
                pad_token_id=0,
                prompt_lookup_num_tokens=10,
                max_matching_ngram_size=2,
            )[0, len(prompt) :].tolist()
            took = time.perf_counter() - begin
            if found != self.expected[number]:
                self._check_tie(number, found, TRANSFORMERS_LOOKUP)
                tally.ties += 1
                continue
            stats = GenerationStats(tokens=len(found), passes=passes, steps=passes - 1)
            tally.add(stats, took)
        hook.remove()
        return tally

    def _generate(self, number: int, prompt: list[int], drafter: Any) -> Any:
        temperature = self.options.temperature
        return generate(
            self.target,
            prompt,
            drafter=drafter,
            max_new_tokens=self.options.new_tokens,
            seed=number,
            adaptive=self.options.adaptive,
            do_sample=temperature > 0,
            temperature=temperature or 1.0,
        )

    def _check_tie(self, number: int, found: list[int], method: str) -> None:
        """Stops unless two texts part where two tokens were as good."""
        expected, prompt = self.expected[number], self.prompts[number]
        at = next(i for i, (a, b) in enumerate(zip(expected, found, strict=True)) if a != b)
        with torch.no_grad():
            row = self.network(torch.tensor([prompt + expected[:at]])).logits[0, -1]
        apart = float((row[expected[at]] - row[found[at]]).abs() / row.abs().max())
        if self.options.temperature > 0 or apart > MARGIN:
            raise SystemExit(f"{method}: prompt {number} parts from plain decoding at token {at}, by {apart:.1e}")


class Tally:
    """What one method took."""

    def __init__(self) -> None:
        self.rates: list[float] = []
        self.tokens = self.steps = self.ties = 0
        self.seconds = 0.0
        self.phases: dict[str, float] = {}

    def add(self, stats: GenerationStats, seconds: float) -> None:
        """Counts a text."""
        self.rates.append(stats.mean_accepted_tokens)
        self.tokens += stats.tokens
        self.steps += stats.steps
        self.seconds += seconds
        for phase, share in stats.seconds.items():
            self.phases[phase] = self.phases.get(phase, 0.0) + share

    def record(self) -> dict[str, Any]:
        """The figures as they are kept."""
        return {
            "mat": [round(rate, 4) for rate in self.rates],
            "near_ties": self.ties,
            "tokens": self.tokens,
            "steps": self.steps,
            "seconds": round(self.seconds, 3),
            "phases": {phase: round(value, 4) for phase, value in self.phases.items()},
        }


def measure(network: Any, tokenize: Any, name: str, options: argparse.Namespace) -> list[dict[str, Any]]:
    """Runs the methods on one class."""
    prompts = speculation_prompts.prompts(
        options.data, name, tokenize, options.count + options.warm_up, options.prompt_tokens
    )
    bench = Bench(network, prompts, options)
    bench.run_plain()
    looping = sum(loops(text) for text in bench.expected[options.warm_up :])
    rows: list[dict[str, Any]] = []

    def keep(method: str, budget: int, state: str, tally: Tally) -> None:
        key = dict(zip(KEYS, (options.label, name, options.temperature, budget, state, method), strict=True))
        rows.append({**key, "adaptive": options.adaptive, "loops_left_out": looping, **tally.record()})
        mean = sum(tally.rates) / max(len(tally.rates), 1)
        speed = tally.tokens / tally.seconds if tally.seconds else 0
        print(f"{name:14} {budget:3} {state:4} {method:34} {mean:6.3f}  {speed:7.1f} tokens/s", flush=True)
        if options.json:
            write(options.json, rows, options)

    keep("plain", 0, "cold", bench.plain)
    if options.temperature == 0 and TRANSFORMERS_LOOKUP in options.methods:
        keep(TRANSFORMERS_LOOKUP, 10, "cold", bench.run_transformers_lookup())
    for budget in options.budget:
        for state in options.states:
            for method in options.methods:
                if method != TRANSFORMERS_LOOKUP:
                    keep(method, budget, state, bench.run(method, budget, state == "warm"))
    return rows


def write(path: Path, rows: list[dict[str, Any]], options: argparse.Namespace) -> None:
    """Adds rows to a file; done after each method, so that a run that is stopped loses little."""
    about = {
        "torch": torch.__version__,
        "python": platform.python_version(),
        "machine": platform.machine(),
        "threads": options.threads,
        "new_tokens": options.new_tokens,
        "warm_up": options.warm_up,
    }
    path.write_text(json.dumps(merged(path, rows, about)) + "\n", encoding="utf-8")


def merged(path: Path, rows: list[dict[str, Any]], about: dict[str, Any]) -> dict[str, Any]:
    """A record with new rows in the place of old ones with the same key."""
    record = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {"rows": []}
    new = {tuple(row[key] for key in KEYS) for row in rows}
    old = [row for row in record["rows"] if tuple(row[key] for key in KEYS) not in new]
    return {"about": about, "rows": old + rows}


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Reads the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    data = Path(os.environ.get("TOKENGROVE_TEST_DATA", "../shared/data"))
    parser.add_argument("--data", type=Path, default=data, help="the folder of test data")
    parser.add_argument("--model", default="default", help="a folder, one of the test data, or the package's own")
    parser.add_argument("--classes", nargs="+", default=["stories"], choices=speculation_prompts.CLASSES)
    parser.add_argument("--prompt-tokens", type=int, default=160, help="the most tokens of a prompt")
    parser.add_argument("--count", type=int, default=40, help="prompts that are counted")
    parser.add_argument("--warm-up", type=int, default=15, help="prompts before them, which only warm")
    parser.add_argument("--new-tokens", type=int, default=256)
    parser.add_argument("--budget", type=int, nargs="+", default=[80, 16])
    parser.add_argument("--states", nargs="+", default=["cold", "warm"], choices=["cold", "warm"])
    parser.add_argument("--temperature", type=float, default=0.0)
    parser.add_argument("--adaptive", action="store_true", help="with the off-switch, as users have it")
    every = [TRANSFORMERS_LOOKUP, *MAIN, *ABLATIONS]
    parser.add_argument("--methods", nargs="+", choices=every, default=[TRANSFORMERS_LOOKUP, *MAIN])
    parser.add_argument("--ablations", action="store_true", help="without each source, too")
    parser.add_argument("--threads", type=int, default=1, help="of torch")
    parser.add_argument("--json", type=Path, help="where the figures go")
    options = parser.parse_args(arguments)
    options.label = Path(options.model).name
    if options.ablations:
        options.methods = [*options.methods, *ABLATIONS]
    return options


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and write JSON."""
    options = parse(arguments)
    torch.set_num_threads(options.threads)
    folder = options.data / "models" / options.model
    name = default_model_path() if options.model == "default" else folder if folder.is_dir() else options.model
    network, tokenizer = load(str(name))
    for prompt_class in options.classes:
        measure(network, lambda text: tokenizer(text)["input_ids"], prompt_class, options)
    return 0


if __name__ == "__main__":
    sys.exit(main())
