"""Reads which module uses which, in Rust and in Python, and compares it with a table of what each may use."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

Layers = Mapping[str, frozenset[str]]
"""Module -> the modules it may use. A module may always use itself."""

ANYTHING = frozenset({"*"})


def layers(table: Mapping[str, str]) -> Layers:
    """Builds layers from space-separated names; ``*`` allows everything."""
    return {name: frozenset(uses.split()) for name, uses in table.items()}


@dataclass(frozen=True)
class Use:
    """One reference from a module to another.

    Attributes:
        module: The module that uses.
        target: The module used.
        where: ``path:line`` of the reference.
    """

    module: str
    target: str
    where: str


def violations(uses: Iterator[Use], allowed: Layers) -> list[str]:
    """Uses that the table does not allow, one readable line each."""
    found = []
    for use in uses:
        if use.module not in allowed:
            found.append(f"{use.where}: module `{use.module}` has no line in the table of layers")
        elif use.target != use.module and not allowed[use.module] & {use.target, "*"}:
            found.append(f"{use.where}: `{use.module}` must not use `{use.target}`")
    return sorted(set(found))


def cycle(allowed: Layers) -> list[str]:
    """A cycle in the table itself, or an empty list: layers that point in a circle are no layers."""
    done: set[str] = set()

    def visit(name: str, path: list[str]) -> list[str]:
        if name in path:
            return [*path[path.index(name) :], name]
        if name in done:
            return []
        for target in sorted(allowed.get(name, frozenset()) - {name, "*"}):
            if circle := visit(target, [*path, name]):
                return circle
        done.add(name)
        return []

    for name in sorted(allowed):
        if circle := visit(name, []):
            return circle
    return []


# --- Rust ---------------------------------------------------------------------------------------------------------

_STRING_OR_COMMENT = re.compile(
    r"""//[^\n]*"""
    r"""|/\*.*?\*/"""
    r"""|b?r(?P<hashes>\#*)".*?"(?P=hashes)"""
    r'''|b?"(?:\\.|[^"\\])*"'''
    r"""|b?'(?:\\.[^']*|[^'\\\n])'""",
    re.DOTALL | re.VERBOSE,
)
_TEST_MODULE = re.compile(r"^#\[cfg\(test\)\]\s*(?:#\[[^\n]*\]\s*)*mod\s+\w+\s*\{.*?^\}", re.DOTALL | re.MULTILINE)
_CRATE_PATH = re.compile(r"\bcrate::(?:(?P<name>[a-z_]\w*)|(?P<group>\{))")
_SUPER = re.compile(r"(?<![\w:])(?P<supers>(?:super::)+)(?:(?P<name>[a-z_]\w*)|(?P<group>\{))?")


def rust_code(source: str) -> str:
    """The source with comments, literals and test modules blanked; line numbers stay."""

    def blank(match: re.Match[str]) -> str:
        return re.sub(r"[^\n]", " ", match.group())

    return _TEST_MODULE.sub(blank, _STRING_OR_COMMENT.sub(blank, source))


def _group_heads(code: str, start: int) -> Iterator[str]:
    """First path segments of the entries of a brace group that opens just before ``start``."""
    depth, entry = 1, ""
    for char in code[start:]:
        depth += (char == "{") - (char == "}")
        if depth == 0 or (depth == 1 and char == ","):
            if head := re.match(r"\s*([a-z_]\w*)", entry):
                yield head.group(1)
            entry = ""
            if depth == 0:
                return
        else:
            entry += char


def rust_uses_of_source(source: str, path: Path) -> Iterator[Use]:
    """Uses between the top-level modules of a crate, stated by one file of it.

    Args:
        source: The text of the file.
        path: Its path relative to the crate's ``src`` folder.
    """
    parts = [*path.parts[:-1], *([] if path.stem in ("mod", "lib") else [path.stem])]
    module, depth = (parts[0] if parts else "lib"), len(parts)
    code = rust_code(source)

    def targets(match: re.Match[str]) -> Iterator[str]:
        if match["group"]:
            yield from _group_heads(code, match.end())
        elif match["name"]:
            yield match["name"]

    def where(match: re.Match[str]) -> str:
        return f"{path.as_posix()}:{code.count(chr(10), 0, match.start()) + 1}"

    for match in _CRATE_PATH.finditer(code):
        for target in targets(match):
            yield Use(module, target, where(match))
    # `super::` beyond the top-level module reaches the crate root, where it names other modules. Indented text may
    # lie in one inline module, which is one level deeper.
    for match in _SUPER.finditer(code):
        indented = code[code.rfind("\n", 0, match.start()) + 1 : match.start()][:1].isspace()
        if match["supers"].count("super::") >= depth + indented and depth:
            for target in targets(match):
                yield Use(module, target, where(match))


def rust_uses(src: Path) -> Iterator[Use]:
    """Uses between the top-level modules of the crate in ``src``; ``tests.rs`` files are left out."""
    for path in sorted(src.rglob("*.rs")):
        if path.stem != "tests" and "tests" not in path.relative_to(src).parts:
            yield from rust_uses_of_source(path.read_text(encoding="utf-8"), path.relative_to(src))


# --- Python -------------------------------------------------------------------------------------------------------


def python_imports_of_source(source: str, path: Path) -> Iterator[tuple[str, int]]:
    """Absolute names of everything that one file of a package tree imports, with line numbers.

    Imports under ``if TYPE_CHECKING:`` load nothing, but they do state a direction, so they count as well.

    Args:
        source: The text of the file.
        path: Its path relative to the folder that holds the top package, for example ``tokengrove/cli/demo.py``.
    """
    package = list(path.parts[:-1])
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, node.lineno
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            name = ".".join([*base, *([node.module] if node.module else [])])
            for alias in node.names:
                yield f"{name}.{alias.name}", node.lineno


def python_module(path: Path) -> str:
    """The layer of a file: the name below the top package, or ``__init__`` for the top package itself."""
    return path.parts[1].removesuffix(".py").removesuffix(".pyi")


def python_uses(root: Path, package: str) -> Iterator[Use]:
    """Uses between the modules directly below ``package``, read from every file of it."""
    names = {p.name.removesuffix(".py").removesuffix(".pyi") for p in (root / package).iterdir()}
    for path in sorted((root / package).rglob("*.py")):
        relative = path.relative_to(root)
        for name, line in python_imports_of_source(path.read_text(encoding="utf-8"), relative):
            head, _, rest = name.partition(".")
            target = rest.partition(".")[0]
            if head == package:
                # `from tokengrove import Tokenizer` uses the re-exports, not a module of that name.
                yield Use(python_module(relative), target if target in names else "__init__", f"{relative}:{line}")


def python_third_party(root: Path, package: str) -> Iterator[Use]:
    """Uses of top-level packages other than ``package`` itself."""
    for path in sorted((root / package).rglob("*.py")):
        relative = path.relative_to(root)
        for name, line in python_imports_of_source(path.read_text(encoding="utf-8"), relative):
            if (head := name.partition(".")[0]) != package:
                yield Use(python_module(relative), head, f"{relative}:{line}")
