"""The texts of the benchmark: deterministic, complete, of the sizes that the documentation names."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness import texts


@given(st.text())
def test_documents_are_the_text(text: str) -> None:
    assert "".join(texts.documents(text)) == text


@given(st.lists(st.text(max_size=6000), max_size=8))
def test_documents_are_at_most_4_kb(lines: list[str]) -> None:
    found = texts.documents("\n".join(lines))
    assert all(0 < len(document.encode("utf-8", "surrogatepass")) <= 4096 for document in found)


def test_documents_of_prose_are_1_to_4_kb_and_end_at_line_ends() -> None:
    found = texts.documents("A line of prose, more or less long.\n" * 3000)
    assert all(1024 <= len(document) <= 4096 and document.endswith("\n") for document in found[:-1])
    assert len({len(document) for document in found}) > 10
    assert found == texts.documents("".join(found))


def test_a_class_is_cut_at_a_line_end(tmp_path: Path) -> None:
    (tmp_path / "cjk.txt").write_bytes("漢字\n".encode() * 10)
    assert texts.load("cjk", tmp_path, limit=20) == "漢字\n漢字\n"
    assert texts.load("cjk", tmp_path) == "漢字\n" * 10


def test_a_text_that_is_not_there_is_an_error_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(texts.MissingTextError, match=r"no english\.txt in "):
        texts.load("english", tmp_path)
    with pytest.raises(texts.MissingTextError, match="TOKENGROVE_TEST_DATA is not set"):
        texts.load("english", None)


def test_code_is_the_standard_library_and_needs_no_data() -> None:
    code = texts.load("code", None, limit=200_000)
    assert 100_000 < len(code.encode()) <= 200_000
    assert "import " in code
    assert code == texts.load("code", None, limit=200_000)


@pytest.mark.parametrize("name", [name for name in texts.WORST_CASES if not name.endswith("_10m")])
def test_worst_cases_have_the_size_that_the_tables_say(name: str) -> None:
    size = len(texts.WORST_CASES[name]().encode())
    assert size == (4_000_000 if name == "emoji" else pytest.approx(1_000_000, abs=2))
