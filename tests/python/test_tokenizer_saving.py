"""Every kind of file survives pickling, and saving as ``tokenizer.json``, which the reference library reads alike."""

from __future__ import annotations

import gc
import json
import pickle
from pathlib import Path

import pytest

from support.data import data_file, rank_file, small_ranks
from tokengrove import Tokenizer, UnsupportedTokenizerError

HF = ("gpt2", "llama-2-13b-chat", "kl3m-004-char-4k-cased", "clip", "phi-2", "mistral-7b-instruct-v0.1")
TEXT = (
    "Hello, WORLD! It's 12345 o'clock\r\n\r\n\t  naïve café 東京 \U0001f600\U0001f1e6 </s><|endoftext|>\n   \n"
    "foo_bar(); ὐ\u0301 n\u0303  --- don'T  x1y22z333 4444\u00a0\u2003end  \n"
)


def check_alike(first: Tokenizer, second: Tokenizer) -> None:
    assert second.special_tokens == first.special_tokens
    assert (second.vocab_size, second.max_token_id) == (first.vocab_size, first.max_token_id)
    for text in (TEXT, TEXT * 3, TEXT[::-1].replace("\ud83d", ""), ""):
        for allowed in ((), "all"):
            ids = first.encode_list(text, allowed_special=allowed)
            assert second.encode_list(text, allowed_special=allowed) == ids
        assert second.decode(ids) == first.decode(ids)
        assert second.encode_list(text, add_special_tokens=True) == first.encode_list(text, add_special_tokens=True)


@pytest.mark.parametrize("name", HF)
def test_a_tokenizer_json_pickles_and_saves(name: str, tmp_path: Path) -> None:
    path = data_file(f"vocabs/hf/{name}/tokenizer.json")
    first = Tokenizer.from_file(path)
    saved = tmp_path / "tokenizer.json"
    first.save(saved)
    second = Tokenizer.from_file(saved)
    assert second == first
    check_alike(first, second)
    data, fingerprint = pickle.dumps(first), first.fingerprint
    del first
    del second
    gc.collect()
    assert pickle.loads(data).fingerprint == fingerprint


def test_a_sentencepiece_model_pickles() -> None:
    path = data_file("vocabs/sentencepiece/llama2.model")
    first = Tokenizer.from_file(path)
    ids, fingerprint = first.encode_list(TEXT), first.fingerprint
    data = pickle.dumps(first)
    del first
    gc.collect()
    second: Tokenizer = pickle.loads(data)
    assert second.fingerprint == fingerprint
    assert second.encode_list(TEXT) == ids


@pytest.mark.parametrize("pattern", ["gpt2", "cl100k_base", "o200k_base", "llama3", "qwen2", "tekken", None])
def test_a_rank_vocabulary_saves_for_the_reference(pattern: str | None, tmp_path: Path) -> None:
    tokenizers = pytest.importorskip("tokenizers")
    ranks = small_ranks()
    first = Tokenizer.from_tiktoken(ranks, pattern=pattern, special_tokens={"<|endoftext|>": len(ranks), "</s>": 5000})
    path = tmp_path / "tokenizer.json"
    first.save(path)
    assert json.loads(path.read_text(encoding="utf-8"))["model"]["type"] == "BPE"
    second = Tokenizer.from_file(path)
    check_alike(first, second)
    assert second.to_json() == first.to_json()
    reference = tokenizers.Tokenizer.from_file(str(path))
    for text in (TEXT, " " * 20, "a\n\n \n b"):
        assert reference.encode(text).ids == first.encode_list(text, allowed_special="all")
        reference.encode_special_tokens = True
        assert reference.encode(text).ids == first.encode_list(text)
        reference.encode_special_tokens = False


def test_a_real_rank_vocabulary_saves_for_the_reference(tmp_path: Path) -> None:
    tokenizers = pytest.importorskip("tokenizers")
    first = Tokenizer.from_tiktoken(rank_file("cl100k_base"), pattern="cl100k_base")
    path = tmp_path / "tokenizer.json"
    first.save(path)
    reference = tokenizers.Tokenizer.from_file(str(path))
    assert reference.encode(TEXT * 20).ids == first.encode_list(TEXT * 20)
    check_alike(first, Tokenizer.from_file(path))


def test_a_pattern_without_a_form_is_refused(tmp_path: Path) -> None:
    tokenizer = Tokenizer.from_tiktoken(small_ranks(), pattern=r"\w+|\W+")
    with pytest.raises(UnsupportedTokenizerError):
        tokenizer.to_json()
    # It still pickles, and nothing was written.
    assert pickle.loads(pickle.dumps(tokenizer)) == tokenizer
    with pytest.raises(UnsupportedTokenizerError):
        tokenizer.save(tmp_path / "tokenizer.json")
    assert not list(tmp_path.iterdir())


def test_saving_where_nothing_can_be_written(tmp_path: Path) -> None:
    with pytest.raises(OSError):  # noqa: PT011 - which subclass depends on the platform
        Tokenizer.from_tiktoken(small_ranks(), pattern=None).save(tmp_path)
