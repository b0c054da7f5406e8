"""Tokens per forward pass, and seconds, of every way to draft: `make bench-speculative`.

Each method decodes the same prompts. *Cold* gives every prompt a drafter of its own, *warm* one drafter that has seen
all prompts before it, the first ones not counted. Texts that loop (a period of at most 32 tokens, four times in a row)
flatter every method that copies; they are left out of the means and counted. Every text is compared with that of plain
decoding before anything is reported.

The rule of SAM-Decoding (Hu et al. 2024) is re-implemented: a chain after the longest earlier match of five tokens
or more, else the static tree.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch

from tokengrove import TokenTree
from tokengrove.forward import adapt
from tokengrove.integrations.transformers import load
from tokengrove.speculative import Candidates, Drafter, DraftSession, PromptLookup, TokenRecycling, generate

LOOP_PERIOD, LOOP_TIMES = 32, 4


class SamSwitch:
    """The static tree, or the chain of a long match."""

    k = 8

    def __init__(self, vocab_size: int, budget: int) -> None:
        self.vocab_size: int | None = vocab_size
        self.budget = budget
        self._tree = TokenRecycling(vocab_size, tree="static-80", budget=budget)
        self._texts: list[int] = []
        self._ends: dict[tuple[int, ...], list[int]] = {}

    def start(self) -> DraftSession:
        """Begins a sequence."""
        return _SamSession(self._tree.start(), self._texts, self._ends)


class _SamSession:
    LEAST = 5

    def __init__(self, inner: DraftSession, texts: list[int], ends: dict[tuple[int, ...], list[int]]) -> None:
        self._inner, self._texts, self._ends = inner, texts, ends
        # Nothing matches across this.
        texts.append(-1)

    def _add(self, tokens: Sequence[int]) -> None:
        for token in tokens:
            if len(self._texts) >= self.LEAST:
                self._ends.setdefault(tuple(self._texts[-self.LEAST :]), []).append(len(self._texts))
            self._texts.append(int(token))

    def prompt(self, tokens: Sequence[int], candidates: Candidates | None) -> None:
        self._add(tokens)
        self._inner.prompt(tokens, candidates)

    def push(self, token: int) -> None:
        self._add([token])
        self._inner.push(token)

    def draft(self, budget: int) -> TokenTree:
        best, length = None, 0
        for at in self._ends.get(tuple(self._texts[-self.LEAST :]), []):
            same = self.LEAST
            while same < at and self._texts[at - 1 - same] == self._texts[-1 - same] != -1:
                same += 1
            if same > length:
                best, length = at, same
        if best is None:
            return self._inner.draft(budget)
        chain = self._texts[best : best + min(budget, 40)]
        return TokenTree.chain([self._texts[-1], *chain[: chain.index(-1) if -1 in chain else None]])

    def learn(self, tree: TokenTree, path: Sequence[int], token: int, candidates: Candidates | None) -> None:
        self._add([*tree.tokens[list(path)][1:].tolist(), token])
        self._inner.learn(tree, path, token, candidates)

    def finish(self) -> None:
        self._inner.finish()


def methods(vocab_size: int, budget: int) -> dict[str, Callable[[], Drafter | None]]:
    """Every method by name."""

    def ours(**options: Any) -> Callable[[], Drafter]:
        return lambda: TokenRecycling(vocab_size, budget=budget, **options)

    return {
        "plain": lambda: None,
        "lookup": lambda: PromptLookup(2, budget=min(budget, 10)),
        "static-80": ours(tree="static-80"),
        "sam-switch": lambda: SamSwitch(vocab_size, budget),
        "dynamic": ours(),
        "without runners-up": ours(runners_up=False),
        "without suffix": ours(suffix=False),
        "without contexts": ours(context_rows=0),
        "without averaging": ours(rates=(1.0, 1.0, 1.0)),
        "one-token rows alone": ours(context_rows=0, suffix=False, runners_up=False),
    }


def loops(tokens: Sequence[int]) -> bool:
    """Whether somewhere a period of at most 32 tokens stands four times in a row."""
    for period in range(1, LOOP_PERIOD + 1):
        run = 0
        for i in range(period, len(tokens)):
            run = run + 1 if tokens[i] == tokens[i - period] else 0
            if run >= period * (LOOP_TIMES - 1):
                return True
    return False


def interval(values: Sequence[float]) -> tuple[float, float]:
    """Mean, and half the width of its 95 % confidence interval."""
    if len(values) < 2:
        return (values[0] if values else math.nan), math.nan
    return statistics.mean(values), 1.96 * statistics.stdev(values) / math.sqrt(len(values))


def measure(model: Any, prompts: list[list[int]], warm_up: int, options: argparse.Namespace) -> list[dict[str, Any]]:
    """Runs all methods on all prompts."""
    target = adapt(model)
    sampling = {"do_sample": options.temperature > 0, "temperature": options.temperature or 1.0}
    rows: list[dict[str, Any]] = []
    expected: list[list[int]] = []
    for warm in (False, True):
        for name, make in methods(target.vocab_size, options.budget).items():
            if options.only and name not in options.only and name != "plain":
                continue
            if name == "plain" and warm:
                continue
            rates, seconds, tokens, left_out = [], 0.0, 0, 0
            phases: dict[str, float] = {}
            drafter = make()
            for number, prompt in enumerate(prompts):
                if not warm:
                    if number < warm_up and expected:
                        continue
                    drafter = make()
                begin = time.perf_counter()
                result = generate(
                    target,
                    prompt,
                    drafter=drafter,
                    max_new_tokens=options.new_tokens,
                    seed=number,
                    adaptive=options.adaptive,
                    **sampling,
                )
                took = time.perf_counter() - begin
                new = result.new_tokens[0]
                if name == "plain":
                    expected.append(new)
                elif new != expected[number]:
                    raise SystemExit(f"{name}: prompt {number} gave another text than plain decoding")
                if number < warm_up:
                    continue
                if loops(new):
                    left_out += 1
                    continue
                rates.append(result.stats.mean_accepted_tokens)
                seconds += took
                tokens += len(new)
                for phase, share in result.stats.seconds.items():
                    phases[phase] = phases.get(phase, 0.0) + share
            mean, half = interval(rates)
            row = {
                "method": name,
                "state": "warm" if warm else "cold",
                "budget": options.budget,
                "mat": round(mean, 4),
                "mat_95": round(half, 4),
                "prompts": len(rates),
                "loops_left_out": left_out,
                "tokens_per_second": round(tokens / seconds, 2) if seconds else None,
                "seconds": {phase: round(value, 4) for phase, value in phases.items()},
            }
            rows.append(row)
            print(
                f"{row['state']:5} {name:22} {mean:6.3f} ±{half:5.3f}  {row['tokens_per_second']} tokens/s", flush=True
            )
    return rows


def read_prompts(path: Path, tokenizer: Any, length: int, count: int) -> list[list[int]]:
    """The first tokens of distinct texts: a JSON list of texts, or JSON lines with ``turns`` or ``prompt``."""
    if path.suffix == ".json":
        records = json.loads(path.read_text(encoding="utf-8"))
    else:
        records = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    prompts: dict[tuple[int, ...], None] = {}
    for record in records:
        text = record if isinstance(record, str) else record.get("text") or record.get("prompt") or record["turns"][0]
        ids = tuple(tokenizer(text)["input_ids"][:length])
        if len(ids) == length:
            prompts[ids] = None
        if len(prompts) == count:
            break
    return [list(ids) for ids in prompts]


def main() -> int:
    """Measure and write JSON."""
    data = Path(os.environ.get("TOKENGROVE_TEST_DATA", "../shared/data"))
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default=str(data / "models/stories260K"))
    parser.add_argument("--prompts", type=Path, default=data / "corpora/tinystories_1000.json")
    parser.add_argument("--prompt-tokens", type=int, default=21)
    parser.add_argument("--count", type=int, default=40, help="prompts that are counted")
    parser.add_argument("--warm-up", type=int, default=15, help="prompts before them, which only warm")
    parser.add_argument("--new-tokens", type=int, default=200)
    parser.add_argument("--budget", type=int, default=80)
    parser.add_argument("--temperature", type=float, default=0.0)
    parser.add_argument("--adaptive", action="store_true", help="with the off-switch, as users have it")
    parser.add_argument("--only", nargs="*", help="methods; all if left out")
    parser.add_argument("--json", type=Path, help="where the figures go")
    options = parser.parse_args()
    model, tokenizer = load(options.model)
    prompts = read_prompts(options.prompts, tokenizer, options.prompt_tokens, options.count + options.warm_up)
    rows = measure(model, prompts, options.warm_up, options)
    if options.json:
        record = {
            "model": Path(options.model).name,
            "prompts": options.prompts.name,
            "temperature": options.temperature,
            "torch": torch.__version__,
            "rows": rows,
        }
        options.json.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
