"""Token for token tiktoken's ids, on real and on hostile text, however the text is handed over."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

import tokengrove
from support import exact
from support.soak import report

tiktoken = pytest.importorskip("tiktoken", reason="tiktoken, the reference, is not installed")


@pytest.mark.parametrize("name", exact.ENCODINGS)
def test_a_sample_of_every_text(name: str) -> None:
    counts = exact.check(lambda: exact.make(name), exact.reference(name), exact.texts(exact.SAMPLED), cold=False)
    assert {kind: count.texts for kind, count in counts.items()} == {
        "corpora": 7,
        "sources": 12,
        "languages": 40,
        "adversarial": 18,
    }
    assert sum(count.bytes for count in counts.values()) > 1_000_000


@pytest.mark.parametrize("name", exact.ENCODINGS)
def test_a_cold_cache_gives_the_same(name: str) -> None:
    amount = {"corpora": 2000, "sources": 0, "languages": 1, "adversarial": 300}
    names = ("cjk.txt", "english.txt", "whitespace mixes", "random scalar values")
    few = [text for text in exact.texts(amount, seed=8) if text.kind == "languages" or text.name in names]
    counts = exact.check(lambda: exact.make(name), exact.reference(name), few, cold=True)
    assert sum(count.texts for count in counts.values()) == 5


def test_a_tekken_file_gives_the_same_ids(tmp_path: Path) -> None:
    path = tmp_path / "tekken.json"
    path.write_bytes(exact.tekken_file())
    tokenizer = tokengrove.Tokenizer.from_file(path)
    assert (tokenizer.vocab_size, len(tokenizer.special_tokens)) == (131_072, 1000)
    assert tokenizer.special_tokens["<unk>"] == 0
    assert tokenizer.encode_list("<s>[INST]", allowed_special="all") == [1, 3]
    counts = exact.check(lambda: tokenizer, exact.reference("mistral_tekken"), exact.texts(exact.SAMPLED), cold=False)
    assert sum(count.texts for count in counts.values()) == 77


def test_a_difference_is_found() -> None:
    """The comparison itself: one wrong pattern must show."""
    found = exact.texts(exact.SAMPLED)
    with pytest.raises(AssertionError, match="ids differ from token"):
        exact.check(lambda: exact.make("llama3"), exact.reference("qwen"), found, cold=False)


@pytest.mark.soak
@pytest.mark.parametrize("name", exact.ENCODINGS)
def test_every_text(name: str) -> None:
    """All corpora, the standard library, 388 languages, hostile texts of a million characters: half an hour in all."""
    started = time.monotonic()
    found = exact.texts(exact.WHOLE)
    halved: list[str] = []
    counts = exact.check(lambda: exact.make(name), exact.reference(name), found, cold=False, halved=halved)
    hostile = (text for text in exact.texts(exact.WHOLE, seed=6) if text.kind in ("adversarial", "corpora"))
    cold = exact.check(lambda: exact.make(name), exact.reference(name), hostile, cold=True)
    assert counts["languages"].texts == 388
    assert counts["adversarial"].texts == 18
    assert len(halved) <= 3
    report(
        f"exact-{name}",
        reference=f"tiktoken {tiktoken.__version__}",
        seconds=round(time.monotonic() - started, 1),
        mismatches=0,
        shortened_for_the_reference=halved,
        warm={kind: count._asdict() for kind, count in counts.items()},
        cold={kind: count._asdict() for kind, count in cold.items()},
    )
