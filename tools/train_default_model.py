#!/usr/bin/env python3
"""Train the language model that comes with the package, and its vocabulary.

The text is listed in `default_model_sources.json`; `default_model_text.py` says how to get it. Three steps, each of
which reads what the one before it wrote to WORK:

    python tools/train_default_model.py vocabulary --text FOLDER --work WORK
    OMP_NUM_THREADS=1 python tools/train_default_model.py train --work WORK
    python tools/train_default_model.py export --work WORK --out python/tokengrove/data/default_model

`vocabulary` learns byte-level BPE with the GPT-2 pattern, writes `tokenizer.json` and encodes the text. `train` trains
a Llama on one core for about an hour; it writes a checkpoint every few minutes and goes on from the last one when it is
started again. `export` writes the weights in float16, with the files that `transformers` wants beside them.

The seeds, the order of the text and the number of threads are fixed: on the same machine with the same version of torch
the same command gives the same weights, whether it was interrupted or not. Needs torch, transformers, safetensors,
regex, and this package for encoding.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import os
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from default_model_text import read_all

if TYPE_CHECKING:
    import torch
    from numpy.typing import NDArray

END_OF_TEXT = "<|endoftext|>"
VOCAB_SIZE = 4096
"""All tokens: 256 bytes, 3,839 merges, and `<|endoftext|>` as the last."""

GPT2_PATTERN = r"'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"


@dataclass(frozen=True)
class Recipe:
    """Everything that decides the weights but the text.

    Attributes:
        hidden_size, layers, heads, kv_heads, intermediate_size: The shape of the model.
        context: Tokens of a training window.
        long_context: Tokens of a window in the last part of the training; the length the model is good for.
        long_part: That part of the steps.
        batch_tokens: Tokens of a step.
        steps: Steps in all.
        warmup: Steps in which the learning rate rises.
        decay: The part of the steps, at the end, in which it falls to nothing.
        matrix_rate: Learning rate of the matrices of the layers (Muon).
        other_rate: Learning rate of the embedding and the norms (AdamW).
        weight_decay: Of the matrices.
        story_weight: How often the vocabulary counts each document of the group `stories`; those of `books` count once.
        story_repeats: How often an epoch has each document of the group `stories`; those of `books` come once.
        seed: Of the initial weights and of the order of the text.
    """

    hidden_size: int = 192
    layers: int = 4
    heads: int = 6
    kv_heads: int = 2
    intermediate_size: int = 512
    context: int = 256
    long_context: int = 512
    long_part: float = 0.15
    batch_tokens: int = 4096
    steps: int = 2650
    warmup: int = 60
    decay: float = 0.79
    matrix_rate: float = 0.02
    other_rate: float = 0.004
    weight_decay: float = 0.02
    story_weight: int = 3
    story_repeats: int = 5
    seed: int = 20240229


# --- vocabulary -------------------------------------------------------------------------------------------------------


def byte_alphabet() -> list[str]:
    """The printable character that stands for each byte in a byte-level `tokenizer.json` (GPT-2's alphabet)."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = iter(range(256, 512))
    return [chr(byte) if byte in printable else chr(next(others)) for byte in range(256)]


def train_merges(counts: Counter[bytes], merges: int) -> list[tuple[int, int]]:
    """Learn byte-pair merges from counted pieces, the plain way.

    Args:
        counts: How often each piece occurs.
        merges: How many to learn.

    Returns:
        Pairs of token ids in rank order: ids below 256 are bytes, and merge `i` makes id `256 + i`. The most frequent
        pair is next; of equals the one with the smaller ids.
    """
    pieces = [list(piece) for piece in sorted(counts)]
    weights = [counts[bytes(piece)] for piece in pieces]
    totals: Counter[tuple[int, int]] = Counter()
    where: defaultdict[tuple[int, int], set[int]] = defaultdict(set)
    for index, piece in enumerate(pieces):
        for pair in pairwise(piece):
            totals[pair] += weights[index]
            where[pair].add(index)
    result = []
    for new in range(256, 256 + merges):
        best = min(totals, key=lambda pair: (-totals[pair], pair))
        result.append(best)
        for index in where.pop(best):
            old = pieces[index]
            for pair in pairwise(old):
                totals[pair] -= weights[index]
            merged: list[int] = []
            at = 0
            while at < len(old):
                if tuple(old[at : at + 2]) == best:
                    merged.append(new)
                    at += 2
                else:
                    merged.append(old[at])
                    at += 1
            pieces[index] = merged
            for pair in pairwise(merged):
                totals[pair] += weights[index]
                where[pair].add(index)
        totals = +totals  # drops the pairs that are gone
    return result


def tokenizer_json(merges: list[tuple[int, int]]) -> dict[str, Any]:
    """The vocabulary as the content of a Hugging Face `tokenizer.json`."""
    tokens = byte_alphabet()
    for left, right in merges:
        tokens.append(tokens[left] + tokens[right])
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    special = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [{"id": len(tokens), "content": END_OF_TEXT, **special}],
        "normalizer": None,
        "pre_tokenizer": byte_level,
        "post_processor": None,
        "decoder": byte_level,
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": None,
            "continuing_subword_prefix": None,
            "end_of_word_suffix": None,
            "fuse_unk": False,
            "byte_fallback": False,
            "ignore_merges": False,
            "vocab": {token: id for id, token in enumerate(tokens)},
            "merges": [[tokens[left], tokens[right]] for left, right in merges],
        },
    }


def make_vocabulary(folder: Path, work: Path, recipe: Recipe) -> None:
    """Learn the vocabulary, and encode all documents."""
    import regex

    from tokengrove import Tokenizer

    work.mkdir(parents=True, exist_ok=True)
    texts = read_all(folder)
    pattern = regex.compile(GPT2_PATTERN)
    counts: Counter[bytes] = Counter()
    for text in texts:
        local: Counter[str] = Counter()
        for document in text.train:
            local.update(pattern.findall(document))
        for piece, count in local.items():
            counts[piece.encode()] += count * (recipe.story_weight if text.source.group == "stories" else 1)
    merges = train_merges(counts, VOCAB_SIZE - 1 - 256)
    path = work / "tokenizer.json"
    path.write_text(json.dumps(tokenizer_json(merges), ensure_ascii=False, indent=None) + "\n", encoding="utf-8")

    tokenizer = Tokenizer.from_file(path)
    end = [VOCAB_SIZE - 1]
    ids: list[NDArray[np.uint16]] = []
    groups: list[int] = []
    for text in texts:
        for document in text.train:
            ids.append(np.concatenate([tokenizer.encode(document), end]).astype(np.uint16))
            groups.append(text.source.group == "stories")
    lengths = np.array([len(document) for document in ids])
    held_out = {
        group: [document for text in texts if text.source.group == group for document in text.held_out]
        for group in ("stories", "books")
    }
    np.savez(work / "train.npz", ids=np.concatenate(ids), lengths=lengths, stories=np.array(groups))
    (work / "held_out.json").write_text(json.dumps(held_out, ensure_ascii=False), encoding="utf-8")
    report = {
        "documents": len(ids),
        "tokens": int(lengths.sum()),
        "story_tokens": int(lengths[np.array(groups)].sum()),
        "tokenizer_sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
    }
    print(json.dumps(report))


# --- training ---------------------------------------------------------------------------------------------------------


class Stream:
    """The training text as one endless row of tokens: epoch after epoch, each with its own order of the documents."""

    def __init__(self, path: Path, recipe: Recipe) -> None:
        data = np.load(path)
        ends = np.cumsum(data["lengths"])
        self.documents = np.split(data["ids"], ends[:-1])
        repeats = np.where(data["stories"], recipe.story_repeats, 1)
        self.order = np.repeat(np.arange(len(self.documents)), repeats)
        self.seed = recipe.seed
        self.epoch_tokens = int((data["lengths"] * repeats).sum())

    def epoch(self, number: int) -> NDArray[np.uint16]:
        """All tokens of an epoch."""
        order = np.random.Generator(np.random.PCG64([self.seed, number])).permutation(self.order)
        return np.concatenate([self.documents[index] for index in order])

    def batches(self, first: int, tokens: int) -> Iterator[NDArray[np.uint16]]:
        """Rows of `tokens + 1` tokens, each of which begins with the last token of the row before it.

        Args:
            first: The number of the row to begin with.
            tokens: Tokens of a row.
        """
        number, offset = divmod(first * tokens, self.epoch_tokens)
        row = self.epoch(number)[offset:]
        while True:
            while len(row) <= tokens:
                number += 1
                row = np.concatenate([row, self.epoch(number)])
            yield row[: tokens + 1]
            row = row[tokens:]


def rate(step: int, recipe: Recipe) -> float:
    """The learning rate of a step, as a part of the highest: up, level, and straight down to nothing."""
    rising = (step + 1) / recipe.warmup
    falling = (recipe.steps - step) / (recipe.steps * recipe.decay)
    return min(1.0, rising, falling)


def new_model(recipe: Recipe) -> torch.nn.Module:
    """The model with its initial weights."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(recipe.seed)
    model = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=VOCAB_SIZE,
            hidden_size=recipe.hidden_size,
            num_hidden_layers=recipe.layers,
            num_attention_heads=recipe.heads,
            num_key_value_heads=recipe.kv_heads,
            intermediate_size=recipe.intermediate_size,
            max_position_embeddings=recipe.long_context,
            rope_parameters={"rope_type": "default", "rope_theta": 10_000.0},
            tie_word_embeddings=True,
            bos_token_id=VOCAB_SIZE - 1,
            eos_token_id=VOCAB_SIZE - 1,
            initializer_range=0.04,
        )
    )
    with torch.no_grad():  # what writes to the residual stream starts at nothing
        for layer in model.model.layers:
            layer.self_attn.o_proj.weight.zero_()
            layer.mlp.down_proj.weight.zero_()
    return model


class Training:
    """A model with its optimizers, at some step."""

    def __init__(self, recipe: Recipe, work: Path, *, compiled: bool) -> None:
        import torch

        self.recipe = recipe
        self.work = work
        self.step = 0
        self.model = new_model(recipe)
        matrices = [p for name, p in self.model.named_parameters() if p.ndim == 2 and "embed" not in name]
        others = [p for name, p in self.model.named_parameters() if p.ndim != 2 or "embed" in name]
        self.optimizers = [
            torch.optim.Muon(
                matrices, lr=recipe.matrix_rate, momentum=0.95, weight_decay=recipe.weight_decay, ns_steps=5
            ),
            torch.optim.AdamW(others, lr=recipe.other_rate, betas=(0.9, 0.95), weight_decay=0.0),
        ]
        self.highest = [group["lr"] for optimizer in self.optimizers for group in optimizer.param_groups]
        self.loss = torch.compile(self._loss) if compiled else self._loss

    def _loss(self, ids: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Mean loss in nats a token; `ids` and `targets` are int64[rows, context]."""
        import torch

        with torch.autocast("cpu", dtype=torch.bfloat16):
            logits = self.model(input_ids=ids, use_cache=False).logits
        return torch.nn.functional.cross_entropy(logits.float().flatten(0, 1), targets.flatten())

    def advance(self, row: NDArray[np.uint16]) -> float:
        """One step on a row of `batch_tokens + 1` tokens; returns the loss before it."""
        import torch

        recipe = self.recipe
        long = self.step >= recipe.steps * (1 - recipe.long_part)
        context = recipe.long_context if long else recipe.context
        tokens = torch.from_numpy(row.astype(np.int64))
        loss: Any = self.loss(tokens[:-1].view(-1, context), tokens[1:].view(-1, context))
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        groups = [group for optimizer in self.optimizers for group in optimizer.param_groups]
        for group, highest in zip(groups, self.highest, strict=True):
            group["lr"] = highest * rate(self.step, recipe)
        for optimizer in self.optimizers:
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        self.step += 1
        return float(loss.detach())

    def save(self) -> None:
        """Write a checkpoint; the one before it stays until the new one is whole."""
        import torch

        state = {
            "recipe": asdict(self.recipe),
            "step": self.step,
            "model": self.model.state_dict(),
            "optimizers": [optimizer.state_dict() for optimizer in self.optimizers],
        }
        torch.save(state, self.work / "checkpoint.new")
        (self.work / "checkpoint.new").replace(self.work / "checkpoint.pt")

    def load(self) -> bool:
        """Go on from the checkpoint, if there is one; its recipe may differ in what is yet to come."""
        import torch

        path = self.work / "checkpoint.pt"
        if not path.exists():
            return False
        state = torch.load(path, weights_only=True)
        self.model.load_state_dict(state["model"])
        for optimizer, saved in zip(self.optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(saved)
        self.step = state["step"]
        return True


def held_out_bits(model: torch.nn.Module, tokenizer: Any, documents: list[str], context: int) -> float:
    """Bits per byte of some documents, each cut into windows of `context` tokens that share nothing."""
    import torch

    nats, size = 0.0, 0
    end = np.array([VOCAB_SIZE - 1])
    with torch.inference_mode():
        for document in documents:
            ids = torch.from_numpy(np.concatenate([end, tokenizer.encode(document)]).astype(np.int64))
            size += len(document.encode())
            for start in range(0, len(ids) - 1, context):
                part = ids[start : start + context + 1]
                logits = model(input_ids=part[None, :-1], use_cache=False).logits[0]
                nats += float(torch.nn.functional.cross_entropy(logits.float(), part[1:], reduction="sum"))
    return nats / math.log(2) / size


def train(work: Path, recipe: Recipe, *, compiled: bool, minutes: float) -> None:
    """Train from the last checkpoint, or from the beginning, to the last step."""
    import torch

    from tokengrove import Tokenizer

    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    training = Training(recipe, work, compiled=compiled)
    training.load()
    stream = Stream(work / "train.npz", recipe)
    tokenizer = Tokenizer.from_file(work / "tokenizer.json")
    held_out = json.loads((work / "held_out.json").read_text(encoding="utf-8"))
    count = sum(parameter.numel() for parameter in training.model.parameters())
    print(f"{count:,} parameters, {stream.epoch_tokens:,} tokens an epoch, step {training.step:,}", flush=True)
    rows = stream.batches(training.step, recipe.batch_tokens)
    saved = started = time.monotonic()
    losses: list[float] = []
    with (work / "log.jsonl").open("a") as log:
        while training.step < recipe.steps:
            losses.append(training.advance(next(rows)))
            if training.step % 20 == 0:
                entry = {
                    "step": training.step,
                    "loss": round(sum(losses) / len(losses), 4),
                    "rate": round(rate(training.step - 1, recipe), 4),
                    "seconds": round(time.monotonic() - started, 1),
                    "cpu_seconds": round(time.process_time(), 1),
                }
                losses = []
                print(json.dumps(entry), file=log, flush=True)
            if time.monotonic() - saved > minutes * 60 or training.step == recipe.steps:
                training.save()
                bits = {
                    group: round(held_out_bits(training.model, tokenizer, documents[:12], recipe.context), 4)
                    for group, documents in held_out.items()
                }
                print(json.dumps({"step": training.step, "held_out_bits_per_byte": bits}), file=log, flush=True)
                saved = time.monotonic()


# --- the files of the package -----------------------------------------------------------------------------------------


def export(work: Path, out: Path) -> None:
    """Write the model of the last checkpoint as a folder that `transformers` loads."""
    import torch
    from safetensors.torch import save_file

    state = torch.load(work / "checkpoint.pt", weights_only=True)
    recipe = Recipe(**state["recipe"])
    out.mkdir(parents=True, exist_ok=True)
    tensors = {
        name: tensor.to(torch.float16).contiguous()
        for name, tensor in state["model"].items()
        if name != "lm_head.weight"
    }
    if not all(bool(torch.isfinite(tensor).all()) for tensor in tensors.values()):
        raise SystemExit("a weight does not fit into float16")
    save_file(tensors, out / "model.safetensors", metadata={"format": "pt"})
    end = VOCAB_SIZE - 1
    config = {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "vocab_size": VOCAB_SIZE,
        "hidden_size": recipe.hidden_size,
        "intermediate_size": recipe.intermediate_size,
        "num_hidden_layers": recipe.layers,
        "num_attention_heads": recipe.heads,
        "num_key_value_heads": recipe.kv_heads,
        "head_dim": recipe.hidden_size // recipe.heads,
        "hidden_act": "silu",
        "max_position_embeddings": recipe.long_context,
        "rope_parameters": {"rope_type": "default", "rope_theta": 10_000.0},
        "rms_norm_eps": 1e-6,
        "tie_word_embeddings": True,
        "attention_bias": False,
        "mlp_bias": False,
        "bos_token_id": end,
        "eos_token_id": end,
        "pad_token_id": end,
        "dtype": "float16",
    }
    generation = {"bos_token_id": end, "eos_token_id": end, "pad_token_id": end, "do_sample": False}
    tokenizer = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_max_length": recipe.long_context,
        "bos_token": END_OF_TEXT,
        "eos_token": END_OF_TEXT,
        "pad_token": END_OF_TEXT,
        "clean_up_tokenization_spaces": False,
    }
    for name, content in (
        ("config.json", config),
        ("generation_config.json", generation),
        ("tokenizer_config.json", tokenizer),
    ):
        (out / name).write_text(json.dumps(content, indent=1) + "\n")
    (out / "tokenizer.json").write_bytes((work / "tokenizer.json").read_bytes())
    for path in sorted(out.iterdir()):
        print(f"{path.stat().st_size:>10,} {hashlib.sha256(path.read_bytes()).hexdigest()} {path.name}")
    print(f"step {state['step']:,} of {recipe.steps:,}")


def main(arguments: list[str] | None = None) -> int:
    """Run one of the steps."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("step", choices=["vocabulary", "train", "export"])
    parser.add_argument("--work", type=Path, required=True, help="folder for what lies between the steps")
    parser.add_argument("--text", type=Path, help="vocabulary: where the clones are, as OWNER/NAME")
    parser.add_argument("--out", type=Path, help="export: the folder to write")
    parser.add_argument("--eager", action="store_true", help="train: without torch.compile, which needs a C++ compiler")
    parser.add_argument("--minutes", type=float, default=4.0, help="train: between checkpoints (%(default)s)")
    for name, value in asdict(Recipe()).items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=type(value), default=value, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    recipe = Recipe(**{name: getattr(options, name) for name in asdict(Recipe())})
    if options.step == "vocabulary":
        if options.text is None:
            parser.error("vocabulary needs --text")
        make_vocabulary(options.text, options.work, recipe)
    elif options.step == "train":
        if os.environ.get("OMP_NUM_THREADS") != "1":
            parser.error("set OMP_NUM_THREADS=1: another number of threads adds up in another order")
        train(options.work, recipe, compiled=not options.eager, minutes=options.minutes)
    else:
        if options.out is None:
            parser.error("export needs --out")
        export(options.work, options.out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
