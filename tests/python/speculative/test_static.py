"""Plain, static, dynamic and batched decoding give the same text."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from support.drafting import KINDS as ADVERSARIES
from support.drafting import Adversary
from tokengrove.errors import InvalidArgumentError
from tokengrove.forward import StaticTreeModel, adapt
from tokengrove.speculative import Drafter, PromptLookup, TokenRecycling, generate
from tokengrove.testing.models import Float64Throughout, tiny_model

VOCAB = 64
COUNT = 40


def prompts(lengths: tuple[int, ...]) -> list[list[int]]:
    generator = torch.Generator().manual_seed(11)
    return [torch.randint(3, VOCAB, (length,), generator=generator).tolist() for length in lengths]


def of_the_model(model: Any, prompt: list[int]) -> list[int]:
    ids = torch.tensor([prompt])
    found: torch.Tensor = model.generate(
        ids,
        attention_mask=torch.ones_like(ids),
        max_new_tokens=COUNT,
        do_sample=False,
        eos_token_id=None,
        pad_token_id=0,
    )
    return found[0, len(prompt) :].tolist()


@pytest.mark.parametrize("attention", ["masked", "split"])
@pytest.mark.parametrize("kind", ["llama", "gpt2", "qwen2", "qwen3", "mistral-sliding", "gemma3", "phi", "gpt_neox"])
def test_plain_static_dynamic_and_batched_texts_agree(kind: str, attention: Any) -> None:
    if attention == "split" and kind in ("mistral-sliding", "gemma3"):
        pytest.skip("split attention is for models without a sliding window")
    ids = prompts((3, 17, 9))
    with Float64Throughout():
        model = tiny_model(kind)
        static = StaticTreeModel(model, 64, room=81, attention=attention)
        texts = [of_the_model(model, prompt) for prompt in ids]
        made: list[Drafter | None] = [
            None,
            TokenRecycling(VOCAB),
            TokenRecycling(VOCAB, tree="static-80"),
            PromptLookup(),
        ]
        for drafter in made:
            for target in (static, adapt(model)):
                for prompt, text in zip(ids[:2], texts, strict=False):
                    result = generate(target, prompt, drafter=drafter, max_new_tokens=COUNT, adaptive=False)
                    assert result.new_tokens == [text]
                batch = generate(target, ids, drafter=drafter, max_new_tokens=COUNT, adaptive=False)
                assert batch.new_tokens == texts
        # By the option, and with sizes chosen as it runs.
        for drafter in made[:2]:
            assert (
                generate(model, ids[0], drafter=drafter, max_new_tokens=COUNT, cache="static").new_tokens == texts[:1]
            )


def test_hostile_drafts_change_nothing() -> None:
    [prompt] = prompts((9,))
    with Float64Throughout():
        model = tiny_model("llama")
        text = of_the_model(model, prompt)
        static = StaticTreeModel(model, 64)

        def right(tokens: Any, count: int) -> list[int]:
            at = len(tokens) - len(prompt)
            return [*text[at : at + count], *[0] * count][:count]

        for kind in ADVERSARIES:
            drafter = Adversary(kind, right, VOCAB, k=4)
            result = generate(static, prompt, drafter=drafter, max_new_tokens=COUNT, adaptive=False)
            assert result.new_tokens == [text], kind


@pytest.mark.parametrize("kind", ["llama", "gpt2"])
def test_a_seed_samples_the_same_text(kind: str) -> None:
    [prompt] = prompts((9,))
    given: dict[str, Any] = {
        "do_sample": True,
        "temperature": 0.8,
        "top_k": 20,
        "top_p": 0.9,
        "repetition_penalty": 1.2,
    }
    with Float64Throughout():
        model = tiny_model(kind)
        plain = generate(model, prompt, max_new_tokens=COUNT, seed=7, **given).new_tokens
        assert generate(model, prompt, max_new_tokens=COUNT, seed=8, **given).new_tokens != plain
        for drafter in (None, TokenRecycling(VOCAB), PromptLookup()):
            result = generate(
                model, prompt, drafter=drafter, max_new_tokens=COUNT, seed=7, adaptive=False, cache="static", **given
            )
            assert result.new_tokens == plain


def test_memory_is_kept_from_one_text_to_the_next() -> None:
    static = StaticTreeModel(tiny_model("llama"), 100)
    drafter = TokenRecycling(VOCAB)
    first = generate(static, [5, 6, 7], drafter=drafter, max_new_tokens=20)
    [memory] = static._idle
    assert generate(static, [5, 6, 7], drafter=drafter, max_new_tokens=20).new_tokens == first.new_tokens
    assert static._idle == [memory]


def test_a_cache_too_small_is_told_before_anything_is_written() -> None:
    static = StaticTreeModel(tiny_model("llama"), 10)
    with pytest.raises(InvalidArgumentError, match="at most 10"):
        generate(static, list(range(3, 15)), max_new_tokens=5)
    # The room is spent on the way: what was emitted before is lost with the error, and the memory is free again.
    with pytest.raises(InvalidArgumentError, match="at most 10"):
        generate(static, list(range(3, 11)), max_new_tokens=9)
    assert len(static._idle) == 1
    assert len(generate(static, list(range(3, 11)), max_new_tokens=3).new_tokens[0]) == 3


def test_not_a_kind_of_cache() -> None:
    with pytest.raises(InvalidArgumentError, match="cache is 'paged'"):
        generate(tiny_model("llama"), [3], max_new_tokens=1, cache="paged")  # type: ignore[arg-type]


def test_nan_is_found_on_the_static_path() -> None:
    model: Any = tiny_model("llama")
    static = StaticTreeModel(model, 40)
    with torch.no_grad():
        model.lm_head.weight[5] = torch.nan
    with pytest.raises(InvalidArgumentError, match="NaN"):
        generate(static, [3, 4], drafter=TokenRecycling(VOCAB), max_new_tokens=5)
