"""Standing in for the package ``tokenizers`` in this process, when the user asks for it."""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import ModuleType

_HERE = "tokengrove.compat.tokenizers"
_SUBMODULES = (
    "decoders",
    "implementations",
    "models",
    "normalizers",
    "pre_tokenizers",
    "processors",
    "tools",
    "tools.visualizer",
    "trainers",
)
_displaced: dict[str, ModuleType] = {}


def install() -> None:
    """Make ``import tokenizers`` give this package, for code that runs from now on in this process.

    Call it before the libraries that use tokenizers are imported: names that they have already imported stay as they
    are. Calling it again does nothing.
    """
    names = {"tokenizers": _HERE} | {f"tokenizers.{name}": f"{_HERE}.{name}" for name in _SUBMODULES}
    modules = {name: importlib.import_module(target) for name, target in names.items()}
    if sys.modules.get("tokenizers") is modules["tokenizers"]:
        return
    for name in [name for name in sys.modules if name == "tokenizers" or name.startswith("tokenizers.")]:
        _displaced[name] = sys.modules.pop(name)
    sys.modules.update(modules)


def uninstall() -> None:
    """Undo :func:`install`: ``import tokenizers`` gives what it gave before."""
    if sys.modules.get("tokenizers") is not sys.modules[_HERE]:
        return
    for name in ("tokenizers", *(f"tokenizers.{name}" for name in _SUBMODULES)):
        sys.modules.pop(name, None)
    sys.modules.update(_displaced)
    _displaced.clear()
