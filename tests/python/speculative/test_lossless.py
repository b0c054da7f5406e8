"""Drafts change nothing: tokens, passes, and the cache, on a tiny model of every kind, in float64 and below.

The reference is ``model.generate`` of transformers. `make soak` runs 200 prompts of every kind to 256 tokens.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
import torch

from support.drafting import KINDS as ADVERSARIES
from support.drafting import Adversary
from support.soak import report
from tokengrove import TokenTree
from tokengrove.errors import RowByRowWarning
from tokengrove.forward import TreeModel, adapt
from tokengrove.speculative import Drafter, PromptLookup, TokenRecycling, generate
from tokengrove.testing.models import Float64Throughout, tiny_model

KINDS = ["llama", "qwen3", "mistral", "mistral-sliding", "gpt2", "gemma", "gemma3", "phi", "gpt_neox"]
VOCAB = 64

FLOAT32_MARGIN = 1e-5
"""In float32 another token may win only where the two best logits differ by less than this part of the largest."""
BFLOAT16_MARGIN = 2.0**-5
"""The same for bfloat16, whose numbers have eight significant bits."""


def prompts(count: int, length: int, seed: int = 5) -> torch.Tensor:
    return torch.randint(3, VOCAB, (count, length), generator=torch.Generator().manual_seed(seed))


def plain(model: Any, ids: torch.Tensor, count: int) -> list[list[int]]:
    """The new tokens of ``model.generate``, all of `count`: end tokens are not heeded."""
    mask = torch.ones_like(ids)
    found: torch.Tensor = model.generate(
        ids, attention_mask=mask, max_new_tokens=count, do_sample=False, eos_token_id=None, pad_token_id=0
    )
    return found[:, ids.shape[1] :].tolist()


@contextlib.contextmanager
def counted(model: Any) -> Iterator[list[tuple[int, int]]]:
    """The shapes of the inputs of every forward pass of the network meanwhile."""
    shapes: list[tuple[int, int]] = []

    def note(module: Any, arguments: Any, named: dict[str, torch.Tensor], output: Any) -> None:
        shapes.append(tuple(named["input_ids"].shape))  # type: ignore[arg-type]

    hook = model.base_model.register_forward_hook(note, with_kwargs=True)
    try:
        yield shapes
    finally:
        hook.remove()


def knowing(prompt: Sequence[int], text: Sequence[int]) -> Callable[[Sequence[int], int], list[int]]:
    """What an adversary knows: how the text goes on, and token 0 beyond its end."""

    def right(tokens: Sequence[int], count: int) -> list[int]:
        at = len(tokens) - len(prompt)
        return [*text[at : at + count], *[0] * count][:count]

    return right


def drafters(prompt: Sequence[int], text: Sequence[int]) -> dict[str, Drafter]:
    return {
        "recycling": TokenRecycling(VOCAB),
        "static-80": TokenRecycling(VOCAB, tree="static-80"),
        "lookup": PromptLookup(),
        **{kind: Adversary(kind, knowing(prompt, text), VOCAB, k=4 * (n % 2)) for n, kind in enumerate(ADVERSARIES)},
    }


@pytest.mark.parametrize("kind", KINDS)
def test_greedy_tokens_are_those_of_generate_in_fewer_passes(kind: str) -> None:
    count = 40
    ids = prompts(2, 9)
    with Float64Throughout():
        model = tiny_model(kind)
        target = adapt(model)
        for prompt, text in zip(ids.tolist(), plain(model, ids, count), strict=True):
            for name, drafter in drafters(prompt, text).items():
                with counted(model) as shapes:
                    result = generate(target, prompt, drafter=drafter, max_new_tokens=count, adaptive=False)
                assert result.new_tokens == [text], name
                assert len(shapes) == result.stats.passes, name
                assert shapes[0] == (1, len(prompt))
                if name in ("none", "wrong"):
                    assert len(shapes) == count
                elif name == "right":
                    assert len(shapes) == 1 + (count - 1 + 12) // 13
                elif name in ("recycling", "static-80", "twins"):
                    assert len(shapes) < count, name


@pytest.mark.parametrize("kind", KINDS)
def test_an_end_inside_a_draft_ends_the_text(kind: str) -> None:
    prompt = prompts(1, 6, seed=9)
    with Float64Throughout():
        model = tiny_model(kind)
        target = adapt(model)
        [text] = plain(model, prompt, 30)
        for at in (0, 3, 11, 29):
            end = text[at]
            first = text.index(end)
            for name, drafter in drafters(prompt[0].tolist(), text).items():
                result = generate(target, prompt, drafter=drafter, max_new_tokens=30, eos_token_id=end, adaptive=False)
                assert result.new_tokens == [text[: first + 1]], name


@pytest.mark.parametrize("kind", ["llama", "mistral-sliding", "gpt2", "gemma3"])
def test_rows_of_a_batch_are_the_texts_alone(kind: str) -> None:
    lengths, count = (3, 17, 9, 30), 40
    with Float64Throughout():
        model = tiny_model(kind)
        target = adapt(model)
        ids = [prompts(1, length, seed=length)[0].tolist() for length in lengths]
        texts = [plain(model, torch.tensor([prompt]), count)[0] for prompt in ids]
        for drafter in (None, TokenRecycling(VOCAB, budget=20), PromptLookup()):
            with counted(model) as shapes:
                result = generate(target, ids, drafter=drafter, max_new_tokens=count, adaptive=False)
            assert result.new_tokens == texts
            assert len(shapes) == result.stats.steps + 1
            assert result.stats.passes == sum(result.stats.lengths)


@pytest.mark.parametrize("kind", KINDS)
def test_the_cache_is_that_of_a_fresh_pass(kind: str) -> None:
    prompt = prompts(1, 9, seed=2)[0].tolist()
    with Float64Throughout():
        model = tiny_model(kind)
        target = adapt(model)
        for drafter in (TokenRecycling(VOCAB), Adversary("random", lambda tokens, n: [0] * n, VOCAB)):
            caches: list[Any] = []
            result = generate(_Keeping(target, caches), prompt, drafter=drafter, max_new_tokens=60, adaptive=False)
            [cache] = caches
            tokens = result.sequences[0].tolist()
            # All but the last token, which was emitted and never evaluated.
            assert cache.tokens() == tokens[:-1]
            fresh: Any = target.new_cache()
            target.forward(TokenTree.chain(tokens[:-1]), fresh)
            fresh.commit(range(len(tokens) - 1))
            for layer, expected in zip(cache.past.layers, fresh.past.layers, strict=True):
                torch.testing.assert_close(layer.keys, expected.keys, rtol=1e-9, atol=1e-9)
                torch.testing.assert_close(layer.values, expected.values, rtol=1e-9, atol=1e-9)


class _Keeping:
    """A tree model that keeps its caches."""

    def __init__(self, inner: TreeModel, caches: list[Any]) -> None:
        self.vocab_size, self.device = inner.vocab_size, inner.device
        self.forward, self.head, self.start = inner.forward, inner.head, inner.start
        self._inner, self._caches = inner, caches

    def new_cache(self, batch_size: int = 1) -> Any:
        self._caches.append(self._inner.new_cache(batch_size))
        return self._caches[-1]


@pytest.mark.parametrize("kind", ["bloom", "mamba"])
def test_models_without_tree_masks_are_given_chains(kind: str) -> None:
    prompt = prompts(1, 9)
    with Float64Throughout():
        model = tiny_model(kind, attention="eager")
        with pytest.warns(RowByRowWarning, match="runs token trees row by row"):
            target = adapt(model)
        [text] = plain(model, prompt, 30)
        for name, drafter in drafters(prompt[0].tolist(), text).items():
            with counted(model) as shapes:
                result = generate(target, prompt, drafter=drafter, max_new_tokens=30, adaptive=False)
            assert result.new_tokens == [text], name
            # One for the chain, and sometimes one to take back what was not accepted: never one for each leaf.
            assert result.stats.passes <= len(shapes) <= 2 * result.stats.passes, name
            if name == "right":
                assert len(shapes) < 10


@pytest.mark.parametrize(("dtype", "margin"), [(torch.float32, FLOAT32_MARGIN), (torch.bfloat16, BFLOAT16_MARGIN)])
@pytest.mark.parametrize("kind", ["llama", "qwen3", "mistral-sliding", "gpt2"])
def test_where_texts_part_two_tokens_were_as_good(kind: str, dtype: torch.dtype, margin: float) -> None:
    model = tiny_model(kind, dtype=dtype)
    target = adapt(model)
    ids = prompts(4, 9)
    for prompt, text in zip(ids.tolist(), plain(model, ids, 60), strict=True):
        for drafter in (None, TokenRecycling(VOCAB)):
            [found] = generate(target, prompt, drafter=drafter, max_new_tokens=60, adaptive=False).new_tokens
            assert parted(model, prompt, text, found) < margin


def parted(model: Any, prompt: list[int], text: list[int], found: list[int]) -> float:
    """How far apart the two tokens are at which two texts part, as a part of the largest logit; 0 if they do not."""
    at = next((i for i, (a, b) in enumerate(zip(text, found, strict=True)) if a != b), None)
    if at is None:
        return 0.0
    with torch.no_grad():
        row = model(torch.tensor([prompt + text[:at]])).logits[0, -1].float()
    best = row.max()
    # Both were a maximum of somebody's logits, so both must be close to the maximum here.
    return float((best - torch.minimum(row[text[at]], row[found[at]])) / row.abs().max())


@pytest.mark.soak
@pytest.mark.parametrize("kind", KINDS)
def test_200_prompts_of_256_tokens(kind: str) -> None:
    count, tokens, passes = 256, 0, 0
    with Float64Throughout():
        model = tiny_model(kind)
        target = adapt(model)
        warm: dict[str, Drafter] = {
            "recycling": TokenRecycling(VOCAB),
            "static-80": TokenRecycling(VOCAB, tree="static-80"),
            "lookup": PromptLookup(),
        }
        for group in range(10):
            ids = prompts(20, 5 + 4 * group, seed=100 + group)
            texts = plain(model, ids, count)
            for number, (prompt, text) in enumerate(zip(ids.tolist(), texts, strict=True)):
                # Every other prompt starts from nothing; adversaries take turns with drafters that learn.
                every = {**drafters(prompt, text), **(warm if number % 2 else {})}
                name = list(every)[number % 2 if number % 4 < 2 else (number // 4 + group) % len(every)]
                with counted(model) as shapes:
                    result = generate(target, prompt, drafter=every[name], max_new_tokens=count, adaptive=False)
                assert result.new_tokens == [text], (kind, group, number, name)
                assert len(shapes) == result.stats.passes
                tokens, passes = tokens + count, passes + len(shapes)
            for start in range(0, 20, 5):
                drafter = TokenRecycling(VOCAB, budget=16)
                rows = slice(start, start + 5)
                batch = generate(target, ids[rows], drafter=drafter, max_new_tokens=count, adaptive=False)
                assert batch.new_tokens == texts[rows]
    report(f"speculation-{kind}", prompts=200, new_tokens=tokens, passes=passes, mismatches=0, dtype="float64")
