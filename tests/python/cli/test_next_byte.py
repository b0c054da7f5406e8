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


def folder() -> Path:
    pytest.importorskip("transformers", reason="the model is one of transformers")
    pytest.importorskip("tokengrove.forward.causal_lm", reason="the adapter of transformers is not part of this build")
    return data_file("models/stories260K/config.json").parent


def test_next_byte_shows_a_table_and_covers() -> None:
    out = call("next-byte", "Once upon a ti", "--model", str(folder()), "--top", "3").stdout.decode()
    first = out.splitlines()[0].split()
    assert first[0] == "m"
    assert float(first[1].rstrip("%")) > 90
    assert "█" in out
    assert "covers" in out
    assert "ti" in out.partition("covers")[2]


def test_next_byte_as_json() -> None:
    record = json.loads(call("next-byte", "Once\\xe4", "--model", str(folder()), "--json").stdout)
    logprobs = [value for value in record["logprobs"] if value is not None]
    assert len(record["logprobs"]) == 257
    assert math.fsum(map(math.exp, logprobs)) == pytest.approx(1.0)
    assert record["unresolved_mass"] == 0.0


def test_score_gives_bits_per_byte(tmp_path: Path) -> None:
    text = "Once upon a time there was a cat."
    (tmp_path / "a.txt").write_text(text)
    record = json.loads(call("score", tmp_path / "a.txt", "--model", str(folder()), "--json").stdout)
    assert record["bytes"] == len(text)
    assert record["bits_per_byte"] == pytest.approx(-sum(record["logprobs"]) / math.log(2) / len(text))
    shown_row = call("score", tmp_path / "a.txt", "--model", str(folder())).stdout.decode()
    assert f"{record['bits_per_byte']:.4f} bits/byte" in shown_row


def test_a_folder_without_a_model_is_one_line(tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="a model needs torch")
    assert "tokenizer.json" in error("next-byte", "a", "--model", str(tmp_path))


def test_prompts_have_escapes() -> None:
    assert prompt_bytes("a\\n\\xe4") == b"a\n\xe4"
    assert prompt_bytes("é") == "é".encode()
    with pytest.raises(CommandError):
        prompt_bytes("\\x1")
    assert [shown(byte) for byte in (97, 32, 10, 0xE4, 256)] == ["a", "␣", "\\n", "\\xe4", "<end>"]
