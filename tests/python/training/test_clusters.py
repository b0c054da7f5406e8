"""Counting with several processes, with Ray Data and with Spark: the same counts as in one process."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

from support.data import data_file
from tokengrove.integrations.counting import count_files, count_ray, count_spark
from tokengrove.training import PretokenCounts, count_pretokens, train_bpe

PATTERN = "o200k_base"


def documents() -> list[str]:
    """Lines of several kinds of text."""
    names = ("english", "multilingual", "json_log")
    texts = (data_file(f"corpora/{name}.txt").read_bytes()[:400_000].decode(errors="ignore") for name in names)
    return [line for text in texts for line in text.splitlines(keepends=True)]


def check(counts: PretokenCounts, texts: list[str]) -> None:
    whole = count_pretokens(texts, PATTERN)
    assert counts == whole
    assert train_bpe(counts, 2000) == train_bpe(texts, 2000, PATTERN)


def test_a_pool_of_processes(tmp_path: Path) -> None:
    texts = [f"the cat number {n} sat on the mat\n" * 20 for n in range(30)]
    for shard in range(3):
        (tmp_path / f"{shard}.txt").write_text("".join(texts[shard::3]), encoding="utf-8", newline="")
    counts = count_files(sorted(tmp_path.iterdir()), PATTERN, processes=2)
    check(counts, ["".join(texts[shard::3]) for shard in range(3)])
    with pytest.raises(ValueError, match="at least one file"):
        count_files([], PATTERN, processes=2)


@pytest.mark.soak
@pytest.mark.filterwarnings("default")
def test_ray_data() -> None:
    ray: Any = pytest.importorskip("ray", reason="ray is not installed: the extra ray has it")
    data: Any = pytest.importorskip("ray.data", reason="Ray Data is not installed: the extra ray has it")
    texts = documents()
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    try:
        dataset = data.from_items([{"text": text, "id": n} for n, text in enumerate(texts)]).repartition(4)
        check(count_ray(dataset, "text", PATTERN), texts)
    finally:
        ray.shutdown()


@pytest.mark.soak
@pytest.mark.filterwarnings("default")
def test_spark(monkeypatch: pytest.MonkeyPatch) -> None:
    sql: Any = pytest.importorskip("pyspark.sql", reason="pyspark is not installed: the extra spark has it")
    monkeypatch.setenv("PYSPARK_PYTHON", sys.executable)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
    if shutil.which("java") is None and "JAVA_HOME" not in os.environ:
        pytest.skip("Spark needs Java, which is not installed")
    texts = documents()
    session = sql.SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false").getOrCreate()
    try:
        frame = session.createDataFrame([(text,) for text in texts], "text string").repartition(4)
        check(count_spark(frame, "text", PATTERN), texts)
    finally:
        session.stop()
