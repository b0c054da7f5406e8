"""Generation: prompt, then draft, one forward pass, acceptance, learning, until every sequence has ended."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from time import perf_counter
from typing import Any, Literal, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from tokengrove._native import TokenTree
from tokengrove.errors import InvalidArgumentError
from tokengrove.forward import TreeModel, adapt
from tokengrove.speculative.choosing import Chooser, Processor, standard_processors
from tokengrove.speculative.drafters import Drafter, DraftSession
from tokengrove.speculative.pace import Pace
from tokengrove.speculative.stats import GenerationStats
from tokengrove.speculative.stopping import Decodes, Ending
from tokengrove.speculative.verification import (
    Reader,
    RowFacts,
    accept,
    chooser_of,
    part,
    read_evaluation,
    read_rows,
)

__all__ = ["GenerationResult", "Streamer", "decode", "generate"]

_CHUNK = 256
"""Tokens of a prompt that are evaluated, and learned from, at once."""


class Streamer(Protocol):
    """Takes tokens as they are emitted; those of the transformers library fit."""

    def put(self, value: torch.Tensor) -> None:
        """Takes tokens: first the prompt, int64[1, n], then int64[m] of each step."""
        ...

    def end(self) -> None:
        """Is told that no more tokens come."""
        ...


@dataclass(frozen=True, slots=True)
class GenerationResult:
    """What was generated.

    Attributes:
        sequences: Prompts and new tokens, int64[batch, length] on the CPU. Prompts of unequal lengths are padded on the
            left, texts that ended early on the right.
        new_tokens: The new tokens of each sequence alone.
        stats: What it took.
    """

    sequences: torch.Tensor
    new_tokens: list[list[int]]
    stats: GenerationStats


class _Row:
    """One sequence at work."""

    def __init__(self, ending: Ending, session: DraftSession | None) -> None:
        self.ending = ending
        self.session = session

    @property
    def active(self) -> bool:
        return not self.ending.ended

    def draft(self, budget: int) -> tuple[TokenTree, NDArray[np.float32] | None]:
        """The drafted tree, or the last token alone, and the probabilities of its nodes if the drafter has them."""
        last = self.ending.tokens[-1]
        if not self.active:
            return TokenTree.chain([]), None
        if self.session is None or budget == 0:
            return TokenTree.chain([last]), None
        tree = self.session.draft(budget)
        _check_draft(tree, last)
        return tree, getattr(self.session, "probabilities", None)

    def fitted(self, tree: TokenTree, most: int, longest: int | None, chains: bool) -> TokenTree:
        """What of a drafted tree is evaluated.

        Args:
            tree: The tree.
            most: How many nodes beside the root are worth it: the first ones.
            longest: The longest sequence that the model takes, if there is one.
            chains: Whether only the first path of a tree is worth its evaluation.
        """
        if len(tree) > most + 1:
            tree = TokenTree(tree.tokens[: most + 1], tree.parents[: most + 1])
        if chains and not tree.is_chain:
            tree = _first_path(tree)
        # The root is the last of the tokens so far; beyond the end there is room for the root alone, or for nothing.
        room = self.ending.left if longest is None else min(self.ending.left, longest - len(self.ending.tokens) + 1)
        return _trimmed(tree, max(room, 1))


def generate(
    model: Any,
    input_ids: torch.Tensor | Sequence[int] | Sequence[Sequence[int]],
    *,
    drafter: Drafter | None = None,
    max_new_tokens: int = 256,
    attention_mask: torch.Tensor | None = None,
    do_sample: bool = False,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    repetition_penalty: float = 1.0,
    logits_processor: Sequence[Processor] = (),
    seed: int | None = None,
    eos_token_id: int | Collection[int] | None = None,
    pad_token_id: int | None = None,
    stop_strings: str | Sequence[str] = (),
    tokenizer: Decodes | None = None,
    stopping_criterion: Callable[[list[int]], bool] | None = None,
    streamer: Streamer | None = None,
    budget: int | None = None,
    adaptive: bool = True,
    cache: Literal["dynamic", "static"] = "dynamic",
) -> GenerationResult:
    """Generates text, several tokens for each forward pass where drafts are right, none of them changed by a draft.

    Greedy: the tokens are those of plain greedy decoding; in float64 the same ones, in float32 and below except where
    two logits are so close that another order of summation decides. Sampling: the tokens have exactly the law of plain
    sampling, and with one sequence and a seed they are those that plain decoding samples with it.

    Args:
        model: A tree model, a causal language model of transformers, or a function from token ids to logits.
        input_ids: One prompt, integers of shape [n], or several: [batch, n], or a list of lists of any lengths. No
            prompt is empty.
        drafter: Makes the drafts; None decodes plainly.
        max_new_tokens: The most new tokens of a sequence.
        attention_mask: For `input_ids` of shape [batch, n]: 0 where a prompt is padded, which must be on the left.
        do_sample: Whether to sample; if not, the likeliest token is taken.
        temperature: See :func:`standard_processors`; these four act before `logits_processor`.
        top_k: See there.
        top_p: See there.
        repetition_penalty: See there; it acts without sampling, too.
        logits_processor: Called once for each emitted token of each sequence, with the tokens so far, int64[1, n], and
            scores, float32[1, vocab].
        seed: Seeds the random numbers; None takes torch's global generator.
        eos_token_id: Tokens that end a sequence; emitted.
        pad_token_id: Fills `sequences` where there is no token; the first end token, or 0, if left out.
        stop_strings: Strings that end a sequence when they stand in its new text; needs `tokenizer`.
        tokenizer: Anything with ``decode(list of ids) -> str``.
        stopping_criterion: Called after each token with all tokens of the sequence; True ends it.
        streamer: Gets the prompt, then tokens as they are emitted; for one sequence only.
        budget: The most drafted nodes; the drafter's own if left out.
        adaptive: Whether drafting is measured against plain decoding and reduced, at last to nothing, while it loses.
            The text does not depend on it.
        cache: ``"static"`` gives the keys and values memory of a fixed size, and captures steps as CUDA graphs where
            there is CUDA; for causal language models of transformers that evaluate trees through a mask. To keep memory
            and graphs from one call to the next, make a :class:`tokengrove.forward.StaticTreeModel` and pass that.

    Returns:
        The sequences and statistics.

    Raises:
        InvalidArgumentError: If an argument is out of range, arguments do not fit each other, the drafter is made for
            another vocabulary or gives a tree without the right root, or the model gives NaN.
        UnknownTokenError: If a prompt or a draft holds an id that the model does not know.
        TypeError: If `model` is no model.
    """
    target = adapt(model)
    prompts = _prompts(input_ids, attention_mask)
    strings = (stop_strings,) if isinstance(stop_strings, str) else tuple(stop_strings)
    ends = () if eos_token_id is None else (eos_token_id,) if isinstance(eos_token_id, int) else tuple(eos_token_id)
    if streamer is not None and len(prompts) > 1:
        raise InvalidArgumentError(f"a streamer takes one sequence; there are {len(prompts)}")
    processors = standard_processors(
        temperature=temperature,
        top_k=top_k,
        top_p=top_p,
        repetition_penalty=repetition_penalty,
        do_sample=do_sample,
    )
    generator = None if seed is None else torch.Generator(target.device).manual_seed(seed)
    chooser = Chooser([*processors, *logits_processor], do_sample=do_sample, generator=generator)
    endings = [
        Ending(
            prompt,
            max_new_tokens=max_new_tokens,
            stop_ids=ends,
            stop_strings=strings,
            tokenizer=tokenizer,
            criterion=stopping_criterion,
        )
        for prompt in prompts
    ]
    if cache == "static":
        most = budget if budget is not None else drafter.budget if drafter is not None else 0
        target = _static(target, max(map(len, prompts)) + max_new_tokens, most)
    elif cache != "dynamic":
        raise InvalidArgumentError(f"cache is {cache!r}; it can be 'dynamic' or 'static'")
    stats = decode(target, endings, chooser, drafter=drafter, budget=budget, adaptive=adaptive, streamer=streamer)
    pad = pad_token_id if pad_token_id is not None else next(iter(ends), 0)
    new = [ending.new for ending in endings]
    return GenerationResult(_padded(prompts, new, pad), new, stats)


def _static(model: TreeModel, capacity: int, budget: int) -> TreeModel:
    """The model with static shapes, with room for a text and a tree."""
    from tokengrove.forward.static import StaticTreeModel, width_of

    if isinstance(model, StaticTreeModel):
        return model
    return StaticTreeModel(model, capacity, room=width_of(max(budget, 0) + 1))


def decode(
    model: TreeModel,
    endings: list[Ending],
    chooser: Chooser,
    *,
    drafter: Drafter | None = None,
    budget: int | None = None,
    adaptive: bool = True,
    streamer: Streamer | None = None,
) -> GenerationStats:
    """Appends new tokens to sequences until all have ended: what :func:`generate` does once its arguments are read.

    Args:
        model: The target.
        endings: The sequences, one or more; new tokens are added to them.
        chooser: How the target chooses tokens.
        drafter: See :func:`generate`.
        budget: See there.
        adaptive: See there.
        streamer: See there.

    Returns:
        Statistics.

    Raises:
        InvalidArgumentError: As :func:`generate`.
    """
    if drafter is not None and drafter.vocab_size not in (None, model.vocab_size):
        raise InvalidArgumentError(
            f"the drafter is made for {drafter.vocab_size} tokens, the model's vocabulary has {model.vocab_size}"
        )
    most = (drafter.budget if drafter is not None else 0) if budget is None else budget
    if most < 0:
        raise InvalidArgumentError(f"budget is {most}; it cannot be negative")
    left = max((ending.left for ending in endings), default=0)
    pace = Pace(most if drafter is not None else 0, adaptive=adaptive, tokens=left)
    loop = _Loop(model, drafter, chooser, pace, streamer)
    loop.run(endings)
    return loop.stats


class _Loop:
    """The steps of one call."""

    def __init__(
        self, model: TreeModel, drafter: Drafter | None, chooser: Chooser, pace: Pace, streamer: Streamer | None
    ) -> None:
        self.stats = GenerationStats()
        self._model = model
        self._drafter = drafter
        self._k = drafter.k if drafter is not None else 0
        self._chooser = chooser
        self._pace = pace
        self._streamer = streamer
        self._cache: Any = None
        # The longest sequence that the model takes: a draft must not reach beyond it, where plain decoding would not.
        self._longest: int | None = getattr(model, "max_length", None)
        self._chains: bool = getattr(model, "prefers_chains", False)
        # A model with static shapes runs the network and the reading of its rows as one.
        static = getattr(model, "has_static_shapes", False)
        self._evaluate: Callable[..., Any] | None = getattr(model, "evaluate", None) if static else None

    def run(self, endings: list[Ending]) -> None:
        """Generates until all sequences have ended."""
        rows = [_Row(ending, self._drafter.start() if self._drafter is not None else None) for ending in endings]
        try:
            if self._streamer is not None:
                self._streamer.put(torch.tensor([endings[0].tokens], dtype=torch.int64))
            if any(row.active for row in rows):
                with self._timed("prefill"):
                    self._prefill(rows)
                while any(row.active for row in rows):
                    self._step(rows)
        finally:
            for row in rows:
                if row.session is not None:
                    row.session.finish()
            if self._evaluate is not None and self._cache is not None:
                self._model.release(self._cache)  # type: ignore[attr-defined]
        self.stats.switched_off = self._pace.switched_off
        if self._streamer is not None:
            self._streamer.end()

    def _prefill(self, rows: list[_Row]) -> None:
        """Evaluates the prompts piece by piece, shows the drafter all of it, and chooses the first tokens."""
        self._cache = self._model.new_cache(len(rows))
        longest = max(len(row.ending.tokens) for row in rows)
        prompts = [list(row.ending.tokens) for row in rows]
        for start in range(0, longest, _CHUNK):
            pieces = [prompt[start : start + _CHUNK] for prompt in prompts]
            hidden = self._model.forward([TokenTree.chain(piece) for piece in pieces], self._cache)
            self._cache.commit([range(len(piece)) for piece in pieces])
            facts = read_rows(
                self._model, hidden, self._k, plain=self._chooser.is_plain, keep=not self._chooser.is_plain
            )
            offset = 0
            for number, (row, prompt, piece) in enumerate(zip(rows, prompts, pieces, strict=True)):
                if not piece:
                    continue
                after = offset + len(piece)
                if row.session is not None:
                    row.session.prompt(piece, part(facts.candidates, offset, after))
                if start + len(piece) == len(prompt):
                    self._first(row, number, facts, after - 1)
                offset = after

    def _first(self, row: _Row, number: int, facts: RowFacts, at: int) -> None:
        token = chooser_of(self._chooser, facts, at, row.ending.seen, number)(0, ())
        row.ending.add(token)
        if row.session is not None:
            row.session.push(token)
        self.stats.count(1)
        self._emit([token])

    def _step(self, rows: list[_Row]) -> None:
        """One forward pass."""
        begin = perf_counter()
        with self._timed("draft"):
            drafted = self._pace.budget
            drafts = [row.draft(drafted) for row in rows]
            most = self._pace.keep([estimates for tree, estimates in drafts if len(tree) > 1])
            trees = [
                row.fitted(tree, most, self._longest, self._chains) for row, (tree, _) in zip(rows, drafts, strict=True)
            ]
        plain = self._chooser.is_plain
        # A drafter that is given up learns no more: plain decoding should cost nothing else.
        reader = Reader(0 if self._pace.switched_off else self._k, plain, keep=not plain)
        with self._timed("forward"):
            found: Any
            if self._evaluate is None:
                found = self._model.forward(trees, self._cache)
            else:
                found = self._evaluate(trees, self._cache, reader)
        with self._timed("verify"):
            if self._evaluate is None:
                facts = read_rows(self._model, found, reader.k, plain=plain, keep=not plain)
            else:
                facts = read_evaluation(found, reader, self._model.vocab_size)
            outcomes: list[tuple[list[int], list[int]]] = []
            offset = 0
            for number, (row, tree) in enumerate(zip(rows, trees, strict=True)):
                if len(tree) == 0:
                    outcomes.append(([], []))
                    continue
                # The likeliest token of a row is chosen without regard to what came before.
                seen = () if plain else row.ending.seen
                choose = chooser_of(self._chooser, facts, offset, seen, number)
                outcomes.append(accept(tree, choose, row.ending.add))
                offset += len(tree)
            self._cache.commit([path for path, _ in outcomes])
        # Without a draft, what the drafter learns is no part of what plain decoding takes.
        end = perf_counter() if drafted == 0 else None
        with self._timed("learn"):
            offset = 0
            for row, tree, (path, emitted) in zip(rows, trees, outcomes, strict=True):
                if path and row.session is not None and not self._pace.switched_off:
                    row.session.learn(tree, path, emitted[-1], part(facts.candidates, offset, offset + len(tree)))
                offset += len(tree)
        self._count(trees, outcomes, (end or perf_counter()) - begin)

    def _count(self, trees: list[TokenTree], outcomes: list[tuple[list[int], list[int]]], seconds: float) -> None:
        self.stats.steps += 1
        emitted = [tokens for _, tokens in outcomes if tokens]
        for tokens in emitted:
            self.stats.count(len(tokens))
            self.stats.accepted += len(tokens) - 1
        self.stats.drafted += sum(max(len(tree) - 1, 0) for tree in trees)
        self._pace.step(sum(map(len, emitted)) / len(emitted), max(map(len, trees)) - 1, seconds)
        self._emit(emitted[0])

    def _emit(self, tokens: list[int]) -> None:
        if self._streamer is not None:
            self._streamer.put(torch.tensor(tokens, dtype=torch.int64))

    @contextmanager
    def _timed(self, phase: str) -> Iterator[None]:
        begin = perf_counter()
        yield
        self.stats.seconds[phase] += perf_counter() - begin


def _check_draft(tree: object, last: int) -> None:
    if not isinstance(tree, TokenTree):
        raise TypeError(f"a drafter must give a TokenTree, not {type(tree).__name__}")
    roots = int((tree.parents == -1).sum())
    if roots != 1 or int(tree.tokens[0]) != last:
        found = "no nodes" if len(tree) == 0 else f"{roots} roots, the first with token {tree.tokens[0]}"
        raise InvalidArgumentError(f"a draft has one root with the last token, {last}; this one has {found}")


def _first_path(tree: TokenTree) -> TokenTree:
    """The path of first children, which drafters take for the likeliest ones."""
    last, tokens = 0, [int(tree.tokens[0])]
    for node, parent in enumerate(tree.parents.tolist()):
        if node and parent == last:
            tokens.append(int(tree.tokens[node]))
            last = node
    return TokenTree.chain(tokens)


def _trimmed(tree: TokenTree, left: int) -> TokenTree:
    """The tree without what could only be emitted beyond the end: it might be too long for the model, too."""
    if tree.height <= left:
        return tree
    kept = np.flatnonzero(tree.depths < left)
    numbers = np.full(len(tree) + 1, -1, np.int32)
    numbers[kept] = np.arange(len(kept))
    # The root's parent is -1, and so is the last number.
    return TokenTree(tree.tokens[kept], numbers[tree.parents[kept]])


def _prompts(
    input_ids: torch.Tensor | Sequence[int] | Sequence[Sequence[int]], attention_mask: torch.Tensor | None
) -> list[list[int]]:
    listed: Any = input_ids.tolist() if hasattr(input_ids, "tolist") else list(input_ids)
    prompts: list[list[int]] = listed if listed and hasattr(listed[0], "__len__") else [listed]
    if attention_mask is not None:
        mask = attention_mask.tolist()
        if len(mask) != len(prompts) or any(len(m) != len(p) for m, p in zip(mask, prompts, strict=True)):
            raise InvalidArgumentError("attention_mask has another shape than input_ids")
        if any(m != sorted(m) for m in mask):
            raise InvalidArgumentError("prompts must be padded on the left: attention_mask has a 0 after a 1")
        prompts = [p[len(m) - sum(m) :] for m, p in zip(mask, prompts, strict=True)]
    for row, prompt in enumerate(prompts):
        if not len(prompt):
            raise InvalidArgumentError(f"prompt {row} is empty; generation needs at least one token to begin with")
    return [list(map(int, prompt)) for prompt in prompts]


def _padded(prompts: list[list[int]], new: list[list[int]], pad: int) -> torch.Tensor:
    before, after = max(map(len, prompts)), max(map(len, new))
    rows = [
        [pad] * (before - len(prompt)) + prompt + tokens + [pad] * (after - len(tokens))
        for prompt, tokens in zip(prompts, new, strict=True)
    ]
    return torch.tensor(rows, dtype=torch.int64)
