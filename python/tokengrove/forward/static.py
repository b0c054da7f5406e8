"""Causal language models of transformers with static shapes: memory of a fixed size, and a CUDA graph for each step.

A step on a large GPU takes a few milliseconds, and launching the thousand kernels of a network from Python takes longer
than that. A graph launches them at once, if shapes and addresses stay the same. So widths and lengths are rounded up to
few sizes: nodes that fill a tree up see themselves alone and nobody sees them, and of the memory so many columns are
looked at that all tokens are among them. What differs from step to step is written to one tensor, in one copy.

Where there is no CUDA the same runs without graphs.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, cast

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import AttentionInterface, DynamicCache

from tokengrove._native import TokenTree, TreeBatch
from tokengrove.errors import InvalidArgumentError
from tokengrove.forward.adapt import adapt
from tokengrove.forward.base import check_batch_size, check_rows, check_trees
from tokengrove.forward.masks import additive
from tokengrove.forward.protocol import TreeCache, Trees
from tokengrove.forward.split_attention import kernels_are_available, split_attention
from tokengrove.forward.static_cache import MOVES, Memory, StaticTreeCache, Writer
from tokengrove.forward.tree_attention import MASKED_IMPLEMENTATIONS, TreeAttentionModel

__all__ = ["Evaluation", "StaticTreeModel", "Tail", "width_of"]

Tail: TypeAlias = Callable[[Callable[[torch.Tensor], torch.Tensor], torch.Tensor], tuple[torch.Tensor, ...]]
"""What follows the network in a step: given the head and hidden rows, tensors with as many rows. It is captured with
the network, so it must not wait for the device; equal tails are taken to do the same."""

_Captured: TypeAlias = tuple[Callable[[], None], tuple[torch.Tensor, ...]]
"""What runs captured work, and the tensors that hold its results afterwards."""
_Capture: TypeAlias = Callable[[Callable[[], tuple[torch.Tensor, ...]]], _Captured]
"""Captures work without running it."""

_WIDTHS = (1, 8, 16, 32, 64, 96, 128)
_SPLIT = "tokengrove_split"


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What a step gave.

    Attributes:
        outputs: What its tail gave, one row for each place of [batch, width]; to be read before the next step.
        places: The places of the nodes, tree after tree: int64[nodes].
    """

    outputs: tuple[torch.Tensor, ...]
    places: NDArray[np.int64]


class StaticTreeModel:
    """A tree model whose caches have a fixed size.

    Steps are captured as CUDA graphs the second time that their sizes occur, one for each width and each bucket of
    lengths, and kept with the memory of the cache. That memory is used again by the next cache of as many rows once
    nobody holds the last one, so a model that serves many requests captures few graphs. Not safe to share between
    threads.

    Args:
        model: A causal language model of transformers that evaluates trees through a mask, or a tree model of one.
        capacity: The longest sequence, in tokens.
        room: The widest trees that fit behind a sequence of that length, in nodes.
        attention: ``"split"`` for attention in two parts without a mask over the tokens, see
            :func:`~tokengrove.forward.split_attention.split_attention`; ``"masked"`` for the model's own attention with
            a mask; left out, the first on CUDA where the model allows it.
        graphs: Whether to capture graphs; left out, where the model is on CUDA.

    Raises:
        InvalidArgumentError: If the model cannot be evaluated in this way, or a number is out of range.
    """

    def __init__(
        self,
        model: Any,
        capacity: int,
        *,
        room: int = 128,
        attention: Literal["split", "masked"] | None = None,
        graphs: bool | None = None,
    ) -> None:
        target = adapt(model)
        if not isinstance(target, TreeAttentionModel):
            raise InvalidArgumentError(
                f"a static cache needs a model of transformers that evaluates trees through a mask, not {target!r}"
            )
        if capacity < 1 or room < 1:
            raise InvalidArgumentError(f"capacity is {capacity} and room {room}; both are at least 1")
        if attention not in ("split", "masked", None):
            raise InvalidArgumentError(f"attention is {attention!r}; it can be 'split', 'masked' or left out")
        self._inner = target
        self._backbone = target._backbone
        self._window, self._kinds = target._window, target._kinds
        self._capacity, self._room = capacity, max(MOVES, width_of(room))
        allowed = self._window is None and self._backbone.implementation == "sdpa"
        if attention == "split" and not allowed:
            raise InvalidArgumentError(
                "split attention needs a model that uses the implementation 'sdpa' and has no sliding window"
            )
        on_cuda = self.device.type == "cuda"
        self._split = attention == "split" or (
            attention is None
            and allowed
            and on_cuda
            and self._backbone.dtype != torch.float64
            and kernels_are_available()
        )
        if self._split:
            AttentionInterface.register(_SPLIT, _attend)
        self._capture: _Capture | None = _Graphs() if on_cuda and graphs is not False else None
        self._idle: list[Memory] = []
        self._layers, self._shapes = self._probed()

    has_static_shapes = True
    """Whether :meth:`evaluate` is there."""

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
    def max_length(self) -> int:
        """The longest sequence that a cache and the model take, in tokens."""
        longest = self._backbone.max_length
        return self._capacity if longest is None else min(self._capacity, longest)

    @property
    def attention(self) -> str:
        """``"split"`` or ``"masked"``, see the class."""
        return "split" if self._split else "masked"

    def new_cache(self, batch_size: int = 1) -> StaticTreeCache:
        """See :meth:`TreeModel.new_cache`."""
        rows = check_batch_size(batch_size)
        memory = next((memory for memory in self._idle if memory.keys.shape[1] == rows), None)
        if memory is None:
            memory = self._memory(rows)
        else:
            self._idle.remove(memory)
            # What a failed step has left may be no numbers, which would not vanish behind a mask.
            memory.keys.zero_(), memory.values.zero_()
        return StaticTreeCache(self, memory)

    def release(self, cache: TreeCache) -> None:
        """Takes the memory of a cache that nobody will use again, and the graphs captured with it, for another one.

        Args:
            cache: A cache of this model.

        Raises:
            InvalidArgumentError: If the cache is another model's.
            TypeError: If it is no cache of this kind.
        """
        if not isinstance(cache, StaticTreeCache):
            raise TypeError(f"cache must be a StaticTreeCache, not {type(cache).__name__}")
        if cache._owner is not self:
            raise InvalidArgumentError("the cache was made by another model")
        cache._owner = None
        self._idle.append(cache.memory)

    def forward(self, trees: Trees, cache: TreeCache) -> torch.Tensor:
        """See :meth:`TreeModel.forward`.

        Raises:
            InvalidArgumentError: Besides, if the cache has no room for the nodes.
        """
        found = self.evaluate(trees, cache, None)
        [rows] = found.outputs
        if len(found.places) == len(rows):
            return rows
        return rows.index_select(0, torch.from_numpy(found.places).to(rows.device))

    def evaluate(self, trees: Trees, cache: TreeCache, tail: Tail | None) -> Evaluation:
        """Does what :meth:`forward` does, and `tail` after it, as one step.

        Args:
            trees: As for :meth:`forward`.
            cache: As for :meth:`forward`.
            tail: What to do with the hidden rows; None gives the rows themselves, and captures no graph.

        Returns:
            The outputs.

        Raises:
            InvalidArgumentError: As :meth:`forward`.
            UnknownTokenError: As :meth:`forward`.
            TypeError: As :meth:`forward`.
        """
        backbone = self._backbone
        listed, own = check_trees(trees, cache, StaticTreeCache, self, backbone.vocab_size, self.max_length)
        backbone.check_mode()
        if (implementation := backbone.implementation) not in MASKED_IMPLEMENTATIONS:
            raise InvalidArgumentError(
                f"attention implementation {implementation!r} takes no mask of a tree: "
                f"choose one of {', '.join(MASKED_IMPLEMENTATIONS)}"
            )
        nodes = max(map(len, listed))
        width = self._fitted(nodes, own)
        inputs = own.memory.inputs.get(width)
        if inputs is None:
            inputs = own.memory.inputs[width] = _Inputs(own.batch_size, width, self.device)
        own.begin()
        places = inputs.fill(listed, own.lengths, own.take_moves())
        seen = _columns_of(own.length + width, own.memory.columns)
        outputs = self._step(own.memory, inputs, seen, tail)
        own.finish(listed)
        return Evaluation(outputs, places)

    def head(self, rows: torch.Tensor) -> torch.Tensor:
        """See :meth:`TreeModel.head`."""
        check_rows(rows, self._backbone.width, self._backbone.row_dtype)
        return self._backbone.head(rows)

    def start(self) -> torch.Tensor | None:
        """See :meth:`TreeModel.start`: None, for a transformer says nothing before its first token."""
        return None

    def _fitted(self, nodes: int, cache: StaticTreeCache) -> int:
        """The width of a step: rounded up if that fits."""
        columns, length = cache.memory.columns, cache.length
        if length + max(nodes, 1) > columns:
            raise InvalidArgumentError(
                f"a row has {length} tokens and a tree {nodes} nodes: the cache has {columns} columns "
                f"(capacity {self._capacity} and room for {self._room} nodes)"
            )
        width = width_of(nodes)
        return width if length + width <= columns else max(nodes, 1)

    def _step(self, memory: Memory, inputs: _Inputs, seen: int, tail: Tail | None) -> tuple[torch.Tensor, ...]:
        """Runs a step, or its graph."""
        inputs.send()
        key = (inputs.width, seen, tail)
        if self._capture is None or tail is None or key not in memory.graphs:
            # The first time is also what prepares a capture: kernels are compiled and chosen, workspaces made.
            memory.graphs[key] = None
            return self._run(memory, inputs, seen, tail)
        if memory.graphs[key] is None:
            try:
                memory.graphs[key] = self._capture(lambda: self._run(memory, inputs, seen, tail))
            except RuntimeError as error:
                self._capture = None
                name, why = type(self.model).__name__, str(error).partition("\n")[0]
                warnings.warn(f"{name} runs without CUDA graphs, which is slow: {why}", RuntimeWarning, stacklevel=5)
                return self._run(memory, inputs, seen, tail)
        replay, outputs = memory.graphs[key]
        replay()
        return cast("tuple[torch.Tensor, ...]", outputs)

    def _run(self, memory: Memory, inputs: _Inputs, seen: int, tail: Tail | None) -> tuple[torch.Tensor, ...]:
        """Everything that the device does in a step, without waiting for it."""
        with torch.no_grad():
            memory.move(inputs.sources, inputs.targets)
            lengths = inputs.lengths[:, None]
            columns = lengths + torch.arange(inputs.width, device=self.device)
            # Nodes that fill up have depth -1, and stand at position 0: the model may know no more than it needs.
            positions = (lengths + inputs.depths) * (inputs.depths >= 0)
            given: dict[str, Any] = {"past_key_values": Writer(memory, columns, seen), "use_cache": True}
            if self._split:
                with _implementation(self._backbone.config, _SPLIT):
                    states = self._backbone.run(
                        inputs.tokens,
                        attention_mask=inputs.tree[:, None],
                        position_ids=positions,
                        tree_lengths=inputs.lengths,
                        **given,
                    )
            else:
                mask = self._mask(inputs, columns, positions, seen)
                states = self._backbone.run(inputs.tokens, attention_mask=mask, position_ids=positions, **given)
            rows = states.reshape(-1, states.shape[-1])
            return (rows,) if tail is None else tail(self._backbone.head, rows)

    def _mask(
        self, inputs: _Inputs, columns: torch.Tensor, positions: torch.Tensor, seen: int
    ) -> torch.Tensor | dict[str, torch.Tensor]:
        """The mask of all columns that are looked at, made on the device, in the form that the model takes."""
        batch, width = columns.shape
        column = torch.arange(seen, device=self.device)
        full = (column < inputs.lengths[:, None, None]).repeat(1, width, 1)
        full.scatter_(2, columns[:, None].expand(batch, width, width), inputs.tree)
        if self._window is None:
            return self._formatted(full)
        # A token stands at the position of its column; nodes stand where their depth says.
        stands = column.repeat(batch, 1).scatter_(1, columns, positions)
        near = self._formatted(full & (positions[:, :, None] - stands[:, None] < self._window))
        if not self._kinds:
            return near
        return {"full_attention": self._formatted(full), "sliding_attention": near}

    def _formatted(self, mask: torch.Tensor) -> torch.Tensor:
        eager = self._backbone.implementation == "eager"
        return additive(mask[:, None], self._backbone.dtype) if eager else mask[:, None]

    def _probed(self) -> tuple[int, tuple[torch.Size, torch.Size]]:
        """The number of layers, and the shapes of the keys and values of one token, [heads, 1, size]."""
        past: Any = DynamicCache()
        self._backbone.run(self._backbone.sample(1), past_key_values=past, use_cache=True)
        shapes = {(layer.keys.shape[1:], layer.values.shape[1:]) for layer in past.layers}
        devices = {layer.keys.device for layer in past.layers}
        if len(shapes) != 1 or len(devices) != 1:
            raise InvalidArgumentError(
                f"a static cache needs layers alike and on one device; {type(self.model).__name__} has layers of "
                f"{len(shapes)} shapes on {len(devices)} devices"
            )
        self._dtype: torch.dtype = past.layers[0].keys.dtype
        return len(past.layers), shapes.pop()

    def _memory(self, rows: int) -> Memory:
        def zeros(shape: torch.Size) -> torch.Tensor:
            columns = self._capacity + self._room
            whole = (self._layers, rows, shape[0], columns, shape[2])
            return torch.zeros(whole, dtype=self._dtype, device=self.device)

        keys, values = self._shapes
        return Memory(zeros(keys), zeros(values))


class _Graphs:
    """Captures work as CUDA graphs that share their memory: one runs at a time."""

    def __init__(self) -> None:
        self._pool: Any = None

    def __call__(self, work: Callable[[], tuple[torch.Tensor, ...]]) -> _Captured:
        if self._pool is None:
            self._pool = torch.cuda.graph_pool_handle()
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, pool=self._pool):
            outputs = work()
        return graph.replay, outputs


class _Inputs:
    """What differs from step to step, as views of one tensor on the device, filled by one copy.

    Args:
        batch: The number of rows.
        width: The number of nodes of each.
        device: Where.
    """

    def __init__(self, batch: int, width: int, device: torch.device) -> None:
        self.width = width
        counts = [batch, batch * width, batch * width, batch * MOVES, batch * MOVES]
        shapes = [(batch,), (batch, width), (batch, width), (batch, MOVES), (batch, MOVES)]
        size = 8 * sum(counts) + batch * width * width
        self._host = torch.empty(size, dtype=torch.uint8, pin_memory=device.type == "cuda")
        self._device = self._host if device.type == "cpu" else torch.empty(size, dtype=torch.uint8, device=device)

        def views(whole: torch.Tensor) -> list[torch.Tensor]:
            numbers = torch.split(whole[: 8 * sum(counts)].view(torch.int64), counts)
            tree = whole[8 * sum(counts) :].view(torch.bool).view(batch, width, width)
            return [*(part.view(shape) for part, shape in zip(numbers, shapes, strict=True)), tree]

        self.lengths, self.tokens, self.depths, self.sources, self.targets, self.tree = views(self._device)
        self._arrays = [view.numpy() for view in views(self._host)]
        self._eye = np.eye(width, dtype=np.bool_)
        self._sent: Any = None

    def fill(
        self, trees: Sequence[TokenTree], before: Sequence[int], moves: Sequence[tuple[int, list[int]]]
    ) -> NDArray[np.int64]:
        """Writes the input of a step.

        Args:
            trees: The trees, none with more nodes than the width.
            before: The committed tokens of each row.
            moves: For each row the first column of a path, and the path, to be moved there; or nothing.

        Returns:
            The places of the nodes, see :class:`Evaluation`.
        """
        if self._sent is not None:
            self._sent.synchronize()
        lengths, tokens, depths, sources, targets, tree = self._arrays
        batch = TreeBatch(list(trees))
        nodes = batch.tokens.shape[1]
        lengths[:] = before
        tokens[:, :nodes] = batch.tokens
        tokens[:, nodes:] = 0
        depths[:, :nodes] = batch.depths
        if nodes < self.width:
            tree[:] = self._eye
        tree[:, :nodes, :nodes] = batch.mask
        for row, one in enumerate(trees):
            depths[row, len(one) :] = -1
        sources[:] = targets[:] = np.arange(MOVES)
        for row, (start, path) in enumerate(moves):
            sources[row, : len(path)] = path
            sources[row] += start
            targets[row] += start
        splits, places = batch.splits, batch.places
        if nodes == self.width:
            return places
        # Places count by the width of the batch; the step is wider.
        sizes = np.diff(splits)
        return np.concatenate([row * self.width + np.arange(size) for row, size in enumerate(sizes)])

    def send(self) -> None:
        """Copies it to the device, without waiting."""
        if self._device is not self._host:
            self._device.copy_(self._host, non_blocking=True)
            if self._sent is None:
                event: Any = torch.cuda.Event
                self._sent = event()
            self._sent.record()


def width_of(nodes: int) -> int:
    """Rounds a number of nodes up to the width of a step."""
    return next((width for width in _WIDTHS if width >= nodes), -(-nodes // 64) * 64)


def _columns_of(needed: int, columns: int) -> int:
    """Rounds a number of columns up to the next of few sizes: by no more than 128, or a quarter."""
    step = max(128, 1 << max(0, (needed - 1).bit_length() - 3))
    return min(-(-needed // step) * step, columns)


@contextmanager
def _implementation(config: Any, name: str) -> Iterator[None]:
    """Lets a network use another attention meanwhile."""
    before = config._attn_implementation
    config._attn_implementation = name
    try:
        yield
    finally:
        config._attn_implementation = before


def _attend(
    module: Any,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    scaling: float | None = None,
    tree_lengths: torch.Tensor | None = None,
    **_: Any,
) -> tuple[torch.Tensor, None]:
    """Split attention in the form that networks of transformers call."""
    if tree_lengths is None or attention_mask is None:
        raise InvalidArgumentError(
            f"{type(module).__name__} does not hand on what split attention needs: choose attention='masked'"
        )
    found = split_attention(query, key, value, tree_lengths, attention_mask[:, 0], scale=scaling)
    return found.transpose(1, 2).contiguous(), None
