"""Real models say through trees what they say through ``generate``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
import transformers

from support.data import data_file
from tokengrove import TokenTree
from tokengrove.default_model import default_model_path, default_model_tokenizer
from tokengrove.forward import TreeModel, adapt, default_model, prefill
from tokengrove.forward.reference import ReferenceModel
from tokengrove.forward.tree_attention import TreeAttentionModel

PROMPTS = ([1, 403, 407], [1, 320, 410, 500, 261, 333], [1])
NEW_TOKENS = 60


def load(folder: Path, **settings: Any) -> Any:
    kind: Any = transformers.AutoModelForCausalLM
    return kind.from_pretrained(folder, **settings).eval()


def greedy(model: TreeModel, prompt: list[int], count: int) -> list[int]:
    """Greedy decoding by trees: the best token is asked about together with its runners-up, which are wrong."""
    cache = model.new_cache()
    row = prefill(model, cache, prompt)
    assert row is not None
    while cache.length < len(prompt) + count:
        best = model.head(row)[0].topk(4).indices.tolist()
        # The wrong ones first, so that a mask that leaks would show.
        tree = TokenTree([*best[1:], best[0]], [-1, -1, 1, -1])
        row = model.forward(tree, cache)[-1:]
        cache.commit([3])
    return cache.tokens()


def through_generate(model: Any, prompt: list[int], count: int) -> list[int]:
    output = model.generate(
        torch.tensor([prompt]), max_new_tokens=count, min_new_tokens=count, do_sample=False, eos_token_id=None
    )
    return [int(token) for token in output[0]]


@pytest.mark.parametrize("name", ["stories260K", "bitstories3M"])
@pytest.mark.parametrize("attention", ["eager", "sdpa"])
def test_greedy_text_is_that_of_generate(name: str, attention: str) -> None:
    folder = data_file(f"models/{name}")
    model = load(folder, attn_implementation=attention)
    adapted = adapt(model)
    assert isinstance(adapted, TreeAttentionModel)
    for prompt in PROMPTS:
        assert greedy(adapted, prompt, NEW_TOKENS) == through_generate(model, prompt, NEW_TOKENS)


def test_the_reference_says_it_too() -> None:
    folder: Path = data_file("models/stories260K")
    model = load(folder)
    reference = ReferenceModel.from_folder(folder)
    for prompt in PROMPTS:
        assert greedy(reference, prompt, NEW_TOKENS) == through_generate(model, prompt, NEW_TOKENS)


@pytest.mark.parametrize("prompt", ["Once upon a time", "There was once a king who"])
def test_the_model_of_the_package_says_it_through_every_path(prompt: str) -> None:
    ids = default_model_tokenizer().encode_list(prompt)
    expected = through_generate(default_model(), ids, NEW_TOKENS)
    assert greedy(adapt(default_model(attn_implementation="eager")), ids, NEW_TOKENS) == expected
    assert greedy(adapt(default_model()), ids, NEW_TOKENS) == expected
    assert greedy(ReferenceModel.from_folder(default_model_path()), ids, NEW_TOKENS) == expected
