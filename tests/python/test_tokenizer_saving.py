"""Every kind of file survives pickling, and saving as ``tokenizer.json``, which the reference library reads alike."""

from __future__ import annotations

import gc
import json
import pickle
from pathlib import Path

import pytest

from support import exact
from support.data import CORPORA, corpus, data_file, rank_file, small_ranks
from tokengrove import InvalidArgumentError, Tokenizer, UnsupportedTokenizerError
from tokengrove.verification import adversarial_texts, random_texts

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


KINDS = {
    **{
        name: f"vocabs/hf/{name}/tokenizer.json" for name in ("qwen3", "llama-3.2", "superbpe-200k-t80k", "deepseek-v3")
    },
    **{name: f"vocabs/tiktoken/{name}.tiktoken" for name in exact.ENCODINGS},
    "llama2.model": "vocabs/sentencepiece/llama2.model",
    "tekken.json": "",
}


def of_kind(name: str, folder: Path) -> Tokenizer:
    if name == "tekken.json":
        (folder / name).write_bytes(exact.tekken_file())
        return Tokenizer.from_file(folder / name)
    path = data_file(KINDS[name])
    if name in exact.ENCODINGS:
        special = {"<|endoftext|>": 140_000 if name == "llama3" else 200_100}
        return Tokenizer.from_tiktoken(path, pattern=exact.ENCODINGS[name], special_tokens=special)
    return Tokenizer.from_file(path)


@pytest.mark.parametrize("name", KINDS)
def test_what_is_saved_gives_the_same_ids_in_the_reference(name: str, tmp_path: Path) -> None:
    """On text of every corpus: here, in the tokenizer loaded from the saved file, and in tokenizers."""
    tokenizers = pytest.importorskip("tokenizers", reason="tokenizers, the reference, is not installed")
    first = of_kind(name, tmp_path)
    path = tmp_path / "saved.json"
    first.save(path)
    second, reference = Tokenizer.from_file(path), tokenizers.Tokenizer.from_file(str(path))
    reference.no_truncation()
    check_alike(first, second)
    texts = [part for corpus_name in CORPORA for part in exact.cut(corpus(corpus_name)[100_000:190_000])]
    texts += [text for _, text in [*adversarial_texts(500), *random_texts(200, seed=6)] if len(text) < 10_000]
    texts += ["a <|endoftext|>  b<|endoftext|>", " <s>x</s> ", "<|im_start|>user\n"]
    for allowed in ((), "all"):
        reference.encode_special_tokens = allowed != "all"
        ids = first.encode_batch(texts, allowed_special=allowed).to_lists()
        assert second.encode_batch(texts, allowed_special=allowed).to_lists() == ids
        theirs = reference.encode_batch_fast(texts, add_special_tokens=False)
        different = [text for text, row, other in zip(texts, ids, theirs, strict=True) if other.ids != row]
        assert different == []
    for row in ids[::10]:
        assert second.decode(row) == first.decode(row) == reference.decode(row, skip_special_tokens=False)


@pytest.mark.parametrize("name", [name for name in KINDS if name != "llama2.model"])
def test_smaller_vocabularies_save_and_pickle(name: str, tmp_path: Path) -> None:
    tokenizers = pytest.importorskip("tokenizers", reason="tokenizers, the reference, is not installed")
    whole = of_kind(name, tmp_path)
    size = whole.vocab_size - 20_000
    small = whole.with_vocab_size(size)
    assert small.vocab_size == size
    assert small != whole
    assert set(small.special_tokens) == set(whole.special_tokens)
    text = TEXT + corpus("multilingual.txt")[:20_000]
    ids = small.encode_list(text)
    assert max(ids) <= (small.max_token_id or 0)
    assert small.decode(ids) == whole.decode(whole.encode_list(text))
    assert len(ids) > len(whole.encode_list(text))
    path = tmp_path / "small.json"
    small.save(path)
    reference = tokenizers.Tokenizer.from_file(str(path))
    reference.encode_special_tokens = True
    assert reference.encode(text, add_special_tokens=False).ids == ids
    data, fingerprint = pickle.dumps(small), small.fingerprint
    del small
    gc.collect()
    again: Tokenizer = pickle.loads(data)
    assert again.fingerprint == fingerprint
    assert again.encode_list(text) == ids
    assert whole.with_vocab_size(whole.vocab_size) == whole


def test_a_vocabulary_whose_characters_come_last_is_not_cut() -> None:
    """The first tokens of a SentencePiece model are not what a smaller training would have given."""
    whole = of_kind("llama2.model", Path())
    with pytest.raises(InvalidArgumentError, match="without which text is lost"):
        whole.with_vocab_size(12_000)
    assert whole.with_vocab_size(32_000) == whole


def test_a_file_stays_until_the_new_one_is_complete(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tokenizer = Tokenizer.from_tiktoken(small_ranks(), pattern=None)
    target = tmp_path / "tokenizer.json"
    tokenizer.save(target)
    before = target.read_bytes()

    def full(self: Path, target: Path) -> Path:
        raise OSError("no space left")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OSError, match="no space left"):
        tokenizer.save(target)
    assert target.read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["tokenizer.json"]
