"""Causal language models of transformers that evaluate a whole tree in one pass, through a mask."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import DynamicCache

from tokengrove._native import TokenTree, TreeBatch
from tokengrove.errors import InvalidArgumentError
from tokengrove.forward.backbone import Backbone
from tokengrove.forward.base import check_batch_size, check_rows, check_trees
from tokengrove.forward.cache import DynamicTreeCache
from tokengrove.forward.masks import additive, see, within_window
from tokengrove.forward.protocol import TreeCache, Trees

__all__ = ["MASKED_IMPLEMENTATIONS", "TreeAttentionModel"]

MASKED_IMPLEMENTATIONS = ("eager", "sdpa")
"""The attention implementations of transformers that take a mask of any shape."""


class TreeAttentionModel:
    """A tree model that evaluates the trees of all rows in one forward pass.

    Positions are explicit, and a 4-D mask shows each node the cache, its ancestors and itself: additive for eager
    attention, boolean for SDPA, one for each kind of layer where some have a sliding window. Where all rows are
    chains of one length without padding, the model makes its own causal mask, so that its fastest kernel can be used.

    :func:`tokengrove.forward.adapt` makes one of models that were found to respect such masks.

    Args:
        backbone: The model.
    """

    def __init__(self, backbone: Backbone) -> None:
        self._backbone = backbone
        kinds = set(getattr(backbone.config, "layer_types", None) or ())
        window = getattr(backbone.config, "sliding_window", None)
        self._window: int | None = window if _slides(backbone, kinds) else None
        # Models whose layers differ take a mask for each kind of layer.
        self._kinds = sorted(kinds) if len(kinds) > 1 else []

    @property
    def model(self) -> Any:
        """The model of transformers."""
        return self._backbone.model

    @property
    def vocab_size(self) -> int:
        """See :attr:`TreeModel.vocab_size`."""
        return self._backbone.vocab_size

    @property
    def device(self) -> torch.device:
        """See :attr:`TreeModel.device`."""
        return self._backbone.device

    @property
    def max_length(self) -> int | None:
        """The longest sequence that the model takes, in tokens; None if it has no hard limit."""
        return self._backbone.max_length

    def new_cache(self, batch_size: int = 1) -> DynamicTreeCache:
        """See :meth:`TreeModel.new_cache`."""
        # Without a configuration, every layer keeps all tokens.
        return DynamicTreeCache(self, check_batch_size(batch_size), DynamicCache())

    def forward(self, trees: Trees, cache: TreeCache) -> torch.Tensor:
        """See :meth:`TreeModel.forward`.

        Raises:
            InvalidArgumentError: Besides, if the model is in training mode, or its attention implementation was changed
                to one that takes no mask.
        """
        backbone = self._backbone
        listed, own = check_trees(trees, cache, DynamicTreeCache, self, backbone.vocab_size, backbone.max_length)
        backbone.check_mode()
        # Asked once: it takes transformers some microseconds to say.
        if (implementation := backbone.implementation) not in MASKED_IMPLEMENTATIONS:
            raise InvalidArgumentError(
                f"attention implementation {implementation!r} takes no mask of a tree: "
                f"choose one of {', '.join(MASKED_IMPLEMENTATIONS)}"
            )
        own.begin()
        try:
            rows, nodes = self._rows(listed, own, implementation == "eager")
        except BaseException:
            own.undo()
            raise
        own.finish(listed, nodes)
        return rows

    def head(self, rows: torch.Tensor) -> torch.Tensor:
        """See :meth:`TreeModel.head`."""
        check_rows(rows, self._backbone.width, self._backbone.row_dtype)
        return self._backbone.head(rows)

    def start(self) -> torch.Tensor | None:
        """See :meth:`TreeModel.start`: None, for a transformer says nothing before its first token."""
        return None

    def _rows(self, trees: list[TokenTree], cache: DynamicTreeCache, eager: bool) -> tuple[torch.Tensor, int]:
        """Evaluates trees: their hidden rows, and by how many columns the cache grew."""
        backbone, device = self._backbone, self.device
        batch = TreeBatch(trees)
        tokens, depths, pads = batch.tokens, batch.depths, cache.pads
        nodes = tokens.shape[1]
        if nodes == 0:
            return torch.empty(0, backbone.width, dtype=backbone.row_dtype, device=device), 0
        even = all(len(tree) == nodes for tree in trees)
        regular = even and not any(pads) and all(tree.is_chain for tree in trees)
        mask = None if regular else self._mask(see(batch.mask, cache.columns, pads), depths, cache.length, eager)
        positions = depths + np.array(cache.lengths)[:, None]
        if (longest := backbone.max_length) is not None and not even:
            # What fills up a row that is full has no position of its own.
            np.minimum(positions, longest - 1, out=positions)
        states = backbone.run(
            torch.from_numpy(tokens).to(device),
            attention_mask=mask,
            position_ids=torch.from_numpy(positions).to(device),
            past_key_values=cache.past,
            use_cache=True,
        )
        rows = states.reshape(-1, states.shape[-1])
        return (rows if even else rows.index_select(0, torch.from_numpy(batch.places).to(rows.device))), nodes

    def _mask(
        self, full: NDArray[np.bool_], depths: NDArray[np.int64], length: int, eager: bool
    ) -> torch.Tensor | dict[str, torch.Tensor]:
        """The mask in the form that the model takes."""
        window = self._window
        if window is None:
            return self._formatted(full, eager)
        # As long as the window reaches the first token from everywhere, it hides nothing.
        hides = length + full.shape[1] > window
        near = self._formatted(within_window(full, depths, window) if hides else full, eager)
        if not self._kinds:
            return near
        return {"full_attention": self._formatted(full, eager) if hides else near, "sliding_attention": near}

    def _formatted(self, mask: NDArray[np.bool_], eager: bool) -> torch.Tensor:
        tensor = torch.from_numpy(mask).to(self.device).unsqueeze(1)
        return additive(tensor, self._backbone.dtype) if eager else tensor


def _slides(backbone: Backbone, kinds: set[str]) -> bool:
    """Whether any layer has a sliding window; configurations may name a window that their model does not use."""
    if kinds:
        return "sliding_attention" in kinds
    return backbone.makes_sliding_masks and getattr(backbone.config, "sliding_window", None) is not None
