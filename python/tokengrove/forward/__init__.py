"""One forward pass for every token tree: the protocol, its caches, and models that follow it.

Needs the extra ``torch``; models of the transformers library need the extra ``transformers``. See docs/forward.md.
"""

from typing import TYPE_CHECKING, Any

from tokengrove.forward.adapt import adapt
from tokengrove.forward.callable import CallableModel
from tokengrove.forward.default_model import default_model
from tokengrove.forward.prefill import prefill
from tokengrove.forward.protocol import Path, TreeCache, TreeModel, Trees

if TYPE_CHECKING:
    from tokengrove.forward.static import StaticTreeModel

__all__ = [
    "CallableModel",
    "Path",
    "StaticTreeModel",
    "TreeCache",
    "TreeModel",
    "Trees",
    "adapt",
    "default_model",
    "prefill",
]


def __getattr__(name: str) -> Any:
    # It needs transformers, which the rest of this module does not.
    if name == "StaticTreeModel":
        from tokengrove.forward.static import StaticTreeModel

        return StaticTreeModel
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
