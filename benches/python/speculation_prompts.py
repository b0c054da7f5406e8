"""Prompts by class, from the folder that ``TOKENGROVE_TEST_DATA`` names."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

__all__ = ["CLASSES", "SHORT", "prompts"]

SPEC_BENCH = {
    "translation": ("translation",),
    "summarization": ("summarization",),
    "qa": ("qa",),
    "math": ("math_reasoning",),
    "rag": ("rag",),
    # The eight categories of MT-bench.
    "chat": ("writing", "roleplay", "reasoning", "math", "coding", "extraction", "stem", "humanities"),
}
"""The classes of Spec-Bench, and what the file calls them."""

SHORT = 21
"""The tokens of a story's or novel's beginning that are the prompt."""

Tokenize = Callable[[str], list[int]]


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    opener: Any = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", encoding="utf-8") as file:
        for line in file:
            if line.strip():
                yield json.loads(line)


def _spec_bench(data: Path, names: tuple[str, ...]) -> Iterator[str]:
    for record in _lines(data / "prompts/spec_bench.jsonl"):
        if record["category"] in names:
            yield record["turns"][0]


def _novels(data: Path) -> Iterator[str]:
    """Every 40th paragraph of two novels, from the second chapter of the first to the end of the second."""
    text = (data / "corpora/english.txt").read_text(encoding="utf-8")
    begin = text.index("CHAPTER II")
    end = text.rindex("*** START: FULL LICENSE ***")
    paragraphs = [paragraph for paragraph in re.split(r"\n\s*\n", text[begin:end]) if len(paragraph) > 300]
    for paragraph in paragraphs[::40]:
        yield " ".join(paragraph.split())


def _stories(data: Path) -> Iterator[str]:
    yield from json.loads((data / "corpora/tinystories_1000.json").read_text(encoding="utf-8"))


def _texts(data: Path, name: str) -> Iterator[str]:
    if name in SPEC_BENCH:
        return _spec_bench(data, SPEC_BENCH[name])
    if name == "stories":
        return _stories(data)
    if name == "novels":
        return _novels(data)
    if name == "mbpp":
        return (record["turns"][0] for record in _lines(data / "prompts/mbpp.jsonl"))
    if name == "humaneval":
        return (record["prompt"] for record in _lines(data / "prompts/HumanEval.jsonl.gz"))
    return (record["question"] for record in _lines(data / "prompts/gsm8k_test.jsonl"))


CLASSES = ("stories", "novels", *SPEC_BENCH, "mbpp", "humaneval", "gsm8k")
"""What there are prompts of."""


def prompts(data: Path, name: str, tokenize: Tokenize, count: int, longest: int) -> list[list[int]]:
    """Reads distinct prompts of one class.

    Args:
        data: The folder of test data.
        name: One of :data:`CLASSES`.
        tokenize: Makes token ids of a text.
        count: How many.
        longest: The most tokens of a prompt, the first ones; stories and novels give only a beginning.

    Returns:
        Token ids; fewer prompts if there are not so many.

    Raises:
        FileNotFoundError: If the data are not there.
        ValueError: If there is no such class.
    """
    if name not in CLASSES:
        raise ValueError(f"there are no prompts called {name!r}, only {', '.join(CLASSES)}")
    most = SHORT if name in ("stories", "novels") else longest
    found: dict[tuple[int, ...], None] = {}
    for text in _texts(data, name):
        ids = tuple(tokenize(text)[:most])
        if ids:
            found[ids] = None
        if len(found) == count:
            break
    return [list(ids) for ids in found]
