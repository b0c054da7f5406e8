"""``next-byte`` and ``score`` with a model from a folder."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from support.cli import call, error
from support.data import data_file
from tokengrove.cli.byte_models import prompt_bytes, shown
from tokengrove.cli.errors import CommandError
from tokengrove.cli.next_byte import percent


def folder() -> Path:
    pytest.importorskip("transformers", reason="the model is one of transformers")
    pytest.importorskip("tokengrove.forward.causal_lm", reason="the adapter of transformers is not part of this build")
    return data_file("models/stories260K/config.json").parent


def default_model_is_there() -> None:
    pytest.importorskip("transformers", reason="the model is one of transformers")


def rows_of(out: str) -> list[tuple[str, float]]:
    """The table of bytes."""
    table = out.partition("\n\n")[0]
    return [(row.split()[0], float(row.split()[1]) / 100) for row in table.splitlines()]


def test_next_byte_shows_a_table_and_covers() -> None:
    out = call("next-byte", "Once upon a ti", "--model", str(folder()), "--top", "3").stdout.decode()
    rows = rows_of(out)
    assert rows[0][0] == "m"
    assert rows[0][1] > 0.9
    assert len(rows) == 3
    assert rows[0][1] > rows[1][1] > rows[2][1] > 0.0
    assert out.splitlines()[0].endswith("█")
    covers = out.partition("covers")[2].splitlines()[1:]
    assert len(covers) == 3
    assert covers[0].replace(" | ", "").endswith("␣upon␣a␣time")
    assert all(line == line.rstrip() for line in out.splitlines())


@pytest.mark.parametrize(
    ("prompt", "likely"),
    [
        ("Once upon a ti", "m"),
        ("Once upon a time ", "t"),
        ("", "O"),
        ("One day, a little girl named Lily went to the par", "k"),
    ],
)
def test_the_model_in_the_package_goes_on_where_the_prompt_ends(prompt: str, likely: str) -> None:
    default_model_is_there()
    out = call("next-byte", prompt).stdout.decode()
    assert rows_of(out)[0][0] == likely
    assert ("no token yet" in out) == (prompt == "")


def test_a_prompt_may_end_inside_a_character() -> None:
    default_model_is_there()
    out = call("next-byte", "中\\xe5", "--top", "3").stdout.decode()
    assert all(0x80 <= prompt_bytes(byte)[0] < 0xC0 for byte, _ in rows_of(out))
    # What the model has no token for is shown by its bytes.
    assert "\\xe4 | \\xb8 | \\xad | \\xe5" in out


def test_bytes_that_are_no_text_need_the_mode_all() -> None:
    default_model_is_there()
    assert '"all"' in error("next-byte", "a\\xff")
    out = call("next-byte", "Once\\xff", "--mode", "all", "--beam", "1").stdout.decode()
    assert "Once | \\xff" in out
    assert "of the exact one" in out


def test_next_byte_as_json() -> None:
    record = json.loads(call("next-byte", "Once\\xe4", "--model", str(folder()), "--json").stdout)
    logprobs = [value for value in record["logprobs"] if value is not None]
    assert len(record["logprobs"]) == 257
    assert math.fsum(map(math.exp, logprobs)) == pytest.approx(1.0)
    assert record["unresolved_mass"] == 0.0


def test_a_model_loads_in_silence() -> None:
    assert call("next-byte", "a", "--model", str(folder())).stderr == b""


def test_shares_are_nine_columns_and_never_zero() -> None:
    shown_shares = [percent(share) for share in (1.0, 0.5, 0.00012, 4.9e-5, 1e-9, 1e-50, 0.0)]
    assert shown_shares == ["100.00 %", " 50.00 %", "  0.01 %", "4.9e-03 %", "1.0e-07 %", "1.0e-48 %", "  0.00 %"]


@pytest.mark.parametrize(
    "arguments", [["--top", "0"], ["--top", "-3"], ["--eps", "2"], ["--eps", "x"], ["--beam", "-1"], ["--mode", "best"]]
)
def test_numbers_out_of_range_are_usage_errors(arguments: list[str]) -> None:
    assert b"error: argument" in call("next-byte", "a", *arguments, code=2).stderr


def test_score_gives_bits_per_byte(tmp_path: Path) -> None:
    text = "Once upon a time there was a cat."
    (tmp_path / "a.txt").write_text(text)
    record = json.loads(call("score", tmp_path / "a.txt", "--model", str(folder()), "--json").stdout)
    assert record["bytes"] == len(text)
    assert record["bits_per_byte"] == pytest.approx(-sum(record["logprobs"]) / math.log(2) / len(text))
    shown_row = call("score", tmp_path / "a.txt", "--model", str(folder())).stdout.decode()
    assert f"{record['bits_per_byte']:.4f} bits/byte" in shown_row


def test_an_empty_file_has_no_bits_per_byte(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    (tmp_path / "a").write_text("A cat.")
    result = call("score", tmp_path / "empty", tmp_path / "a", "--model", str(folder()))
    rows = [line.split() for line in result.stdout.decode().splitlines()]
    assert [row[0] == "-" for row in rows] == [True, False, False]
    assert [int(row[2]) for row in rows] == [0, 6, 6]
    assert rows[1][0] == rows[2][0]
    record = json.loads(call("score", tmp_path / "empty", "--model", str(folder()), "--json").stdout)
    assert record["bits_per_byte"] is None
    assert record["logprobs"] == []


def test_a_binary_file_is_impossible_and_says_where(tmp_path: Path) -> None:
    (tmp_path / "binary").write_bytes(b"a cat\xff\x00\x01")
    result = call("score", tmp_path / "binary", "--model", str(folder()))
    assert result.stdout.decode().split()[0] == "inf"
    assert "byte 5 has probability 0: it is not UTF-8; --mode all" in result.stderr.decode()
    record = json.loads(call("score", tmp_path / "binary", "--model", str(folder()), "--json").stdout)
    assert record["bits_per_byte"] is None
    assert record["logprobs"][5] is None
    everything = call("score", tmp_path / "binary", "--model", str(folder()), "--mode", "all")
    assert 0 < float(everything.stdout.split()[0]) < 20
    assert "left out" in everything.stderr.decode()


def test_a_long_text_is_scored_in_parts_that_the_model_knows(tmp_path: Path) -> None:
    default_model_is_there()
    # Twice as long as the model was made for.
    story = "Once upon a time there was a little cat. The cat liked to play with a ball in the park. "
    (tmp_path / "long").write_text(story * 60)
    bits = float(call("score", tmp_path / "long").stdout.split()[0])
    assert bits < 1.0
    assert float(call("score", tmp_path / "long", "--window", "0").stdout.split()[0]) > 1.2 * bits


def test_a_folder_without_a_model_is_one_line(tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="a model needs torch")
    assert "tokenizer.json" in error("next-byte", "a", "--model", str(tmp_path))


def test_prompts_have_escapes() -> None:
    assert prompt_bytes("a\\n\\xe4") == b"a\n\xe4"
    assert prompt_bytes("é") == "é".encode()
    with pytest.raises(CommandError):
        prompt_bytes("\\x1")
    assert [shown(byte) for byte in (97, 32, 10, 0xE4, 256)] == ["a", "␣", "\\n", "\\xe4", "<end>"]
