"""`Tokenizer.encode_with_offsets`: spans in the original text, as tokenizers has them, and for bytes of any kind."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

import tokengrove
from tokengrove.verification import adversarial_texts, random_texts

VOCABULARIES = (
    "gpt2 roberta-base clip llama-2-13b-chat mistral-7b-instruct-v0.1 llama-3.2 qwen2 phi-3-mini falcon-180b-chat "
    "gpt-neox-20b deepseek-v3 superbpe-200k-t80k kl3m-001-32k"
)


@pytest.mark.parametrize("name", VOCABULARIES.split())
def test_character_spans_equal_the_reference(name: str) -> None:
    tokenizers = pytest.importorskip("tokenizers")
    data = os.environ.get("TOKENGROVE_TEST_DATA")
    if not data:
        pytest.skip("TOKENGROVE_TEST_DATA does not name the folder of real vocabularies and texts")
    path = Path(data) / "vocabs" / "hf" / name / "tokenizer.json"
    tokenizer = tokengrove.Tokenizer.from_file(path)
    reference = tokenizers.Tokenizer.from_file(str(path))
    reference.no_truncation()
    reference.no_padding()
    reference.encode_special_tokens = True
    compared = 0
    for _, text in [*random_texts(400, seed=11), *adversarial_texts(300, seed=11)]:
        if len(text) > 20_000:
            continue
        try:
            encoding = tokenizer.encode_with_offsets(text)
        except tokengrove.InvalidTextError:
            assert name == "falcon-180b-chat"  # its vocabulary lacks bytes that do not occur in its training text
            continue
        expected = reference.encode(text, add_special_tokens=False)
        compared += 1
        assert encoding.ids.tolist() == expected.ids, text
        assert encoding.char_spans.tolist() == [list(offsets) for offsets in expected.offsets], text
    assert compared > 350


def test_spans_of_a_byte_level_vocabulary_cover_the_text() -> None:
    tokenizer = tokengrove.default_tokenizer()
    for _, text in random_texts(300, seed=5):
        encoding = tokenizer.encode_with_offsets(text)
        assert np.array_equal(encoding.ids, tokenizer.encode(text))
        data = text.encode()
        parts = [data[start:end] for start, end in encoding.byte_spans.tolist()]
        assert b"".join(parts) == data
        assert parts == [tokenizer.token_bytes(id) for id in encoding.ids.tolist()]


def test_bytes_that_are_not_utf_8() -> None:
    tokenizer = tokengrove.default_tokenizer()
    data = "é".encode() + b"a\xe2\x82\xffb " + "日".encode() + b"\xf0\x9f"
    encoding = tokenizer.encode_with_offsets(data)
    assert np.array_equal(encoding.ids, tokenizer.encode(data))
    parts = [data[start:end] for start, end in encoding.byte_spans.tolist()]
    assert b"".join(parts) == data
    text = data.decode("utf-8", "replace")
    assert text == "éa\ufffd\ufffdb 日\ufffd"
    characters = encoding.char_spans.tolist()
    assert characters[0][0] == 0
    assert characters[-1][1] == len(text)
    for part, (start, end) in zip(parts, characters, strict=True):
        if part.decode("utf-8", "ignore").encode() == part:
            assert text[start:end] == part.decode()


def test_shapes_special_tokens_and_errors() -> None:
    tokenizer = tokengrove.default_tokenizer()
    empty = tokenizer.encode_with_offsets("")
    assert empty.byte_spans.shape == empty.char_spans.shape == (0, 2)
    assert empty.byte_spans.dtype == empty.char_spans.dtype == np.int64
    special = tokenizer.encode_with_offsets("é<|endoftext|>", allowed_special={"<|endoftext|>"})
    assert special.ids.tolist()[-1] == 32_767
    assert special.byte_spans.tolist()[-1] == [2, 15]
    assert special.char_spans.tolist()[-1] == [1, 14]
    with pytest.raises(tokengrove.InvalidTextError):
        tokenizer.encode_with_offsets("a\ud800")
    with pytest.raises(tokengrove.UnknownTokenError):
        tokenizer.encode_with_offsets("a", allowed_special={"no such token"})
    with pytest.raises(TypeError):
        tokenizer.encode_with_offsets(None)  # type: ignore[arg-type]
