"""Columns of Arrow data in and out: every layout of text, chunks, slices, nulls, and what is refused."""

from __future__ import annotations

import gc
from typing import Any

import numpy as np
import pytest

from support.data import small_ranks
from tokengrove import Tokenizer

pa = pytest.importorskip("pyarrow", reason="pyarrow is not installed")

TOKENIZER = Tokenizer.from_tiktoken(small_ranks(), pattern="gpt2", special_tokens={"<|end|>": 9000})
TEXTS = ["the hat", None, "", "é日本 " * 30, "<|end|>", None, "x" * 12, "y" * 13]
EXPECTED = [None if text is None else TOKENIZER.encode(text).tolist() for text in TEXTS]


@pytest.mark.parametrize("kind", ["string", "large_string", "string_view", "binary", "large_binary", "binary_view"])
def test_every_layout_of_text(kind: str) -> None:
    values: list[Any] = [text if text is None or "string" in kind else text.encode() for text in TEXTS]
    array = pa.array(values, getattr(pa, kind)())
    assert pa.array(TOKENIZER.encode_arrow(array)).to_pylist() == EXPECTED
    # A slice has an offset into its buffers.
    assert pa.array(TOKENIZER.encode_arrow(array[3:7])).to_pylist() == EXPECTED[3:7]
    chunked = pa.chunked_array([array, array[:0], array[1:]])
    assert pa.array(TOKENIZER.encode_arrow(chunked)).to_pylist() == EXPECTED + EXPECTED[1:]


def test_the_result_is_a_column_of_lists_of_uint32() -> None:
    column = TOKENIZER.encode_arrow(pa.array(TEXTS))
    made = pa.array(column)
    made.validate(full=True)
    assert made.type == pa.list_(pa.field("item", pa.uint32(), nullable=False))
    assert made.null_count == column.null_count == 2
    assert (len(column), column.offsets[-1]) == (len(TEXTS), column.ids.size)
    assert column.offsets.dtype == np.int32
    assert repr(column) == f"TokenColumn(rows=8, tokens={column.ids.size})"


def test_memory_lives_as_long_as_anybody_needs_it() -> None:
    array = pa.array(["the hat " * 1000] * 50)
    column = TOKENIZER.encode_arrow(array)
    one, other = pa.array(column), pa.array(column)
    del column, array
    gc.collect()
    values = one.values
    del one
    gc.collect()
    assert values[:4].to_pylist() == other[0].as_py()[:4] == TOKENIZER.encode("the hat the hat").tolist()[:4]
    capsules = TOKENIZER.encode_arrow(pa.array(["never taken"])).__arrow_c_array__()
    del capsules
    gc.collect()


def test_empty_columns() -> None:
    for array in (pa.array([], pa.string()), pa.chunked_array([], pa.string()), pa.array([None, None], pa.string())):
        made = pa.array(TOKENIZER.encode_arrow(array))
        assert made.to_pylist() == array.to_pylist()


def test_special_tokens_are_text_unless_allowed() -> None:
    made = pa.array(TOKENIZER.encode_arrow(pa.array(["<|end|>"]), allowed_special="all"))
    assert made.to_pylist() == [[9000]]


@pytest.mark.parametrize(
    "column",
    [pa.array([1, 2]), pa.array(["a"]).dictionary_encode(), pa.array([["a"]]), ["a"], "a", None],
    ids=["int", "dictionary", "list", "python", "str", "none"],
)
def test_what_is_no_column_of_text_is_refused(column: Any) -> None:
    with pytest.raises(TypeError, match="column"):
        TOKENIZER.encode_arrow(column)
