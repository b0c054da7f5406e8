"""``tokengrove generate`` on a small real model."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tokengrove.cli import main

pytest.importorskip("transformers")


@pytest.fixture
def stories() -> str:
    data = os.environ.get("TOKENGROVE_TEST_DATA")
    if not data or not (folder := Path(data) / "models/stories260K").is_dir():
        pytest.skip("no models: TOKENGROVE_TEST_DATA is not set or lacks them")
    return str(folder)


@pytest.mark.parametrize("sample", [[], ["--sample", "--temperature", "0.8", "--seed", "4"]])
def test_every_drafter_writes_the_same_text(
    stories: str, sample: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    texts, passes = {}, {}
    for drafter in ("none", "recycling", "static-80", "lookup"):
        arguments = ["generate", "Once upon a time", "--model", stories, "-n", "60", "--drafter", drafter, "--json"]
        assert main([*arguments, *sample]) == 0
        result = json.loads(capsys.readouterr().out)
        texts[drafter], passes[drafter] = result["text"], result["passes"]
        assert result["tokens"] == 60
    assert len(set(texts.values())) == 1
    assert len(texts["none"]) > 60
    assert passes["none"] == 60
    assert max(passes.values()) == 60


def test_text_goes_to_stdout_and_statistics_to_stderr(stories: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["generate", "Once upon a time", "--model", stories, "-n", "20"]) == 0
    shown = capsys.readouterr()
    assert "20 tokens in " in shown.err
    assert shown.out.startswith(",")
    assert main(["generate", "Once upon a time", "--model", stories, "-n", "20", "--quiet"]) == 0
    quiet = capsys.readouterr()
    assert quiet.out == shown.out
    # Transformers shows a bar while it loads.
    assert "tokens in" not in quiet.err


def test_a_model_that_is_not_there_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["generate", "x", "--model", "./no-such-folder"]) == 1
    error = capsys.readouterr().err
    assert error.startswith("tokengrove: ./no-such-folder: ")
    assert error.count("\n") == 1


def test_the_model_of_the_package_is_the_default(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["generate", "Once upon a time there was", "-n", "12", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["tokens"] == 12
    assert result["passes"] <= 12
    assert result["text"].startswith(" ")


@pytest.mark.parametrize("color", ["never", "always"])
def test_the_demo_shows_steps_and_that_the_text_is_the_same(color: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["demo", "speculate", "--color", color]) == 0
    shown = capsys.readouterr().out
    assert "the text is that of plain decoding" in shown
    assert ("\x1b[" in shown) == (color == "always")
    # Bars stand between steps in the place of colours.
    assert ("|" in shown) == (color == "never")
