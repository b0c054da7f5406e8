"""Lists of ids are written and read past the interpreter's functions: they must be lists like any other."""

from __future__ import annotations

import gc
import sys
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tokengrove.compat.tiktoken as tiktoken
from tokengrove._native import list_twins

IDS = st.one_of(st.integers(0, 300), st.integers(0, 2**21), st.integers(0, 2**32 - 1))


@given(ids=st.lists(IDS, max_size=50))
@settings(deadline=None)
def test_both_ways_make_the_same_list(ids: list[int]) -> None:
    direct, portable = list_twins(ids)
    assert direct == portable == ids
    assert type(direct) is type(portable) is list
    assert all(type(item) is int for item in direct)
    direct.append(7)
    direct[:2] = [1, 2, 3]
    direct.sort()
    assert len(direct) == len(ids) + 1 + 3 - min(2, len(ids) + 1)


def test_references_are_counted() -> None:
    ids = [0, 256, 257, 5_000, 5_000, 2**20 - 1, 2**20, 2**32 - 1] * 100
    kept = list_twins(ids)[0]
    shared = next(item for item in kept if item == 5_000)
    before = sys.getrefcount(shared)
    for _ in range(50):
        made = list_twins(ids)
        gc.collect()
        assert made[0] == made[1] == ids
        del made
    gc.collect()
    assert sys.getrefcount(shared) == before
    assert sys.getrefcount(kept) == 2


class Index:
    """An object that stands for an id and changes the list it is in."""

    def __init__(self, items: list[Any]) -> None:
        self.items = items

    def __index__(self) -> int:
        self.items.clear()
        return 97


def encoding() -> tiktoken.Encoding:
    ranks = {bytes([byte]): byte for byte in range(256)}
    return tiktoken.Encoding("bytes", pat_str=r"\w+|\W", mergeable_ranks=ranks, special_tokens={})


def test_lists_of_integers_are_read() -> None:
    decode = encoding().decode
    assert decode([]) == ""
    assert decode([104, 105]) == "hi"
    assert decode([True, 104]) == "\x01h"
    for wrong in (-1, 2**32, 2**64, -(2**64)):
        with pytest.raises(OverflowError):
            decode([104, wrong])
    with pytest.raises(TypeError):
        decode([104, None])  # type: ignore[list-item]
    with pytest.raises(KeyError):
        decode([104, 999])


def test_a_list_that_changes_while_it_is_read() -> None:
    items: list[Any] = [104, 105]
    items += [Index(items), 106, 107]
    assert encoding().decode(items) == "hia"
    assert items == []
