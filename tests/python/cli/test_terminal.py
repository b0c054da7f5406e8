"""Numbers, signs and colours for people."""

from __future__ import annotations

import io

import pytest

from tokengrove.cli.pieces import visible
from tokengrove.cli.terminal import color_wanted, duration, size, write_table


@pytest.mark.parametrize(
    ("count", "shown"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 kB"),
        (99_900, "99.9 kB"),
        (99_960, "100 kB"),
        (999_700, "1.0 MB"),
        (5e12, "5000 GB"),
    ],
)
def test_size(count: float, shown: str) -> None:
    assert size(count) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0.00123, "1.23 ms"), (0.5, "500 ms"), (4.123, "4.12 s"), (59.9, "59.9 s"), (75, "1:15"), (7384, "2:03:04")],
)
def test_duration(seconds: float, shown: str) -> None:
    assert duration(seconds) == shown


def test_visible_shows_everything() -> None:
    assert visible(b"a b\tc\r\n") == "a·b→c␍↵"
    assert visible(b"a b", spaces=False) == "a b"
    assert visible(b"\x00\x7f\xe2\x82") == "␀␡\\xe2\\x82"
    assert visible("\u200b\xa0日".encode()) == "⟨U+200B⟩⟨U+00A0⟩日"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_colour_is_for_terminals(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    assert color_wanted("auto", Terminal())
    assert not color_wanted("auto", io.StringIO())
    assert color_wanted("always", io.StringIO())
    assert not color_wanted("never", Terminal())
    monkeypatch.setenv("NO_COLOR", "1")
    assert not color_wanted("auto", Terminal())
    assert color_wanted("always", Terminal())
    monkeypatch.delenv("NO_COLOR")
    monkeypatch.setenv("TERM", "dumb")
    assert not color_wanted("auto", Terminal())


def test_tables_with_and_without_rich(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = io.StringIO()
    write_table(["", "one"], [["name", "1.0"], ["x", "22.0"]], plain)
    assert plain.getvalue() == "       one\nname   1.0\nx     22.0\n"
    monkeypatch.setattr("tokengrove.cli.terminal.have_rich", lambda: False)
    terminal = Terminal()
    write_table(["", "one"], [["name", "1.0"], ["x", "22.0"]], terminal)
    assert terminal.getvalue() == plain.getvalue()
    pytest.importorskip("rich")
    monkeypatch.undo()
    terminal = Terminal()
    write_table(["", "one"], [["name", "[1.0]"]], terminal)
    assert "[1.0]" in terminal.getvalue()
