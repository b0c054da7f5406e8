"""Encodings by name, plugins, models, pickling by name, and standing in for the package tiktoken."""

from __future__ import annotations

import pickle
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import tokengrove.compat.tiktoken as tiktoken
from tokengrove.compat.tiktoken import load, openai_public, registry

from .conftest import PATTERN, SPECIAL, small_ranks

pytestmark = pytest.mark.usefixtures("fresh_registry")

PLUGIN = """
made = []

def construct():
    made.append(1)
    return {"name": NAME, "pat_str": PATTERN, "mergeable_ranks": RANKS, "special_tokens": SPECIAL}

ENCODING_CONSTRUCTORS = {NAME: construct}
"""


@pytest.fixture
def plugins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of plugins that is the only one; real plugins are not seen."""
    folder = tmp_path / "tiktoken_ext"
    folder.mkdir()
    before = {name: sys.modules.pop(name) for name in list(sys.modules) if name.partition(".")[0] == "tiktoken_ext"}
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "path", [str(tmp_path), *(path for path in sys.path if not has_plugins(path))])
    yield folder
    for name in [name for name in sys.modules if name.partition(".")[0] == "tiktoken_ext"]:
        del sys.modules[name]
    sys.modules.update(before)


def has_plugins(path: str) -> bool:
    return (Path(path) / "tiktoken_ext").is_dir()


def write_plugin(folder: Path, module: str, name: str) -> None:
    constants = f"NAME = {name!r}\nPATTERN = {PATTERN!r}\nRANKS = {small_ranks()!r}\nSPECIAL = {SPECIAL!r}\n"
    (folder / f"{module}.py").write_text(constants + PLUGIN, encoding="utf-8")


OWN = ["gpt2", "r50k_base", "p50k_base", "p50k_edit", "cl100k_base", "o200k_base", "o200k_harmony"]


@pytest.mark.usefixtures("plugins")
def test_names() -> None:
    assert tiktoken.list_encoding_names() == OWN


def test_a_plugin_adds_names(plugins: Path) -> None:
    write_plugin(plugins, "my_plugin", "mine")
    assert tiktoken.list_encoding_names() == [*OWN, "mine"]
    encoding = tiktoken.get_encoding("mine")
    assert encoding.encode("hello world") == [259, 264]
    assert tiktoken.get_encoding("mine") is encoding is registry.ENCODINGS["mine"]
    assert sys.modules["tiktoken_ext.my_plugin"].made == [1]


def test_threads_make_an_encoding_once(plugins: Path) -> None:
    write_plugin(plugins, "my_plugin", "mine")
    found: list[tiktoken.Encoding] = []
    threads = [threading.Thread(target=lambda: found.append(tiktoken.get_encoding("mine"))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len({id(encoding) for encoding in found}) == 1
    assert sys.modules["tiktoken_ext.my_plugin"].made == [1]


def test_a_name_may_be_given_once(plugins: Path) -> None:
    write_plugin(plugins, "a", "mine")
    write_plugin(plugins, "b", "mine")
    for _ in range(2):
        with pytest.raises(ValueError, match=r"Duplicate encoding name mine in tiktoken plugin tiktoken_ext.b"):
            tiktoken.list_encoding_names()


def test_a_plugin_must_define_constructors(plugins: Path) -> None:
    (plugins / "empty.py").write_text("", encoding="utf-8")
    for _ in range(2):
        with pytest.raises(
            ValueError, match=r"tiktoken plugin tiktoken_ext.empty does not define ENCODING_CONSTRUCTORS"
        ):
            tiktoken.get_encoding("gpt2")


def test_the_plugin_of_tiktoken_itself_is_replaced(plugins: Path) -> None:
    (plugins / "openai_public.py").write_text("raise RuntimeError('must not be imported')", encoding="utf-8")
    assert tiktoken.list_encoding_names() == OWN


def test_an_unknown_name_is_explained(plugins: Path) -> None:
    write_plugin(plugins, "my_plugin", "mine")
    with pytest.raises(ValueError, match="Unknown encoding other") as caught:
        tiktoken.get_encoding("other")
    assert str(caught.value) == (
        "Unknown encoding other.\n"
        "Plugins found: ['tokengrove.compat.tiktoken.openai_public', 'tiktoken_ext.my_plugin']\n"
        "tiktoken version: 0.14.0 (are you on latest?)"
    )


@pytest.mark.parametrize("name", [None, 5, b"gpt2", ["gpt2"]])
def test_a_name_must_be_a_string(name: Any) -> None:
    with pytest.raises(ValueError, match="Expected a string in get_encoding, got <class"):
        tiktoken.get_encoding(name)


def test_ranks_of_an_encoding_from_a_file_are_made_on_demand(rank_files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(load.VOCAB_DIR_VARIABLE, str(rank_files))
    encoding = tiktoken.get_encoding("r50k_base")
    assert "_mergeable_ranks" not in vars(encoding)
    assert encoding._mergeable_ranks == openai_public.r50k_base()["mergeable_ranks"]
    assert encoding._mergeable_ranks is encoding._mergeable_ranks
    extended = tiktoken.Encoding(
        "extended",
        pat_str=encoding._pat_str,
        mergeable_ranks=encoding._mergeable_ranks,
        special_tokens={**encoding._special_tokens, "<|im_start|>": 50257},
        explicit_n_vocab=50258,
    )
    assert extended.encode("<|im_start|>hello", allowed_special="all") == [50257, 31373]


def test_a_plugin_may_replace_one_of_our_constructors(monkeypatch: pytest.MonkeyPatch) -> None:
    made = {"name": "gpt2", "pat_str": PATTERN, "mergeable_ranks": small_ranks(), "special_tokens": SPECIAL}
    tiktoken.list_encoding_names()
    assert registry.ENCODING_CONSTRUCTORS is not None
    monkeypatch.setitem(registry.ENCODING_CONSTRUCTORS, "gpt2", lambda: made)
    assert tiktoken.get_encoding("gpt2").n_vocab == 303


# --- models --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "encoding"),
    [
        ("gpt2", "gpt2"),
        ("gpt-2", "gpt2"),
        ("text-davinci-003", "p50k_base"),
        ("text-davinci-edit-001", "p50k_edit"),
        ("davinci", "r50k_base"),
        ("gpt-3.5-turbo-0301", "cl100k_base"),
        ("gpt-4", "cl100k_base"),
        ("gpt-4-32k", "cl100k_base"),
        ("gpt-4o", "o200k_base"),
        ("gpt-4o-2024-05-13", "o200k_base"),
        ("gpt-5-mini", "o200k_base"),
        ("o3-mini", "o200k_base"),
        ("gpt-oss-120b", "o200k_harmony"),
        ("ft:gpt-4o:me", "o200k_base"),
        ("ft:gpt-4:me", "cl100k_base"),
        ("text-embedding-3-small", "cl100k_base"),
    ],
)
def test_models(model: str, encoding: str) -> None:
    assert tiktoken.encoding_name_for_model(model) == encoding


def test_an_unknown_model_is_explained() -> None:
    for call in (tiktoken.encoding_name_for_model, tiktoken.encoding_for_model):
        with pytest.raises(KeyError) as caught:
            call("gpt-unheard-of")
        assert caught.value.args == (
            "Could not automatically map gpt-unheard-of to a tokeniser. "
            "Please use `tiktoken.get_encoding` to explicitly get the tokeniser you expect.",
        )


# --- pickling by name ----------------------------------------------------------------------------------------------


def test_a_registered_encoding_pickles_as_its_name(plugins: Path) -> None:
    write_plugin(plugins, "my_plugin", "mine")
    encoding = tiktoken.get_encoding("mine")
    assert encoding.__getstate__() == "mine"
    content = pickle.dumps(encoding)
    assert len(content) < 200
    again = pickle.loads(content)
    assert again.__dict__ is encoding.__dict__
    assert len(pickle.dumps(again)) < 200
    same_name = tiktoken.Encoding(
        "mine", pat_str=PATTERN, mergeable_ranks=small_ranks(), special_tokens=SPECIAL | {"<x>": 400}
    )
    assert pickle.loads(pickle.dumps(same_name)).encode("<x>", allowed_special="all") == [400]


# --- standing in for tiktoken --------------------------------------------------------------------------------------


def run(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=60).stdout


def test_install_and_uninstall() -> None:
    code = """
import sys, pickle
import tokengrove.compat.tiktoken as drop_in
before = {name for name in sys.modules if name.partition(".")[0] == "tiktoken"}
assert not before
drop_in.uninstall()
drop_in.install()
drop_in.install()
import tiktoken, tiktoken.core, tiktoken.load, tiktoken.model, tiktoken.registry, tiktoken._educational
from tiktoken import Encoding, get_encoding
from tiktoken.load import load_tiktoken_bpe
from tiktoken._tiktoken import CoreBPE
assert tiktoken is drop_in and Encoding is drop_in.Encoding and tiktoken.core.Encoding is Encoding
assert "blobfile" not in sys.modules and "requests" not in sys.modules and "regex" not in sys.modules
drop_in.uninstall()
assert not {name for name in sys.modules if name.partition(".")[0] == "tiktoken"}
print("done")
"""
    assert run(code) == "done\n"


def test_install_puts_aside_what_was_there() -> None:
    pytest.importorskip("tiktoken", reason="tiktoken is not installed")
    code = """
import sys
import tiktoken, tiktoken.load
import tokengrove.compat.tiktoken as drop_in
real, real_load = tiktoken, tiktoken.load
drop_in.install()
import tiktoken
assert tiktoken is drop_in and sys.modules["tiktoken.load"] is not real_load
drop_in.uninstall()
import tiktoken
assert tiktoken is real and sys.modules["tiktoken.load"] is real_load
print("done")
"""
    assert run(code) == "done\n"


def test_pickles_of_tiktoken_load_here() -> None:
    reference = pytest.importorskip("tiktoken", reason="tiktoken is not installed")
    theirs = reference.Encoding("made", pat_str=PATTERN, mergeable_ranks=small_ranks(), special_tokens=SPECIAL)
    content = pickle.dumps(theirs)
    code = f"""
import pickle
import tokengrove.compat.tiktoken as drop_in
drop_in.install()
encoding = pickle.loads({content!r})
assert type(encoding) is drop_in.Encoding
print(encoding.encode("hello world<|start|>", allowed_special="all"))
"""
    assert run(code) == "[259, 264, 301]\n"
