"""Stages: exact against a naive trainer, limits that hold, more bytes per token; published SuperBPE files."""

from __future__ import annotations

import itertools
import json
import random
import re
from collections import Counter
from collections.abc import Callable

import pytest

import tokengrove
from support.data import data_file
from tokengrove._native import Model
from tokengrove.errors import InvalidArgumentError
from tokengrove.training import PretokenCounts, Stage, count_pretokens, extend, train_bpe

WORDS = " ?[a-z]+|[^a-z ]+| +"
LINES = r"[^\n]+\n?|\n"
GOLDEN = "By the way, I am a fan of the Milky Way."


class Naive:
    """Training by its definition: count all pairs, merge the best one everywhere, begin again."""

    def __init__(self, texts: list[str], merges: list[tuple[bytes, bytes]]) -> None:
        self.texts = texts
        self.tokens = [bytes([byte]) for byte in sorted(range(256), key=_letter)]
        self.ids = {token: number for number, token in enumerate(self.tokens)}
        self.merges: list[tuple[bytes, bytes]] = []
        self.inherited = merges

    def cut(self, pattern: str) -> None:
        """Cut the texts, and apply the merges there are; those that do not occur are dropped."""
        pieces = Counter(piece.encode() for text in self.texts for piece in re.findall(pattern, text))
        self.words = [([bytes([byte]) for byte in piece], count) for piece, count in pieces.items()]
        self.tokens = self.tokens[:256]
        self.ids = {token: number for number, token in enumerate(self.tokens)}
        inherited, self.merges = self.merges or self.inherited, []
        for pair in inherited:
            if any(pair in itertools.pairwise(word) for word, _ in self.words):
                self.merge(pair)

    def merge(self, pair: tuple[bytes, bytes]) -> None:
        joined = pair[0] + pair[1]
        assert joined not in self.ids, "the corpus spells a token twice; take another"
        self.ids[joined] = len(self.tokens)
        self.tokens.append(joined)
        self.merges.append(pair)
        for word, _ in self.words:
            at = 0
            while at + 1 < len(word):
                if (word[at], word[at + 1]) == pair:
                    word[at : at + 2] = [joined]
                at += 1

    def learn(self, size: int, allowed: Callable[[bytes], bool]) -> None:
        while len(self.tokens) < size:
            counts: Counter[tuple[bytes, bytes]] = Counter()
            for word, count in self.words:
                for pair in itertools.pairwise(word):
                    if allowed(pair[0] + pair[1]):
                        counts[pair] += count
            if not counts:
                return
            self.merge(min(counts, key=lambda pair: (-counts[pair], self.ids[pair[0]], self.ids[pair[1]])))


def _letter(byte: int) -> int:
    """Where the character of a byte stands in the byte alphabet."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    return byte if byte in printable else 0x100 + sum(other not in printable for other in range(byte))


def sentences(seed: int, words: int = 12) -> list[str]:
    rng = random.Random(seed)
    vocabulary = ["".join(rng.choices("etaoinshr", k=rng.randrange(1, 6))) for _ in range(words)]
    weights = [1 / (n + 1) for n in range(words)]
    joins = [" "] * 9 + [": ", ", "]
    return [
        "".join(w + rng.choice(joins) for w in rng.choices(vocabulary, weights, k=rng.randrange(2, 15))) + "\n"
        for _ in range(25)
    ]


def is_superword(token: bytes) -> bool:
    return len([word for word in token.split(b" ") if word]) <= 3 and b": " not in token


def test_stages_equal_the_naive_trainer() -> None:
    compared = 0
    for seed in range(60):
        texts = sentences(seed)
        naive = Naive(texts, [])
        try:
            naive.cut(WORDS)
            naive.learn(256 + 25, lambda _: True)
            naive.cut(LINES)
            naive.learn(256 + 60, is_superword)
        except AssertionError:
            continue
        stages = [Stage(WORDS, 256 + 25), Stage(LINES, 256 + 60, max_words=3, forbid=[": "])]
        assert train_bpe(texts, stages=stages).merges == naive.merges, f"seed {seed}"
        compared += 1
    assert compared >= 20


def test_counts_of_each_stage_do_as_well_as_texts() -> None:
    texts = sentences(1)
    stages = [Stage(WORDS, 280), Stage(LINES, 310, max_words=3)]
    counts = [count_pretokens(texts, stage.pattern) for stage in stages]
    assert train_bpe(counts, stages=stages) == train_bpe(texts, stages=stages)


def test_merges_without_use_are_dropped_or_kept() -> None:
    # In the second stage `bc` is always inside `abc`, whose merges come first.
    first = PretokenCounts.from_items([(b"ab", 9), (b"bc", 5)], WORDS)
    second = PretokenCounts.from_items([(b"ababab", 3)], LINES)
    stages = [Stage(WORDS, 258), Stage(LINES, 260)]
    dropped = train_bpe([first, second], stages=stages)
    kept = train_bpe([first, second], stages=stages, keep_inherited=True)
    assert dropped.merges == [(b"a", b"b"), (b"ab", b"ab"), (b"abab", b"ab")]
    assert kept.merges == [(b"a", b"b"), (b"b", b"c"), (b"ab", b"ab"), (b"abab", b"ab")]


@pytest.fixture(scope="module")
def english() -> tuple[list[str], str]:
    """Lines to train on, and text held out from the end."""
    text = data_file("corpora/english.txt").read_text(encoding="utf-8")[:1_500_000]
    cut = text.index("\n", 1_300_000)
    return text[:cut].splitlines(keepends=True), text[cut:]


SECOND = r"\p{N}{1,3}| ?[^\s\p{L}\p{N}]{2,}[\r\n/]*| +(?!\S)"


def bytes_per_token(tokenizer: tokengrove.Tokenizer, text: str) -> float:
    return len(text.encode()) / tokenizer.count(text)


def test_superwords_say_more_with_a_token(english: tuple[list[str], str]) -> None:
    lines, held_out = english
    stages = [Stage("o200k_base", 6000), Stage(SECOND, 8000, max_words=4, forbid=[": "])]
    plain = train_bpe(lines, 8000, "o200k_base")
    exact = train_bpe(lines, stages=stages)
    fast = train_bpe(lines, stages=stages, superwords="aggregated")
    assert exact.vocab_size == fast.vocab_size == plain.vocab_size == 8000
    assert bytes_per_token(exact, held_out) > 1.05 * bytes_per_token(plain, held_out)
    assert bytes_per_token(fast, held_out) > 1.02 * bytes_per_token(plain, held_out)
    for tokenizer in (exact, fast):
        new = [tokenizer.token_bytes(token) for token in range(6000, 8000)]
        assert all(len([word for word in token.split(b" ") if word]) <= 4 and b": " not in token for token in new)
        assert tokenizer.decode(tokenizer.encode(held_out)) == held_out
        missing = set(plain.merges[:-2000]) - set(tokenizer.merges)
        assert len(missing) < 20
    # Superwords of the aggregated kind are whole words, and all merges of words stay.
    assert not missing
    assert all(any(letter.isalpha() for letter in token.decode()) for token in new)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("t180k", "By the way|, I am| a| fan| of the| Milky Way|."),
        ("t80k", "By the way|, I am a| fan of the| Milky Way|."),
    ],
)
def test_published_superbpe_files(name: str, expected: str) -> None:
    tokenizer = tokengrove.Tokenizer.from_file(data_file(f"vocabs/hf/superbpe-200k-{name}/tokenizer.json"))
    cut = [tokenizer.token_bytes(int(token)).decode() for token in tokenizer.encode(GOLDEN)]
    assert cut == expected.split("|")


def test_numbers_as_the_superbpe_paper_cuts_them() -> None:
    parts = json.loads(data_file("vocabs/hf/superbpe-200k-t80k/tokenizer.json").read_text(encoding="utf-8"))
    groups = {"type": "Split", "pattern": {"Regex": r"(?=(\d{3})+(?!\d))"}, "behavior": "Isolated", "invert": False}
    *_, byte_level = parts["pre_tokenizer"]["pretokenizers"]
    digits = {"type": "Digits", "individual_digits": False}
    parts["pre_tokenizer"]["pretokenizers"] = [digits, groups, byte_level]
    tokenizer = tokengrove.Tokenizer(Model.from_bytes(json.dumps(parts).encode(), pattern=...))
    for number, expected in (("1234567", "1|234|567"), ("12345", "12|345")):
        assert "|".join(tokenizer.token_bytes(int(token)).decode() for token in tokenizer.encode(number)) == expected


@pytest.mark.parametrize(
    ("stages", "message"),
    [
        ([], "at least one stage"),
        ([Stage(WORDS, 300), Stage(LINES, 300)], "larger vocabulary than the one before; found 300, then 300"),
        ([Stage(WORDS, 300, max_words=0)], "max_words must be at least 1"),
        ([Stage(WORDS, 300, forbid=[""])], "forbid must be a list of texts"),
    ],
)
def test_contradictory_stages_are_refused(stages: list[Stage], message: str) -> None:
    with pytest.raises(InvalidArgumentError, match=message):
        train_bpe(["a b c"], stages=stages)


def test_stages_need_texts_that_can_be_read_again() -> None:
    stages = [Stage(WORDS, 257), Stage(LINES, 258)]
    with pytest.raises(InvalidArgumentError, match="read the texts several times"):
        train_bpe(iter(["a b"]), stages=stages)
    with pytest.raises(InvalidArgumentError, match="not both"):
        train_bpe(["a b"], 300, stages=stages)
    counts = count_pretokens(["a b"], WORDS)
    with pytest.raises(InvalidArgumentError, match="2 stages need counts of text cut in 2 ways; found 1"):
        train_bpe(counts, stages=stages)
    with pytest.raises(InvalidArgumentError, match="needs texts"):
        train_bpe([counts, counts], stages=stages, superwords="aggregated")


def test_extending_with_a_coarser_pattern_gives_superwords() -> None:
    texts = sentences(3)
    small = train_bpe(texts, 290, WORDS)
    larger = extend(small, texts, 330, LINES, max_words=2).tokenizer
    assert larger.merges[: len(small.merges)] == small.merges
    assert any(b" " in token.strip() for token in (larger.token_bytes(id) for id in range(290, 330)))
