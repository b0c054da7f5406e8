"""Counts: they add up, travel and are kept; damaged files and mismatches are refused."""

from __future__ import annotations

import gzip
import json
import pickle
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import tokengrove
from tokengrove.errors import InvalidArgumentError, InvalidTextError, VocabularyError
from tokengrove.training import FileTexts, PretokenCounts, count_pretokens, read_texts, train_bpe

TEXTS = ["The quick brown fox.", "jumps over the lazy dog 1234 times\n\n", "naïve café", "日本語 the the the", ""]
texts = st.lists(st.text(max_size=40) | st.sampled_from(TEXTS), max_size=12)


@given(texts, st.integers(1, 4))
def test_shards_add_up_to_the_whole(some: list[str], shards: int) -> None:
    whole = count_pretokens(some, "gpt2")
    parts = [count_pretokens(some[shard::shards], "gpt2") for shard in range(shards)]
    assert parts[0].merge(*parts[1:]) == whole


@given(texts)
def test_pieces_are_those_of_the_tokenizer(some: list[str]) -> None:
    tokenizer = tokengrove.default_tokenizer()
    counts = count_pretokens(some, "o200k_base")
    expected = Counter(text.encode()[start:end] for text in some for start, end in tokenizer.pieces(text).tolist())
    assert dict(counts.most_common()) == dict(expected)
    assert counts.total == expected.total()
    assert counts.total_bytes == sum(len(text.encode()) for text in some)


@pytest.mark.parametrize("mmap", [True, False])
def test_a_file_gives_the_same_counts(tmp_path: Path, mmap: bool) -> None:
    counts = count_pretokens(TEXTS, "gpt2", ["nfkc", "lowercase"])
    counts.save(tmp_path / "counts")
    loaded = PretokenCounts.load(tmp_path / "counts", mmap=mmap)
    assert loaded == counts
    assert loaded.template == counts.template
    assert train_bpe(loaded, 300) == train_bpe(counts, 300)
    again = loaded.merge(loaded)
    assert again.total == 2 * counts.total
    loaded.save(tmp_path / "again")
    assert (tmp_path / "again").read_bytes() == (tmp_path / "counts").read_bytes()


def test_counts_pickle() -> None:
    counts = count_pretokens(TEXTS, "gpt2")
    assert pickle.loads(pickle.dumps(counts)) == counts


def test_counts_of_other_patterns_do_not_add_up() -> None:
    counts = count_pretokens(TEXTS, "gpt2")
    for other in (count_pretokens(TEXTS, "o200k_base"), count_pretokens(TEXTS, "gpt2", "nfc")):
        with pytest.raises(InvalidArgumentError, match="cut differently"):
            counts.merge(other)


def test_mismatches_name_the_files_in_a_few_words(tmp_path: Path) -> None:
    count_pretokens(TEXTS, "o200k_base").save(tmp_path / "one.counts")
    count_pretokens(TEXTS, "kimi").save(tmp_path / "two.counts")
    one, two = (PretokenCounts.load(tmp_path / f"{name}.counts") for name in ("one", "two"))
    with pytest.raises(InvalidArgumentError) as caught:
        one.merge(two)
    message = str(caught.value)
    assert str(tmp_path / "one.counts") in message
    assert str(tmp_path / "two.counts") in message
    assert "pre_tokenizer" in message
    assert len(message) < 500 + 2 * len(str(tmp_path))


def test_pruning_drops_what_is_rare() -> None:
    counts = PretokenCounts.from_items([(b"a", 3), (b"b", 1), (b"a", 2), (b"a longer piece than fifteen", 2)], None)
    assert counts.prune(2).most_common() == [(b"a", 5), (b"a longer piece than fifteen", 2)]
    assert counts.most_common(1) == [(b"a", 5)]


def test_counts_have_64_bits() -> None:
    counts = PretokenCounts.from_items([(b"ab", 1 << 60), (b"cd", (1 << 60) + 1)], None)
    assert counts.total == (1 << 61) + 1
    tokenizer = train_bpe(counts, 257)
    assert tokenizer.merges == [(b"c", b"d")]


def test_damaged_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "counts"
    count_pretokens(TEXTS, "gpt2").save(path)
    data = path.read_bytes()
    for damaged in (
        b"",
        b"something else",
        data[:-1],
        data[: len(data) // 2],
        data + b"x",
        data[:60] + b"!" + data[61:],
    ):
        path.write_bytes(damaged)
        for mmap in (True, False) if damaged else (False,):
            with pytest.raises(VocabularyError, match="counts: "):
                PretokenCounts.load(path, mmap=mmap)
    with pytest.raises(FileNotFoundError):
        PretokenCounts.load(tmp_path / "nothing")
    with pytest.raises(OSError, match=r"No such file|not found"):
        count_pretokens(TEXTS, "gpt2").save(tmp_path / "no folder" / "counts")


def test_counting_refuses_what_is_no_text() -> None:
    with pytest.raises(TypeError, match="iterable of str or bytes"):
        count_pretokens("one text", "gpt2")
    with pytest.raises(TypeError, match="text must be str or bytes"):
        count_pretokens([1], "gpt2")  # type: ignore[list-item]
    with pytest.raises(InvalidTextError, match="lone surrogate"):
        count_pretokens(["\ud800"], "gpt2")


def test_bytes_that_are_no_text_are_pieces() -> None:
    assert dict(count_pretokens([b"ab\xff\xfe cd"], "gpt2").most_common()) == {b"ab": 1, b"\xff\xfe": 1, b" cd": 1}


def test_texts_are_told_as_they_are_counted() -> None:
    told: list[tuple[int, int]] = []
    count_pretokens(TEXTS, "gpt2", advance=lambda number, size: told.append((number, size)))
    assert told == [(len(TEXTS), sum(len(text.encode()) for text in TEXTS))]


# --- files --------------------------------------------------------------------------------------------------------


def test_files_of_all_kinds_give_their_texts(tmp_path: Path) -> None:
    records = "".join(json.dumps({"text": text, "id": 1}) + "\n" for text in TEXTS)
    (tmp_path / "a.jsonl").write_text(records + "\n")
    with gzip.open(tmp_path / "b.jsonl.gz", "wt") as file:
        file.write(records)
    (tmp_path / "c.txt").write_text("one\ntwo\n")
    assert list(read_texts([tmp_path / "a.jsonl", tmp_path / "b.jsonl.gz"])) == TEXTS * 2
    assert list(read_texts([tmp_path / "c.txt"], documents="line")) == [b"one\n", b"two\n"]
    assert list(read_texts([tmp_path / "c.txt"])) == [b"one\ntwo\n"]
    again = FileTexts([tmp_path / "a.jsonl"])
    assert list(again) == list(again) == TEXTS


def test_zstd_files(tmp_path: Path) -> None:
    zstandard = pytest.importorskip("zstandard", reason="zstandard is not installed")
    packed = zstandard.compress(b"some text\n" * 100)
    (tmp_path / "a.txt.zst").write_bytes(packed)
    assert b"".join(read_texts([tmp_path / "a.txt.zst"])) == b"some text\n" * 100  # type: ignore[arg-type]
    (tmp_path / "b.txt.zst").write_bytes(b"no zstd")
    with pytest.raises(InvalidTextError, match="not a complete zstd file"):
        list(read_texts([tmp_path / "b.txt.zst"]))


def test_parquet_files(tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    parquet = pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed")
    path = tmp_path / "a.parquet"
    parquet.write_table(pyarrow.table({"text": [*TEXTS, None], "n": list(range(len(TEXTS) + 1))}), path)
    assert list(read_texts([path])) == TEXTS
    with pytest.raises(InvalidTextError, match="no column 'body'; there are text, n"):
        list(read_texts([path], field="body"))
    with pytest.raises(InvalidTextError, match="holds int"):
        list(read_texts([path], field="n"))
    path.write_bytes(path.read_bytes()[:50])
    with pytest.raises(InvalidTextError, match="not a complete Parquet file"):
        list(read_texts([path]))


@pytest.mark.parametrize("pattern", ["gpt2", "o200k_base", "cl100k_base", "qwen2"])
def test_blocks_of_a_file_have_the_pieces_of_the_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pattern: str
) -> None:
    monkeypatch.setattr("tokengrove.training.files.BLOCK", 1000)
    text = "".join(f"word{n} is {n * n}.\n\n  - indented, it's\n{'x' * (n % 9)}\n" for n in range(400))
    (tmp_path / "a.txt").write_text(text)
    blocks = list(read_texts([tmp_path / "a.txt"]))
    assert len(blocks) > 5
    assert b"".join(blocks) == text.encode()  # type: ignore[arg-type]
    assert count_pretokens(blocks, pattern) == count_pretokens([text], pattern)


def test_broken_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"text": "fine"}\n{"text": 1}\n')
    with pytest.raises(InvalidTextError, match=r"a\.jsonl, line 2: field 'text' is int"):
        list(read_texts([tmp_path / "a.jsonl"]))
    (tmp_path / "b.jsonl").write_text('{"other": "x"}\n')
    with pytest.raises(InvalidTextError, match="line 1: no JSON object with a field 'text'"):
        list(read_texts([tmp_path / "b.jsonl"]))
    (tmp_path / "c.txt.gz").write_bytes(gzip.compress(b"text" * 1000)[:-10])
    with pytest.raises(InvalidTextError, match="not a complete gzip file"):
        list(read_texts([tmp_path / "c.txt.gz"]))
    with pytest.raises(FileNotFoundError):
        list(read_texts([tmp_path / "nothing.txt"]))


def test_a_full_disk_leaves_the_counts_there_were(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "counts"
    counts = count_pretokens(TEXTS, "gpt2")
    counts.save(path)

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("tokengrove._replace.os.fsync", full)
    with pytest.raises(OSError, match=r"No space left on device: '.*counts'"):
        counts.merge(counts).save(path)
    monkeypatch.undo()
    assert PretokenCounts.load(path) == counts
    assert [file.name for file in tmp_path.iterdir()] == ["counts"]


def test_counts_are_not_written_over_a_folder(tmp_path: Path) -> None:
    with pytest.raises(InvalidArgumentError, match="is something else"):
        count_pretokens(["a text"], pattern="gpt2").save(tmp_path)
    assert tmp_path.is_dir()
