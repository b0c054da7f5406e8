"""What every command owes the shell: help with working examples, exit codes, pipes that close, Ctrl-C, progress."""

from __future__ import annotations

import argparse
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from support.cli import PLAIN_ENVIRONMENT, run
from tokengrove.cli.main import build_parser

PARSERS = {
    name: parser
    for action in build_parser()._actions
    if isinstance(action, argparse._SubParsersAction)
    for name, parser in action.choices.items()
}
NAMES = sorted(PARSERS)
POSIX = pytest.mark.skipif(os.name != "posix", reason="needs a POSIX shell")


def command_line(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "tokengrove", *arguments]


def test_help_fits_a_terminal() -> None:
    shown = run("--help", environment={"COLUMNS": "100"}).stdout.decode()
    assert all(re.search(rf"^ +{name}( |$)", shown, re.MULTILINE) for name in NAMES)
    assert run(code=2).stderr.decode().startswith("usage: tokengrove")
    assert run("--version").stdout.decode().startswith("tokengrove ")


@pytest.mark.parametrize("name", NAMES)
def test_help_of_each_command(name: str) -> None:
    lines = run(name, "--help", environment={"COLUMNS": "100"}).stdout.decode().splitlines()
    assert max(map(len, lines)) <= 100
    assert "example:" in lines


ROOT = Path(__file__).resolve().parents[3]


def examples() -> list[str]:
    """The lines below "example:" in every epilog."""
    epilogs = [build_parser().epilog, *(parser.epilog for parser in PARSERS.values())]
    found = [line.strip() for epilog in epilogs for line in (epilog or "").partition("example:\n")[2].splitlines()]
    assert len(found) >= 1 + len(PARSERS)
    return found


@POSIX
@pytest.mark.parametrize("example", examples())
def test_examples_in_help_work(example: str, tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("# A file\n\nWith some words in it.\n")
    assert shell(example, tmp_path)


def shell(script: str, folder: Path) -> bytes:
    """Run a script in which ``tokengrove`` is this package's command; give its output."""
    if "--against tiktoken" in script:
        pytest.importorskip("tiktoken")
    if re.search(r"tokengrove (next-byte|score|demo bytes)", script):
        forward = pytest.importorskip("tokengrove.forward", reason="a model needs torch")
        if not hasattr(forward, "default_model"):
            pytest.skip("no model is part of this build")
    program = folder / "tokengrove"
    program.write_text(f'#!/bin/sh\nexec {shlex.join(command_line())} "$@"\n')
    program.chmod(0o755)
    environment = PLAIN_ENVIRONMENT | {"PATH": f"{folder}:{os.environ['PATH']}"}
    command = ["sh", "-e", "-c", script]
    result = subprocess.run(command, cwd=folder, env=environment, capture_output=True, timeout=100)
    assert result.returncode == 0, result.stderr.decode()
    return result.stdout


@POSIX
@pytest.mark.parametrize(
    "script", re.findall(r"```sh\n(.*?)```", (ROOT / "docs/command_line.md").read_text(encoding="utf-8"), re.DOTALL)
)
def test_examples_in_the_documentation_work(script: str, tmp_path: Path, rank_file: Path) -> None:
    (tmp_path / "notes.txt").write_text("Some notes,\non two lines.\n")
    (tmp_path / "texts.jsonl").write_text('{"text": "one"}\n{"text": "two"}\n')
    shutil.copy(rank_file, tmp_path)
    assert shell(script, tmp_path)


@POSIX
@pytest.mark.parametrize("arguments", [("encode", "--lines"), ("encode",), ("encode", "-f", "npy"), ("decode",)])
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_closed_pipe_is_no_error(arguments: tuple[str, ...], unbuffered: str, tmp_path: Path) -> None:
    """Unbuffered, Python's own stream would write a part of a long text, and report nothing."""
    lines = tmp_path / "lines.txt"
    lines.write_bytes(b"1 2 3 4 5 6\n" * 100_000)
    process = subprocess.Popen(
        command_line(*arguments, str(lines)),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=PLAIN_ENVIRONMENT | {"PYTHONUNBUFFERED": unbuffered},
    )
    assert process.stdout is not None
    assert process.stderr is not None
    assert process.stdout.read(10) != b""
    process.stdout.close()
    assert process.wait(60) == 141
    assert process.stderr.read() == b""
    process.stderr.close()


@POSIX
def test_ctrl_c_is_one_line() -> None:
    import pty

    master, slave = pty.openpty()
    process = subprocess.Popen(
        command_line("encode", "--lines"), stdin=slave, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    os.close(slave)
    assert process.stderr is not None
    assert process.stderr.readline() == b"tokengrove: reading from the terminal, end with Ctrl-D\n"
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == 130
    assert process.stderr.read() == b"tokengrove: interrupted\n"
    process.stderr.close()
    os.close(master)


@POSIX
@pytest.mark.parametrize(("arguments", "shown"), [((), True), (("--no-progress",), False)])
def test_progress_is_for_terminals(arguments: tuple[str, ...], shown: bool, tmp_path: Path) -> None:
    path = tmp_path / "lines.txt"
    path.write_text("some words in a line\n" * 200_000)
    import pty

    master, slave = pty.openpty()
    process = subprocess.Popen(
        command_line("count", "--lines", "--total", str(path), *arguments),
        stdout=subprocess.PIPE,
        stderr=slave,
        env=PLAIN_ENVIRONMENT | {"TERM": "xterm", "COLUMNS": "120"},
    )
    os.close(slave)
    assert process.stdout is not None
    output = process.stdout.read()
    process.stdout.close()
    assert process.wait(60) == 0
    drawn = _read_all(master)
    assert int(output) == 200_000 * 5
    assert ("MB/s" in drawn and "tok/s" in drawn) == shown
    assert bool(drawn) == shown
    assert run("count", "--lines", "--total", path).stderr == b""


def _read_all(terminal: int) -> str:
    """Read what was written to a terminal whose other end is closed."""
    parts = []
    while True:
        try:
            part = os.read(terminal, 65536)
        except OSError:  # how Linux says end of file here
            break
        if not part:
            break
        parts.append(part)
    os.close(terminal)
    return b"".join(parts).decode("utf-8", "replace")


def test_commands_load_no_heavy_module() -> None:
    code = "import sys, tokengrove.cli; print(*sys.modules)"
    loaded = set(
        subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split()
    )
    assert loaded & {"torch", "transformers", "tiktoken", "tokenizers", "rich"} == set()
