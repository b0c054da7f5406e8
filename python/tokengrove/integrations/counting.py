"""Counting pieces with many processes or machines: multiprocessing, Ray Data, Spark.

Counts of parts add up to the counts of the whole, so each worker counts its part and the sum is trained on. None of
the libraries is imported before it is used.
"""

from __future__ import annotations

import multiprocessing
from typing import TYPE_CHECKING, Any

from tokengrove.training import FileTexts, PretokenCounts, count_pretokens

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from os import PathLike

__all__ = ["count_files", "count_ray", "count_spark"]


def count_files(
    paths: Sequence[str | PathLike[str]], pattern: str | None, processes: int, **cut: Any
) -> PretokenCounts:
    """Count the pieces of files with a pool of processes.

    Args:
        paths: At least one file, as :func:`tokengrove.training.read_texts` takes them; each is counted by one process.
        pattern: How text is cut.
        processes: How many processes.
        cut: Other arguments of :func:`tokengrove.training.count_pretokens`.

    Returns:
        The counts of all files.

    Raises:
        ValueError: If there is no file.
    """
    if not paths:
        raise ValueError("give at least one file")
    with multiprocessing.get_context("spawn").Pool(processes) as pool:
        parts = pool.imap_unordered(_CountFile(pattern, cut), list(paths))
        return _sum(parts)


class _CountFile:
    """Counts one file; travels to the processes."""

    def __init__(self, pattern: str | None, cut: dict[str, Any]) -> None:
        self.pattern = pattern
        self.cut = cut

    def __call__(self, path: str | PathLike[str]) -> PretokenCounts:
        return count_pretokens(FileTexts([path]), self.pattern, **self.cut)


def count_ray(dataset: Any, column: str, pattern: str | None, **cut: Any) -> PretokenCounts:
    """Count the pieces of a column of a Ray Data dataset.

    Args:
        dataset: A ``ray.data.Dataset``.
        column: The column of text.
        pattern: How text is cut.
        cut: Other arguments of :func:`tokengrove.training.count_pretokens`.

    Returns:
        The counts.
    """
    counts = dataset.map_batches(_CountColumn(column, pattern, cut), batch_format="numpy", batch_size=4096)
    rows = ((row["piece"], int(row["count"])) for row in counts.iter_rows())
    return PretokenCounts.from_items(rows, pattern, **cut)


class _CountColumn:
    """Counts a column of a batch of rows; gives rows of pieces and counts."""

    def __init__(self, column: str, pattern: str | None, cut: dict[str, Any]) -> None:
        self.column = column
        self.pattern = pattern
        self.cut = cut

    def __call__(self, batch: dict[str, Any]) -> dict[str, list[Any]]:
        texts = [text for text in batch[self.column].tolist() if text is not None]
        items = count_pretokens(texts, self.pattern, **self.cut).most_common()
        return {"piece": [piece for piece, _ in items], "count": [count for _, count in items]}


def count_spark(frame: Any, column: str, pattern: str | None, **cut: Any) -> PretokenCounts:
    """Count the pieces of a column of a Spark data frame, with ``mapInArrow``; needs pyarrow.

    Args:
        frame: A ``pyspark.sql.DataFrame``.
        column: The column of text.
        pattern: How text is cut.
        cut: Other arguments of :func:`tokengrove.training.count_pretokens`.

    Returns:
        The counts.
    """

    def count(batches: Iterator[Any]) -> Iterator[Any]:
        import pyarrow

        texts = (text for batch in batches for text in batch.column(0).to_pylist() if text is not None)
        items = count_pretokens(texts, pattern, **cut).most_common()
        pieces = pyarrow.array([piece for piece, _ in items], pyarrow.binary())
        counts = pyarrow.array([count for _, count in items], pyarrow.int64())
        yield pyarrow.RecordBatch.from_arrays([pieces, counts], names=["piece", "count"])

    rows = frame.select(column).mapInArrow(count, "piece binary, count long")
    summed = rows.groupBy("piece").sum("count").toLocalIterator()
    return PretokenCounts.from_items(((bytes(row[0]), int(row[1])) for row in summed), pattern, **cut)


def _sum(parts: Iterable[PretokenCounts]) -> PretokenCounts:
    """Add up as they come."""
    first, *rest = parts
    return first.merge(*rest)
