"""What the tests of the command line share."""

from __future__ import annotations

import base64
import os
from pathlib import Path

import pytest

from tokengrove.default import default_file
from tokengrove.verification.reference import read_ranks


@pytest.fixture(scope="session")
def data() -> Path:
    """The folder of real vocabularies and texts."""
    folder = os.environ.get("TOKENGROVE_TEST_DATA")
    if not folder or not Path(folder).is_dir():
        pytest.skip("TOKENGROVE_TEST_DATA does not name the folder of real vocabularies and texts")
    return Path(folder)


@pytest.fixture
def text_file(tmp_path: Path) -> Path:
    """A small text with every kind of trouble: no newline at the end, CRLF, bytes that are not UTF-8."""
    path = tmp_path / "text.txt"
    path.write_bytes("Hello, world!\r\n\tnaïve 日本語 🙂\n\n  ".encode() + b"\xff\xe2\x82 end")
    return path


def write_ranks(path: Path, ranks: dict[bytes, int]) -> Path:
    """Write a .tiktoken file."""
    lines = (base64.b64encode(token) + b" %d\n" % rank for token, rank in ranks.items())
    path.write_bytes(b"".join(lines))
    return path


@pytest.fixture(scope="session")
def rank_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The default vocabulary as a .tiktoken file whose name is a pattern's."""
    return write_ranks(tmp_path_factory.mktemp("ranks") / "o200k_base.tiktoken", read_ranks(default_file()))


@pytest.fixture(scope="session")
def other_rank_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same vocabulary with the ranks of " the" and " world" exchanged: every text without those words is equal."""
    ranks = read_ranks(default_file())
    ranks[b" the"], ranks[b" world"] = ranks[b" world"], ranks[b" the"]
    return write_ranks(tmp_path_factory.mktemp("other") / "o200k_base.tiktoken", ranks)
