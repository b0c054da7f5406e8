"""How numbers are cut, and the helpers that write numbers and letters."""

from __future__ import annotations

from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.data import data_file
from tokengrove import Tokenizer
from tokengrove._native import pattern_names
from tokengrove.errors import InvalidArgumentError
from tokengrove.text import group_digits, spell_out, ungroup_digits
from tokengrove.training import count_pretokens

DIRECTIONS: tuple[Literal["r2l"], Literal["l2r"]] = ("r2l", "l2r")
numbers = st.text("0123456789", min_size=1, max_size=20)


def pieces(text: str, digits: str, group: int = 3) -> set[str]:
    counts = count_pretokens([text], None, digits=digits, digit_group=group)  # type: ignore[arg-type]
    return {piece.decode() for piece, _ in counts.most_common()}


@pytest.mark.parametrize(
    ("text", "digits", "expected"),
    [
        ("1234567", "r2l", "1|234|567"),
        ("12345", "r2l", "12|345"),
        ("12345.678", "r2l", "12|345|.|678"),
        ("x1234abc", "r2l", "x|1|234|abc"),
        ("12½345", "r2l", "12½|345"),
        ("1234567", "l2r", "123|456|7"),
        ("x1234abc", "l2r", "x|123|4|abc"),
        ("x123", "single", "x|1|2|3"),
        ("x1234567abc", "run", "x|1234567|abc"),
    ],
)
def test_numbers_are_cut(text: str, digits: str, expected: str) -> None:
    assert pieces(text, digits) == set(expected.split("|"))


NAMES = [name for name in pattern_names() if name != "gpt2"]


@pytest.mark.parametrize("name", ["gpt2", *NAMES])
def test_named_patterns_leave_numbers_as_they_were_cut(name: str) -> None:
    def found(digits: Any, group: int = 3) -> set[str]:
        counts = count_pretokens(["x1234567abc; 12345"], name, digits=digits, digit_group=group)
        return {piece.decode() for piece, _ in counts.most_common() if piece.strip().isdigit()}

    assert found("r2l") == {"1", "234", "567", "12", "345"}
    assert found("l2r") == {"123", "456", "7", "45"}
    assert found("l2r", 5) == {"12345", "67"}
    assert found("single") == set("1234567")
    assert found("run") == {"1234567", "12345"}


@pytest.mark.parametrize("name", ["gpt2", *NAMES])
def test_digits_change_nothing_but_numbers(name: str) -> None:
    text = "It's a test,\n\n  of DON'T and 日本語 ... {x: 'y'}\t[café]  \n"
    assert count_pretokens([text], name, digits="r2l").most_common() == count_pretokens([text], name).most_common()


def test_other_patterns_that_cut_numbers_are_refused() -> None:
    for pattern in (r"\p{N}{1,2}|\p{L}+", {"type": "Digits", "individual_digits": True}):
        with pytest.raises(InvalidArgumentError, match="the pattern cuts numbers itself"):
            count_pretokens(["12345"], pattern, digits="r2l")
    assert len(count_pretokens(["12345"], r"\p{N}+|\p{L}+", digits="r2l")) == 2
    # A pattern that goes further in the same way is no contradiction.
    assert len(count_pretokens(["12345"], r"\p{N}|\p{L}+", digits="single")) == 5


def test_the_zero_width_pattern_glues_numbers_to_letters() -> None:
    # What the tokenizers of SuperBPE have; it needs a split of numbers before it.
    counts = count_pretokens(["x1234abc"], r"(?=(\d{3})+(?!\d))")
    assert {piece for piece, _ in counts.most_common()} == {b"x1", b"234abc"}


@given(numbers, st.integers(1, 5))
def test_groups_from_the_right_leave_the_rest_in_front(number: str, size: int) -> None:
    groups = group_digits(number, ",", size).split(",")
    assert len(groups[0]) == (len(number) % size or size)
    assert all(len(group) == size for group in groups[1:])
    assert pieces(f"x{number}y", "r2l", size) == {"x", "y", *groups}
    assert pieces(f"x{number}y", "l2r", size) == {"x", "y", *group_digits(number, ",", size, "l2r").split(",")}


@pytest.mark.parametrize("separator", [",", " ", ".", "#", "$", "foo"])
@given(number=numbers, size=st.integers(1, 4))
def test_grouping_can_be_undone(separator: str, number: str, size: int) -> None:
    for direction in DIRECTIONS:
        text = f"a {number}."
        grouped = group_digits(text, separator, size, direction)
        assert ungroup_digits(grouped, separator, size) == text


def test_grouping_leaves_other_text() -> None:
    assert group_digits("pay 1234567 or 12.5, ok") == "pay 1,234,567 or 12.5, ok"
    assert group_digits("1234567", direction="l2r") == "123,456,7"
    assert ungroup_digits("1,234,567 and 1,2") == "1234567 and 1,2"


def test_letters_are_spelled_out() -> None:
    assert [spell_out("abbab", style) for style in ("raw", "space", "comma", "quote")] == [
        "abbab",
        "a b b a b",
        "a, b, b, a, b",
        '"a", "b", "b", "a", "b"',
    ]
    assert [len(spell_out("abbab", style)) for style in ("raw", "space", "comma")] == [5, 9, 13]


def test_spelling_out_gives_o200k_the_published_numbers_of_tokens() -> None:
    path = data_file("vocabs/tiktoken/o200k_base.tiktoken")
    tokenizer = Tokenizer.from_tiktoken(path, pattern="o200k_base")
    assert [tokenizer.count(spell_out("abbab", style)) for style in ("raw", "space", "comma")] == [2, 5, 9]


def test_bad_arguments() -> None:
    with pytest.raises(InvalidArgumentError, match="size must be at least 1; found 0"):
        group_digits("1", size=0)
    with pytest.raises(InvalidArgumentError, match="separator"):
        group_digits("1", "1")
    with pytest.raises(InvalidArgumentError, match="style must be"):
        spell_out("a", "loud")  # type: ignore[arg-type]
    with pytest.raises(InvalidArgumentError, match="digits must be one of"):
        count_pretokens(["1"], None, digits="up")  # type: ignore[arg-type]
