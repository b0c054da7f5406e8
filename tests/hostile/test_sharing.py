"""One tokenizer in many threads, after a fork, and in a spawned process gives what it gives alone."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
import sys
import threading
import time
import warnings
from typing import Any

import numpy as np
import pytest

import tokengrove
from support.data import corpus, rank_file, small_ranks
from support.workers import INHERITED, encode_in_child, encode_inherited
from tokengrove import Tokenizer

SMALL_TEXTS = [
    "the tests that do not need a file",
    "",
    "a" * 5000,
    " ".join(str(n) for n in range(3000)),
    "\u6771\u4eac \U0001f600 caf\u00e9\r\n\t mixed \0 text " * 50,
]


@pytest.fixture(scope="module")
def small() -> Tokenizer:
    return Tokenizer.from_tiktoken(small_ranks(), pattern="gpt2")


def run_threads(count: int, work: Any) -> list[BaseException]:
    """Starts all threads at one moment; gives what they raised."""
    barrier, errors = threading.Barrier(count), []

    def body(index: int) -> None:
        try:
            barrier.wait()
            work(index)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=body, args=(index,)) for index in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return errors


def test_threads_sharing_one_tokenizer_agree_with_one_thread(small: Tokenizer) -> None:
    expected = [small.encode_list(text) for text in SMALL_TEXTS]

    def work(index: int) -> None:
        for turn in range(30):
            at = (index + turn) % len(SMALL_TEXTS)
            ids = small.encode(SMALL_TEXTS[at])
            assert ids.tolist() == expected[at]
            assert small.decode(ids) == SMALL_TEXTS[at]
            assert small.count(SMALL_TEXTS[at]) == len(expected[at])

    assert run_threads(8, work) == []


def test_batches_from_several_threads_agree(small: Tokenizer) -> None:
    texts = SMALL_TEXTS * 20
    expected = [small.encode_list(text) for text in texts]

    def work(_: int) -> None:
        for _ in range(3):
            assert small.encode_batch(texts).to_lists() == expected

    assert run_threads(4, work) == []


def test_thread_count_changes_nothing_but_speed(small: Tokenizer) -> None:
    before = tokengrove.get_num_threads()
    texts = SMALL_TEXTS * 20
    try:
        results = []
        for count in (1, 2, 5):
            tokengrove.set_num_threads(count)
            assert tokengrove.get_num_threads() == count
            results.append(small.encode_batch(texts).to_lists())
    finally:
        tokengrove.set_num_threads(before)
    assert results[0] == results[1] == results[2] == [small.encode_list(text) for text in texts]


def test_a_real_vocabulary_shared_by_threads() -> None:
    """Threads that each meet new text fill caches side by side; every one must still see the serial result."""
    tokenizer = Tokenizer.from_tiktoken(rank_file("o200k_base"), pattern="o200k_base")
    text = corpus("multilingual.txt")[:400_000]
    parts = [text[at : at + 20_000] for at in range(0, len(text), 20_000)]
    alone = Tokenizer.from_tiktoken(rank_file("o200k_base"), pattern="o200k_base")
    expected = [alone.encode(part) for part in parts]

    def work(index: int) -> None:
        for turn in range(len(parts)):
            at = (turn * 7 + index) % len(parts)
            assert np.array_equal(tokenizer.encode(parts[at]), expected[at])

    assert run_threads(4, work) == []
    assert tokenizer.encode_batch(parts).to_lists() == [ids.tolist() for ids in expected]


@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_pickled_tokenizer_in_a_new_process(method: str, small: Tokenizer) -> None:
    if method not in multiprocessing.get_all_start_methods():
        pytest.skip(f"{method} is not available on this platform")
    with multiprocessing.get_context(method).Pool(2) as pool:
        results = pool.map(encode_in_child, [(pickle.dumps(small), SMALL_TEXTS)] * 2)
    assert results == [[small.encode_list(text) for text in SMALL_TEXTS]] * 2


@pytest.mark.skipif(sys.platform == "win32", reason="no fork on Windows")
@pytest.mark.timeout(60)
def test_inherited_tokenizer_after_a_fork(small: Tokenizer) -> None:
    """As a DataLoader worker uses it: the parent has used its thread pool, then forks."""
    texts = SMALL_TEXTS * 4
    small.encode_batch(texts)
    INHERITED[:] = [small]
    with warnings.catch_warnings():
        # Python 3.12 and later warn of any fork in a process that has threads; here that is the point.
        warnings.simplefilter("ignore", DeprecationWarning)
        with multiprocessing.get_context("fork").Pool(2) as pool:
            results = pool.map(encode_inherited, [texts] * 3)
    assert results == [[small.encode_list(text) for text in texts] * 2] * 3


def wait_for(child: int, seconds: float) -> int | None:
    """The exit code of a child process; None, after it is killed, if it does not end in time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.01)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return None


@pytest.mark.skipif(sys.platform == "win32", reason="no fork on Windows")
@pytest.mark.parametrize("threads", [1, 3])
def test_a_fork_keeps_the_number_of_threads_and_makes_its_own(threads: int, small: Tokenizer) -> None:
    """The parent's threads do not live in the child: waiting for them would take forever."""
    texts = [*SMALL_TEXTS * 4, "a long text, cut at safe places. " * 40_000]
    tokengrove.set_num_threads(threads)
    try:
        expected = small.encode_batch(texts).to_lists()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            child = os.fork()
        if child == 0:
            code = 1
            try:
                alike = (
                    small.encode_batch(texts).to_lists() == expected and small.encode_list(texts[-1]) == expected[-1]
                )
                code = 0 if alike and tokengrove.get_num_threads() == threads else 2
            finally:
                os._exit(code)
        assert wait_for(child, 30) == 0
        # The child's end leaves the parent's threads as they were.
        assert small.encode_batch(texts).to_lists() == expected
    finally:
        tokengrove.set_num_threads(None)


def test_fork_while_other_threads_encode(small: Tokenizer) -> None:
    """A fork may come at any moment; the child has only the thread that forked, and must not wait for another."""
    if sys.platform == "win32":
        pytest.skip("no fork on Windows")
    INHERITED[:] = [small]
    stop = threading.Event()

    def keep_busy() -> None:
        while not stop.is_set():
            small.encode_batch(SMALL_TEXTS)

    threads = [threading.Thread(target=keep_busy) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            for _ in range(5):
                process = multiprocessing.get_context("fork").Process(target=encode_inherited, args=(SMALL_TEXTS,))
                process.start()
                process.join(timeout=20)
                hung = process.is_alive()
                if hung:
                    process.kill()
                assert not hung
                assert process.exitcode == 0
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def test_threads_collected_with_their_tokenizers() -> None:
    """Tokenizers made and dropped in many threads at once."""

    def work(_: int) -> None:
        for _ in range(5):
            tokenizer = Tokenizer.from_tiktoken(small_ranks(), pattern="gpt2")
            assert tokenizer.decode(tokenizer.encode(SMALL_TEXTS[0])) == SMALL_TEXTS[0]

    assert run_threads(6, work) == []
