"""Every option of ``BpeTrainer``, together with all the others, on small corpora."""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

import pytest

from support.bpe_trainer import GPT2, assert_same, corpus, learned, reference, split
from support.soak import report
from tokengrove.training import train_bpe

SPECIAL = (
    ["<s>", "ab", "</s>"],
    ["</s>", "a", "ab"],
    ["a"],
    ["aa", "b", "aaa"],
    ["é", "日"],
    ["x", "x-"],
    ["<s>", " "],
    ["Ġ", "Ã"],
    ["##a", "a</w>"],
)
INITIAL: tuple[list[str], ...] = ([], [], ["a"], ["z"], ["日", "abc"], ["Ġ"])
CUTS: tuple[dict[str, Any], ...] = (
    split(None),
    split(GPT2),
    split("-+"),
    {"type": "WhitespaceSplit"},
    {"type": "Split", "pattern": {"String": "-"}, "behavior": "Isolated", "invert": False},
)


def random_options(rng: random.Random) -> dict[str, Any]:
    """Any options: also those that nobody would give."""
    options: dict[str, Any] = {"vocab_size": rng.choice([3, 10, 20, 40, 60, 100, 300])}
    options["initial_alphabet"] = rng.choice(INITIAL)
    others: tuple[tuple[str, float, list[Any]], ...] = (
        ("min_frequency", 0.3, list(range(6))),
        ("max_token_length", 0.5, list(range(9))),
        ("special_tokens", 0.5, list(SPECIAL)),
        ("limit_alphabet", 0.3, list(range(6))),
        ("continuing_subword_prefix", 0.2, ["##", "a", "@"]),
        ("end_of_word_suffix", 0.2, ["</w>", "b", "a"]),
    )
    for name, share, values in others:
        if rng.random() < share:
            options[name] = rng.choice(values)
    return options


def is_chance(texts: list[str], cut: dict[str, Any], options: dict[str, Any], theirs: dict[str, Any]) -> bool:
    """Whether the order of a hash table decides what the reference learns."""
    if "limit_alphabet" in options:
        # It drops some of several symbols of one count.
        text = "".join(texts).replace(" ", "" if cut["type"] == "WhitespaceSplit" else " ")
        counts = Counter(text) if "ByteLevel" not in str(cut) else Counter(text.encode())
        if len({text[0] for text in options["initial_alphabet"]}) > 1 or len(set(counts.values())) < len(counts):
            return True
    if "continuing_subword_prefix" in options or "end_of_word_suffix" in options:
        # It numbers marked symbols as they come, and the numbers decide ties.
        symbols = {**options, "vocab_size": 10_000, "min_frequency": 1 << 30}
        vocab = learned(train_bpe(texts, pattern=cut, **symbols))["vocab"]
        return any(theirs["vocab"].get(symbol) != number for symbol, number in vocab.items())
    return False


def compare(seeds: range) -> int:
    """Compare models; tells how many."""
    compared = 0
    for seed in seeds:
        texts, rng = corpus(seed), random.Random(f"options {seed}")
        cut, options = rng.choice(CUTS), random_options(rng)
        if not any(texts):
            continue
        theirs = reference(texts, cut, **options)
        # The reference does not mind a size smaller than the alphabet; here that is an error.
        if len(theirs["vocab"]) > options["vocab_size"] or is_chance(texts, cut, options, theirs):
            continue
        ours = learned(train_bpe(texts, pattern=cut, **options))
        try:
            assert_same(ours, theirs)
        except AssertionError as error:
            raise AssertionError(f"seed {seed}, cut {cut}, options {options}, texts {texts}") from error
        compared += 1
    return compared


def test_all_options_together_give_the_same_model() -> None:
    assert compare(range(1000)) > 500


@pytest.mark.soak
def test_tens_of_thousands_of_corpora_give_the_same_model() -> None:
    report("train-options", corpora=compare(range(1000, 40_000)))


@pytest.mark.parametrize("seed", [10062, 10083, 10140, 10181, 10228])
def test_a_special_token_of_one_character_is_a_symbol(seed: int) -> None:
    texts = corpus(seed)
    cases: tuple[dict[str, Any], ...] = (
        {"max_token_length": 2, "special_tokens": ["</s>", "a", "ab"]},
        {"max_token_length": 3, "special_tokens": ["a", "b"]},
        {"max_token_length": 4, "special_tokens": ["</s>", "a"], "min_frequency": 2},
    )
    for options in cases:
        theirs = reference(texts, None, vocab_size=40, initial_alphabet=[], **options)
        ours = learned(train_bpe(texts, 40, split(None), initial_alphabet=(), **options))
        assert ours["merges"] == theirs["merges"]
        assert ours["vocab"] == theirs["vocab"]


def test_counts_below_zero_come_before_all_others() -> None:
    # max_token_length keeps a pair from being counted in some places, and its merging away takes it off in all.
    texts = ["a" * 25, "a" * 19 + "c", "a" * 19 + "b"]
    options: dict[str, Any] = {"max_token_length": 4, "limit_alphabet": 1, "end_of_word_suffix": "a"}
    theirs = reference(texts, None, vocab_size=300, initial_alphabet=["a"], **options)
    ours = learned(train_bpe(texts, 300, split(None), initial_alphabet=["a"], **options))
    assert theirs["merges"] == [["a", "a"], ["aa", "a"], ["aa", "aa"]]
    assert_same(ours, theirs)


@pytest.mark.parametrize("limit", [0, 1])
def test_an_alphabet_can_be_limited_to_next_to_nothing(limit: int) -> None:
    texts = ["aaaa aaa bb"]
    for special in ([], ["<s>"], ["b"], ["a", "b"]):
        options: dict[str, Any] = {"limit_alphabet": limit, "special_tokens": special}
        theirs = reference(texts, None, vocab_size=20, initial_alphabet=[], **options)
        ours = learned(train_bpe(texts, 20, split(None), initial_alphabet=(), **options))
        assert ours["merges"] == theirs["merges"]
        assert ours["vocab"] == theirs["vocab"]
