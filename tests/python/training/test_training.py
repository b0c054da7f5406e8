"""What training takes and gives: sizes, special and custom tokens, limits, checkpoints, errors, other sizes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tokengrove
from support.data import data_file
from tokengrove.errors import InvalidArgumentError, PatternError, UnsupportedTokenizerError, VocabularyError
from tokengrove.training import Stage, TrainingProgress, count_pretokens, extend, prune, train_bpe, write_tiktoken
from tokengrove.training.checkpoints import Checkpoints
from tokengrove.training.presets import KL3M_SPECIAL_TOKENS

TEXTS = [f"the cat number {n} sat on the mat, and the other cat {n * 7919} sat there\n" for n in range(300)]


def test_every_size_is_a_prefix_of_the_largest() -> None:
    largest = train_bpe(TEXTS, 400, "gpt2", special_tokens=["<s>"])
    for size in (257, 300, 399, 400):
        assert largest.with_vocab_size(size) == train_bpe(TEXTS, size, "gpt2", special_tokens=["<s>"])


def test_special_and_custom_tokens_have_their_places() -> None:
    custom = ["the", "<tag", "  ", "zebra crossing"]
    tokenizer = train_bpe(TEXTS, 400, "gpt2", special_tokens=["<s>", "</s>"], custom_tokens=custom)
    assert tokenizer.special_tokens == {"<s>": 0, "</s>": 1}
    assert tokenizer.vocab_size <= 400
    for text in custom:
        assert len(tokenizer.encode_list(f"{text}")) == 1
    text = "the <tag zebra crossing  <s>"
    assert tokenizer.decode(tokenizer.encode(text)) == text
    assert tokenizer.encode_list("<s>", allowed_special="all") == [0]
    last = train_bpe(TEXTS, 400, "gpt2", special_tokens=["<s>", "</s>"], ties="rustbpe")
    assert last.special_tokens == {"<s>": 398, "</s>": 399}
    assert last.token_bytes(0) == b"\0"


@pytest.mark.parametrize("pad_to", ["power-of-two", 128])
def test_padding_fills_up(pad_to: Any) -> None:
    for size in (300, 384, 512):
        tokenizer = train_bpe(TEXTS, size, "gpt2", pad_to=pad_to)
        expected = 512 if pad_to == "power-of-two" else -(-size // 128) * 128
        assert tokenizer.vocab_size == expected
        assert tokenizer.max_token_id == expected - 1
        text = "a  b\n\n\nc"
        assert tokenizer.decode(tokenizer.encode(text)) == text


@pytest.mark.parametrize("most", [3, 4])
def test_character_tokenizers_have_short_tokens(most: int) -> None:
    tokenizer = train_bpe(TEXTS, 500, preset="character", max_token_bytes=most)
    assert tokenizer.vocab_size == 512
    assert list(tokenizer.special_tokens) == list(KL3M_SPECIAL_TOKENS)
    learned = {left + right for left, right in tokenizer.merges}
    assert learned
    assert max(map(len, learned)) == most
    assert tokenizer.decode(tokenizer.encode(TEXTS[3])) == TEXTS[3]


def test_the_domain_preset_normalizes() -> None:
    tokenizer = train_bpe(TEXTS, 400, preset="domain")
    assert tokenizer.vocab_size == 512
    assert tokenizer.decode(tokenizer.encode("ﬁne ½")) == "fine 1⁄2"


def test_kl3m_files_give_the_published_tokens() -> None:
    ocr = "Thc Vnited S tates 5enate is nesp0nslbe for the"
    expected = {
        "4k": "Thc| V|n|it|ed| S| t|at|es| 5|en|ate| is| n|esp|0|ns|l|be| f|or| t|he",
        "8k": "Thc| V|nit|ed| S| t|at|es| 5|en|ate| is| n|esp|0|ns|l|be| f|or| t|he",
        "16k": "Thc| V|n|ited| S| t|ates| 5|en|ate| is| n|esp|0|ns|l|be| for| the",
    }
    clean = "The United States Senate is responsible for the"
    expected_clean = {
        "4k": "The| Un|it|ed| St|at|es| S|en|ate| is| re|sp|ons|ib|le| f|or| t|he",
        "16k": "The| Un|ited| St|ates| Sen|ate| is| re|sp|ons|ible| for| the",
    }
    for size, cut in expected.items():
        path = data_file(f"vocabs/hf/kl3m-004-char-{size}-cased/tokenizer.json")
        tokenizer = tokengrove.Tokenizer.from_file(path)
        found = "|".join(tokenizer.token_bytes(id).decode() for id in tokenizer.encode_list(ocr))
        assert found == cut.replace("Thc", "Th|c")
        if size in expected_clean:
            found = "|".join(tokenizer.token_bytes(id).decode() for id in tokenizer.encode_list(clean))
            assert found == expected_clean[size]


def test_counting_is_in_64_bits_where_32_would_overflow() -> None:
    counts = count_pretokens(["ab cd"], "gpt2")
    for _ in range(34):
        counts = counts.merge(counts)
    assert counts.total == 2 << 34
    assert train_bpe(counts, 258).merges[0] == (b"a", b"b")


def test_rank_files_hold_the_same_tokens(tmp_path: Path) -> None:
    tokenizer = train_bpe(TEXTS, 400, "gpt2", ties="rustbpe", special_tokens=["<s>"])
    write_tiktoken(tokenizer, tmp_path / "a.tiktoken")
    ranks = tokengrove.Tokenizer.from_file(tmp_path / "a.tiktoken", pattern="gpt2", special_tokens={"<s>": 399})
    for text in TEXTS[:50]:
        assert ranks.encode_list(text) == tokenizer.encode_list(text)
    partial = train_bpe(TEXTS, 60, "gpt2", initial_alphabet=())
    with pytest.raises(UnsupportedTokenizerError, match="byte 0x00 is no token"):
        write_tiktoken(partial, tmp_path / "b.tiktoken")


def test_progress_is_told() -> None:
    told: list[TrainingProgress] = []
    train_bpe(TEXTS, 300, "gpt2", progress=told.append)
    assert [state.phase for state in told[:2]] == ["count", "learn"] or told[0].phase == "count"
    assert told[0].done == sum(len(text.encode()) for text in TEXTS)


@pytest.mark.parametrize(
    "custom", [[" the"], ["  "], ["\n\n"], ["the"], [" cat", "cat", " th", "a", " "], ["日本", "<x>"]]
)
@pytest.mark.parametrize("stages", [False, True])
def test_each_custom_token_has_one_id(custom: list[str], stages: bool) -> None:
    texts = [text + "  \n\n" for text in TEXTS]
    tokenizer = train_bpe(
        texts,
        None if stages else 400,
        ... if stages else "gpt2",
        stages=[Stage("gpt2", 300), Stage(None, 400)] if stages else None,
        custom_tokens=custom,
        pad_to="power-of-two",
    )
    assert tokenizer.vocab_size == 512
    assert tokenizer.max_token_id == 511
    tokens = [tokenizer.token_bytes(id) for id in range(512)]
    for text in custom:
        # A byte that the file writes otherwise, such as the space, stays beside.
        assert tokens.count(text.encode()) == 1 + (text == " ")
        assert len(tokenizer.encode_list(text)) == 1
    assert Counter(tokens).most_common()[1][1] == 1
    for text in texts[:20]:
        assert tokenizer.decode(tokenizer.encode(text)) == text


def test_custom_tokens_are_not_learned_as_characters_either() -> None:
    cut = {"type": "WhitespaceSplit"}
    for suffix in ("", "</w>"):
        tokenizer = train_bpe(TEXTS, 60, cut, custom_tokens=["cat"], end_of_word_suffix=suffix)
        assert tokenizer.vocab_size == 60
        tokens = [tokenizer.token_bytes(id) for id in range(60)]
        assert tokens.count(b"cat") == 1
        assert b"cat" not in {left + right for left, right in tokenizer.merges}


def test_custom_tokens_that_look_like_a_byte_are_refused() -> None:
    with pytest.raises(InvalidArgumentError, match="'é' cannot be told from byte 0xE9"):
        train_bpe(TEXTS, 300, "gpt2", custom_tokens=["é"])


@pytest.mark.parametrize("custom", [[], ["  "], ["zebra", "\n\n"]])
def test_sizes_after_padding_are_those_without(custom: list[str]) -> None:
    options: dict[str, Any] = {"special_tokens": ["<s>"], "custom_tokens": custom}
    padded = train_bpe(TEXTS, 400, "gpt2", pad_to=512, **options)
    assert padded.vocab_size == 512
    for size in (280, 399, 400):
        assert padded.with_vocab_size(size) == train_bpe(TEXTS, size, "gpt2", **options)
    assert padded.with_vocab_size(450) == train_bpe(TEXTS, 400, "gpt2", pad_to=450, **options)
    assert padded.with_vocab_size(512) == padded


# --- interruptions ------------------------------------------------------------------------------------------------


class StopError(Exception):
    pass


def test_training_goes_on_from_a_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "state"
    text = [data_file("corpora/english.txt").read_text(encoding="utf-8")[:3_000_000]]
    counts = count_pretokens(text, "gpt2")
    expected = train_bpe(counts, 20_000)
    saved = Checkpoints.save

    def stop(self: Checkpoints, *arguments: Any) -> None:
        saved(self, *arguments)
        raise StopError

    monkeypatch.setattr(Checkpoints, "save", stop)
    with pytest.raises(StopError):
        train_bpe(counts, 20_000, checkpoint=path, checkpoint_every=0)
    monkeypatch.undo()
    state = json.loads(path.read_text())
    assert len(state["merges"]) > 0
    with pytest.raises(InvalidArgumentError, match="checkpoint of another training"):
        train_bpe(counts, 10_000, checkpoint=path)
    assert train_bpe(counts, 20_000, checkpoint=path) == expected
    assert not path.exists()


def test_the_folder_of_a_checkpoint_is_looked_at_first(tmp_path: Path) -> None:
    read: list[str] = []

    def texts() -> Iterator[str]:
        read.append("the text")
        yield "a text"

    with pytest.raises(FileNotFoundError, match=r"no checkpoint can be written there: .*no folder'$"):
        train_bpe(texts(), 300, "gpt2", checkpoint=tmp_path / "no folder" / "state")
    assert not read


@pytest.mark.parametrize("path", [".", "/dev/null"])
def test_a_checkpoint_is_a_file(path: str) -> None:
    # Neither is a device read without end, nor is it removed when training is done.
    if not Path(path).exists():
        pytest.skip("no such device on this system")
    with pytest.raises(InvalidArgumentError, match="a checkpoint is a file"):
        train_bpe(["a text"], 260, "gpt2", checkpoint=path)
    assert Path(path).exists()


def test_a_full_disk_leaves_the_last_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    checkpoints = Checkpoints(tmp_path / "state", {"n": 1})
    checkpoints.save(0, [(b"a", b"b")], 0)

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("tokengrove._replace.os.fsync", full)
    with pytest.raises(OSError, match="No space left"):
        checkpoints.save(0, [(b"a", b"b"), (b"ab", b"c")], 0)
    monkeypatch.undo()
    assert checkpoints.load() == (0, [(b"a", b"b")], 0)
    assert [file.name for file in tmp_path.iterdir()] == ["state"]


def test_broken_checkpoints_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "state"
    for content in ("", "{", "[]", '{"format": 1}', "\xff"):
        path.write_text(content, encoding="latin-1")
        with pytest.raises(VocabularyError, match="state"):
            train_bpe(TEXTS, 300, "gpt2", checkpoint=path)


@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C cannot be sent to one process")
def test_ctrl_c_stops_training() -> None:
    code = """
        import itertools, random, sys
        from tokengrove.training import train_bpe
        print("ready", flush=True)
        rng = random.Random(1)
        train_bpe(("".join(rng.choices("abcdefgh ", k=2000)) for _ in itertools.count()), 1000, "gpt2")
    """
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code)], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None
    process.stdout.readline()
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert b"KeyboardInterrupt" in errors


@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C cannot be sent to one process")
@pytest.mark.parametrize("threads", ["1", "2"])
def test_ctrl_c_stops_learning(threads: str) -> None:
    code = """
        import random, time
        from tokengrove.training import PretokenCounts, train_bpe
        def tell(state):
            if state.phase == "learn":
                print("learning", flush=True)
                time.sleep(0.3)
        rng = random.Random(1)
        items = [(bytes(rng.choices(b"abcdefghijklmnop", k=12)), 1 + n % 97) for n in range(200_000)]
        train_bpe(PretokenCounts.from_items(items, "gpt2"), 200_000, progress=tell)
        print("finished")
    """
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "TOKENGROVE_NUM_THREADS": threads},
    )
    assert process.stdout is not None
    process.stdout.readline()
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=60)
    assert b"KeyboardInterrupt" in errors
    assert b"finished" not in output


# --- resizing -----------------------------------------------------------------------------------------------------


def test_extending_keeps_ids_and_never_costs_tokens() -> None:
    small = train_bpe(["unrelated text about nothing at all"] * 3, 270, "gpt2", special_tokens=["<s>"])
    result = extend(small, TEXTS, 400)
    assert result.tokenizer.vocab_size == 400
    assert result.tokenizer.special_tokens == small.special_tokens
    for id in range(270):
        assert result.tokenizer.token_bytes(id) == small.token_bytes(id)
    assert result.id_map.tolist() == [*range(270), *[-1] * 130]
    for text in TEXTS[:40]:
        assert len(result.tokenizer.encode(text)) <= len(small.encode(text))
    assert result.tokenizer.merges[: len(small.merges)] == small.merges


def test_extending_wants_counts_of_text_normalized_alike() -> None:
    small = train_bpe(TEXTS, 300, "gpt2", normalizer="nfc")
    plain = count_pretokens(TEXTS, "gpt2")
    with pytest.raises(
        InvalidArgumentError, match=r"normalized by null, but the tokenizer normalizes by \{\"type\": \"NFC\"\}"
    ):
        extend(small, plain, 400)
    counts = count_pretokens(TEXTS, "gpt2", "nfc")
    assert extend(small, counts, 400).tokenizer == train_bpe(TEXTS, 400, "gpt2", normalizer="nfc")
    with pytest.raises(InvalidArgumentError, match="leave out pattern"):
        extend(small, counts, 400, "o200k_base")


def test_extending_does_not_learn_added_tokens() -> None:
    small = train_bpe(TEXTS, 280, "gpt2", custom_tokens=[" sat"])
    larger = extend(small, TEXTS, 400).tokenizer
    assert [larger.token_bytes(id) for id in range(400)].count(b" sat") == 1


def test_extending_equals_training_that_never_stopped() -> None:
    small = train_bpe(TEXTS, 300, "gpt2")
    assert extend(small, TEXTS, 400).tokenizer == train_bpe(TEXTS, 400, "gpt2")


def test_pruning_keeps_every_token_reachable() -> None:
    tokenizer = train_bpe(TEXTS, 400, "gpt2", special_tokens=["<s>"])
    result = prune(tokenizer, 60, TEXTS[:100], keep=["cat"])
    pruned = result.tokenizer
    assert pruned.vocab_size == 340
    assert pruned.special_tokens == {"<s>": 0}
    assert result.id_map.shape == (340,)
    assert np.all(np.diff(result.id_map) > 0)
    made = {left + right for left, right in pruned.merges}
    for new, old in enumerate(result.id_map.tolist()):
        token = tokenizer.token_bytes(old)
        assert pruned.token_bytes(new) == token
        assert len(token) == 1 or token in made or new == 0
    reachable = [id for id in range(400) if tokenizer.encode_list(tokenizer.token_bytes(id)) == [id]]
    for new, old in enumerate(result.id_map.tolist()):
        if old in reachable:
            assert pruned.encode_list(pruned.token_bytes(new)) == [new]
    assert prune(tokenizer, 0).tokenizer == tokenizer
    with pytest.raises(InvalidArgumentError, match="only 143 tokens can be taken away; found n = 144"):
        prune(tokenizer, 144)


def test_pruning_wants_numbers_and_lists() -> None:
    tokenizer = train_bpe(TEXTS, 300, "gpt2")
    with pytest.raises(TypeError):
        prune(tokenizer, 1.5)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="texts must be an iterable of str or bytes, not one str"):
        prune(tokenizer, 10, "a string")
    with pytest.raises(TypeError, match="keep must be an iterable"):
        prune(tokenizer, 10, keep=b"the")  # type: ignore[arg-type]
    with pytest.raises(InvalidArgumentError, match="n must be at least 0; found -1"):
        prune(tokenizer, -1)


# --- bad input ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        (([], 300, "gpt2"), {}, "there is no text to learn from"),
        (([""], 300, "gpt2"), {}, "there is no text to learn from"),
        ((TEXTS, 100, "gpt2"), {}, "a vocabulary of 100 tokens is too small: its symbols alone are 256"),
        ((TEXTS, 257, "gpt2"), {"special_tokens": ["<s>", "</s>"]}, "symbols and 2 special tokens alone are 258"),
        (
            (TEXTS, 258, "gpt2"),
            {"special_tokens": ["<s>"], "custom_tokens": [" x", "yy"]},
            "of 258 tokens is too small: its symbols and 1 special tokens and 2 appended tokens alone are 259",
        ),
        ((TEXTS, 2, "gpt2"), {"custom_tokens": [" x", "yy"]}, "the appended tokens alone are 2"),
        ((TEXTS, 300, "gpt2"), {"superwords": "aggregated"}, "give two or more stages"),
        ((TEXTS, 300), {}, "give a pattern"),
        ((TEXTS, None, "gpt2"), {}, "give a vocab_size"),
        ((TEXTS, 300, "gpt2"), {"min_frequency": -1}, "min_frequency must be at least 0"),
        ((TEXTS, 300, "gpt2"), {"max_token_bytes": 2, "max_token_length": 3}, "not both"),
        ((TEXTS, 300, "gpt2"), {"special_tokens": "<s>"}, "must be a list of texts"),
        ((TEXTS, 300, "gpt2"), {"pad_to": "odd"}, "pad_to must be"),
        ((TEXTS, 300, "gpt2"), {"preset": "none"}, "no preset is named 'none'"),
        ((TEXTS, 300, "gpt2"), {"normalizer": "nfx"}, "no normalizer is named 'nfx'"),
        ((TEXTS, 300, {"type": "WhitespaceSplit"}), {"ties": "rustbpe"}, "order of rustbpe is one of bytes"),
    ],
)
def test_bad_arguments_are_named(arguments: tuple[Any, ...], options: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidArgumentError, match=message):
        train_bpe(*arguments, **options)


def test_bad_patterns_are_named() -> None:
    with pytest.raises(PatternError, match="pattern"):
        train_bpe(TEXTS, 300, "(")
