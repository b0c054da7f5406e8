"""Broken ``tokenizer.json`` files in the drop-in for tokenizers: an error that says why, quickly, and nothing worse."""

from __future__ import annotations

import time

import pytest

from support.hostile_files import may_fail, must_fail, mutations
from tokengrove.compat.tokenizers import Tokenizer
from tokengrove.errors import InternalError

MAX_SECONDS = 3.0


def load(data: bytes) -> Exception | None:
    """Loads a file and uses the tokenizer; gives the error it ends in."""
    start = time.perf_counter()
    error = None
    try:
        tokenizer = Tokenizer.from_buffer(data)
        encoding = tokenizer.encode("a b é<s>", "b")
        tokenizer.decode(encoding.ids)
        Tokenizer.from_str(tokenizer.to_str())
    except Exception as caught:
        error = caught
    assert time.perf_counter() - start < MAX_SECONDS
    return error


def check(name: str, data: bytes) -> Exception | None:
    error = load(data)
    if error is not None:
        assert not isinstance(error, (InternalError, AssertionError, KeyError, AttributeError)), (name, repr(error))
        assert 5 < len(str(error)) < 1000, (name, error)
    return error


HOSTILE = {name: data for name, data in must_fail().items() if data.lstrip()[:1] in (b"{", b"[")}


@pytest.mark.parametrize("name", sorted(HOSTILE))
def test_hostile_file_is_refused(name: str) -> None:
    error = check(name, HOSTILE[name])
    assert error is not None or "tekken" in name or "added" in name


@pytest.mark.parametrize("name", sorted(may_fail()))
def test_odd_file_is_handled(name: str) -> None:
    check(name, may_fail()[name])


def test_mutated_files_are_handled() -> None:
    for name, data in mutations(400, seed=11):
        check(name, data)
