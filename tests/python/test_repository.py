"""Rules that every file of the repository keeps: size, portable paths, and where `unsafe` may stand."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from support.layers import rust_code

ROOT = Path(__file__).resolve().parents[2]
MAX_LINES = 700
SOURCE_SUFFIXES = {".rs", ".py", ".pyi", ".sh"}
TEXT_SUFFIXES = SOURCE_SUFFIXES | {".md", ".toml", ".yml", ".yaml", ".json", ""}

# The modules whose measured gain pays for `unsafe`; each has a safe twin and a test that compares the two.
UNSAFE_ALLOWED_IN = (
    "rust/core/src/pretokenize/simd/",
    "rust/core/src/hugepage.rs",
    "rust/core/src/prefetch.rs",
    "rust/core/src/next_byte/exp.rs",
    "rust/core/src/bpe/short.rs",
    "rust/python/src/train.rs",
    "rust/python/src/lists.rs",
    # The C structures of Arrow's interface: memory that others own cannot be had otherwise.
    "rust/python/src/arrow/",
)


def tracked_files() -> list[Path]:
    """Files under version control; in an unpacked source archive there is none to ask."""
    listing = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True
    )
    if listing.returncode != 0:
        pytest.skip("not a git checkout")
    return [path for name in listing.stdout.splitlines() if (path := ROOT / name).is_file()]


def sources(suffixes: set[str]) -> list[Path]:
    return [path for path in tracked_files() if path.suffix in suffixes]


def read(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace")


def is_generated(text: str) -> bool:
    """Whether the head of a file names the script of the repository that writes it."""
    named = re.search(r"[Gg]enerated by `?((?:tools|benches)/\S+?\.py)", "\n".join(text.splitlines()[:5]))
    return named is not None and (ROOT / named.group(1)).is_file()


def test_files_are_short_enough_to_read() -> None:
    long = {
        str(path.relative_to(ROOT)): lines
        for path in sources(SOURCE_SUFFIXES)
        if (lines := (text := read(path)).count("\n")) >= MAX_LINES and not is_generated(text)
    }
    assert long == {}


# Absolute paths into somebody's machine. `/tmp` and `/usr` exist everywhere and may appear in examples.
MACHINE_PATH = re.compile(r"(?<![\w.$}/])/(?:root|work|opt|Users|home/(?!user\b)\w+)/|/tmp/(?:wt|probe)\b|C:\\Users")


def test_no_machine_paths() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()[:100]}"
        for path in sources(TEXT_SUFFIXES)
        if path != Path(__file__).resolve()
        for number, line in enumerate(read(path).splitlines(), 1)
        if MACHINE_PATH.search(line)
    ]
    assert found == []


UNSAFE = re.compile(r"\bunsafe\b(?!_)")


def unsafe_lines(text: str) -> list[int]:
    """Numbers of the code lines (comments and literals left out) that hold the keyword."""
    return [number for number, line in enumerate(rust_code(text).splitlines(), 1) if UNSAFE.search(line)]


def lacks_safety_note(lines: list[str], number: int) -> bool:
    """Whether no SAFETY comment (blocks, impls) and no `# Safety` section (functions) stands directly above."""
    above = number - 1  # index of the line itself
    notes = [lines[above]]
    while above > 0 and re.match(r"\s*(//|#\[|$)|.*[=(,{|]$", lines[above - 1]) and len(notes) < 40:
        above -= 1
        notes.append(lines[above])
    return not any("SAFETY:" in note or "# Safety" in note for note in notes)


def test_unsafe_stands_only_where_it_is_listed() -> None:
    places = [
        f"{path.relative_to(ROOT).as_posix()}:{number}"
        for path in sources({".rs"})
        for number in unsafe_lines(read(path))
    ]
    assert [place for place in places if not place.startswith(UNSAFE_ALLOWED_IN)] == []
    assert [listed for listed in UNSAFE_ALLOWED_IN if not any(place.startswith(listed) for place in places)] == []


def test_every_unsafe_states_why_it_is_safe() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in sources({".rs"})
        for text in [read(path)]
        for number in unsafe_lines(text)
        if lacks_safety_note(text.splitlines(), number)
    ]
    assert found == []


def test_unsafe_checker_fails_on_a_violation() -> None:
    bare = "fn f() {\n    let x = unsafe { g() };\n}\n"
    noted = "fn f() {\n    // SAFETY: `g` has no precondition.\n    let x = unsafe { g() };\n}\n"
    function = "/// Does.\n///\n/// # Safety\n/// AVX2 is there.\n#[inline]\nunsafe fn f() {}\n"
    mentioned = '// unsafe\nconst S: &str = "unsafe"; #![forbid(unsafe_code)]\n'
    assert [lacks_safety_note(s.splitlines(), n) for s in (bare, noted, function) for n in unsafe_lines(s)] == [
        True,
        False,
        False,
    ]
    assert unsafe_lines(mentioned) == []


@pytest.mark.parametrize("text", ["see /root/x", "open('/work/main')", "/home/alice/x", "`/tmp/wt/x`"])
def test_machine_path_checker_fails_on_a_violation(text: str) -> None:
    assert MACHINE_PATH.search(text)


@pytest.mark.parametrize("text", ["https://x.org/home/alice/x", "../work/x", "/home/user/file", "/tmp/x", "a/root/b"])
def test_machine_path_checker_lets_others_pass(text: str) -> None:
    assert not MACHINE_PATH.search(text)
