"""What a forward pass over draft trees says: choices, candidates, and the accepted path of each tree."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from tokengrove._native import TokenTree
from tokengrove.errors import InvalidArgumentError
from tokengrove.forward import TreeModel
from tokengrove.forward.top_rows import pack_rows
from tokengrove.speculative.choosing import Chooser
from tokengrove.speculative.drafters import Candidates

__all__ = ["Reader", "RowFacts", "accept", "chooser_of", "part", "read_evaluation", "read_rows"]

_PIECE_BYTES = 1 << 27
"""Logits are made for as many rows at once as fit into this, counted in float32."""


class RowFacts:
    """What is known of the logits of some rows, with one copy from the device to the host.

    Attributes:
        best: The likeliest token of each row, or None if choices are not made from it.
        candidates: The k likeliest tokens of each row, or None.
    """

    def __init__(
        self,
        pieces: list[torch.Tensor],
        best: list[int] | None,
        candidates: Candidates | None,
        sizes: list[int],
        places: NDArray[np.int64] | None = None,
    ) -> None:
        self.best = best
        self.candidates = candidates
        self._pieces = pieces
        self._sizes = sizes
        self._places = places

    def logits(self, row: int) -> torch.Tensor:
        """Gives the logits of one row, float[vocab]; only if they were kept."""
        if self._places is not None:
            row = int(self._places[row])
        for piece, size in zip(self._pieces, self._sizes, strict=True):
            if row < size:
                return piece[row]
            row -= size
        raise IndexError(row)


def read_rows(model: TreeModel, rows: torch.Tensor, k: int, *, plain: bool, keep: bool) -> RowFacts:
    """Reads what a step needs of hidden rows.

    Args:
        model: The model that gave them.
        rows: float[n, hidden].
        k: How many candidates of each row; 0 for none.
        plain: Whether the likeliest token of each row is wanted.
        keep: Whether logits stay available.

    Returns:
        The facts.

    Raises:
        InvalidArgumentError: If a logit is NaN, and anything is read.
    """
    step = max(1, _PIECE_BYTES // (4 * model.vocab_size))
    pieces: list[torch.Tensor] = []
    sizes: list[int] = []
    packed: list[torch.Tensor] = []
    # Where choices are made from the logits of visited nodes alone, those are looked at then.
    reads = plain or k > 0
    for start in range(0, len(rows), step):
        logits = model.head(rows[start : start + step])
        if reads:
            packed.append(_pack(logits, min(k, logits.shape[-1]), plain))
        if keep:
            pieces.append(logits)
            sizes.append(len(logits))
    if not reads:
        return RowFacts(pieces, None, None, sizes)
    if not packed:
        return RowFacts([], [], None, [])
    # One copy: token ids and the bits of log-probabilities side by side as int32.
    host = (packed[0] if len(packed) == 1 else torch.cat(packed)).cpu().numpy()
    best, candidates = _unpack(host, min(k, model.vocab_size), plain)
    return RowFacts(pieces, best, candidates, sizes)


@dataclass(frozen=True, slots=True)
class Reader:
    """The same as the last part of a step of a model with static shapes, see :class:`StaticTreeModel`.

    Attributes:
        k: How many candidates of each row; 0 for none.
        plain: Whether the likeliest token of each row is wanted.
        keep: Whether logits stay available.
    """

    k: int
    plain: bool
    keep: bool

    def __call__(self, head: Callable[[torch.Tensor], torch.Tensor], rows: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Gives what :func:`read_evaluation` takes."""
        logits = head(rows)
        outputs = [_pack(logits, min(self.k, logits.shape[-1]), self.plain)] if self.plain or self.k else []
        return (*outputs, logits) if self.keep else tuple(outputs)


class _Evaluated(Protocol):
    @property
    def outputs(self) -> tuple[torch.Tensor, ...]: ...

    @property
    def places(self) -> NDArray[np.int64]: ...


def read_evaluation(evaluated: _Evaluated, reader: Reader, vocab_size: int) -> RowFacts:
    """Reads what a step needs of what :class:`Reader` made.

    Args:
        evaluated: Its outputs, and which of their rows are nodes.
        reader: The reader.
        vocab_size: The number of logits of a row.

    Returns:
        The facts.

    Raises:
        InvalidArgumentError: If a logit is NaN, and anything is read.
    """
    pieces = [evaluated.outputs[-1]] if reader.keep else []
    sizes = [len(piece) for piece in pieces]
    best, candidates = None, None
    if reader.plain or reader.k:
        host = evaluated.outputs[0].cpu().numpy()[evaluated.places]
        best, candidates = _unpack(host, min(reader.k, vocab_size), reader.plain)
    return RowFacts(pieces, best, candidates, sizes, evaluated.places)


def _unpack(host: NDArray[np.int32], width: int, plain: bool) -> tuple[list[int] | None, Candidates | None]:
    """What :func:`_pack` has put together."""
    bad = host[:, -1] != 0
    if bad.any():
        raise InvalidArgumentError(f"the model gave NaN among the logits of row {int(np.argmax(bad))} of {len(host)}")
    best = host[:, 0].tolist() if plain else None
    if not width:
        return best, None
    ids = np.ascontiguousarray(host[:, plain : plain + width]).view(np.uint32)
    bits = np.ascontiguousarray(host[:, plain + width : -1])
    logs = bits.view(np.float32 if bits.shape[1] == width else np.float64)
    return best, Candidates(ids, logs.astype(np.float32, copy=False))


def _pack(logits: torch.Tensor, k: int, plain: bool) -> torch.Tensor:
    """See :func:`pack_rows`."""
    return pack_rows(logits, k, best=plain)


def accept(
    tree: TokenTree, choose: Callable[[int, Sequence[int]], int], stop: Callable[[int], bool]
) -> tuple[list[int], list[int]]:
    """Walks a draft tree as the target would go without it.

    At each node, from the root on, the target chooses a token; the walk goes on at the child with that token if there
    is one (of several the first), and ends otherwise, or when the sequence ends. Each choice is made from the target's
    own distribution after exactly the tokens before it and does not depend on the tree, so the emitted tokens have the
    law of plain decoding, and are the same tokens where the choice is deterministic.

    Args:
        tree: The tree; node 0 is its only root.
        choose: Given a node and the tokens emitted in this walk so far, the target's choice after it.
        stop: Told each emitted token in order; whether the sequence ends with it.

    Returns:
        The accepted nodes, the root first, and the emitted tokens: one after each accepted node.
    """
    if len(tree) == 1:
        token = choose(0, ())
        stop(token)
        return [0], [token]
    tokens, parents = tree.tokens.tolist(), tree.parents.tolist()
    path, at = [0], 0
    emitted: list[int] = []
    while True:
        token = choose(at, emitted)
        emitted.append(token)
        child = None if stop(token) else _child(tokens, parents, at, token)
        if child is None:
            return path, emitted
        path.append(child)
        at = child


def _child(tokens: list[int], parents: list[int], at: int, token: int) -> int | None:
    """The first child of a node with some token; children come after their parents."""
    node = at
    for _ in range(parents.count(at)):
        node = parents.index(at, node + 1)
        if tokens[node] == token:
            return node
    return None


def part(candidates: Candidates | None, start: int, end: int) -> Candidates | None:
    """The candidates of a stretch of rows."""
    return None if candidates is None else Candidates(candidates.ids[start:end], candidates.logs[start:end])


def chooser_of(
    chooser: Chooser, facts: RowFacts, offset: int, tokens: Sequence[int], row: int
) -> Callable[[int, Sequence[int]], int]:
    """The target's choices at the nodes of the tree whose rows begin at `offset`, after the `tokens` of a sequence."""
    if (best := facts.best) is not None:
        return lambda node, emitted: best[offset + node]
    return lambda node, emitted: chooser.choose([*tokens, *emitted], facts.logits(offset + node), row)
