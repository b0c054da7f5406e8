"""Threads and signals: the same ids however many threads there are, and long work stops on Ctrl-C."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator

import numpy as np
import pytest

import tokengrove
from support.data import small_ranks
from tokengrove import Tokenizer

TOKENIZER = Tokenizer.from_tiktoken(small_ranks(), pattern="o200k_base", special_tokens={"<|end|>": 9000})
PARAGRAPH = "The tests of tales and shells: 1234567, né\r\n\r\n\t東京 <|end|>  \U0001f600's tattoo\n"


@pytest.fixture(params=[1, 2, 3])
def threads(request: pytest.FixtureRequest) -> Iterator[int]:
    tokengrove.set_num_threads(request.param)
    yield request.param
    tokengrove.set_num_threads(None)


@pytest.mark.parametrize("allowed", [(), "all"])
@pytest.mark.parametrize(
    "text",
    [PARAGRAPH * 12_000, "a" * 1_000_000, " " * 700_000 + "x", "東京" * 200_000, "\n" * 300_000, "ab " * 200_000],
    ids=["mixed", "letter", "blanks", "cjk", "lines", "words"],
)
def test_one_long_text_gives_the_same_ids_on_any_number_of_threads(threads: int, text: str, allowed: str) -> None:
    ids = TOKENIZER.encode(text, allowed_special=allowed)
    small = [TOKENIZER.encode(text[:5000], allowed_special=allowed), TOKENIZER.encode(text[:9000])]
    assert TOKENIZER.decode_bytes(ids) == text.encode()
    assert ids.dtype == np.uint32
    assert TOKENIZER.count(text, allowed_special=allowed) == len(ids)
    assert np.array_equal(ids[: len(small[0]) - 20], small[0][:-20])
    tokengrove.set_num_threads(1)
    assert np.array_equal(ids, TOKENIZER.encode(text, allowed_special=allowed))
    # `bytes` that are UTF-8 are text; as text of a batch, beside short ones, nothing changes either.
    assert np.array_equal(ids, TOKENIZER.encode(text.encode(), allowed_special=allowed))
    batch = TOKENIZER.encode_batch(["a", text, "", text.encode() + b"\xff", "b"], allowed_special=allowed)
    assert np.array_equal(batch[1], ids)
    assert TOKENIZER.decode_bytes(batch[3]) == text.encode() + b"\xff"
    assert [batch[i].tolist() for i in (0, 2, 4)] == [[97], [], [98]]


def test_batches_of_every_shape(threads: int) -> None:
    shapes = [[], [""], [""] * 100_000, ["a"] * 100_000, [PARAGRAPH] * 5000, [PARAGRAPH * n for n in range(200)]]
    for texts in shapes:
        batch = TOKENIZER.encode_batch(texts)
        assert len(batch) == len(texts)
        assert TOKENIZER.count_batch(texts).tolist() == batch.lengths.tolist()
        assert TOKENIZER.decode(batch.ids) == "".join(texts)
        for at in range(0, len(texts), max(1, len(texts) // 50)):
            assert np.array_equal(batch[at], TOKENIZER.encode(texts[at]))


def test_an_iterator_is_a_batch() -> None:
    assert TOKENIZER.encode_batch(iter(["a", "b"])).to_lists() == [[97], [98]]
    assert TOKENIZER.encode_batch(str(i) for i in range(3)).to_lists() == [[48], [49], [50]]


def test_number_of_threads() -> None:
    before = tokengrove.get_num_threads()
    assert before >= 1
    tokengrove.set_num_threads(7)
    assert tokengrove.get_num_threads() == 7
    tokengrove.set_num_threads(None)
    assert tokengrove.get_num_threads() == before


def run_python(code: str, **environment: str) -> str:
    return subprocess.run(
        [sys.executable, "-c", code],
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
        env=os.environ | environment,
    ).stdout.strip()


def test_number_of_threads_from_the_environment() -> None:
    code = "import tokengrove; print(tokengrove.get_num_threads())"
    assert run_python(code, TOKENGROVE_NUM_THREADS="3") == "3"
    refused = (
        "import tokengrove\n"
        "try: tokengrove.get_num_threads()\n"
        "except tokengrove.InvalidArgumentError as error: print(error)"
    )
    assert "many" in run_python(refused, TOKENGROVE_NUM_THREADS="many")


def test_a_multiprocessing_worker_uses_one_thread_unless_told() -> None:
    code = (
        "import multiprocessing, tokengrove\n"
        "if __name__ == '__main__':\n"
        "    with multiprocessing.get_context('spawn').Pool(1) as pool: print(pool.apply(tokengrove.get_num_threads))"
    )
    assert run_python(code) == "1"
    assert run_python(code, TOKENGROVE_NUM_THREADS="2") == "2"


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="no interval timer on this platform")
def test_signals_are_handled_during_long_work(threads: int) -> None:
    """A handler runs between two Python instructions, so more than once in a call only if the call asks for it."""
    text = PARAGRAPH * 200_000
    texts = [PARAGRAPH] * 200_000
    calls: list[int] = []
    works: list[Callable[[], object]] = [
        lambda: TOKENIZER.encode(text),
        lambda: TOKENIZER.count(text),
        lambda: TOKENIZER.encode_batch(texts),
        lambda: TOKENIZER.count_batch(texts),
    ]
    for work in works:
        calls.clear()
        before = signal.signal(signal.SIGALRM, lambda number, frame: calls.append(number))
        signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
        try:
            work()
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)
        assert len(calls) > 3


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="no interval timer on this platform")
def test_ctrl_c_stops_long_work_and_the_tokenizer_stays_usable(threads: int) -> None:
    def interrupt(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    text = PARAGRAPH * 200_000
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.01)
        with pytest.raises(KeyboardInterrupt):
            TOKENIZER.encode(text)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert TOKENIZER.decode(TOKENIZER.encode(PARAGRAPH)) == PARAGRAPH
