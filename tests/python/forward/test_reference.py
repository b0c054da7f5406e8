"""Llama in plain torch: equal to transformers, to itself path by path, and plain about what it does not take."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tokengrove import InvalidArgumentError, TokenTree
from tokengrove.forward import adapt, prefill
from tokengrove.forward.reference import ReferenceModel
from tokengrove.forward.weights import read_safetensors
from tokengrove.testing.models import Float64Throughout, tiny_model

VOCAB = 64


def reference(model: Any, **changes: Any) -> ReferenceModel:
    return ReferenceModel({**model.config.to_dict(), **changes}, model.state_dict(), torch.float64)


def tree_of(rng: np.random.Generator, nodes: int) -> TokenTree:
    return TokenTree(rng.integers(0, VOCAB, nodes), [int(rng.integers(max(-1, n - 6), n)) for n in range(nodes)])


@pytest.mark.parametrize("kind", ["llama", "llama-biased"])
def test_it_equals_transformers_through_trees_commits_and_crops(kind: str) -> None:
    model = tiny_model(kind)
    rng = np.random.default_rng(5)
    plain = reference(model)  # like those of transformers, its angles start from numbers in float32
    with Float64Throughout():
        models = (adapt(model), plain)
        caches = [each.new_cache(2) for each in models]
        for _ in range(5):
            trees = [tree_of(rng, size) for size in (30, int(rng.integers(0, 9)))]
            ours, theirs = (each.head(each.forward(trees, cache)) for each, cache in zip(models, caches, strict=True))
            torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-10)
            paths = [tree.path(int(rng.integers(len(tree)))).tolist() if len(tree) else [] for tree in trees]
            for cache in caches:
                cache.commit(paths)
                cache.crop([max(0, length - 1) for length in cache.lengths])


def test_nodes_equal_separate_chains() -> None:
    model = reference(tiny_model("llama"))
    rng = np.random.default_rng(6)
    tree, context = tree_of(rng, 128), rng.integers(0, VOCAB, 40).tolist()
    cache = model.new_cache()
    prefill(model, cache, context)
    found = model.head(model.forward(tree, cache))
    for node in range(len(tree)):
        path = tree.tokens[tree.path(node)].tolist()
        alone = model.forward(TokenTree.chain([*context, *path]), model.new_cache())[-1:]
        torch.testing.assert_close(found[node : node + 1], model.head(alone), rtol=0, atol=1e-10)
    fork = cache.fork([0, 0])
    cache.commit(tree.path(5))
    fork.commit([tree.path(5).tolist(), []])
    assert fork.tokens(0) == cache.tokens()
    assert fork.tokens(1) == context


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model_type": "qwen2"}, "model_type is 'qwen2'; the reference has 'llama' alone"),
        ({"hidden_act": "gelu"}, "hidden_act is 'gelu'"),
        ({"rope_parameters": {"rope_type": "yarn"}}, "rope_type is 'yarn'"),
    ],
)
def test_other_models_are_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidArgumentError, match=message):
        reference(tiny_model("llama"), **changes)


def test_missing_weights_are_named() -> None:
    model = tiny_model("llama")
    weights = {name: tensor for name, tensor in model.state_dict().items() if name != "lm_head.weight"}
    with pytest.raises(InvalidArgumentError, match=r"no tensor 'lm_head\.weight'"):
        ReferenceModel(model.config.to_dict(), weights)


def test_a_saved_model_loads(tmp_path: Path) -> None:
    model = tiny_model("llama-biased")
    model.save_pretrained(tmp_path)
    loaded = ReferenceModel.from_folder(tmp_path, torch.float64)
    tree = TokenTree([1, 2, 3], [-1, 0, 0])
    with Float64Throughout():
        rows = loaded.head(loaded.forward(tree, loaded.new_cache()))
        adapted = adapt(model)
        torch.testing.assert_close(rows, adapted.head(adapted.forward(tree, adapted.new_cache())), rtol=0, atol=1e-10)


def file(path: Path, header: Any, data: bytes = b"\0" * 8) -> Path:
    encoded = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(encoded)) + encoded + data)
    return path


def test_safetensors_of_every_type_are_read(tmp_path: Path) -> None:
    entry = {"dtype": "BF16", "shape": [2, 2], "data_offsets": [0, 8]}
    header = {"__metadata__": {"a": "b"}, "x": entry, "none": {"dtype": "F32", "shape": [0], "data_offsets": [8, 8]}}
    found = read_safetensors(file(tmp_path / "x", header, struct.pack("<4H", 0x3F80, 0x4000, 0, 0)))
    assert found["x"].tolist() == [[1, 2], [0, 0]]
    assert (found["x"].dtype, found["none"].shape) == (torch.bfloat16, (0,))


@pytest.mark.parametrize(
    "entry",
    [
        {"dtype": "F32", "shape": [3], "data_offsets": [0, 8]},
        {"dtype": "F32", "shape": [2], "data_offsets": [4, 12]},
        {"dtype": "F32", "shape": [-2], "data_offsets": [8, 0]},
        {"dtype": "F99", "shape": [2], "data_offsets": [0, 8]},
        {"dtype": "F32", "shape": "ab", "data_offsets": [0, 8]},
        {"dtype": "F32", "shape": [2]},
        7,
    ],
    ids=str,
)
def test_malformed_safetensors_are_refused(entry: Any, tmp_path: Path) -> None:
    with pytest.raises(InvalidArgumentError, match="is not a safetensors file"):
        read_safetensors(file(tmp_path / "x", {"t": entry}))


@pytest.mark.parametrize("content", [b"", b"\xff" * 8, struct.pack("<Q", 2) + b"[]", struct.pack("<Q", 9) + b"{}"])
def test_other_files_are_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(content)
    with pytest.raises(InvalidArgumentError, match="is not a safetensors file"):
        read_safetensors(tmp_path / "x")
