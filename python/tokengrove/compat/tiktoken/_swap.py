"""Standing in for the package ``tiktoken`` in this process, when the user asks for it."""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import ModuleType

_HERE = "tokengrove.compat.tiktoken"
_SUBMODULES = ("_educational", "_tiktoken", "core", "load", "model", "registry")
_displaced: dict[str, ModuleType] = {}


def install() -> None:
    """Make ``import tiktoken`` give this package, for code that runs from now on in this process.

    Call it before the libraries that use tiktoken are imported: names that they have already imported stay as they
    are. It also lets pickles made by tiktoken load as encodings of this package. Calling it again does nothing.
    """
    names = {"tiktoken": _HERE} | {f"tiktoken.{name}": f"{_HERE}.{name}" for name in _SUBMODULES}
    modules = {name: importlib.import_module(target) for name, target in names.items()}
    if sys.modules.get("tiktoken") is modules["tiktoken"]:
        return
    for name in [name for name in sys.modules if name == "tiktoken" or name.startswith("tiktoken.")]:
        _displaced[name] = sys.modules.pop(name)
    sys.modules.update(modules)


def uninstall() -> None:
    """Undo :func:`install`: ``import tiktoken`` gives what it gave before."""
    if sys.modules.get("tiktoken") is not sys.modules[_HERE]:
        return
    for name in ("tiktoken", *(f"tiktoken.{name}" for name in _SUBMODULES)):
        sys.modules.pop(name, None)
    sys.modules.update(_displaced)
    _displaced.clear()
