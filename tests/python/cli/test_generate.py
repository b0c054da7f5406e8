"""``tokengrove generate`` on a small real model."""

from __future__ import annotations

import io
import json
import os
import re
import sys
from pathlib import Path

import pytest

from tokengrove.cli import main
from tokengrove.cli.live import LiveStatistics

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


class Terminal(io.StringIO):
    """A terminal of one line as far as the text and what is wiped off it are concerned."""

    def isatty(self) -> bool:
        return True

    def visible(self) -> str:
        # What stands between saving and restoring the cursor is gone once the line behind it is wiped.
        return re.sub("\x1b7.*?\x1b8|\x1b\\[K", "", self.getvalue(), flags=re.DOTALL)


def test_statistics_are_shown_meanwhile_and_leave_the_text_alone() -> None:
    import torch

    terminal, times = Terminal(), iter([0.0, 0.5, 0.51, 2.0])

    class Plain:
        def put(self, value: torch.Tensor) -> None:
            terminal.write("".join(map(chr, value.reshape(-1).tolist())))

        def end(self) -> None:
            terminal.write("!")

    live = LiveStatistics(Plain(), terminal, clock=lambda: next(times))
    live.put(torch.tensor([[62]]))
    for text in ("abc", "d", "ef"):
        live.put(torch.tensor([ord(letter) for letter in text]))
    live.end()
    shown = re.findall("\x1b7.*?\x1b8", terminal.getvalue())
    # The second update came too early.
    assert ["3.00 tokens a pass, 6 tokens/s" in shown[0], "2.00 tokens a pass, 3 tokens/s" in shown[1]] == [True, True]
    assert len(shown) == 2
    assert terminal.visible() == ">abcdef!"
    # Nothing of them is left on the screen: each is followed by a wipe.
    assert re.search("\x1b8(?!\x1b\\[K)", terminal.getvalue()) is None


def test_statistics_need_a_terminal(stories: str, monkeypatch: pytest.MonkeyPatch) -> None:
    arguments = ["generate", "Once upon a time", "--model", stories, "-n", "20"]
    texts = []
    for term, extra, live in (("xterm", [], True), ("dumb", [], False), ("xterm", ["--quiet"], False)):
        monkeypatch.setenv("TERM", term)
        terminal = Terminal()
        monkeypatch.setattr(sys, "stdout", terminal)
        monkeypatch.setattr(sys, "stderr", terminal)
        assert main([*arguments, *extra]) == 0
        monkeypatch.undo()
        assert ("tokens a pass" in terminal.getvalue()) == live
        texts.append(terminal.visible().splitlines()[-1 if extra else -2])
    assert len(set(texts)) == 1
