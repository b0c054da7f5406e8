"""What `forward` costs beyond the model's own pass: `python benches/python/forward_overhead.py [--out FILE]`.

A call of `forward` checks its arguments, makes token ids, positions and masks of the trees, runs the network, and
selects rows. The time inside the network is taken from the time of the call; what is left is the host time of
tokengrove. A commit is timed beside it. Before anything is timed, the logits are compared with separate passes over
every path.

Prints medians in microseconds and writes JSON with every sample. Runs on one thread of the CPU.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers

from harness import machine
from harness.spread import spread
from tokengrove import TokenTree
from tokengrove.forward import adapt
from tokengrove.forward.tree_attention import TreeAttentionModel
from tokengrove.testing.models import tiny_model
from tokengrove.testing.oracle import logits_of_paths

BAR = 100e-6
"""The most that a call on one tree may take beyond the network, in seconds, median; more is an exit status of 1."""
CONTEXT = 300
CALLS = 400
WARM_UP = 50
SCALE = 5e-4
"""How far float32 logits may be from those of separate passes."""


class Clocked:
    """A model whose time inside the network is known.

    Args:
        kind: A kind of tiny model.
        attention: The attention implementation.
    """

    def __init__(self, kind: str, attention: str) -> None:
        self.model: Any = tiny_model(kind, attention=attention, dtype=torch.float32)
        adapted = adapt(self.model)
        if not isinstance(adapted, TreeAttentionModel):
            raise SystemExit(f"{kind} with {attention} does not evaluate trees in one pass")
        self.adapted = adapted
        self.inside = 0.0
        network: Any = self.model.base_model
        forward: Callable[..., Any] = network.__call__

        def clocked(*args: Any, **given: Any) -> Any:
            start = time.perf_counter()
            try:
                return forward(*args, **given)
            finally:
                self.inside += time.perf_counter() - start

        self.adapted._backbone._base = clocked


def random_tree(rng: np.random.Generator, nodes: int) -> TokenTree:
    """A tree with one root and branches."""
    parents = [-1, *(int(rng.integers(max(0, node - 12), node)) for node in range(1, nodes))]
    return TokenTree(rng.integers(0, 64, nodes), parents)


def measure(clocked: Clocked, sizes: list[int]) -> dict[str, Any]:
    """Time calls with a batch of trees of some sizes behind 300 tokens each.

    Returns:
        Medians and quartiles, in seconds, of the call beyond the network, of the network, and of a commit.
    """
    rng, model = np.random.default_rng(7), clocked.adapted
    trees = [random_tree(rng, nodes) for nodes in sizes]
    contexts = [rng.integers(0, 64, CONTEXT - 7 * row).tolist() for row in range(len(sizes))]
    cache = model.new_cache(len(sizes))
    model.forward([TokenTree.chain(context) for context in contexts], cache)
    cache.commit([range(len(context)) for context in contexts])
    paths = [tree.path(len(tree) - 1).tolist() for tree in trees]
    check(clocked, trees, contexts, cache)
    beyond, inside, commits = [], [], []
    for call in range(WARM_UP + CALLS):
        clocked.inside = 0.0
        start = time.perf_counter()
        model.forward(trees, cache)
        whole = time.perf_counter() - start
        start = time.perf_counter()
        cache.commit(paths)
        commit = time.perf_counter() - start
        cache.crop([len(context) for context in contexts])
        if call >= WARM_UP:
            beyond.append(whole - clocked.inside)
            inside.append(clocked.inside)
            commits.append(commit)
    return {"beyond": spread(beyond), "inside": spread(inside), "commit": spread(commits)}


def check(clocked: Clocked, trees: list[TokenTree], contexts: list[list[int]], cache: Any) -> None:
    """Stop if the logits are not those of separate passes."""
    found = clocked.adapted.head(clocked.adapted.forward(trees, cache))
    expected = torch.cat([logits_of_paths(clocked.model, *pair) for pair in zip(contexts, trees, strict=True)])
    if (found - expected).abs().max() > SCALE * expected.abs().max():
        raise SystemExit("logits differ from those of separate passes: nothing was timed")


def main() -> int:
    """Run every case."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--out", type=Path, help="where to write JSON")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    cells = []
    for kind, attention, sizes in (
        ("llama", "sdpa", [1]),
        ("llama", "sdpa", [81]),
        ("llama", "eager", [81]),
        ("gemma3", "sdpa", [81]),
        ("gemma3", "eager", [81]),
        ("llama", "sdpa", [81, 40, 16, 8]),
        ("gemma3", "sdpa", [81, 40, 16, 8]),
    ):
        times = measure(Clocked(kind, attention), sizes)
        cells.append({"kind": kind, "attention": attention, "nodes": sizes, "context": CONTEXT, **times})
        micros = {name: f"{value['median'] * 1e6:7.1f}" for name, value in times.items()}
        print(
            f"{kind:8} {attention:6} {sizes!s:18} beyond {micros['beyond']} us, network {micros['inside']} us, "
            f"commit {micros['commit']} us"
        )
    if arguments.out is not None:
        versions = {"torch": torch.__version__, "transformers": transformers.__version__}
        record = {"machine": machine.describe(), "versions": versions, "calls": CALLS, "cells": cells}
        arguments.out.parent.mkdir(parents=True, exist_ok=True)
        arguments.out.write_text(json.dumps(record, indent=1) + "\n")
    single = [cell for cell in cells if len(cell["nodes"]) == 1]
    return int(any(cell["beyond"]["median"] > BAR for cell in single))


if __name__ == "__main__":
    sys.exit(main())
