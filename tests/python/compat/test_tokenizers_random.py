"""Random tokenizers, and real ones, in the drop-in and in the original side by side: every field of every encoding."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest
import tokenizers as reference

import tokengrove.compat.tokenizers as drop_in
from support.data import CORPORA, corpus, data_file
from support.hf_cases import Case, compare, text

REAL = (
    *("clip", "deepseek-v3", "falcon-180b-chat", "gpt-neox-20b", "gpt2", "kl3m-001-32k", "kl3m-004-char-8k-cased"),
    *("kl3m-005-multi-word-example-32k", "llama-2-13b-chat", "llama-3.2", "mistral-7b-instruct-v0.1"),
    *("mistral-nemo-tekken", "phi-2", "phi-3-mini", "qwen2", "qwen3", "roberta-base", "superbpe-200k-t180k"),
    "yi-1.5-34b-chat",
)


def check_seed(seed: int) -> None:
    case = Case(seed)
    for _ in range(8):
        found = case.difference()
        assert found is None, f"seed {seed}: {found}\n{json.dumps(case.file, ensure_ascii=False)}"


@pytest.mark.parametrize(
    "first", [*range(0, 400, 100), *(pytest.param(first, marks=pytest.mark.soak) for first in range(400, 2000, 100))]
)
def test_random_tokenizers_agree(first: int) -> None:
    for seed in range(first, first + 100):
        check_seed(seed)


def real(name: str) -> tuple[Path, Any, Any]:
    path = data_file(f"vocabs/hf/{name}/tokenizer.json")
    return path, reference.Tokenizer.from_file(str(path)), drop_in.Tokenizer.from_file(path)


def agree(theirs: Any, ours: Any, given: str, pair: str | None = None) -> None:
    for add in (True, False):
        one = theirs.encode(given, pair, add_special_tokens=add)
        other = ours.encode(given, pair, add_special_tokens=add)
        assert compare(one, other) is None, (given[:200], pair)
    for skip in (True, False):
        assert ours.decode(one.ids, skip) == theirs.decode(one.ids, skip)


@pytest.mark.parametrize("name", REAL)
def test_real_tokenizers_agree(name: str) -> None:
    path, theirs, ours = real(name)
    rng = random.Random(name)
    assert ours.get_vocab_size() == theirs.get_vocab_size()
    added = [token.content for token in theirs.get_added_tokens_decoder().values()][:40]
    for corpus_name in CORPORA:
        whole = corpus(corpus_name)
        for _ in range(6):
            at = rng.randrange(max(1, len(whole) - 4000))
            agree(theirs, ours, whole[at : at + rng.randint(1, 4000)], whole[at : at + 50])
    for _ in range(60):
        parts = [text(rng, 12), rng.choice([*added, " "]), rng.choice([" ", "  ", "\n", ""]), text(rng, 12)]
        agree(theirs, ours, "".join(rng.sample(parts, 4)), rng.choice([None, text(rng)]))
    ids = [rng.randrange(ours.get_vocab_size() + 5) for _ in range(300)]
    assert ours.decode(ids, False) == theirs.decode(ids, False)
    assert path.stat().st_size > 0


@pytest.mark.parametrize("name", ["gpt2", "llama-3.2", "llama-2-13b-chat", "phi-3-mini", "roberta-base"])
def test_settings_agree_on_real_tokenizers(name: str) -> None:
    _, theirs, ours = real(name)
    rng = random.Random(name)
    texts = [corpus("english.txt")[at : at + rng.randint(0, 160)] for at in range(0, 6000, 1000)]
    pairs = [(one, other) for one, other in zip(texts, reversed(texts), strict=True)]
    for max_length, stride, direction in ((16, 0, "right"), (20, 7, "left"), (3, 0, "right")):
        for length in (None, 24):
            for tokenizer in (theirs, ours):
                tokenizer.enable_truncation(max_length, stride=stride, direction=direction)
                tokenizer.enable_padding(length=length, pad_to_multiple_of=8, direction=direction)
            for batch in (texts, pairs):
                for one, other in zip(theirs.encode_batch(batch), ours.encode_batch(batch), strict=True):
                    assert compare(one, other) is None
    assert ours.truncation == theirs.truncation
    assert ours.padding == theirs.padding


@pytest.mark.parametrize("name", ["gpt2", "llama-2-13b-chat", "clip", "qwen2"])
def test_a_file_is_written_as_the_original_writes_it(name: str) -> None:
    _, theirs, ours = real(name)
    assert ours.to_str() == theirs.to_str()
    assert ours.to_str(pretty=True) == theirs.to_str(pretty=True)


@pytest.mark.parametrize("name", ["gpt2", "llama-2-13b-chat", "mistral-nemo-tekken", "phi-3-mini"])
def test_a_stream_gives_what_decode_gives(name: str) -> None:
    _, _, ours = real(name)
    rng = random.Random(name)
    size = ours.get_vocab_size()
    sample = ours.encode(corpus("multilingual.txt")[:3000], add_special_tokens=False).ids
    for _ in range(300):
        at = rng.randrange(len(sample) - 12)
        ids = sample[at : at + 12] if rng.random() < 0.5 else [rng.randrange(size) for _ in range(12)]
        stream = drop_in.decoders.DecodeStream(skip_special_tokens=False)
        theirs = reference.decoders.DecodeStream(skip_special_tokens=False)
        pieces = []
        for id in ids:
            expected = _step(theirs, real_reference(name), id)
            found = _step(stream, ours, id)
            if isinstance(expected, str) and expected.startswith("Invalid prefix"):
                assert isinstance(found, str)
                assert found.startswith("Invalid prefix")
                break
            assert found == expected
            pieces.append(found or "")
        else:
            whole = ours.decode(ids, False)
            assert whole.startswith("".join(pieces))


_REFERENCES: dict[str, Any] = {}


def real_reference(name: str) -> Any:
    if name not in _REFERENCES:
        _REFERENCES[name] = reference.Tokenizer.from_file(str(data_file(f"vocabs/hf/{name}/tokenizer.json")))
    return _REFERENCES[name]


def _step(stream: Any, tokenizer: Any, id: int) -> str | None:
    try:
        found: str | None = stream.step(tokenizer, id)
    except Exception as error:
        return str(error)
    return found
