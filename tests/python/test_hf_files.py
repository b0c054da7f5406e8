"""Real `tokenizer.json` files: the ids and the text of tokenizers, with every policy for special tokens."""

from __future__ import annotations

import os
import random
import zipfile
from pathlib import Path

import pytest

import tokengrove
from tokengrove.verification import adversarial_texts, random_texts

FILES = (
    "clip deepseek-v3 falcon-180b-chat gpt-neox-20b gpt2 kl3m-001-32k kl3m-004-char-16k-cased kl3m-004-char-4k-cased "
    "kl3m-004-char-8k-cased kl3m-005-multi-word-example-32k llama-2-13b-chat llama-3.2 mistral-7b-instruct-v0.1 "
    "mistral-nemo-tekken phi-2 phi-3-mini qwen2 qwen3 roberta-base superbpe-200k-t180k superbpe-200k-t80k "
    "yi-1.5-34b-chat"
)
LOSSY = {"falcon-180b-chat", "kl3m-005-multi-word-example-32k"} | {f"kl3m-004-char-{n}k-cased" for n in (4, 8, 16)}
"""Their vocabularies have no token for some characters: tokenizers drops these, this package raises."""

STRAYS = {"deepseek-v3", "mistral-nemo-tekken"}
"""Their templates name ids that no token has: tokenizers leaves them out, this package writes their names."""

SPECIAL = [
    "<s>Hello</s> x",
    "a <|endoftext|>  b<|endoftext|>",
    "<|startoftext|>A Photo<|endoftext|>",
    "<mask> <mask>  the <mask>",
    "<|im_start|>user\nhi<|im_end|>\n",
    "   <|user|>   y <|assistant|>  x",
    "[INST] hello [/INST]",
    "<unk><pad><|begin_of_text|>",
]


def data() -> Path:
    folder = os.environ.get("TOKENGROVE_TEST_DATA")
    if not folder:
        pytest.skip("TOKENGROVE_TEST_DATA does not name the folder of real vocabularies and texts")
    return Path(folder)


@pytest.fixture(scope="module")
def texts() -> list[str]:
    chosen = random.Random(3)
    found = [*SPECIAL, *(text for _, text in [*random_texts(150, seed=3), *adversarial_texts(150, seed=3)])]
    with zipfile.ZipFile(data() / "corpora" / "udhr" / "udhr2.zip") as archive:
        names = [name for name in archive.namelist() if name.endswith(".txt")]
        found += [archive.read(name).decode("utf-8", "replace")[:200] for name in chosen.sample(names, 80)]
    for path in sorted((data() / "corpora").glob("*.txt")):
        content = path.read_text(encoding="utf-8")
        starts = [chosen.randrange(len(content)) for _ in range(6)]
        found += [content[start : start + chosen.randrange(1, 1500)] for start in starts]
    return [text for text in found if len(text) < 20_000]


@pytest.mark.parametrize("name", FILES.split())
def test_ids_and_text_equal_the_reference(name: str, texts: list[str]) -> None:
    tokenizers = pytest.importorskip("tokenizers")
    path = data() / "vocabs" / "hf" / name / "tokenizer.json"
    tokenizer = tokengrove.Tokenizer.from_file(path)
    reference = tokenizers.Tokenizer.from_file(str(path))
    reference.no_truncation()
    reference.no_padding()
    for allowed, add_special_tokens in [("all", False), ((), False), ("all", True)]:
        reference.encode_special_tokens = allowed != "all"
        expected = reference.encode_batch_fast(texts, add_special_tokens=add_special_tokens)
        compared = 0
        for text, encoding in zip(texts, expected, strict=True):
            try:
                ids = tokenizer.encode_list(text, allowed_special=allowed, add_special_tokens=add_special_tokens)
            except tokengrove.InvalidTextError:
                assert name in LOSSY
                continue
            compared += 1
            assert ids == encoding.ids, text
            assert tokenizer.decode(ids, skip_special_tokens=True) == reference.decode(ids), text
            if not (name in STRAYS and add_special_tokens):
                assert tokenizer.decode(ids) == reference.decode(ids, skip_special_tokens=False), text
        assert compared > len(texts) // (10 if name in LOSSY else 2)
