"""`Tokenizer.pieces`: the borders that no token crosses."""

from __future__ import annotations

import numpy as np
import pytest

import tokengrove


def cut(tokenizer: tokengrove.Tokenizer, data: bytes) -> list[bytes]:
    return [data[start:end] for start, end in tokenizer.pieces(data).tolist()]


def test_pieces_of_a_pattern() -> None:
    tokenizer = tokengrove.default_tokenizer()
    text = "Hello, world's naïve 123456!\r\n\n  x"
    pieces = tokenizer.pieces(text)
    assert pieces.dtype == np.int64
    expected = ["Hello", ",", " world's", " naïve", " ", "123", "456", "!\r\n\n", " ", " x"]
    assert [piece.decode() for piece in cut(tokenizer, text.encode())] == expected
    assert np.array_equal(tokenizer.pieces(text.encode()), pieces)
    assert tokenizer.pieces("").shape == (0, 2)


def test_the_ids_of_a_text_are_those_of_its_pieces() -> None:
    tokenizer = tokengrove.default_tokenizer()
    whole = tokengrove.Tokenizer.from_tiktoken(
        {tokenizer.token_bytes(rank): rank for rank in range(32_767)}, pattern=None
    )
    text = ("It's what pieces are for: 日本語 🙂\t\n" * 20).encode()
    pieces = cut(tokenizer, text)
    assert b"".join(pieces) == text
    assert [id for piece in pieces for id in whole.encode_list(piece)] == tokenizer.encode_list(text)


def test_special_tokens_and_broken_text_are_pieces() -> None:
    tokenizer = tokengrove.default_tokenizer()
    assert cut(tokenizer, b"a\xff\xfeb") == [b"a", b"\xff\xfe", b"b"]
    assert len(tokenizer.pieces("a<|endoftext|>", allowed_special="all")) == 2
    assert len(tokenizer.pieces("a<|endoftext|>")) > 2
    with pytest.raises(tokengrove.InvalidTextError):
        tokenizer.pieces("\ud800")
    with pytest.raises(TypeError):
        tokenizer.pieces(1)  # type: ignore[arg-type]
