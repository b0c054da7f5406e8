"""Causal language models of transformers that evaluate a whole tree in one pass, through a mask."""

from __future__ import annotations

from typing import Any

import torch
from transformers import DynamicCache

from tokengrove._native import TokenTree, TreeBatch
from tokengrove.errors import InvalidArgumentError
from tokengrove.forward.backbone import Backbone
from tokengrove.forward.base import check_batch_size, check_rows, check_trees
from tokengrove.forward.cache import DynamicTreeCache
from tokengrove.forward.masks import additive, node_positions, see, within_window
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
        if backbone.implementation not in MASKED_IMPLEMENTATIONS:
            raise InvalidArgumentError(
                f"attention implementation {backbone.implementation!r} takes no mask of a tree: "
                f"choose one of {', '.join(MASKED_IMPLEMENTATIONS)}"
            )
        own.begin()
        try:
            rows, nodes = self._rows(listed, own)
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

    def _rows(self, trees: list[TokenTree], cache: DynamicTreeCache) -> tuple[torch.Tensor, int]:
        """Evaluates trees: their hidden rows, and by how many columns the cache grew."""
        backbone, device = self._backbone, self.device
        batch = TreeBatch(trees)
        ids = torch.from_numpy(batch.tokens).to(device)
        nodes = ids.shape[1]
        if nodes == 0:
            return torch.empty(0, backbone.width, dtype=backbone.row_dtype, device=device), 0
        positions = node_positions(torch.from_numpy(batch.depths).to(device), cache.lengths)
        regular = all(len(tree) == nodes and tree.is_chain for tree in trees) and not any(cache.pads)
        mask = None if regular else self._mask(torch.from_numpy(batch.mask).to(device), positions, cache)
        states = backbone.run(
            ids, attention_mask=mask, position_ids=positions, past_key_values=cache.past, use_cache=True
        )
        rows = states.reshape(-1, states.shape[-1])
        if any(len(tree) != nodes for tree in trees):
            rows = rows.index_select(0, torch.from_numpy(batch.places).to(rows.device))
        return rows, nodes

    def _mask(
        self, trees: torch.Tensor, positions: torch.Tensor, cache: DynamicTreeCache
    ) -> torch.Tensor | dict[str, torch.Tensor]:
        pads = cache.pads
        full = see(trees, cache.columns, pads)
        window = self._window
        if window is None:
            return self._formatted(full)
        # As long as the window reaches the first token from everywhere, it hides nothing.
        hides = cache.length + trees.shape[1] > window
        near = within_window(full, positions, pads, window) if hides else full
        if not self._kinds:
            return self._formatted(near)
        formatted = self._formatted(full)
        return {
            "full_attention": formatted,
            "sliding_attention": self._formatted(near) if hides else formatted,
        }

    def _formatted(self, mask: torch.Tensor) -> torch.Tensor:
        return additive(mask, self._backbone.dtype) if self._backbone.implementation == "eager" else mask


def _slides(backbone: Backbone, kinds: set[str]) -> bool:
    """Whether any layer has a sliding window; configurations may name a window that their model does not use."""
    if kinds:
        return "sliding_attention" in kinds
    return backbone.makes_sliding_masks and getattr(backbone.config, "sliding_window", None) is not None
