"""One forward pass for every token tree: the protocol, its caches, and models that follow it.

Needs the extra ``torch``; models of the transformers library need the extra ``transformers``. See docs/forward.md.
"""

from tokengrove.forward.adapt import adapt
from tokengrove.forward.callable import CallableModel
from tokengrove.forward.default_model import default_model
from tokengrove.forward.prefill import prefill
from tokengrove.forward.protocol import Path, TreeCache, TreeModel, Trees

__all__ = ["CallableModel", "Path", "TreeCache", "TreeModel", "Trees", "adapt", "default_model", "prefill"]
