"""How long a step takes on a GPU, by its nodes and its context: `make bench-gpu`.

Models of true shapes with random weights, for the time of a step does not depend on what the weights are. Measured are
T(1) and T(n), the seconds of a step with n nodes: with the cache that grows, with static shapes, and with static
shapes and a CUDA graph; the parts of a step; and how near plain decoding comes to the time that reading the weights and
the cache takes at the bandwidth of the device. What a method would gain is stated as a projection, tokens per pass
divided by T(n) / T(1), and never as a measured speed.

Without CUDA a tiny model runs instead, to see that everything works; its figures are those of a CPU and say nothing
about a GPU, and the result says so.
"""

from __future__ import annotations

import argparse
import gc
import json
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import torch
import transformers

from harness import machine
from tokengrove import TokenTree
from tokengrove.forward import StaticTreeModel, adapt
from tokengrove.forward.split_attention import split_attention
from tokengrove.forward.static_cache import MOVES
from tokengrove.forward.top_rows import pack_rows
from tokengrove.speculative.verification import Reader, read_evaluation

MODELS: dict[str, dict[str, int]] = {
    "llama-2-7b": {
        "hidden_size": 4096, "intermediate_size": 11008, "num_hidden_layers": 32, "num_attention_heads": 32,
        "num_key_value_heads": 32, "vocab_size": 32000,
    },
    "llama-3.1-8b": {
        "hidden_size": 4096, "intermediate_size": 14336, "num_hidden_layers": 32, "num_attention_heads": 32,
        "num_key_value_heads": 8, "vocab_size": 128256,
    },
    "tiny": {
        "hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2, "num_attention_heads": 4,
        "num_key_value_heads": 2, "vocab_size": 512,
    },
}  # fmt: skip
"""Shapes as their authors publish them."""

PEAKS = {"H200": 4.8e12, "H100": 3.35e12, "A100-SXM4-80GB": 2.039e12, "RTX 3090": 0.936e12, "RTX 4090": 1.008e12}
"""Bytes per second of the memory as the makers state them, by a part of the device's name."""

RATIO_BAR = 1.15
"""The most that a step with 81 nodes may take, in steps with one, at 7B and bfloat16 with a graph."""
BANDWIDTH_BAR = 0.8
"""The least that plain decoding with a graph may reach of what the bandwidth allows."""
CANDIDATES = 8


def build(name: str, device: torch.device, dtype: torch.dtype, longest: int) -> Any:
    """A model with random weights."""
    configuration: Any = transformers.LlamaConfig
    config = configuration(**MODELS[name], max_position_embeddings=longest + 1024, tie_word_embeddings=False)
    config._attn_implementation = "sdpa"
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        with device:
            make: Any = transformers.AutoModelForCausalLM.from_config
            return make(config).eval().requires_grad_(False)
    finally:
        torch.set_default_dtype(before)


def seconds(work: Callable[[], object], device: torch.device, repeats: int) -> float:
    """The median time of some work: on the device by its own clock where there is CUDA, else by the wall."""
    for _ in range(3):
        work()
    if device.type != "cuda":
        taken = []
        for _ in range(repeats):
            begin = time.perf_counter()
            work()
            taken.append(time.perf_counter() - begin)
        return median(taken)
    event: Any = torch.cuda.Event
    marks = [(event(enable_timing=True), event(enable_timing=True)) for _ in range(repeats)]
    for first, last in marks:
        first.record()
        work()
        last.record()
    torch.cuda.synchronize()
    return median([float(first.elapsed_time(last)) / 1e3 for first, last in marks])


def launched(work: Callable[[], object], device: torch.device) -> Callable[[], object]:
    """The work as a CUDA graph, so that its parts are timed without the launches; itself where there is no CUDA."""
    if device.type != "cuda":
        return work
    work()
    torch.cuda.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        work()
    return graph.replay


def tree_of(nodes: int) -> TokenTree:
    """A root and its descendants, up to eight children each."""
    return TokenTree([node % 97 for node in range(nodes)], [-1, *((node - 1) // 8 for node in range(1, nodes))])


def filled(cache: Any, length: int) -> Any:
    """A static cache that claims to hold so many tokens: random numbers, which take as long as any others."""
    cache.memory.keys.normal_()
    cache.memory.values.normal_()
    cache._tokens = [[1] * length]
    return cache


def step_times(static: StaticTreeModel, length: int, nodes: int, repeats: int) -> dict[str, float]:
    """One step: what it takes in a loop, by the wall, and the device's part of it."""
    reader = Reader(CANDIDATES, plain=True, keep=False)
    cache = filled(static.new_cache(), length)
    tree = tree_of(nodes)

    def step() -> None:
        read_evaluation(static.evaluate(tree, cache, reader), reader, static.vocab_size)

    for _ in range(4):
        step()
    taken = []
    for _ in range(repeats):
        begin = time.perf_counter()
        step()
        taken.append(time.perf_counter() - begin)
    found = {"step": median(taken)}
    if (graph := next((graph for graph in cache.memory.graphs.values() if graph is not None), None)) is not None:
        found["device"] = seconds(graph[0], static.device, repeats)
        cache.memory.graphs.clear()
    static.release(cache)
    return found


def growing(target: Any, length: int, repeats: int) -> float:
    """A plain step with the cache that grows, by the wall: what most users have."""
    cache = target.new_cache()
    for start in range(0, length, 1024):
        piece = TokenTree.chain([1] * min(1024, length - start))
        target.forward(piece, cache)
        cache.commit(range(len(piece)))
    taken = []
    for _ in range(repeats + 3):
        begin = time.perf_counter()
        target.head(target.forward(TokenTree.chain([1]), cache)).argmax().item()
        taken.append(time.perf_counter() - begin)
    return median(taken[3:])


def part_times(static: StaticTreeModel, length: int, nodes: int, repeats: int) -> dict[str, float]:
    """The parts of a step, each by itself, without what launching them takes."""
    device, config = static.device, static.model.config
    cache = filled(static.new_cache(), length)
    memory = cache.memory
    heads, size = config.num_attention_heads, memory.keys.shape[-1]
    dtype = memory.keys.dtype
    query = torch.randn(1, heads, nodes, size, device=device, dtype=dtype)
    lengths = torch.tensor([length], device=device)
    mask = torch.from_numpy(tree_of(nodes).mask())[None].to(device)
    rows = torch.randn(nodes, config.hidden_size, device=device, dtype=dtype)
    logits = static._backbone.head(rows)
    at = torch.arange(MOVES, device=device)[None]
    seen = length + nodes

    def attention() -> None:
        for keys, values in zip(memory.keys, memory.values, strict=True):
            split_attention(query, keys[:, :, :seen], values[:, :, :seen], lengths, mask)

    works: dict[str, Callable[[], object]] = {
        "attention": attention,
        "head": partial(static._backbone.head, rows),
        "top": partial(pack_rows, logits, CANDIDATES, best=True),
        "move": partial(memory.move, at + 1, at),
    }
    with torch.no_grad():
        found = {name: seconds(launched(work, device), device, repeats) for name, work in works.items()}
    static.release(cache)
    return found


def bandwidth(device: torch.device, repeats: int) -> dict[str, float | None]:
    """Bytes per second: of a long copy, read and written, and as the maker states it."""
    count = (1 << 30) if device.type == "cuda" else 1 << 24
    source = torch.empty(count, dtype=torch.uint8, device=device)
    target = torch.empty_like(source)
    copied = 2 * count / seconds(partial(target.copy_, source), device, repeats)
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else ""
    return {"copied": copied, "stated": next((peak for part, peak in PEAKS.items() if part in name), None)}


def least_bytes(static: StaticTreeModel, length: int) -> int:
    """What a plain step reads at least: all weights but the embedding, of which it reads a row, and the cache."""
    model = static.model
    weights = sum(int(parameter.numel() * parameter.element_size()) for parameter in model.parameters())
    embedding = model.get_input_embeddings().weight
    cache = static.new_cache()
    tensors = (cache.memory.keys, cache.memory.values)
    per_token = sum(tensor[:, :, :, 0].numel() * tensor.element_size() for tensor in tensors)
    static.release(cache)
    return weights - int(embedding.numel() * embedding.element_size()) + length * per_token


def measure(name: str, options: argparse.Namespace, device: torch.device) -> list[dict[str, Any]]:
    """All contexts and numbers of nodes of one model."""
    dtype = torch.bfloat16 if device.type == "cuda" else torch.float32
    model = build(name, device, dtype, max(options.contexts))
    target = adapt(model)
    speeds = bandwidth(device, options.repeats)
    peak = speeds["stated"] or speeds["copied"] or 1.0
    cells = []
    for length in options.contexts:
        cell: dict[str, Any] = {"model": name, "context": length, "dtype": str(dtype), "bandwidth": speeds}
        cell["growing"] = growing(target, length, options.repeats)
        for form, graphs in (("static", False), ("graph", True)):
            if graphs and device.type != "cuda":
                continue
            for attention in ("split", "masked"):
                static = StaticTreeModel(target, length + 16, attention=attention, graphs=graphs)
                times = {nodes: step_times(static, length, nodes, options.repeats) for nodes in options.nodes}
                cell[f"{form}-{attention}"] = times
                del static
                gc.collect()
        static = StaticTreeModel(target, length + 16, attention="split")
        cell["parts"] = {nodes: part_times(static, length, nodes, options.repeats) for nodes in options.nodes}
        best = cell.get("graph-split", cell["static-split"])
        plain, tree = best[1], best[max(n for n in options.nodes if n <= 81)]
        clock = "device" if "device" in plain else "step"
        cell["ratio_81"] = tree[clock] / plain[clock]
        cell["of_bandwidth"] = least_bytes(static, length) / peak / plain[clock]
        cell["projections"] = {str(mat): mat / cell["ratio_81"] for mat in options.mat}
        cells.append(cell)
        print(line(cell, plain[clock], options), flush=True)
    return cells


def line(cell: dict[str, Any], plain: float, options: argparse.Namespace) -> str:
    """One context in words."""
    parts = ", ".join(f"{part} {1e3 * taken:.3f}" for part, taken in cell["parts"][max(options.nodes)].items())
    projected = ", ".join(f"{gain:.2f} at {mat} a pass" for mat, gain in cell["projections"].items())
    return (
        f"{cell['model']} at {cell['context']}: plain {1e3 * plain:.3f} ms, "
        f"growing cache {1e3 * cell['growing']:.3f} ms, "
        f"{cell['of_bandwidth']:.2f} of the bandwidth, tree / plain {cell['ratio_81']:.3f}; parts in ms: {parts}; "
        f"projected speed-up (not measured): {projected}"
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print and write JSON; on a GPU the status is 1 if a bar is missed."""
    cuda = torch.cuda.is_available()
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument(
        "--models", nargs="+", choices=MODELS, default=["llama-2-7b", "llama-3.1-8b"] if cuda else ["tiny"]
    )
    parser.add_argument("--contexts", nargs="+", type=int, default=[128, 1024, 4096, 16384] if cuda else [16, 64])
    parser.add_argument("--nodes", nargs="+", type=int, default=[1, 8, 16, 32, 64, 81, 96, 128] if cuda else [1, 8, 81])
    parser.add_argument("--repeats", type=int, default=50 if cuda else 3)
    parser.add_argument("--mat", nargs="+", type=float, default=[2.0, 2.7, 3.0], help="tokens a pass to project for")
    parser.add_argument("--out", type=Path, help="where to write JSON")
    options = parser.parse_args(arguments)
    if 1 not in options.nodes:
        parser.error("--nodes has to hold 1, with which the others are compared")
    device = torch.device("cuda" if cuda else "cpu")
    name = torch.cuda.get_device_name(device) if cuda else "none"
    note = "measured on the GPU named" if cuda else "a smoke test on a CPU: these are not figures of a GPU"
    print(f"device: {name}; {note}")
    cells = [cell for model in options.models for cell in measure(model, options, device)]
    if options.out is not None:
        versions = {"torch": torch.__version__, "transformers": transformers.__version__}
        record = {"gpu": name, "note": note, "machine": machine.describe(), "versions": versions, "cells": cells}
        options.out.parent.mkdir(parents=True, exist_ok=True)
        options.out.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    missed = [cell for cell in cells if cell["ratio_81"] > RATIO_BAR or cell["of_bandwidth"] < BANDWIDTH_BAR]
    return int(cuda and bool(missed))


if __name__ == "__main__":
    sys.exit(main())
