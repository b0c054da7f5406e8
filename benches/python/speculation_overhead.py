"""What a step of speculative decoding costs the host: `python benches/python/speculation_overhead.py [--out FILE]`.

A step drafts a tree, runs the network, reads choices and candidates off the logits, walks the tree, moves keys and
values of the accepted path, and lets the drafter learn. On a GPU the network, the head, the selection of candidates and
the moves are work of the device, and the rest is the host's. Here everything runs on one thread of the CPU: time inside
the network, the head and the selection is taken from the time of the step, and what is left is the host's, moves
included.

Prints medians in microseconds and writes JSON.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import transformers

from harness import machine
from harness.spread import spread
from tokengrove.forward import adapt
from tokengrove.speculative import TokenRecycling, loop, verification
from tokengrove.speculative.choosing import Chooser
from tokengrove.speculative.pace import Pace
from tokengrove.speculative.stopping import Ending
from tokengrove.testing.models import tiny_model

BAR = 150e-6
"""The most that the host may take for a step with 80 drafted nodes, in seconds, median; more is an exit status of 1."""
NEW_TOKENS = 700
WARM_UP = 50
VOCAB = 4096


class Clock:
    """Time spent inside some calls."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def around(self, call: Callable[..., Any]) -> Callable[..., Any]:
        """The call, clocked."""

        def clocked(*args: Any, **given: Any) -> Any:
            start = time.perf_counter()
            try:
                return call(*args, **given)
            finally:
                self.seconds += time.perf_counter() - start

        return clocked


class Stepwise(loop._Loop):
    """A loop that notes what each step took."""

    clock: Clock
    steps: list[dict[str, float]]

    def _step(self, rows: Any) -> None:
        self.clock.seconds = 0.0
        before, start = dict(self.stats.seconds), time.perf_counter()
        super()._step(rows)
        whole = time.perf_counter() - start
        parts = {name: self.stats.seconds[name] - before[name] for name in ("draft", "learn")}
        host = whole - self.clock.seconds
        self.steps.append({"host": host, **parts, "rest": host - sum(parts.values()), "device": self.clock.seconds})


def measure(drafter: TokenRecycling | None, budget: int) -> dict[str, Any]:
    """Times the steps of one text, greedy."""
    target: Any = adapt(tiny_model("llama", dtype=torch.float32, vocab_size=VOCAB, max_position_embeddings=2048))
    clock = Clock()
    backbone = target._backbone
    backbone._base, backbone.head = clock.around(backbone._base), clock.around(backbone.head)
    pack, verification._pack = verification._pack, clock.around(verification._pack)
    timed = Stepwise(target, drafter, Chooser(), Pace(budget, adaptive=False), None)
    timed.clock, timed.steps = clock, []
    prompt = torch.randint(0, VOCAB, (64,), generator=torch.Generator().manual_seed(3)).tolist()
    try:
        timed.run([Ending(prompt, max_new_tokens=NEW_TOKENS)])
    finally:
        verification._pack = pack
    steps = timed.steps[WARM_UP:]
    spreads = {name: spread([step[name] for step in steps]) for name in steps[0]}
    return {"steps": len(steps), "nodes": timed.stats.drafted / timed.stats.steps, **spreads}


def main() -> int:
    """Run every case."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--out", type=Path, help="where to write JSON")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    cells = []
    for name, drafter, budget in (
        ("plain", None, 0),
        ("static-80", TokenRecycling(VOCAB, tree="static-80"), 80),
        ("dynamic", TokenRecycling(VOCAB), 80),
        ("dynamic", TokenRecycling(VOCAB), 16),
    ):
        cell = {"method": name, "budget": budget, **measure(drafter, budget)}
        cells.append(cell)
        parts = (f"{part} {1e6 * cell[part]['median']:6.1f}" for part in ("host", "draft", "learn", "rest", "device"))
        print(f"{name:10} {budget:3}: {', '.join(parts)} us; {cell['nodes']:.0f} nodes drafted")
    if arguments.out is not None:
        versions = {"torch": torch.__version__, "transformers": transformers.__version__}
        record = {"machine": machine.describe(), "versions": versions, "vocabulary": VOCAB, "cells": cells}
        arguments.out.parent.mkdir(parents=True, exist_ok=True)
        arguments.out.write_text(json.dumps(record, indent=1) + "\n")
    return int(any(cell["host"]["median"] > BAR for cell in cells))


if __name__ == "__main__":
    sys.exit(main())
