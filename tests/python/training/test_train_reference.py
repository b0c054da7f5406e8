"""The trainer against the trainers it agrees with: merge for merge and id for id."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from typing import Any

import pytest

import tokengrove
from support.bpe_trainer import GPT2, assert_same, corpus, learned, reference, split
from support.data import data_file
from tokengrove.training import count_pretokens, train_bpe

# Installed: the module of the reference skips this one otherwise.
from tokenizers import Tokenizer, pre_tokenizers, trainers, models  # isort: skip

CORPORA = 400


@pytest.mark.parametrize("regex", [None, GPT2, "-+"], ids=["whole", "gpt2", "hyphens"])
def test_random_corpora_give_the_same_model(regex: str | None) -> None:
    for seed in range(CORPORA):
        texts = corpus(seed)
        rng = random.Random(-seed)
        options: dict[str, Any] = {"vocab_size": rng.choice([20, 40, 60, 100, 300])}
        if rng.random() < 0.3:
            options["min_frequency"] = rng.randrange(5)
        if rng.random() < 0.3:
            options["max_token_length"] = rng.randrange(2, 8)
        if rng.random() < 0.3:
            options["special_tokens"] = ["<s>", "ab", "</s>"]
        theirs = reference(texts, regex, initial_alphabet=[], **options)
        if len(theirs["vocab"]) > options["vocab_size"] or not any(texts):
            continue
        ours = train_bpe(texts, pattern=split(regex), initial_alphabet=(), **options)
        try:
            assert_same(learned(ours), theirs)
        except AssertionError as error:
            raise AssertionError(f"seed {seed}, options {options}, texts {texts}") from error


def test_all_bytes_are_the_alphabet_by_default() -> None:
    texts = corpus(7)
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    theirs = reference(texts, GPT2, vocab_size=300, initial_alphabet=alphabet)
    assert_same(learned(train_bpe(texts, 300, split(GPT2))), theirs)


def test_characters_are_symbols_where_text_is_not_byte_level() -> None:
    texts = ["naïve café naïve", "日本 日本語", "cafés"]
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.train_from_iterator(
        texts, trainers.BpeTrainer(vocab_size=40, show_progress=False, special_tokens=["[U]"])
    )
    theirs = json.loads(tokenizer.to_str())["model"]
    ours = train_bpe(texts, 40, {"type": "WhitespaceSplit"}, special_tokens=["[U]"])
    assert_same(learned(ours), theirs)


@pytest.mark.parametrize("limit", [3, 5])
def test_the_alphabet_can_be_limited(limit: int) -> None:
    texts = ["aaaaaaaa bbbbb ccc dd e", "abcabcab abdab abe"]
    theirs = reference(texts, GPT2, vocab_size=30, limit_alphabet=limit)
    ours = train_bpe(texts, 30, split(GPT2), limit_alphabet=limit, initial_alphabet=())
    assert_same(learned(ours), theirs)


def test_prefix_and_suffix_mark_the_places_in_a_word() -> None:
    # Without ties: tokenizers numbers marked symbols in the order of a hash table.
    texts = ["abc " * 40 + "abd " * 21 + "xbc " * 9 + "b " * 5]
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    options: dict[str, Any] = {"continuing_subword_prefix": "##", "end_of_word_suffix": "</w>"}
    tokenizer.train_from_iterator(texts, trainers.BpeTrainer(vocab_size=17, show_progress=False, **options))
    theirs = json.loads(tokenizer.to_str())["model"]
    ours = learned(train_bpe(texts, 17, {"type": "WhitespaceSplit"}, **options))
    assert ours["merges"] == theirs["merges"]
    assert ours["vocab"].keys() == theirs["vocab"].keys()


def mixed(size: int) -> list[str]:
    """Real text of several kinds, about `size` bytes of each."""
    names = ("english", "multilingual", "cjk", "json_log", "chat_md")
    return [data_file(f"corpora/{name}.txt").read_bytes()[:size].decode(errors="ignore") for name in names]


def lines(texts: list[str]) -> list[str]:
    return [line for text in texts for line in text.splitlines(keepends=True)]


def test_real_text_gives_the_same_model() -> None:
    texts = lines(mixed(400_000))
    theirs = reference(texts, GPT2, vocab_size=8000, initial_alphabet=pre_tokenizers.ByteLevel.alphabet())
    assert_same(learned(train_bpe(texts, 8000, split(GPT2))), theirs)


def in_threads(n: int, work: Callable[[], tokengrove.Tokenizer]) -> tokengrove.Tokenizer:
    before = tokengrove.get_num_threads()
    tokengrove.set_num_threads(n)
    try:
        return work()
    finally:
        tokengrove.set_num_threads(before)


def test_threads_shards_and_order_make_no_difference() -> None:
    texts = lines(mixed(200_000))
    one = in_threads(1, lambda: train_bpe(texts, 4000, "o200k_base"))
    assert in_threads(3, lambda: train_bpe(texts, 4000, "o200k_base")) == one
    assert train_bpe(list(reversed(texts)), 4000, "o200k_base") == one
    shards = [count_pretokens(texts[shard::4], "o200k_base") for shard in range(4)]
    assert train_bpe(shards[0].merge(*shards[1:]), 4000) == one


def test_rustbpe_merges_in_the_same_order() -> None:
    rustbpe = pytest.importorskip("rustbpe", reason="rustbpe, the reference of its order, is not installed")
    for seed in range(100):
        texts = corpus(seed)
        theirs = rustbpe.Tokenizer()
        theirs.train_from_iterator(iter(texts), 300, pattern=GPT2)
        tokens = [bytes(token) for token, _ in sorted(theirs.get_mergeable_ranks(), key=lambda entry: entry[1])]
        if len(set(tokens)) < len(tokens) or len(tokens) == 256:
            continue
        ours = train_bpe(texts, 300, split(GPT2), ties="rustbpe")
        assert [ours.token_bytes(token) for token in range(ours.vocab_size)] == tokens, f"seed {seed}: {texts}"
