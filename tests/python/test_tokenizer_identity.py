"""Equality, hashing, copying and pickling go by content."""

from __future__ import annotations

import copy
import gc
import pickle
import subprocess
import sys
from pathlib import Path

import pytest

from support.data import rank_file, small_ranks
from tokengrove import TokenBatch, Tokenizer

RANKS = small_ranks()
SPECIAL = {"<|b|>": 5001, "<|a|>": 5000}


def make() -> Tokenizer:
    return Tokenizer.from_tiktoken(RANKS, pattern="gpt2", special_tokens=SPECIAL)


OTHERS = {
    "pattern": lambda: Tokenizer.from_tiktoken(RANKS, pattern="o200k_base", special_tokens=SPECIAL),
    "no pattern": lambda: Tokenizer.from_tiktoken(RANKS, pattern=None, special_tokens=SPECIAL),
    "empty pattern": lambda: Tokenizer.from_tiktoken(RANKS, pattern="", special_tokens=SPECIAL),
    "no special tokens": lambda: Tokenizer.from_tiktoken(RANKS, pattern="gpt2"),
    "special id": lambda: Tokenizer.from_tiktoken(RANKS, pattern="gpt2", special_tokens=SPECIAL | {"<|b|>": 5002}),
    "token": lambda: Tokenizer.from_tiktoken(RANKS | {b"zz": 900}, pattern="gpt2", special_tokens=SPECIAL),
}


def test_the_same_content_is_the_same_tokenizer() -> None:
    first, second = make(), make()
    assert first is not second
    assert first == second
    assert hash(first) == hash(second)
    assert first.fingerprint == second.fingerprint
    assert {first: 1}[second] == 1


def test_order_and_origin_do_not_matter(tmp_path: Path) -> None:
    shuffled = Tokenizer.from_tiktoken(
        dict(reversed(RANKS.items())), pattern="gpt2", special_tokens=dict(reversed(SPECIAL.items()))
    )
    assert shuffled == make()


@pytest.mark.parametrize("name", OTHERS)
def test_other_content_is_another_tokenizer(name: str) -> None:
    other = OTHERS[name]()
    assert other != make()
    assert other.fingerprint != make().fingerprint


def test_comparison_with_other_things() -> None:
    assert make() != 3
    assert make() != "o200k_base"
    with pytest.raises(TypeError):
        make() < make()  # type: ignore[operator]  # noqa: B015


def test_the_fingerprint_is_stable() -> None:
    """The literal below may change only with a note in the change log: data sets are cached under it."""
    byte_tokens = Tokenizer.from_tiktoken({bytes([byte]): byte for byte in range(256)}, pattern=None)
    assert byte_tokens.fingerprint == "2528d3bb93eaae19313d0cf92cab6de2fb14ca2b1ffe82383fccba010f8bee81"


def test_copies_are_the_object_itself() -> None:
    tokenizer = make()
    assert copy.copy(tokenizer) is tokenizer
    assert copy.deepcopy([tokenizer])[0] is tokenizer


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_unpickling_in_the_same_process_gives_the_object_in_use(protocol: int) -> None:
    tokenizer = make()
    assert pickle.loads(pickle.dumps(tokenizer, protocol)) is tokenizer


def test_unpickling_after_the_original_is_gone() -> None:
    tokenizer = make()
    fingerprint, ids = tokenizer.fingerprint, tokenizer.encode_list("the <|a|> tests", allowed_special="all")
    data = pickle.dumps(tokenizer)
    del tokenizer
    gc.collect()
    first, second = pickle.loads(data), pickle.loads(data)
    assert first is second
    assert first.fingerprint == fingerprint
    assert first.encode_list("the <|a|> tests", allowed_special="all") == ids
    assert first.special_tokens == SPECIAL
    assert first.decode_stream().push(ids) == "the <|a|> tests"


def test_a_subclass_survives() -> None:
    tokenizer = Mine.from_tiktoken(RANKS, pattern="gpt2", special_tokens=SPECIAL)
    assert type(tokenizer) is Mine
    assert type(pickle.loads(pickle.dumps(tokenizer))) is Mine
    assert type(pickle.loads(pickle.dumps(make()))) is Tokenizer


class Mine(Tokenizer):
    __slots__ = ()


def test_another_process_agrees(tmp_path: Path) -> None:
    tokenizer = make()
    path = tmp_path / "tokenizer.pickle"
    path.write_bytes(pickle.dumps(tokenizer))
    code = (
        "import pickle, sys; from pathlib import Path; t = pickle.loads(Path(sys.argv[1]).read_bytes());"
        "print(t.fingerprint, *t.encode_list('the tests'))"
    )
    out = subprocess.run(
        [sys.executable, "-c", code, str(path)], check=True, capture_output=True, text=True, timeout=60
    )
    assert out.stdout.split() == [tokenizer.fingerprint, *map(str, tokenizer.encode_list("the tests"))]


def test_a_batch_pickles() -> None:
    batch = make().encode_batch(["the tests", "", "of time"])
    restored = pickle.loads(pickle.dumps(batch))
    assert isinstance(restored, TokenBatch)
    assert restored == batch


def test_repr_says_what_it_is() -> None:
    tokenizer = make()
    assert repr(tokenizer) == (
        f"<Tokenizer of {len(RANKS) + 2} tokens, 2 of them special, fingerprint {tokenizer.fingerprint[:12]}>"
    )


def test_a_real_vocabulary_pickles() -> None:
    path = rank_file("cl100k_base")
    tokenizer = Tokenizer.from_tiktoken(path, pattern="cl100k_base", special_tokens={"<|endoftext|>": 100257})
    data = pickle.dumps(tokenizer)
    assert len(data) < 2 * path.stat().st_size
    expected = tokenizer.encode_list("The quick brown fox")
    del tokenizer
    gc.collect()
    assert pickle.loads(data).encode_list("The quick brown fox") == expected
