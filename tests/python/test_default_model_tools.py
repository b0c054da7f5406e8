"""The scripts that train the default model: cleaning of text, merges, the order of training, going on after a stop."""

from __future__ import annotations

import dataclasses
import json
from collections import Counter
from itertools import islice, pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import default_model_text as text
import tokengrove
import train_default_model as training

# --- cleaning ---------------------------------------------------------------------------------------------------------

BOOK = """The Project Gutenberg EBook of Tales\r
\r
*** START OF THIS PROJECT GUTENBERG EBOOK TALES ***\r
\r
     THE FOX\r
     THE CROW\r
\r
THE FOX\r
\r
A “fox” came\r
to the _well_.\r
\r
[Illustration: A fox]\r
\r
‘It is deep--very deep,’ he said.\r
\r
THE CROW\r
\r
The crow—she was old—laughed.\r
\r
End of the Project Gutenberg EBook of Tales\r
The licence.\r
"""

CHAPTER = """<html xmlns:epub="http://www.idpf.org/2007/ops"><head><title>I</title></head><body>
<section><hgroup><h2>I</h2><p epub:type="title">The Well</p></hgroup>
<p>A <em>fox</em> came<a href="n" epub:type="noteref">1</a> to the well.</p>
<p>“Deep<br/>indeed!”</p></section>
<section><h2>II</h2><p>The end.</p></section></body></html>"""


def test_a_gutenberg_book_becomes_its_prose() -> None:
    assert list(text.gutenberg([BOOK])) == [
        "A \"fox\" came to the well.\n\n'It is deep--very deep,' he said.",
        "The crow--she was old--laughed.",
    ]


def test_a_gutenberg_book_without_its_marks_is_refused() -> None:
    with pytest.raises(text.TextError, match="start and end"):
        list(text.gutenberg(["A fox came to the well."]))


def test_a_standard_ebooks_chapter_becomes_its_prose() -> None:
    assert list(text.standard_ebooks([CHAPTER])) == ['A fox came to the well.\n\n"Deep indeed!"', "The end."]


def test_stories_are_cut_where_one_begins() -> None:
    assert list(text.stories_unmarked(["One day, a cat sat.\n\nIt ran.\n\nOnce upon a time, a dog slept.\n"])) == [
        "One day, a cat sat.\n\nIt ran.",
        "Once upon a time, a dog slept.",
    ]
    assert list(text.stories_marked(["A cat.\nIt ran.\n<|endoftext|>\nA dog\n"])) == ["A cat.\n\nIt ran."]
    assert list(text.stories_json([json.dumps(["A cat.\n\nIt ran."])])) == ["A cat.\n\nIt ran."]


def test_the_list_of_sources_is_complete() -> None:
    sources = text.sources()
    assert {source.group for source in sources} == {"stories", "books"}
    assert len({(source.repository, source.paths) for source in sources}) == len(sources)
    for source in sources:
        assert source.format in text.READERS
        assert len(bytes.fromhex(source.commit)) == 20
        assert len(bytes.fromhex(source.sha256)) == 32
        assert source.paths
        assert source.licence


def test_another_text_than_the_one_listed_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text, "git", lambda *_: b"something else")
    with pytest.raises(text.TextError, match="SHA-256"):
        text.read(text.sources()[0], tmp_path)


# --- vocabulary -------------------------------------------------------------------------------------------------------


def merges_by_counting(pieces: Counter[bytes], merges: int) -> list[tuple[int, int]]:
    """The definition: count all pairs anew for every merge."""
    words = [(list(piece), count) for piece, count in sorted(pieces.items())]
    result = []
    for new in range(256, 256 + merges):
        totals: Counter[tuple[int, int]] = Counter()
        for word, count in words:
            for pair in pairwise(word):
                totals[pair] += count
        best = min(totals, key=lambda pair: (-totals[pair], pair))
        result.append(best)
        for word, _ in words:
            at = 0
            while at < len(word) - 1:
                if (word[at], word[at + 1]) == best:
                    word[at : at + 2] = [new]
                at += 1
    return result


@given(st.dictionaries(st.text("ab ", min_size=2, max_size=12), st.integers(1, 5), min_size=4, max_size=12))
def test_merges_are_those_of_counting_anew(pieces: dict[str, int]) -> None:
    counts = Counter({piece.encode(): count for piece, count in pieces.items()})
    wanted = 3
    assert training.train_merges(counts, wanted) == merges_by_counting(counts, wanted)


def test_the_tokenizer_file_holds_the_merges(tmp_path: Path) -> None:
    merges = training.train_merges(Counter({b" the": 9, b" then": 4, "é".encode(): 2}), 5)
    path = tmp_path / "tokenizer.json"
    path.write_text(json.dumps(training.tokenizer_json(merges)), encoding="utf-8")
    tokenizer = tokengrove.Tokenizer.from_file(path)
    assert tokenizer.vocab_size == 256 + 5 + 1
    assert [tokenizer.token_bytes(256 + index) for index in range(5)] == [
        b" t",
        b"he",
        b" the",
        b" then",
        "é".encode(),
    ]
    assert tokenizer.encode_list(" then é") == [259, ord(" "), 260]


# --- training ---------------------------------------------------------------------------------------------------------

SMALL = training.Recipe(
    hidden_size=16,
    layers=1,
    heads=2,
    kv_heads=1,
    intermediate_size=16,
    context=8,
    long_context=16,
    batch_tokens=32,
    steps=6,
    warmup=2,
)


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """A folder with a small training text: documents of ascending ids, each with the end of the text behind it."""
    lengths = np.array([7, 30, 3, 12, 50])
    ids = np.concatenate([[*range(length - 1), training.VOCAB_SIZE - 1] for length in lengths]).astype(np.uint16)
    np.savez(tmp_path / "train.npz", ids=ids, lengths=lengths, stories=np.array([True, False, True, False, False]))
    return tmp_path


@pytest.mark.parametrize("first", [0, 1, 7, 40])
def test_the_stream_can_be_entered_anywhere(work: Path, first: int) -> None:
    stream = training.Stream(work / "train.npz", SMALL)
    whole = list(islice(stream.batches(0, 8), first + 20))
    part = list(islice(stream.batches(first, 8), 20))
    assert all(np.array_equal(left, right) for left, right in zip(whole[first:], part, strict=True))
    assert all(left[-1] == right[0] for left, right in pairwise(whole))


def test_an_epoch_has_every_book_once_and_every_story_as_often_as_the_recipe_says(work: Path) -> None:
    stream = training.Stream(work / "train.npz", SMALL)
    repeats = SMALL.story_repeats
    assert len(stream.epoch(3)) == stream.epoch_tokens == (7 + 3) * repeats + 30 + 12 + 50
    assert sorted(stream.epoch(3)) == sorted(stream.epoch(4))
    assert not np.array_equal(stream.epoch(3), stream.epoch(4))


def test_the_learning_rate_rises_stays_and_falls_to_nothing() -> None:
    recipe = training.Recipe()
    rates = [training.rate(step, recipe) for step in range(recipe.steps + 1)]
    top = [step for step, value in enumerate(rates) if value == 1.0]
    assert top == list(range(recipe.warmup - 1, top[-1] + 1))
    assert all(left > right for left, right in zip(rates[top[-1] :], rates[top[-1] + 1 :], strict=False))
    assert rates[-1] == 0.0


def test_training_that_was_stopped_goes_on_to_the_same_weights(work: Path) -> None:
    torch = pytest.importorskip("torch")
    pytest.importorskip("transformers")
    rows = list(islice(training.Stream(work / "train.npz", SMALL).batches(0, SMALL.batch_tokens), SMALL.steps))
    whole = training.Training(SMALL, work, compiled=False)
    losses = [whole.advance(row) for row in rows]
    stopped = training.Training(dataclasses.replace(SMALL, steps=SMALL.steps), work, compiled=False)
    first = [stopped.advance(row) for row in rows[:4]]
    stopped.save()
    resumed = training.Training(SMALL, work, compiled=False)
    assert resumed.load()
    assert resumed.step == 4
    assert first + [resumed.advance(row) for row in rows[4:]] == losses
    weights = zip(whole.model.parameters(), resumed.model.parameters(), strict=True)
    assert all(torch.equal(left, right) for left, right in weights)
    assert losses[-1] < losses[0]
