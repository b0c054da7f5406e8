"""Training at size: 100 MB as the reference learns it, and millions of distinct pieces in bounded memory."""

from __future__ import annotations

import json
import site
import subprocess
import sys
import sysconfig
import textwrap
import time
from pathlib import Path

import pytest

import tokengrove
from support.data import data_file
from support.soak import report
from tokengrove.training import count_pretokens, train_bpe


def mixed_text(size: int) -> list[str]:
    """The corpora, then Python sources of this machine, in documents of some kilobytes that end with a line."""
    names = ("english", "multilingual", "cjk", "json_log", "chat_md")
    parts = [data_file(f"corpora/{name}.txt").read_bytes() for name in names]
    folders = [Path(sysconfig.get_paths()["stdlib"]), *map(Path, site.getsitepackages())]
    for source in (source for folder in folders for source in sorted(folder.rglob("*.py"))):
        if sum(map(len, parts)) >= size:
            break
        parts.append(source.read_bytes())
    text = b"".join(parts)[:size].decode(errors="ignore")
    documents = []
    at = 0
    while at < len(text):
        end = text.find("\n", at + 8000) + 1 or len(text)
        documents.append(text[at:end])
        at = end
    return documents


@pytest.mark.soak
def test_a_hundred_megabytes_give_the_merges_of_tokenizers() -> None:
    tokenizers = pytest.importorskip("tokenizers", reason="tokenizers, the reference, is not installed")
    from tokenizers import models, pre_tokenizers, trainers

    texts = mixed_text(100_000_000)
    reference = tokenizers.Tokenizer(models.BPE())
    reference.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=32_000, show_progress=False, initial_alphabet=alphabet)
    reference.train_from_iterator(texts, trainer)
    theirs = json.loads(reference.to_str())["model"]
    cut = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    ours = train_bpe(texts, 32_000, cut)
    model = json.loads(ours.to_json())["model"]
    assert [list(merge) for merge in model["merges"]] == [list(merge) for merge in theirs["merges"]]
    assert model["vocab"] == theirs["vocab"]
    shards = [count_pretokens(texts[shard::5], cut) for shard in range(5)]
    assert train_bpe(shards[0].merge(*shards[1:]), 32_000) == ours
    seconds = {}
    for threads in (1, 2):
        tokengrove.set_num_threads(threads)
        begun = time.monotonic()
        assert train_bpe(texts, 32_000, cut) == ours
        seconds[threads] = round(time.monotonic() - begun, 2)
    tokengrove.set_num_threads(None)
    size = sum(len(text.encode()) for text in texts)
    report("train-100-mb", bytes=size, merges=len(ours.merges), same_as_tokenizers=True, seconds_by_threads=seconds)


@pytest.mark.soak
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the peak of the memory is read from /proc")
def test_two_gigabytes_of_five_million_pieces_fit_eight_gigabytes() -> None:
    code = """
        import json
        from pathlib import Path
        import numpy as np
        from tokengrove.training import count_pretokens, train_bpe

        rng = np.random.default_rng(1)
        letters = np.frombuffer(b"etaoinshrdlucmfwypvbgkjqxz", np.uint8)
        words = letters[(26 * rng.random((5_600_000, 9)) ** 1.5).astype(np.uint8)]
        words[:, 0] = ord(" ")

        def texts():
            for block in np.array_split(words, 20):
                yield block.tobytes()
            for _ in range(100):
                yield words[(len(words) * rng.random(2_200_000) ** 3).astype(np.int64)].tobytes()

        counts = count_pretokens(texts(), "gpt2")
        tokenizer = train_bpe(counts, 32_000)
        status = Path("/proc/self/status").read_text()
        peak = next(int(line.split()[1]) << 10 for line in status.splitlines() if line.startswith("VmHWM"))
        print(json.dumps([len(counts), counts.total_bytes, tokenizer.vocab_size, peak]))
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=True)
    distinct, size, vocabulary, peak = json.loads(done.stdout)
    assert distinct >= 5_000_000
    assert size >= 2_000_000_000
    assert vocabulary == 32_000
    assert peak <= 8 << 30
    report("train-2-gb", distinct_pieces=distinct, bytes=size, vocab_size=vocabulary, peak_bytes=peak)
