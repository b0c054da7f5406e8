"""``count``: per text, in total, and up to a limit."""

from __future__ import annotations

import json
from pathlib import Path

import tokengrove
from support.cli import call, error, run


def test_counts_per_text_and_in_total(tmp_path: Path) -> None:
    tokenizer = tokengrove.default_tokenizer()
    names = []
    for name in ("a.txt", "b.txt"):
        (tmp_path / name).write_text(f"The text of {name}\n" * 100)
        names.append(name)
    counts = [tokenizer.count((tmp_path / name).read_text()) for name in names]
    rows = [line.split() for line in run("count", *names, cwd=tmp_path).stdout.decode().splitlines()]
    assert rows == [[str(counts[0]), "a.txt"], [str(counts[1]), "b.txt"], [str(sum(counts)), "total"]]
    assert run("count", *names, "--total", cwd=tmp_path).stdout.decode() == f"{sum(counts)}\n"
    records = [json.loads(line) for line in run("count", *names, "--json", cwd=tmp_path).stdout.splitlines()]
    assert records == [{"source": n, "tokens": c} for n, c in zip(names, counts, strict=True)]


def test_standard_input_is_a_bare_number() -> None:
    assert call("count", stdin=b"Hello, world").stdout == b"3\n"


def test_the_limit_decides_the_exit_code() -> None:
    assert call("count", "--limit", "3", "--text", "Hello, world").stdout == b"3\n"
    assert run("count", "--limit", "2", "--text", "Hello, world", code=1).stdout == b">2\n"
    result = call("count", "--limit", "1", "--lines", "--json", stdin=b"a\na b c\n", code=1)
    assert [json.loads(line) for line in result.stdout.splitlines()] == [
        {"source": "<stdin>:1", "tokens": 1, "within_limit": True},
        {"source": "<stdin>:2", "tokens": 1, "within_limit": False},
    ]
    assert "'-1' is not a number from 0 up" in call("count", "--limit", "-1", "--text", "x", code=2).stderr.decode()


def test_a_surrogate_is_one_clear_line() -> None:
    assert "<stdin>:1" in error("count", "--limit", "5", "--jsonl", "t", stdin=b'{"t": "\\udfff"}')
