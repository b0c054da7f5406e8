"""Wrong types and values give the documented exceptions, with the offending value."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tokengrove
from support.data import small_ranks
from tokengrove import (
    InvalidArgumentError,
    InvalidTextError,
    PatternError,
    TokenBatch,
    TokengroveError,
    Tokenizer,
    UnknownTokenError,
    UnsupportedTokenizerError,
    VocabularyError,
)

RANKS = small_ranks()
TOKENIZER = Tokenizer.from_tiktoken(RANKS, pattern="gpt2", special_tokens={"<|end|>": 9000})

TEXT_METHODS: list[Callable[[Any], Any]] = [
    TOKENIZER.encode,
    TOKENIZER.encode_list,
    TOKENIZER.count,
    lambda text: TOKENIZER.encode_batch(["fine", text]),
    lambda text: TOKENIZER.count_batch(["fine", text]),
]
ID_METHODS: list[Callable[[Any], Any]] = [
    TOKENIZER.decode,
    TOKENIZER.decode_bytes,
    lambda ids: TOKENIZER.decode_batch([[1], ids]),
    lambda ids: TOKENIZER.decode_stream().push(ids),
]


@pytest.mark.parametrize("method", TEXT_METHODS)
@pytest.mark.parametrize("text", [None, 3, 2.5, ["a"], bytearray(b"a"), object()])
def test_text_of_another_type(method: Callable[[Any], Any], text: Any) -> None:
    with pytest.raises(TypeError, match=f"str or bytes, not .*{type(text).__name__}"):
        method(text)


@pytest.mark.parametrize("method", TEXT_METHODS)
@pytest.mark.parametrize(("text", "place"), [("\ud800", 0), ("a\udfffb", 1), ("\U0001f600\ud83d", 1)])
def test_lone_surrogate(method: Callable[[Any], Any], text: str, place: int) -> None:
    with pytest.raises(InvalidTextError, match=rf"U\+{ord(text[place]):04X}, at character {place}"):
        method(text)


@pytest.mark.parametrize("method", ID_METHODS)
@pytest.mark.parametrize("ids", [["a"], [1.5], [None], "12", b"12", 1.5, None, np.array([1.0]), np.array(["a"])])
def test_ids_of_another_type(method: Callable[[Any], Any], ids: Any) -> None:
    with pytest.raises(TypeError, match="integer"):
        method(ids)


@pytest.mark.parametrize("method", ID_METHODS)
@pytest.mark.parametrize(
    "bad", [-1, 8999, 9001, 2**31, 2**32, 2**32 + 5, 10**30, -(10**30)], ids=lambda value: f"{value:.3g}"
)
@pytest.mark.parametrize("form", [list, np.array], ids=["list", "array"])
def test_unknown_id(method: Callable[[Any], Any], bad: int, form: Callable[[list[int]], Any]) -> None:
    if not -(2**63) <= bad < 2**63:
        form = list  # no NumPy integer holds it
    with pytest.raises(UnknownTokenError, match=f"id {bad} ") as caught:
        method(form([5, bad]))
    assert isinstance(caught.value, KeyError)
    # A KeyError shows its message as it was written.
    assert str(caught.value).startswith("id ")


@pytest.mark.parametrize("method", ID_METHODS)
def test_array_of_two_dimensions(method: Callable[[Any], Any]) -> None:
    with pytest.raises(InvalidArgumentError, match=r"\[2, 3\]"):
        method(np.zeros((2, 3), dtype=np.uint32))


def test_empty_ids_of_any_form() -> None:
    forms: list[Any] = [[], (), np.array([]), np.array([], dtype=np.uint32), iter(())]
    for empty in forms:
        assert TOKENIZER.decode(empty) == ""


def test_token_lookups() -> None:
    assert TOKENIZER.token_bytes(ord("a")) == b"a"
    assert TOKENIZER.token_bytes(9000) == b"<|end|>"
    assert TOKENIZER.token_to_id("<|end|>") == 9000
    assert TOKENIZER.token_to_id("th") == TOKENIZER.token_to_id(b"th") == RANKS[b"th"]
    assert TOKENIZER.token_to_id(b"\xff") == 255
    assert TOKENIZER.token_to_id("no such token") is None
    assert TOKENIZER.token_to_id("") is None
    with pytest.raises(UnknownTokenError, match="id 8999 is not a token; the largest id is 9000"):
        TOKENIZER.token_bytes(8999)
    with pytest.raises(UnknownTokenError, match="id -1"):
        TOKENIZER.token_bytes(-1)
    with pytest.raises(TypeError):
        TOKENIZER.token_bytes("a")  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        TOKENIZER.token_to_id(5)  # type: ignore[arg-type]


def test_sizes_and_special_tokens() -> None:
    assert TOKENIZER.vocab_size == len(RANKS) + 1
    assert TOKENIZER.max_token_id == 9000
    assert TOKENIZER.special_tokens == {"<|end|>": 9000}
    TOKENIZER.special_tokens.clear()
    assert TOKENIZER.special_tokens == {"<|end|>": 9000}


@pytest.mark.parametrize("wrong", [3, [3], [None], [b"<|end|>"]])
def test_allowed_special_of_another_type(wrong: Any) -> None:
    with pytest.raises(TypeError, match="allowed_special"):
        TOKENIZER.encode("a", allowed_special=wrong)


def test_allowed_special_that_is_none() -> None:
    with pytest.raises(UnknownTokenError, match=r"<\|begin\|>"):
        TOKENIZER.encode("a", allowed_special={"<|begin|>"})
    with pytest.raises(InvalidArgumentError, match='"all"'):
        TOKENIZER.encode("a", allowed_special="<|end|>")


def test_one_text_is_no_batch() -> None:
    with pytest.raises(TypeError, match="iterable of str or bytes"):
        TOKENIZER.encode_batch("text")
    with pytest.raises(TypeError, match="iterable of str or bytes"):
        TOKENIZER.count_batch(b"text")  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        TOKENIZER.encode_batch(5)  # type: ignore[arg-type]


def test_an_error_of_the_iterable_comes_through() -> None:
    def texts() -> Any:
        yield "fine"
        raise OSError("the disk is gone")

    with pytest.raises(OSError, match="the disk is gone"):
        TOKENIZER.encode_batch(texts())


def test_decoding_bytes_that_are_no_text() -> None:
    ids = [ord("a"), 0xFF, 0xE2, 0x82]
    assert TOKENIZER.decode(ids) == "a\ufffd\ufffd"
    assert TOKENIZER.decode(ids, errors="ignore") == "a"
    assert TOKENIZER.decode(ids, errors="backslashreplace") == "a\\xff\\xe2\\x82"
    with pytest.raises(UnicodeDecodeError):
        TOKENIZER.decode(ids, errors="strict")
    with pytest.raises(LookupError):
        TOKENIZER.decode(ids, errors="no such handler")


def test_a_negative_limit() -> None:
    with pytest.raises(InvalidArgumentError, match="-1"):
        TOKENIZER.count("a", -1)


@pytest.mark.parametrize("n", [0, -1, 1025, 10**30])
def test_thread_numbers_out_of_range(n: int) -> None:
    before = tokengrove.get_num_threads()
    with pytest.raises((InvalidArgumentError, OverflowError)):
        tokengrove.set_num_threads(n)
    assert tokengrove.get_num_threads() == before


def ranks_without(byte: int) -> dict[bytes, int]:
    return {token: rank for token, rank in RANKS.items() if token != bytes([byte])}


def test_ranks_that_are_no_vocabulary() -> None:
    with pytest.raises(VocabularyError, match="0x61"):
        Tokenizer.from_tiktoken(ranks_without(0x61), pattern=None)
    with pytest.raises(VocabularyError):
        Tokenizer.from_tiktoken({}, pattern=None)
    with pytest.raises(VocabularyError, match="-5"):
        Tokenizer.from_tiktoken(RANKS | {b"zz": -5}, pattern=None)
    with pytest.raises(VocabularyError, match=str(2**31)):
        Tokenizer.from_tiktoken(RANKS | {b"zz": 2**31}, pattern=None)
    with pytest.raises(VocabularyError):
        Tokenizer.from_tiktoken(RANKS | {b"zz": 3}, pattern=None)
    with pytest.raises(VocabularyError):
        Tokenizer.from_tiktoken(RANKS, pattern=None, special_tokens={"<a>": 900, "<b>": 900})
    with pytest.raises(VocabularyError, match="empty"):
        Tokenizer.from_tiktoken(RANKS, pattern=None, special_tokens={"": 900})


@pytest.mark.parametrize("ranks", [{"a": 1}, {b"a": "1"}, {b"a": 1.0}, {b"a": None}, [b"a"], 5])
def test_ranks_of_another_type(ranks: Any) -> None:
    with pytest.raises(TypeError):
        Tokenizer.from_tiktoken(ranks, pattern=None)


@pytest.mark.parametrize("special", [{b"<a>": 900}, {"<a>": "900"}, ["<a>"], 5])
def test_special_tokens_of_another_type(special: Any) -> None:
    with pytest.raises(TypeError):
        Tokenizer.from_tiktoken(RANKS, pattern=None, special_tokens=special)


def test_patterns_that_are_none() -> None:
    for pattern in ("(", "[z-a]", "(?<name"):
        with pytest.raises(PatternError):
            Tokenizer.from_tiktoken(RANKS, pattern=pattern)
    with pytest.raises(TypeError):
        Tokenizer.from_tiktoken(RANKS, pattern=5)  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        Tokenizer.from_tiktoken(RANKS)  # type: ignore[call-arg]


def test_files_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        Tokenizer.from_file(tmp_path / "absent")
    with pytest.raises(OSError):  # noqa: PT011 - a folder; which subclass depends on the platform
        Tokenizer.from_tiktoken(tmp_path, pattern=None)
    path = tmp_path / "bad.tiktoken"
    path.write_bytes(b"IQ== 0\nnot a line\n")
    with pytest.raises(VocabularyError, match="line 2"):
        Tokenizer.from_tiktoken(path, pattern=None)
    with pytest.raises(VocabularyError):
        Tokenizer.from_tiktoken(path, pattern="gpt2")


def test_a_rank_file_needs_a_pattern(tmp_path: Path) -> None:
    path = tmp_path / "bytes.tiktoken"
    path.write_bytes(b"IQ== 0\n")
    with pytest.raises(InvalidArgumentError, match="pattern"):
        Tokenizer.from_file(path)


def test_a_tokenizer_json_has_its_own_pattern(tmp_path: Path) -> None:
    path = tmp_path / "tokenizer.json"
    path.write_text("{}")
    with pytest.raises(InvalidArgumentError, match="has its own"):
        Tokenizer.from_tiktoken(path, pattern="gpt2")
    with pytest.raises(InvalidArgumentError, match="has its own"):
        Tokenizer.from_file(path, special_tokens={})
    with pytest.raises(VocabularyError, match="model"):
        Tokenizer.from_file(path)


@pytest.mark.parametrize("model", ['{"type": "Unigram"}', '{"type": "WordPiece"}', '{"vocab": [["a", 0.5]]}'])
def test_a_model_of_another_kind_is_not_supported(tmp_path: Path, model: str) -> None:
    path = tmp_path / "tokenizer.json"
    path.write_text(f'{{"version": "1.0", "model": {model}}}')
    with pytest.raises(UnsupportedTokenizerError, match="expected a model of type BPE"):
        Tokenizer.from_file(path)


def test_the_constructor_is_not_for_callers() -> None:
    with pytest.raises(TypeError):
        Tokenizer()  # type: ignore[call-arg]
    with pytest.raises(TypeError):
        Tokenizer("tokenizer.json")  # type: ignore[arg-type]


def test_every_error_is_a_tokengrove_error() -> None:
    for name in tokengrove.__all__:
        if name.endswith("Error"):
            assert issubclass(getattr(tokengrove, name), TokengroveError)


def test_a_tokenizer_cannot_be_changed() -> None:
    for name in ("vocab_size", "encode", "anything"):
        with pytest.raises((AttributeError, TypeError)):
            setattr(TOKENIZER, name, 1)


def u32(*ids: int) -> np.ndarray[Any, np.dtype[np.uint32]]:
    return np.array(ids, dtype=np.uint32)


def i64(*splits: int) -> np.ndarray[Any, np.dtype[np.int64]]:
    return np.array(splits, dtype=np.int64)


@pytest.mark.parametrize("splits", [(), (0,), (1, 3), (0, 2), (0, 4), (0, 2, 1, 3)])
def test_batches_that_are_none(splits: tuple[int, ...]) -> None:
    with pytest.raises(InvalidArgumentError):
        TokenBatch(u32(1, 2, 3), i64(*splits))
    with pytest.raises(InvalidArgumentError):
        TokenBatch(u32(1, 2, 3).reshape(1, 3), i64(0, 3))


def test_batch_as_a_sequence() -> None:
    batch = TokenBatch(u32(1, 2, 3), i64(0, 2, 2, 3))
    assert len(batch) == 3
    assert [row.tolist() for row in batch] == [[1, 2], [], [3]] == batch.to_lists()
    assert batch[-1].tolist() == [3]
    assert [row.tolist() for row in batch[1:]] == [[], [3]]
    assert batch.lengths.tolist() == [2, 0, 1]
    assert np.shares_memory(batch[0], batch.ids)
    assert batch == TokenBatch(u32(1, 2, 3), i64(0, 2, 2, 3))
    assert batch != TokenBatch(u32(1, 2, 3), i64(0, 2, 3, 3))
    assert batch != 3
    assert repr(batch) == "TokenBatch(rows=3, tokens=3)"
    for index in (3, -4):
        with pytest.raises(IndexError):
            batch[index]
    with pytest.raises(TypeError):
        batch["a"]  # type: ignore[call-overload]
    with pytest.raises(TypeError):
        hash(batch)
