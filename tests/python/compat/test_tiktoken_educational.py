"""The module that shows the algorithm at work."""

from __future__ import annotations

import itertools
import re

import pytest

import tokengrove.compat.tiktoken as tiktoken
from tokengrove.compat.tiktoken import _educational
from tokengrove.compat.tiktoken._educational import SimpleBytePairEncoding, bpe_encode, bpe_train, visualise_tokens

from .conftest import PATTERN, small_ranks

TEXT = "the cat sat on the mat; the cat's hat is on the mat. Ünïcödé 世界 世界\n" * 3
ANSI = re.compile("\x1b\\[[0-9;]*m")


def test_the_same_tokens_as_the_fast_encoding(small: tiktoken.Encoding) -> None:
    simple = SimpleBytePairEncoding.from_tiktoken(small)
    for text in ("", "hello world", TEXT, "a\N{THUMBS UP SIGN}é"):
        tokens = simple.encode(text, visualise=None)
        assert tokens == small.encode(text)
        assert simple.decode(tokens) == text
        assert simple.decode_bytes(tokens) == text.encode()
        assert simple.decode_tokens_bytes(tokens) == small.decode_tokens_bytes(tokens)
    assert simple.decode([0xC3]) == "\N{REPLACEMENT CHARACTER}"
    with pytest.raises(KeyError):
        simple.decode([999])


def test_training(capsys: pytest.CaptureFixture[str]) -> None:
    simple = SimpleBytePairEncoding.train(TEXT, vocab_size=275, pat_str=PATTERN)
    assert len(simple.mergeable_ranks) == 275
    assert simple.mergeable_ranks[b"at"] == 256
    assert simple.decode(simple.encode(TEXT, visualise=None)) == TEXT
    shown = capsys.readouterr().out
    assert "The most frequent pair is b'a' + b't', 18 times." in shown
    assert "It becomes token 256, b'at'." in shown
    assert tiktoken.Encoding(
        "trained", pat_str=PATTERN, mergeable_ranks=simple.mergeable_ranks, special_tokens={}
    ).encode(TEXT) == simple.encode(TEXT, visualise=None)


def test_training_has_limits() -> None:
    with pytest.raises(ValueError, match="at least 256"):
        bpe_train("text", 255, PATTERN, visualise=None)
    with pytest.raises(ValueError, match="has merges for 258 tokens only, not 300"):
        bpe_train("abc", 300, PATTERN, visualise=None)


@pytest.mark.parametrize("repeated", ["aaaaaaa", "ababababa", "aabaabaab", "aaa bbb aaa"])
def test_runs_of_one_pair(repeated: str) -> None:
    ranks = bpe_train(repeated, 258, PATTERN, visualise=None)
    assert SimpleBytePairEncoding(pat_str=PATTERN, mergeable_ranks=ranks).encode(repeated, None) == tiktoken.Encoding(
        "runs", pat_str=PATTERN, mergeable_ranks=ranks, special_tokens={}
    ).encode(repeated)


def test_merges_are_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert bpe_encode(small_ranks(), b"hello", visualise="simple") == [259]
    shown = capsys.readouterr().out.splitlines()
    assert shown[0] == "[b'h', b'e', b'l', b'l', b'o']"
    assert shown[-2:] == ["[b'hello']", ""]
    bpe_encode(small_ranks(), b"hello", visualise="colour")
    coloured = capsys.readouterr().out.splitlines()
    assert len(coloured) == len(shown)
    assert {ANSI.sub("", line) for line in coloured[:-1]} == {"hello"}


def test_neighbours_have_different_colours(capsys: pytest.CaptureFixture[str]) -> None:
    visualise_tokens([b"abcdef", b"x", b"", b"\xc3", b"yz", b"abcdef", b"ghijkl"])
    line = capsys.readouterr().out
    assert ANSI.sub("", line) == "abcdefx\N{REPLACEMENT CHARACTER}yzabcdefghijkl\n"
    backgrounds = re.findall("\x1b\\[48;5;([0-9]+)m", line)
    assert len(backgrounds) == 7
    assert all(left != right for left, right in itertools.pairwise(backgrounds))


def test_the_demonstration(capsys: pytest.CaptureFixture[str]) -> None:
    simple = _educational.train_simple_encoding()
    assert len(simple.mergeable_ranks) == 600
    assert "These are the merges" in capsys.readouterr().out


def test_training_picks_the_merges_of_tiktoken() -> None:
    theirs = pytest.importorskip("tiktoken._educational", reason="tiktoken, the reference, is not installed")
    assert bpe_train(TEXT, 290, PATTERN, visualise=None) == theirs.bpe_train(TEXT, 290, PATTERN, visualise=None)


def test_encodings_by_name(rank_files: object, filled_cache: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", str(filled_cache))
    simple = SimpleBytePairEncoding.from_tiktoken("r50k_base")
    assert simple.encode("hello world", visualise=None) == [31373, 995]
