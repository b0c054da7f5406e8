"""What the documents say of the repository is true: paths exist, tests named are there, every module is mentioned."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ARCHITECTURE = ROOT / "ARCHITECTURE.md"
DOCUMENTS = [ROOT / name for name in ("ARCHITECTURE.md", "CONTRIBUTING.md", "README.md", "CHANGELOG.md")]

PATH = re.compile(
    r"[`(]((?:\.?/)?(?:rust|python|tests|fuzz|tools|benches|docs|\.github|\.ci)/[\w./-]*)(?:::(\w+))?[`)]"
)

# Instructions name what a fuzzing run or a benchmark writes, whether or not there has been one.
MADE_BY_RUNS = ("fuzz/artifacts", "docs/benchmarks.md", "benches/results")


def missing(text: str) -> list[str]:
    """Paths and tests that a document names and the repository does not have."""
    absent = []
    for match in PATH.finditer(text):
        path, test = ROOT / match[1], match[2]
        if match[1].startswith(MADE_BY_RUNS):
            continue
        if "TARGET" in match[1]:
            path = path.parent
        if not path.exists():
            absent.append(match[1])
        elif test and not re.search(rf"\b(?:def|fn) {test}\b", path.read_text(encoding="utf-8")):
            absent.append(f"{match[1]}::{test}")
    return absent


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_what_a_document_names_exists(document: Path) -> None:
    assert missing(document.read_text(encoding="utf-8")) == []


def test_the_checker_fails_on_what_is_not_there() -> None:
    text = "`rust/core/src/nothing.rs`, `tests/python/test_documents.py::test_of_nothing`, `tests/python`, (docs/no.md)"
    assert missing(text) == [
        "rust/core/src/nothing.rs",
        "tests/python/test_documents.py::test_of_nothing",
        "docs/no.md",
    ]


def modules(folder: Path, suffix: str) -> set[str]:
    names = {path.name.removesuffix(suffix) for path in folder.iterdir() if path.is_dir() or path.suffix == suffix}
    return names - {"__pycache__", "lib", "data"}


@pytest.mark.parametrize(("folder", "suffix"), [("rust/core/src", ".rs"), ("python/tokengrove", ".py")])
def test_the_code_map_names_every_module(folder: str, suffix: str) -> None:
    map_text = ARCHITECTURE.read_text(encoding="utf-8").split("## Code map")[1].split("## Dependencies")[0]
    named = set(re.findall(r"`(\w+)`", map_text))
    assert modules(ROOT / folder, suffix) - named == set()


def test_local_links_lead_somewhere() -> None:
    broken = [
        f"{document.relative_to(ROOT)}: {target}"
        for document in [*DOCUMENTS, *sorted((ROOT / "docs").rglob("*.md"))]
        for target in re.findall(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)", document.read_text(encoding="utf-8"))
        if not (document.parent / target).exists()
    ]
    assert broken == []
