"""``bench`` and ``demo``: they run, and what they say about the text is true."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import tokengrove
from support.cli import call, error, run


def test_bench_keeps_first_and_repeated_passes_apart(tmp_path: Path) -> None:
    pytest.importorskip("tiktoken")
    path = tmp_path / "text.txt"
    path.write_text("Some words, again and again.\n" * 300)
    report = json.loads(run("bench", path, "--against", "tiktoken", "--repeat", "2", "--json").stdout)
    assert report["equal"] is True
    assert report["bytes"] == path.stat().st_size
    assert report["tokens"] == tokengrove.default_tokenizer().count(path.read_text())
    assert [result["library"] for result in report["results"]] == ["tokengrove", "tiktoken"]
    for result in report["results"]:
        assert len(result["repeated_seconds"]) == 2
        assert result["first_pass_seconds"] > 0
    shown = call("bench", path, "--lines", "--repeat", "0").stdout.decode()
    assert "in 300 texts" in shown
    assert "first pass" in shown
    assert "again" not in shown


def test_bench_without_text() -> None:
    assert "no text" in error("bench", stdin=b"")


def test_demo_shows_the_main_job() -> None:
    shown = run("demo").stdout.decode()
    assert "decode(encode(text)) == text" in shown
    assert "MB/s" in shown
    assert "by the o200k pattern" in shown
    assert "\x1b" not in shown
    assert "All|·human" in shown
    assert "\x1b[" in call("demo", "encode", "--color", "always").stdout.decode()


def test_demo_lists_only_what_works() -> None:
    assert "invalid choice" in call("demo", "nothing", code=2).stderr.decode()
