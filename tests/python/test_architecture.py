"""The direction of dependencies, in Rust and in Python: nothing points up.

The tables below are the architecture. A module that is not in its table fails the test, so a new module has to say
what it may use. ARCHITECTURE.md draws the same picture for a reader.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from support.layers import (
    Use,
    cycle,
    layers,
    python_third_party,
    python_uses,
    rust_uses,
    rust_uses_of_source,
    violations,
)

ROOT = Path(__file__).resolve().parents[2]

RUST = layers(
    {
        "lib": "*",
        # data and hashing
        "id": "",
        "hash": "",
        "hugepage": "",
        "prefetch": "",
        "spec": "id",
        "unicode": "",
        "vocab": "id hash hugepage spec",
        "merges": "id hash hugepage prefetch spec vocab",
        "cache": "id hash hugepage prefetch",
        "trie": "",
        # text to ids
        "pretokenize": "unicode hash",
        "bpe": "id hash hugepage prefetch spec vocab merges cache trie",
        "encoder": "id hash spec vocab merges cache bpe pretokenize",
        # ids to text
        "decoder": "id hash spec vocab",
        # tiktoken's own extras on a rank vocabulary: lookups, unstable tokens, truncated characters
        "tiktoken": "id hash spec vocab bpe pretokenize encoder decoder",
        "offsets": "id spec",
        # what is known about each token of a text
        "encoding": "id",
        # whole tokenizers: `io` reads specifications from files, `pipeline` builds tokenizers from specifications
        "io": "id hash spec",
        "pipeline": "id hash spec unicode vocab merges cache pretokenize bpe encoder decoder offsets encoding",
        # token trees
        "tree": "id",
        # drafts of continuations, and what a target takes of them
        "draft": "id hash hugepage prefetch tree",
        "accept": "id tree",
        # learning a vocabulary: from counted pieces to tokens and merges
        "train": "hash hugepage prefetch spec cache pretokenize pipeline",
        # what is built on token trees
        "cover": "id hash vocab trie tree bpe pretokenize unicode spec",
        "next_byte": "id vocab spec trie tree cover bpe pipeline",
    }
)

PYTHON = layers(
    {
        "__init__": "*",
        "__main__": "cli",
        "_native": "",
        "errors": "_native",
        "_replace": "",
        "tokenizer": "_native _replace errors",
        "default": "_native tokenizer",
        "default_model": "tokenizer",
        "verification": "_native errors",
        "training": "_native _replace errors tokenizer",
        "text": "errors",
        "compat": "_native _replace errors tokenizer training",
        "forward": "_native errors default_model",
        "next_byte": "_native errors tokenizer forward",
        "speculative": "_native errors forward",
        "integrations": "*",
        "cli": "*",
        "testing": "*",
    }
)

TORCH_IS_ALLOWED_IN = {"forward", "next_byte", "speculative", "integrations", "testing"}


def test_rust_modules_point_down() -> None:
    assert violations(rust_uses(ROOT / "rust/core/src"), RUST) == []


def test_python_modules_point_down() -> None:
    assert violations(python_uses(ROOT / "python", "tokengrove"), PYTHON) == []


@pytest.mark.parametrize("table", [RUST, PYTHON], ids=["rust", "python"])
def test_layers_have_no_cycle(table: dict[str, frozenset[str]]) -> None:
    assert cycle({name: uses for name, uses in table.items() if uses != {"*"}}) == []


def test_the_core_knows_no_python() -> None:
    manifest = (ROOT / "rust/core/Cargo.toml").read_text(encoding="utf-8")
    assert not {"pyo3", "numpy"} & {line.split("=")[0].strip() for line in manifest.splitlines()}


def test_torch_is_imported_only_where_it_belongs() -> None:
    heavy = [u for u in python_third_party(ROOT / "python", "tokengrove") if u.target in ("torch", "transformers")]
    assert [u for u in heavy if u.module not in TORCH_IS_ALLOWED_IN] == []


def run_python(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=60).stdout


def test_import_loads_neither_torch_nor_references() -> None:
    loaded = run_python("import sys, tokengrove; print(*sys.modules)").split()
    heads = {name.partition(".")[0] for name in loaded}
    assert "tokengrove" in heads
    assert heads & {"torch", "transformers", "tiktoken", "tokenizers", "rich", "matplotlib"} == set()


@pytest.mark.timing
def test_import_takes_less_than_50_ms_beyond_numpy() -> None:
    code = "import time, numpy; t = time.perf_counter(); import tokengrove; print(time.perf_counter() - t)"
    # The minimum: whatever else the machine does can only add to it. The first run may also compile bytecode.
    assert min(float(run_python(code)) for _ in range(6)) < 0.050


# --- the checkers themselves: they must fail on a violation ------------------------------------------------------


def targets(source: str, path: str) -> set[str]:
    return {use.target for use in rust_uses_of_source(source, Path(path))}


@pytest.mark.parametrize(
    ("source", "path", "expected"),
    [
        ("use crate::bpe::Bpe;", "encoder.rs", {"bpe"}),
        ("use crate::{bpe::{Bpe, Scratch}, spec, pretokenize::*};", "encoder.rs", {"bpe", "spec", "pretokenize"}),
        ("use crate::{\n    bpe::Bpe,\n    io,\n};", "encoder.rs", {"bpe", "io"}),
        ("fn f() -> crate::io::Error { todo!() }", "bpe/mod.rs", {"io"}),
        ("pub(crate) fn f() {}", "bpe/mod.rs", set()),
        ("// use crate::io;\n/* crate::io */ /// [`x`](crate::io::x)", "bpe/mod.rs", set()),
        ('const S: &str = "crate::io"; const R: &str = r#"crate::io"#;', "bpe/mod.rs", set()),
        ("fn f<'a>(x: &'a str) { let q = '\"'; } use crate::io; const S: &str = \"\";", "bpe/mod.rs", {"io"}),
        ("use super::io;", "bpe/mod.rs", {"io"}),
        ("use super::heap;", "bpe/merge.rs", set()),
        ("use super::super::io;", "bpe/merge.rs", {"io"}),
        ("use super::super::{io, unicode};", "bpe/merge.rs", {"io", "unicode"}),
        ("#[cfg(test)]\nmod tests {\n    use crate::io;\n}\nuse crate::spec;", "bpe/mod.rs", {"spec"}),
    ],
)
def test_rust_checker_reads_uses(source: str, path: str, expected: set[str]) -> None:
    assert targets(source, path) == expected


def test_rust_checker_fails_on_a_violation(tmp_path: Path) -> None:
    (tmp_path / "bpe").mkdir()
    (tmp_path / "bpe/mod.rs").write_text("use crate::spec::BpeSpec;\n\nuse crate::encoder::Encoder;\n")
    (tmp_path / "surprise.rs").write_text("use crate::id::TokenId;\n")
    assert violations(rust_uses(tmp_path), RUST) == [
        "bpe/mod.rs:3: `bpe` must not use `encoder`",
        "surprise.rs:1: module `surprise` has no line in the table of layers",
    ]


def test_python_checker_fails_on_a_violation(tmp_path: Path) -> None:
    package = tmp_path / "tokengrove"
    (package / "compat").mkdir(parents=True)
    (package / "tokenizer.py").write_text("from .compat import tiktoken\nfrom . import errors\n")
    (package / "errors.py").write_text("def f():\n    import tokengrove.tokenizer\n")
    (package / "compat/tiktoken.py").write_text("from ..tokenizer import Tokenizer\nimport torch.nn\n")
    assert violations(python_uses(tmp_path, "tokengrove"), PYTHON) == [
        "tokengrove/errors.py:2: `errors` must not use `tokenizer`",
        "tokengrove/tokenizer.py:1: `tokenizer` must not use `compat`",
    ]
    heavy = Use("compat", "torch", "tokengrove/compat/tiktoken.py:2")
    assert list(python_third_party(tmp_path, "tokengrove")) == [heavy]


def test_cycle_checker_finds_a_cycle() -> None:
    assert cycle(layers({"a": "b", "b": "c", "c": "a"})) == ["a", "b", "c", "a"]
    assert cycle(layers({"a": "b c", "b": "c", "c": ""})) == []
