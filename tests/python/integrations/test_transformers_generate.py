"""``generate`` of the integration against ``model.generate``: the same tokens, whatever is asked."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from transformers import StoppingCriteria
from transformers.generation.stopping_criteria import EosTokenCriteria, MaxLengthCriteria, MaxTimeCriteria

from tokengrove.forward import adapt
from tokengrove.integrations.transformers import generate, speculate
from tokengrove.speculative import GenerationStats, TokenRecycling
from tokengrove.testing.models import Float64Throughout, tiny_model

KINDS = ["llama", "qwen3", "mistral", "mistral-sliding", "gpt2", "gemma", "phi", "gpt_neox"]
VOCAB = 64


@pytest.fixture(scope="module")
def models() -> dict[str, Any]:
    models = {kind: tiny_model(kind) for kind in KINDS}
    for model in models.values():
        # Random text would soon hold the end token; tests of ends name their own.
        model.generation_config.eos_token_id = None
        adapt(model)
    return models


def prompts(count: int, length: int = 9) -> torch.Tensor:
    return torch.randint(3, VOCAB, (count, length), generator=torch.Generator().manual_seed(5))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("tree", ["dynamic", "static-80"])
def test_greedy_tokens_are_those_of_the_model(models: dict[str, Any], kind: str, tree: Any) -> None:
    model, drafter = models[kind], TokenRecycling(VOCAB, tree=tree, budget=24)
    with Float64Throughout():
        for prompt in prompts(3):
            options: dict[str, Any] = {"max_new_tokens": 40, "do_sample": False}
            expected = model.generate(prompt[None], **options)
            gathered: list[GenerationStats] = []
            passes: list[int] = []
            hook = model.base_model.register_forward_hook(lambda *_, seen=passes: seen.append(1))
            got = generate(
                model, prompt[None], drafter=drafter, adaptive=False, stats_callback=gathered.append, **options
            )
            hook.remove()
            assert torch.equal(got, expected)
            assert gathered[0].tokens == expected.shape[1] - 9
            assert len(passes) == gathered[0].passes < gathered[0].tokens


@pytest.mark.parametrize("kind", KINDS)
def test_a_seed_samples_the_tokens_of_the_model(models: dict[str, Any], kind: str) -> None:
    model, drafter = models[kind], TokenRecycling(VOCAB, budget=12)
    options: dict[str, Any] = {
        "max_new_tokens": 40, "do_sample": True,
        "temperature": 0.8, "top_k": 9, "top_p": 0.95, "repetition_penalty": 1.2,
    }  # fmt: skip
    with Float64Throughout():
        for seed in range(3):
            torch.manual_seed(seed)
            expected = model.generate(prompts(1), **options)
            torch.manual_seed(seed)
            assert torch.equal(generate(model, prompts(1), drafter=drafter, adaptive=False, **options), expected)


def test_left_padded_batches(models: dict[str, Any]) -> None:
    ids, mask = prompts(3), torch.ones(3, 9, dtype=torch.int64)
    ids[1, :4], mask[1, :4] = 0, 0
    options: dict[str, Any] = {
        "attention_mask": mask, "max_new_tokens": 30, "do_sample": False, "repetition_penalty": 1.3,
        "eos_token_id": [7, 11, 30, 41], "pad_token_id": 0,
    }  # fmt: skip
    for kind in KINDS:
        with Float64Throughout():
            expected = models[kind].generate(ids, **options)
            got = generate(models[kind], ids, drafter=TokenRecycling(VOCAB, budget=12), adaptive=False, **options)
        assert torch.equal(got, expected), kind


class Recorder:
    def __init__(self) -> None:
        self.got: list[list[int]] = []
        self.ended = 0

    def put(self, value: torch.Tensor) -> None:
        self.got.append(value.reshape(-1).tolist())

    def end(self) -> None:
        self.ended += 1


class Tokenizer:
    """As much of a tokenizer as transformers' stop strings ask for."""

    def __init__(self) -> None:
        self.vocabulary = {chr(48 + i): i for i in range(VOCAB)}

    def get_vocab(self) -> dict[str, int]:
        return self.vocabulary

    def convert_tokens_to_string(self, tokens: list[str]) -> str:
        return "".join(tokens)

    def _convert_id_to_token(self, token: int) -> str:
        return chr(48 + token)

    def __call__(self, text: str, **_: Any) -> dict[str, list[int]]:
        return {"input_ids": [self.vocabulary[c] for c in text]}


def test_streamer_stop_strings_and_criteria_work(models: dict[str, Any]) -> None:
    model, prompt = models["llama"], prompts(1)
    with Float64Throughout():
        plain = model.generate(prompt, max_new_tokens=30, do_sample=False)[0].tolist()
    new = plain[9:]

    class EndsAt(StoppingCriteria):  # type: ignore[misc,unused-ignore]
        def __call__(self, input_ids: torch.Tensor, scores: Any, **_: Any) -> torch.Tensor:
            return torch.tensor([input_ids.shape[1] == 20] * len(input_ids))

    string = "".join(chr(48 + i) for i in new[4:7])
    end = next(i for i in range(3, 31) if new[i - 3 : i] == new[4:7])
    for options, count in (
        ({}, 30),
        ({"stop_strings": string, "tokenizer": Tokenizer()}, end),
        ({"stopping_criteria": [EndsAt()]}, 11),
        ({"eos_token_id": new[6]}, new.index(new[6]) + 1),
    ):
        streamer = Recorder()
        drafter = TokenRecycling(VOCAB)
        with Float64Throughout():
            got = generate(
                model, prompt, drafter=drafter, streamer=streamer, max_new_tokens=30, do_sample=False, **options
            )
        assert got[0].tolist() == plain[: 9 + count]
        assert streamer.got[0] == plain[:9]
        assert [token for put in streamer.got[1:] for token in put] == new[:count]
        assert streamer.ended == 1


def test_criteria_of_the_caller_count(models: dict[str, Any]) -> None:
    model, prompt = models["gpt2"], prompts(2)
    with Float64Throughout():
        expected = model.generate(prompt, max_new_tokens=30, do_sample=False, pad_token_id=0)
        end = int(expected[0, 15])
        for criterion in (MaxLengthCriteria(20), EosTokenCriteria(end), MaxTimeCriteria(0.0)):
            options: dict[str, Any] = {"max_new_tokens": 30, "do_sample": False, "pad_token_id": 0}
            plain = model.generate(prompt, stopping_criteria=[criterion], **options)
            drafter = TokenRecycling(VOCAB)
            found = generate(model, prompt, drafter=drafter, adaptive=False, stopping_criteria=[criterion], **options)
            assert torch.equal(plain, found), type(criterion)


def test_other_modes_are_passed_on(models: dict[str, Any]) -> None:
    model, prompt, drafter = models["llama"], prompts(1), TokenRecycling(VOCAB)
    called: list[GenerationStats] = []
    for options in ({"num_beams": 3}, {"output_scores": True, "return_dict_in_generate": True}):
        shared: dict[str, Any] = {"max_new_tokens": 10, "do_sample": False, **options}
        expected = model.generate(prompt, **shared)
        got = generate(model, prompt, drafter=drafter, stats_callback=called.append, **shared)
        assert type(got) is type(expected)
        tokens = [x if isinstance(x, torch.Tensor) else x.sequences for x in (got, expected)]
        assert torch.equal(*tokens)
    assert called == []
    output = generate(model, prompt, drafter=drafter, max_new_tokens=5, do_sample=False, return_dict_in_generate=True)
    assert output.sequences.shape == (1, 14)
    with pytest.raises(ValueError, match="stop_strings need the model's tokenizer"):
        generate(model, prompt, drafter=drafter, stop_strings="x")


def test_custom_generate_takes_the_callable(models: dict[str, Any]) -> None:
    options: dict[str, Any] = {"max_new_tokens": 20, "do_sample": False}
    with Float64Throughout():
        expected = models["gpt2"].generate(prompts(2), **options)
        loop = speculate(TokenRecycling(VOCAB), adaptive=False)
        assert torch.equal(models["gpt2"].generate(prompts(2), custom_generate=loop, **options), expected)
