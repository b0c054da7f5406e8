"""One measuring process: reads a job as JSON from standard input, writes results as lines to standard output.

``python -m harness.worker``. Each line of results starts with :data:`MARK`, because libraries print too.
"""

from __future__ import annotations

import gc
import hashlib
import importlib
import json
import os
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from harness.peers import PEERS, REFERENCE, Encoder, Peer, flat
from harness.records import Sample, Timing
from harness.texts import documents
from harness.vocabularies import Vocabulary

MARK = "\x1eresult "
# What a library does on its first call counts as loading; in several scripts, so that tables are touched.
_WARM_UP = "Warm-up: 1 é, ж, 漢字.\n"


@dataclass(frozen=True)
class Job:
    """What one process shall do.

    Attributes:
        action: ``time``, ``verify`` or ``memory``.
        peer: The peer's name.
        vocabulary: Its name.
        ranks: Its rank file.
        home: Where peers find it.
        items: Pairs of a text's path and a shape; ``time`` takes one, ``memory`` only the paths.
        operation: ``encode``, ``decode`` or ``count``.
        threads: The number of threads.
        cpus: The cores that the process may use, or none for all.
        repeats: The most repeated passes.
        seconds: Repeated passes stop after this time.
        volume: How many bytes ``memory`` encodes before each reading.
    """

    action: str
    peer: str
    vocabulary: str
    ranks: str
    home: str
    items: list[tuple[str, str]]
    operation: str = "encode"
    threads: int = 1
    cpus: tuple[int, ...] = ()
    repeats: int = 0
    seconds: float = 0.4
    volume: int = 100_000_000


class Stopwatch:
    """Processor time of all threads, and time on the clock, since construction."""

    def __init__(self) -> None:
        self._wall = time.perf_counter()
        self._cpu = time.process_time()

    def read(self) -> Timing:
        """Give the time so far."""
        return Timing(cpu=time.process_time() - self._cpu, wall=time.perf_counter() - self._wall)


def digest(ids: Any) -> str:
    """Hash ids, or a text, so that two processes can compare them."""
    data = ids.encode("utf-8", "surrogatepass") if isinstance(ids, str) else flat(ids).tobytes()
    return hashlib.blake2b(data, digest_size=16).hexdigest()


def report(**content: Any) -> None:
    """Write one result."""
    print(MARK + json.dumps(content), flush=True)


def read_text(path: str) -> str:
    """Read a text as it is, without translating line ends."""
    return Path(path).read_bytes().decode("utf-8")


def operation(job: Job, encoder: Encoder, shape: str) -> Callable[[Any], Any] | None:
    """Give the function to time, or None if the peer has none."""
    if job.operation == "decode":
        return encoder.decode
    if job.operation == "count":
        return encoder.count
    return {"big": encoder.encode, "docs": encoder.encode_documents, "batch": encoder.batch}[shape]


def _argument(job: Job, encoder: Encoder, text: str, shape: str) -> Any:
    if job.operation == "decode":
        ids = flat(encoder.encode(text))
        return ids if encoder.decodes == "array" else ids.tolist()
    return text if shape == "big" else documents(text)


def load(job: Job, peer: Peer) -> tuple[Encoder, Timing, Timing]:
    """Import a library and load the vocabulary.

    Returns:
        The encoder, the time of the import, and the time of loading with a first small call.
    """
    watch = Stopwatch()
    library = peer.load_library()
    imported = watch.read()
    watch = Stopwatch()
    encoder = peer.load(library, Vocabulary(job.vocabulary, Path(job.ranks), Path(job.home)), job.threads)
    for _, shape in job.items:
        call = operation(job, encoder, shape or "big")
        if call is not None:
            call(_argument(job, encoder, _WARM_UP, shape or "big"))
    return encoder, imported, watch.read()


def run_timing(job: Job, peer: Peer) -> None:
    """Time a first pass and repeated passes over one text, and say what came out."""
    path, shape = job.items[0]
    text = read_text(path)
    encoder, imported, loaded = load(job, peer)
    call = operation(job, encoder, shape)
    if call is None:
        report(unsupported=f"no {shape if job.operation == 'encode' else job.operation}")
        return
    argument = _argument(job, encoder, text, shape)
    gc.collect()
    gc.disable()
    watch = Stopwatch()
    first_output = call(argument)
    first = watch.read()
    repeated: list[Timing] = []
    last_output = first_output
    spent = first.wall
    while len(repeated) < job.repeats and (spent < job.seconds or not repeated):
        last_output = None
        watch = Stopwatch()
        last_output = call(argument)
        repeated.append(watch.read())
        spent += repeated[-1].wall
    if job.operation == "count":
        outcome = {"tokens": int(first_output), "digest": "" if last_output == first_output else "differs"}
    else:
        digests = {digest(first_output), digest(last_output)}
        tokens = 0 if job.operation == "decode" else len(flat(first_output))
        outcome = {"tokens": tokens, "digest": digests.pop() if len(digests) == 1 else "first and repeated differ"}
    report(sample=asdict(Sample(imported, loaded, first, repeated)), **outcome)


def run_verification(job: Job, peer: Peer) -> None:
    """Encode every text in every shape, and give hashes of the ids; one line each, so that a crash loses one only."""
    encoder, _, _ = load(job, peer)
    for path, shape in job.items:
        text = read_text(path)
        call = operation(job, encoder, shape)
        if call is None:
            report(path=path, shape=shape, unsupported=f"no {shape}")
            continue
        try:
            ids = call(_argument(job, encoder, text, shape))
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:  # a Rust panic is not an Exception
            if job.peer != REFERENCE:
                report(path=path, shape=shape, error=_describe(error))
                continue
            ids = _reference_by_pieces(job.vocabulary, text)
        report(path=path, shape=shape, digest=digest(ids), tokens=len(flat(ids)))


def _reference_by_pieces(vocabulary: str, text: str) -> list[int]:
    """What tiktoken's merging makes of pieces that `regex` splits, for texts on which tiktoken's splitting fails."""
    encoding = importlib.import_module("tiktoken").get_encoding(vocabulary)
    pieces = importlib.import_module("regex").finditer(encoding._pat_str, text)
    return [
        token for piece in pieces for token in encoding._core_bpe.encode_single_piece(piece.group().encode("utf-8"))
    ]


def _describe(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}".splitlines()[0][:200]


def resident() -> int:
    """Give the resident memory of this process in bytes."""
    rollup = Path("/proc/self/smaps_rollup")
    if rollup.is_file():
        for line in rollup.read_text().splitlines():
            if line.startswith("Rss:"):
                return int(line.split()[1]) * 1024
    return int(importlib.import_module("psutil").Process().memory_info().rss)


def run_memory(job: Job, peer: Peer) -> None:
    """Read the resident memory after loading, after encoding much, and after encoding as much again."""
    np.zeros(1).sum()
    gc.collect()
    before = resident()
    encoder, _, _ = load(job, peer)
    gc.collect()
    readings = [resident() - before]
    for _ in range(2):
        _encode_much(job, encoder)
        gc.collect()
        readings.append(resident() - before)
    report(loaded=readings[0], after=readings[1], later=readings[2])


def _encode_much(job: Job, encoder: Encoder) -> None:
    """Encode the texts in turn, in parts of at most 1 MB that are freed at once, until the volume is reached."""
    done = 0
    while True:
        for path, _ in job.items:
            with Path(path).open(encoding="utf-8", newline="") as file:
                while part := file.read(250_000):
                    if encoder.batch is not None and job.threads > 1:
                        encoder.batch(documents(part))
                    else:
                        encoder.encode(part)
                    done += len(part.encode("utf-8"))
                    if done >= job.volume:
                        return


def main() -> None:
    """Do the job on standard input."""
    content = json.load(sys.stdin)
    job = Job(**{**content, "items": [tuple(item) for item in content["items"]], "cpus": tuple(content["cpus"])})
    if job.cpus and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, job.cpus)
    actions = {"time": run_timing, "verify": run_verification, "memory": run_memory}
    try:
        actions[job.action](job, PEERS[job.peer])
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:
        report(error=_describe(error))


if __name__ == "__main__":
    main()
