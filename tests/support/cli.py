"""Running the command line: in a process of its own, or, where nothing of the process matters, in this one."""

from __future__ import annotations

import contextlib
import io
import os
import subprocess
import sys
from pathlib import Path
from unittest import mock

from tokengrove.cli import main

PLAIN_ENVIRONMENT = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "FORCE_COLOR", "COLUMNS")}


def run(
    *arguments: str | Path,
    stdin: bytes = b"",
    code: int = 0,
    cwd: Path | None = None,
    environment: dict[str, str] | None = None,
) -> subprocess.CompletedProcess[bytes]:
    """Run ``tokengrove`` and check its exit code, and that no traceback was written."""
    result = subprocess.run(
        [sys.executable, "-m", "tokengrove", *map(str, arguments)],
        input=stdin,
        capture_output=True,
        cwd=cwd,
        env=PLAIN_ENVIRONMENT | (environment or {}),
        timeout=100,
    )
    errors = result.stderr.decode("utf-8", "replace")
    assert result.returncode == code, errors
    assert "Traceback" not in errors, errors
    return result


def call(*arguments: str | Path, stdin: bytes = b"", code: int = 0) -> subprocess.CompletedProcess[bytes]:
    """As `run`, in this process: a tenth of the time."""
    streams = [io.TextIOWrapper(io.BytesIO(data), encoding="utf-8", newline="\n") for data in (stdin, b"", b"")]
    with (
        mock.patch.object(sys, "stdin", streams[0]),
        contextlib.redirect_stdout(streams[1]),
        contextlib.redirect_stderr(streams[2]),
    ):
        try:
            returned = main([*map(str, arguments)])
        except SystemExit as exit:  # how argparse ends
            returned = int(exit.code or 0)
    for stream in streams:
        stream.flush()
    _, output, errors = (stream.buffer.getvalue() for stream in streams)
    assert returned == code, errors.decode("utf-8", "replace")
    return subprocess.CompletedProcess(list(arguments), returned, output, errors)


def error(*arguments: str | Path, stdin: bytes = b"", code: int = 1) -> str:
    """Call ``tokengrove``, which should fail with one line on stderr; give that line."""
    text = call(*arguments, stdin=stdin, code=code).stderr.decode("utf-8", "replace")
    assert text.count("\n") == 1, text
    assert text.startswith("tokengrove: "), text
    return text
