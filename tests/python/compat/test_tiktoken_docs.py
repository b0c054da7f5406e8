"""The examples of docs/tiktoken.md run."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

PAGE = Path(__file__).resolve().parents[3] / "docs/tiktoken.md"
EXAMPLES = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)


def test_there_are_examples() -> None:
    assert len(EXAMPLES) >= 4


@pytest.mark.parametrize("example", EXAMPLES)
def test_examples_run(example: str, rank_files: Path) -> None:
    environment = os.environ | {"TOKENGROVE_VOCAB_DIR": str(rank_files), "TIKTOKEN_CACHE_DIR": ""}
    subprocess.run([sys.executable, "-c", example], check=True, env=environment, timeout=60)
