"""Compare training with every installed trainer, in one run, and write the figures to a JSON file.

Usage: ``python benches/python/train.py [--bytes N] [--vocab-size N] [--threads 1,2] [--peers a,b] [--json OUT]``.

Outputs are compared before anything is timed: with tokenizers merge for merge, with rustbpe token for token. Trainers
then take turns, each run in a process of its own that has the texts in memory before the clock starts; memory is the
peak of the process less what it held then. All get the GPT-2 pattern but sentencepiece, which has its own and learns
characters: its figure is there for scale. gigatoken reads the same bytes from a file, as one text.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import random
import site
import subprocess
import sys
import time
from datetime import date
from pathlib import Path
from statistics import median
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
PEERS = ("tokengrove", "tokenizers", "rustbpe", "gigatoken", "sentencepiece")
CORPORA = ("english", "multilingual", "cjk", "json_log", "chat_md")
DOCUMENT = 8192


# --- the texts --------------------------------------------------------------------------------------------------------


def mixed_text(limit: int, data: Path | None) -> bytes:
    """The corpora, then Python sources of this machine, up to a size."""
    from harness.texts import standard_library_source

    parts: list[bytes] = []
    size = 0
    for name in CORPORA:
        path = data / "corpora" / f"{name}.txt" if data else None
        if path is not None and path.is_file():
            parts.append(path.read_bytes())
            size += len(parts[-1])
    parts.append(standard_library_source(max(limit - size, 0)))
    size += len(parts[-1])
    for folder in site.getsitepackages():
        for source in sorted(Path(folder).rglob("*.py")):
            if size >= limit:
                break
            with contextlib.suppress(OSError, UnicodeDecodeError):
                text = source.read_bytes()
                text.decode("utf-8")
                parts.append(text)
                size += len(text)
    text = b"".join(parts)[:limit]
    return text[: text.rfind(b"\n") + 1]


def documents(text: bytes) -> list[str]:
    """Cut a text at line ends into documents of some kilobytes."""
    parts = []
    at = 0
    while at < len(text):
        end = text.find(b"\n", min(at + DOCUMENT, len(text) - 1)) + 1 or len(text)
        parts.append(text[at:end].decode("utf-8", "ignore"))
        at = end
    return parts


# --- one run, in a process of its own ---------------------------------------------------------------------------------


def train(peer: str, texts: list[str], path: Path, vocab_size: int, threads: int) -> list[Any]:
    """Train with a library; give what can be compared: merges, or tokens."""
    if peer == "tokengrove":
        import tokengrove
        from tokengrove.training import train_bpe

        tokengrove.set_num_threads(threads)
        return list(train_bpe(texts, vocab_size, "gpt2").merges)
    if peer == "tokenizers":
        from tokenizers import Regex, Tokenizer, models, pre_tokenizers, trainers

        tokenizer = Tokenizer(models.BPE())
        split = pre_tokenizers.Split(Regex(GPT2), "isolated")
        byte_level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence([split, byte_level])
        alphabet = pre_tokenizers.ByteLevel.alphabet()
        trainer = trainers.BpeTrainer(vocab_size=vocab_size, show_progress=False, initial_alphabet=alphabet)
        tokenizer.train_from_iterator(texts, trainer)
        return [tokenizer]
    if peer == "rustbpe":
        import rustbpe

        tokenizer = rustbpe.Tokenizer()
        tokenizer.train_from_iterator(iter(texts), vocab_size, pattern=GPT2)
        return [tokenizer]
    if peer == "gigatoken":
        import gigatoken

        return [gigatoken.train_bpe(path, vocab_size, [])]
    import sentencepiece

    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=(line for text in texts for line in text.splitlines()),
        model_writer=io.BytesIO(),
        vocab_size=vocab_size,
        model_type="bpe",
        num_threads=threads,
        byte_fallback=True,
        character_coverage=0.9995,
        max_sentence_length=1 << 20,
        minloglevel=2,
    )
    return []


def peak_memory() -> int:
    """The most memory that this process held, in bytes."""
    status = Path("/proc/self/status").read_text()
    return next(int(line.split()[1]) << 10 for line in status.splitlines() if line.startswith("VmHWM"))


def held_memory() -> int:
    """The memory that this process holds, in bytes; the peak begins anew from here."""
    Path("/proc/self/clear_refs").write_text("5")
    status = Path("/proc/self/status").read_text()
    return next(int(line.split()[1]) << 10 for line in status.splitlines() if line.startswith("VmRSS"))


def worker(peer: str, path: Path, vocab_size: int, threads: int) -> None:
    """Train once and print the figures."""
    texts = documents(path.read_bytes())
    before = held_memory()
    cpu, wall = time.process_time(), time.perf_counter()
    train(peer, texts, path, vocab_size, threads)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    print(json.dumps({"wall": wall, "cpu": cpu, "memory": peak_memory() - before}))


def launch(peer: str, path: Path, vocab_size: int, threads: int, timeout: float) -> dict[str, float]:
    """Run a worker on as many cores as it has threads."""
    environment = os.environ | {"RAYON_NUM_THREADS": str(threads), "TOKENIZERS_PARALLELISM": "true"}
    if threads == 1:
        environment["TOKENIZERS_PARALLELISM"] = "false"
    arguments = ["--worker", peer, "--threads", str(threads), "--vocab-size", str(vocab_size), "--work", str(path)]
    command = [sys.executable, __file__, *arguments]
    if hasattr(os, "sched_getaffinity"):
        cores = sorted(os.sched_getaffinity(0))[:threads]
        command = ["taskset", "-c", ",".join(map(str, cores)), *command]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=timeout)
    if done.returncode != 0:
        raise RuntimeError(done.stderr[-500:])
    figures: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return figures


# --- the comparison ---------------------------------------------------------------------------------------------------


def check(peers: list[str], texts: list[str], path: Path, vocab_size: int) -> None:
    """Refuse to time trainers that learn something else than they should."""
    from tokengrove.training import train_bpe

    ours = train(peers[0], texts, path, vocab_size, 2)
    if "tokenizers" in peers:
        (theirs,) = train("tokenizers", texts, path, vocab_size, 2)
        letters = _letters()
        merges = json.loads(theirs.to_str())["model"]["merges"]
        spelled = [tuple(bytes(letters[c] for c in part) for part in merge) for merge in merges]
        if spelled != ours:
            raise SystemExit("tokenizers learned other merges: nothing was timed")
    if "rustbpe" in peers:
        (theirs,) = train("rustbpe", texts, path, vocab_size, 2)
        ranks = sorted(theirs.get_mergeable_ranks(), key=lambda entry: entry[1])
        same_order = train_bpe(texts, vocab_size, "gpt2", ties="rustbpe")
        if [bytes(token) for token, _ in ranks] != [same_order.token_bytes(id) for id in range(vocab_size)]:
            raise SystemExit("rustbpe learned other tokens: nothing was timed")


def _letters() -> dict[str, int]:
    """The byte alphabet, backwards."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in printable]
    return {chr(byte): byte for byte in printable} | {chr(0x100 + n): byte for n, byte in enumerate(others)}


def installed(peer: str) -> bool:
    """Whether a library is there."""
    from importlib.util import find_spec

    return find_spec(peer) is not None


def main() -> int:
    """Compare, time, write."""
    from harness.machine import describe

    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--bytes", type=int, default=100_000_000, help="size of the text")
    parser.add_argument("--vocab-size", type=int, default=32_000)
    parser.add_argument("--threads", default="1,2", help="numbers of threads, which are also numbers of cores")
    parser.add_argument("--peers", default=",".join(PEERS))
    parser.add_argument("--launches", type=int, default=3, help="runs of each trainer")
    parser.add_argument("--timeout", type=float, default=600, help="seconds that a run may take")
    parser.add_argument("--data", type=Path, default=os.environ.get("TOKENGROVE_TEST_DATA"), help="folder with corpora")
    parser.add_argument("--work", type=Path, default=ROOT / "target/bench/train.txt", help="where the text is kept")
    parser.add_argument("--json", type=Path, help="result [benches/results/train-DATE.json]")
    parser.add_argument("--no-check", action="store_true", help="time without comparing; for looking at one trainer")
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        worker(options.worker, options.work, options.vocab_size, int(options.threads))
        return 0
    path: Path = options.work
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(mixed_text(options.bytes, options.data and Path(options.data)))
    peers = [peer for peer in options.peers.split(",") if installed(peer)]
    texts = documents(path.read_bytes())
    print(f"{path.stat().st_size:,} bytes, {len(texts):,} documents; {', '.join(peers)}", flush=True)
    if not options.no_check:
        check(peers, texts, path, options.vocab_size)
        print("outputs agree", flush=True)
    del texts
    results: dict[str, Any] = {"machine": describe(), "date": date.today().isoformat(), "cells": []}
    results |= {"bytes": path.stat().st_size, "vocab_size": options.vocab_size}
    rng = random.Random(1)
    for threads in map(int, options.threads.split(",")):
        runs: dict[str, list[dict[str, float]]] = {peer: [] for peer in peers}
        for _ in range(options.launches):
            for peer in rng.sample(peers, len(peers)):
                try:
                    runs[peer].append(launch(peer, path, options.vocab_size, threads, options.timeout))
                except (RuntimeError, subprocess.TimeoutExpired) as error:
                    print(f"{peer}: {error}", flush=True)
        for peer in peers:
            if not runs[peer]:
                continue
            wall = median(run["wall"] for run in runs[peer])
            memory = max(run["memory"] for run in runs[peer])
            results["cells"].append({"peer": peer, "threads": threads, "runs": runs[peer]})
            own = median(run["wall"] for run in runs[peers[0]])
            figures = f"{wall:8.2f} s  {wall / own:6.2f}x  {memory / 1e6:8.0f} MB"
            print(f"{threads} threads  {peer:14} {figures}", flush=True)
    out = options.json or ROOT / f"benches/results/train-{date.today().isoformat()}.json"
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(results, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
