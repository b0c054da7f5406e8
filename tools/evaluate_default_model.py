#!/usr/bin/env python3
"""How well the default model predicts text: bits per byte beside gzip and xz, and what it writes. Prints JSON.

    python tools/evaluate_default_model.py --text FOLDER            # the held-out documents; FOLDER as for the training
    python tools/evaluate_default_model.py --file some_text.txt     # any UTF-8 text, as one document

Every token is predicted from at least half a context of tokens before it, where there are that many. The compressors
get all documents of a group as one file. With --text one figure more is given: xz after the whole training text, which
the model has seen too: the growth of `xz -9` when the held-out text is put behind it. Needs torch and transformers.
"""

from __future__ import annotations

import argparse
import gzip
import json
import lzma
import math
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers

import tokengrove
from default_model_text import read_all
from tokengrove.default_model import default_model_path

PROMPTS = [
    "Once upon a time",
    "One day, a little girl named Lily",
    "There was once a king who had three daughters.",
    '"Where are you going?" asked the fox.',
    "Dorothy and the Scarecrow",
    "The dog was hungry, so he",
]


def xz_size(data: bytes) -> int:
    """Bytes that `xz -9` makes of some data."""
    return len(lzma.compress(data, preset=9))


class Scorer:
    """The model in float32 on the CPU, with its tokenizer."""

    def __init__(self, path: Path) -> None:
        model: Any = transformers.AutoModelForCausalLM.from_pretrained(path, dtype=torch.float32)
        self.model = model.eval()
        self.tokenizer = tokengrove.Tokenizer.from_file(path / "tokenizer.json")
        self.context: int = self.model.config.max_position_embeddings
        self.start: int = self.model.config.bos_token_id

    def nats(self, document: str) -> float:
        """The negative logarithm of the probability of a document's tokens after the token that begins a text."""
        ids = torch.tensor([self.start, *self.tokenizer.encode_list(document)])
        total, done = 0.0, 1
        while done < len(ids):
            start = max(0, done - self.context // 2)
            window = ids[start : start + self.context + 1]
            with torch.inference_mode():
                logits = self.model(input_ids=window[None, :-1], use_cache=False).logits[0]
            fresh = done - start - 1
            total += float(torch.nn.functional.cross_entropy(logits[fresh:], window[fresh + 1 :], reduction="sum"))
            done = start + len(window)
        return total

    def score(self, documents: list[str]) -> dict[str, float]:
        """Size, tokens, and bits per byte of some documents for the model, gzip and xz."""
        data = "\n\n".join(documents).encode()
        size = sum(len(document.encode()) for document in documents)
        tokens = sum(len(self.tokenizer.encode_list(document)) for document in documents)
        bits = sum(map(self.nats, documents)) / math.log(2)
        return {
            "documents": len(documents),
            "bytes": size,
            "tokens": tokens,
            "bytes_per_token": round(size / tokens, 3),
            "model_bits_per_byte": round(bits / size, 4),
            "model_bits_per_token": round(bits / tokens, 4),
            "gzip_9_bits_per_byte": round(8 * len(gzip.compress(data, 9)) / len(data), 4),
            "xz_9_bits_per_byte": round(8 * xz_size(data) / len(data), 4),
        }

    def continuation(self, prompt: str, tokens: int) -> str:
        """What the model writes after a prompt, the likeliest token at each step."""
        ids = torch.tensor([self.tokenizer.encode_list(prompt)])
        generate: Any = self.model.generate
        out = generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=tokens, do_sample=False)
        return self.tokenizer.decode(out[0].numpy().astype(np.uint32), skip_special_tokens=True)


def main(arguments: list[str] | None = None) -> int:
    """Score, generate, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, default=default_model_path(), help="the model's folder")
    parser.add_argument("--text", type=Path, metavar="FOLDER", help="where the clones are, as OWNER/NAME")
    parser.add_argument("--file", type=Path, action="append", default=[], help="a text to score, more than once")
    parser.add_argument("--tokens", type=int, default=60, help="tokens to write after each prompt (%(default)s)")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    scorer = Scorer(options.model)
    groups: dict[str, list[str]] = {path.name: [path.read_text(encoding="utf-8")] for path in options.file}
    known = b""
    if options.text:
        texts = read_all(options.text)
        known = "\n\n".join(document for text in texts for document in text.train).encode()
        for group in ("stories", "books"):
            groups[group] = [part for text in texts if text.source.group == group for part in text.held_out]
    scores = {name: scorer.score(documents) for name, documents in groups.items()}
    if known:
        before = xz_size(known)
        for name, documents in groups.items():
            data = "\n\n".join(documents).encode()
            growth = xz_size(known + data) - before
            scores[name]["xz_9_after_training_text_bits_per_byte"] = round(8 * growth / len(data), 4)
    report = {
        "torch": torch.__version__,
        "transformers": transformers.__version__,
        "parameters": sum(parameter.numel() for parameter in scorer.model.parameters()),
        "context": scorer.context,
        "scores": scores,
        "greedy": {prompt: scorer.continuation(prompt, options.tokens) for prompt in PROMPTS},
    }
    print(json.dumps(report, indent=1, ensure_ascii=False))
    return 0


if __name__ == "__main__":
    sys.exit(main())
