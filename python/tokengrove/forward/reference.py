"""Llama in plain torch: the reference of tree attention, and a model that needs no other library than torch.

Everything is on this page, from embedding to logits, so that it can be checked by reading. Rows of a batch are
evaluated one after the other; the mask is the tree's own, behind columns of ones for the cache.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import Any, Self

import torch
from torch.nn.functional import linear, silu

from tokengrove._native import TokenTree
from tokengrove.errors import InvalidArgumentError
from tokengrove.forward.base import CacheBase, check_batch_size, check_rows, check_trees
from tokengrove.forward.protocol import TreeCache, Trees
from tokengrove.forward.weights import read_safetensors

__all__ = ["ReferenceCache", "ReferenceModel"]

_KeyValues = tuple[torch.Tensor, torch.Tensor]
"""Keys and values of one layer: float[tokens, heads, size] each."""


class ReferenceCache(CacheBase):
    """Keys and values of each row and layer, in tensors that are never written to."""

    def __init__(self, owner: object, batch_size: int) -> None:
        super().__init__(owner, batch_size)
        # By row, then by layer: of the committed tokens, and of those and the last tree's nodes.
        self._kept: list[list[_KeyValues]] = [[] for _ in range(batch_size)]
        self._grown: list[list[_KeyValues]] = self._kept

    def _keep(self, paths: list[list[int]]) -> None:
        kept = []
        for layers, tokens, path in zip(self._grown, self._tokens, paths, strict=True):
            places = torch.tensor([*range(len(tokens)), *(len(tokens) + node for node in path)], dtype=torch.int64)
            kept.append([(keys[places], values[places]) for keys, values in layers])
        self._kept = self._grown = kept

    def _shorten(self, lengths: list[int]) -> None:
        self._kept = [
            [(keys[:length], values[:length]) for keys, values in layers]
            for layers, length in zip(self._kept, lengths, strict=True)
        ]
        self._grown = self._kept

    def _copy(self, rows: list[int] | None) -> Self:
        order = range(self.batch_size) if rows is None else rows
        new = type(self)(self._owner, len(order))
        new._kept, new._grown = [self._kept[row] for row in order], [self._grown[row] for row in order]
        return new


class ReferenceModel:
    """A Llama on the CPU.

    Args:
        config: What the model's `config.json` holds.
        weights: Tensors by the names that `transformers` gives them.
        dtype: The data type to compute in. Norms, softmax and rotary angles are never computed in less than float32.

    Raises:
        InvalidArgumentError: If it is not a Llama with plain rotary embeddings, or a tensor is missing.
    """

    def __init__(
        self, config: Mapping[str, Any], weights: Mapping[str, torch.Tensor], dtype: torch.dtype = torch.float32
    ) -> None:
        _check(config)
        self._weights = {name: tensor.detach().to("cpu", dtype) for name, tensor in weights.items()}
        self._dtype = dtype
        self._wide = torch.promote_types(dtype, torch.float32)
        self._layers = int(config["num_hidden_layers"])
        self._heads = int(config["num_attention_heads"])
        self._groups = self._heads // int(config.get("num_key_value_heads") or self._heads)
        self._size = int(config.get("head_dim") or config["hidden_size"] // self._heads)
        self._epsilon = float(config["rms_norm_eps"])
        theta = float((config.get("rope_parameters") or config).get("rope_theta", 10000.0))
        self._frequencies = 1.0 / theta ** (torch.arange(0, self._size, 2, dtype=torch.float32) / self._size)
        self._embedding = self._weight("model.embed_tokens.weight")
        self._projection = self._embedding if config.get("tie_word_embeddings") else self._weight("lm_head.weight")

    @classmethod
    def from_folder(cls, folder: str | PathLike[str], dtype: torch.dtype = torch.float32) -> Self:
        """Loads `config.json` and `model.safetensors`.

        Args:
            folder: Where they are.
            dtype: The data type to compute in.

        Returns:
            The model.

        Raises:
            InvalidArgumentError: If a file is not what it should be.
            OSError: If it cannot be read.
        """
        path = Path(folder)
        try:
            config = json.loads((path / "config.json").read_text(encoding="utf-8"))
        except ValueError as error:
            raise InvalidArgumentError(f"{path / 'config.json'} is not JSON: {error}") from None
        return cls(config, read_safetensors(path / "model.safetensors"), dtype)

    @property
    def vocab_size(self) -> int:
        """See :attr:`TreeModel.vocab_size`."""
        return self._embedding.shape[0]

    @property
    def device(self) -> torch.device:
        """See :attr:`TreeModel.device`."""
        return self._embedding.device

    def new_cache(self, batch_size: int = 1) -> ReferenceCache:
        """See :meth:`TreeModel.new_cache`."""
        return ReferenceCache(self, check_batch_size(batch_size))

    def forward(self, trees: Trees, cache: TreeCache) -> torch.Tensor:
        """See :meth:`TreeModel.forward`."""
        listed, own = check_trees(trees, cache, ReferenceCache, self, self.vocab_size)
        with torch.no_grad():
            done = [self._row(*row) for row in zip(listed, own._kept, own.lengths, strict=True)]
        own._trees, own._grown = listed, [layers for _, layers in done]
        return torch.cat([rows for rows, _ in done])

    def head(self, rows: torch.Tensor) -> torch.Tensor:
        """See :meth:`TreeModel.head`."""
        check_rows(rows, self._embedding.shape[1], self._dtype)
        return linear(rows, self._projection)

    def start(self) -> torch.Tensor | None:
        """See :meth:`TreeModel.start`: None."""
        return None

    def _row(self, tree: TokenTree, kept: list[_KeyValues], length: int) -> tuple[torch.Tensor, list[_KeyValues]]:
        """Evaluates a tree after a row of `length` tokens: its hidden rows, and the keys and values with its own."""
        seen = torch.ones(len(tree), length + len(tree), dtype=torch.bool)
        seen[:, length:] = torch.from_numpy(tree.mask())
        angles = torch.from_numpy(tree.positions(length)).to(self._wide)[:, None] * self._frequencies.to(self._wide)
        turn = (angles.cos().to(self._dtype), angles.sin().to(self._dtype))
        states = self._embedding[torch.from_numpy(tree.tokens.astype("int64"))]
        layers = []
        for layer in range(self._layers):
            name = f"model.layers.{layer}."
            normed = self._norm(states, name + "input_layernorm")
            added, key_values = self._attend(normed, name + "self_attn.", turn, seen, kept[layer] if kept else None)
            layers.append(key_values)
            states = states + added
            normed = self._norm(states, name + "post_attention_layernorm")
            gate, up = self._linear(normed, name + "mlp.gate_proj"), self._linear(normed, name + "mlp.up_proj")
            states = states + self._linear(silu(gate) * up, name + "mlp.down_proj")
        return self._norm(states, "model.norm"), layers

    def _attend(
        self, states: torch.Tensor, name: str, turn: _KeyValues, seen: torch.Tensor, before: _KeyValues | None
    ) -> tuple[torch.Tensor, _KeyValues]:
        """Attention of nodes to what they see: what it adds to the states, and all keys and values."""
        queries = _rotate(self._split(self._linear(states, name + "q_proj")), turn)
        keys = _rotate(self._split(self._linear(states, name + "k_proj")), turn)
        values = self._split(self._linear(states, name + "v_proj"))
        if before is not None:
            keys, values = torch.cat([before[0], keys]), torch.cat([before[1], values])
        # Several query heads share one head of keys and values.
        wide_keys, wide_values = (tensor.repeat_interleave(self._groups, dim=1) for tensor in (keys, values))
        scores = torch.einsum("nhd,khd->hnk", queries, wide_keys) / self._size**0.5
        weights = scores.masked_fill(~seen, -torch.inf).softmax(-1, dtype=self._wide).to(self._dtype)
        mixed = torch.einsum("hnk,khd->nhd", weights, wide_values)
        return self._linear(mixed.flatten(1), name + "o_proj"), (keys, values)

    def _split(self, states: torch.Tensor) -> torch.Tensor:
        """Cuts rows into heads: float[n, heads * size] to float[n, heads, size]; n may be 0."""
        return states.reshape(len(states), states.shape[1] // self._size, self._size)

    def _norm(self, states: torch.Tensor, name: str) -> torch.Tensor:
        wide = states.to(self._wide)
        scale = torch.rsqrt(wide.square().mean(-1, keepdim=True) + self._epsilon)
        return self._weight(name + ".weight") * (wide * scale).to(self._dtype)

    def _linear(self, states: torch.Tensor, name: str) -> torch.Tensor:
        return linear(states, self._weight(name + ".weight"), self._weights.get(name + ".bias"))

    def _weight(self, name: str) -> torch.Tensor:
        if name not in self._weights:
            raise InvalidArgumentError(f"the weights have no tensor {name!r}")
        return self._weights[name]


def _rotate(heads: torch.Tensor, turn: _KeyValues) -> torch.Tensor:
    """Rotary position embedding: float[n, heads, size] turned by angles of n nodes, pairs half a head apart."""
    cos, sin = (part[:, None, :] for part in turn)
    first, second = heads.chunk(2, dim=-1)
    return torch.cat([first * cos - second * sin, second * cos + first * sin], dim=-1)


def _check(config: Mapping[str, Any]) -> None:
    rope = config.get("rope_parameters") or config.get("rope_scaling") or {}
    rope_type = rope.get("rope_type", rope.get("type", "default"))
    for what, found, allowed in (
        ("model_type", config.get("model_type"), "llama"),
        ("hidden_act", config.get("hidden_act", "silu"), "silu"),
        ("rope_type", rope_type, "default"),
    ):
        if found != allowed:
            raise InvalidArgumentError(f"config: {what} is {found!r}; the reference has {allowed!r} alone")
    for what in ("num_hidden_layers", "num_attention_heads", "hidden_size", "rms_norm_eps"):
        if what not in config:
            raise InvalidArgumentError(f"config: {what} is missing")
