"""Starts measuring processes, one at a time, with the threads and cores they may use."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from harness.peers import Peer
from harness.vocabularies import Vocabulary
from harness.worker import MARK, Job

_HARNESS_HOME = Path(__file__).resolve().parents[1]
_SINGLE_THREAD_VARIABLES = (
    "RAYON_NUM_THREADS",
    "TOKENGROVE_NUM_THREADS",
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
)


def cores() -> list[int]:
    """The cores this process may use; empty where the system does not say."""
    return sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []


def pinned(threads: int) -> tuple[int, ...]:
    """The last cores, as many as threads: the first one tends to serve interrupts."""
    return tuple(cores()[-threads:])


def run(job: Job, vocabulary: Vocabulary, timeout: float) -> list[dict[str, Any]]:
    """Run one job in a fresh process.

    Args:
        job: What to do.
        vocabulary: Names the folders that peers read.
        timeout: Seconds until the process is ended.

    Returns:
        The results that the process wrote. If it crashed or ran out of time, the last one is ``{"crashed": why}``.
    """
    environment = {
        **os.environ,
        **vocabulary.environment(),
        **dict.fromkeys(_SINGLE_THREAD_VARIABLES, str(job.threads)),
        "TOKENIZERS_PARALLELISM": "true" if job.threads > 1 else "false",
        "HF_HUB_OFFLINE": "1",
        "PYTHONHASHSEED": "0",
        "PYTHONPATH": os.pathsep.join(filter(None, [str(_HARNESS_HOME), os.environ.get("PYTHONPATH", "")])),
    }
    crashed = ""
    try:
        done = subprocess.run(
            [sys.executable, "-m", "harness.worker"],
            input=json.dumps(asdict(job)),
            capture_output=True,
            text=True,
            encoding="utf-8",
            errors="replace",
            env=environment,
            timeout=timeout,
            check=False,
        )
        output = done.stdout
        if done.returncode != 0:
            last = done.stderr.strip().splitlines()[-1:] or ["no message"]
            crashed = f"exit status {done.returncode}: {last[0][:200]}"
    except subprocess.TimeoutExpired as error:
        written: str | bytes = error.stdout or b""  # bytes on POSIX whatever `text` says
        output = written.decode("utf-8", "replace") if isinstance(written, bytes) else written
        crashed = f"no result within {timeout:.0f} s"
    results = [json.loads(line.removeprefix(MARK)) for line in output.split("\n") if line.startswith(MARK)]
    return [*results, {"crashed": crashed}] if crashed else results


def job(
    action: str, peer: Peer, vocabulary: Vocabulary, items: list[tuple[Path, str]], threads: int = 1, **more: Any
) -> Job:
    """Make a job; see :class:`harness.worker.Job` for the fields."""
    return Job(
        action=action,
        peer=peer.name,
        vocabulary=vocabulary.name,
        ranks=str(vocabulary.ranks),
        home=str(vocabulary.home),
        items=[(str(path), shape) for path, shape in items],
        threads=threads,
        cpus=pinned(threads),
        **more,
    )
