"""The benchmark of steps on a GPU runs without one, and says that its figures are not a GPU's."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytest.importorskip("transformers")

import torch

import gpu_latency
from tokengrove.forward import StaticTreeModel


@pytest.mark.skipif(
    torch.cuda.is_available(), reason="with a GPU the benchmark takes minutes; this is its test without"
)
def test_everything_is_measured_and_named_for_what_it_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "new" / "latency.json"
    arguments = ["--contexts", "5", "40", "--nodes", "1", "9", "--repeats", "2", "--mat", "2.5", "--out", str(out)]
    assert gpu_latency.main(arguments) == 0
    record = json.loads(out.read_text(encoding="utf-8"))
    assert record["gpu"] == "none"
    assert "not figures of a GPU" in record["note"]
    assert [cell["context"] for cell in record["cells"]] == [5, 40]
    for cell in record["cells"]:
        assert set(cell["parts"]["9"]) == {"attention", "head", "top", "move"}
        assert all(taken > 0 for taken in cell["parts"]["9"].values())
        for form in ("static-split", "static-masked"):
            assert all(cell[form][nodes]["step"] > 0 for nodes in ("1", "9"))
        assert cell["projections"]["2.5"] == pytest.approx(2.5 / cell["ratio_81"])
        assert cell["growing"] > 0
        assert cell["of_bandwidth"] > 0
    printed = capsys.readouterr().out
    assert "not figures of a GPU" in printed
    assert printed.count("projected speed-up (not measured)") == 2


def test_what_a_plain_step_reads() -> None:
    static = StaticTreeModel(gpu_latency.build("tiny", torch.device("cpu"), torch.float32, 64), 32)
    shape = gpu_latency.MODELS["tiny"]
    width, inner, layers = shape["hidden_size"], shape["intermediate_size"], shape["num_hidden_layers"]
    size = width // shape["num_attention_heads"] * shape["num_key_value_heads"]
    layer = 2 * width * width + 2 * width * size + 3 * width * inner + 2 * width
    weights = layers * layer + width + width * shape["vocab_size"]
    assert gpu_latency.least_bytes(static, 10) == 4 * (weights + 10 * layers * 2 * size)


def test_plain_decoding_has_to_be_among_the_sizes() -> None:
    with pytest.raises(SystemExit):
        gpu_latency.main(["--nodes", "8"])
