"""The model that comes with the package: its files, its tokenizer, and, where torch is installed, what it writes."""

from __future__ import annotations

import gzip
import hashlib
import json
import lzma
import math
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokengrove.default_model import default_model_path, default_model_tensors, default_model_tokenizer

ROOT = Path(__file__).resolve().parents[2]
HELD_OUT = ROOT / "tests/vectors/default_model_held_out.txt"
"""A passage of the last story of *The Yellow Fairy Book* (public domain), which the training holds out."""

PROMPTS = ("Once upon a time", "One day, a little girl named Lily", "There was once a king who had three daughters.")


def config() -> dict[str, Any]:
    content: dict[str, Any] = json.loads((default_model_path() / "config.json").read_text())
    return content


# --- without torch ----------------------------------------------------------------------------------------------------


def test_the_files_fit_into_8_megabytes() -> None:
    files = {path.name: path.stat().st_size for path in default_model_path().iterdir()}
    assert {"config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"} <= files.keys()
    assert sum(files.values()) <= 8_000_000


def test_the_weights_can_be_listed_without_torch() -> None:
    tensors = default_model_tensors()
    settings = config()
    assert tensors["model.embed_tokens.weight"].shape == (settings["vocab_size"], settings["hidden_size"])
    assert {info.dtype for info in tensors.values()} == {"F16"}
    assert sum(1 for name in tensors if name.endswith("mlp.down_proj.weight")) == settings["num_hidden_layers"]
    weights = sum(math.prod(info.shape) for info in tensors.values())
    data = (default_model_path() / "model.safetensors").read_bytes()
    assert len(data) == 8 + int.from_bytes(data[:8], "little") + 2 * weights


def test_the_vocabulary_is_the_bytes_the_merges_and_the_end_of_text() -> None:
    tokenizer = default_model_tokenizer()
    assert tokenizer.vocab_size == config()["vocab_size"] == 4096
    assert [tokenizer.token_bytes(id) for id in range(256)] == [bytes([byte]) for byte in range(256)]
    assert tokenizer.special_tokens == {"<|endoftext|>": config()["eos_token_id"]}
    assert default_model_tokenizer() is tokenizer


@given(st.binary(max_size=200))
def test_every_bytes_object_survives_the_vocabulary(data: bytes) -> None:
    tokenizer = default_model_tokenizer()
    assert tokenizer.decode_bytes(tokenizer.encode(data)) == data


@given(st.text(max_size=200))
def test_ids_equal_those_of_the_reference_library(text: str) -> None:
    reference = pytest.importorskip("tokenizers").Tokenizer.from_file(str(default_model_path() / "tokenizer.json"))
    assert default_model_tokenizer().encode_list(text) == reference.encode(text, add_special_tokens=False).ids


def test_the_tokenizer_is_the_one_that_the_weights_were_trained_with() -> None:
    data = (default_model_path() / "tokenizer.json").read_bytes()
    assert hashlib.sha256(data).hexdigest() in (ROOT / "docs/default_model.md").read_text(encoding="utf-8")


def test_english_takes_few_tokens() -> None:
    text = HELD_OUT.read_text(encoding="utf-8")
    assert len(text) / len(default_model_tokenizer().encode(text)) > 3.5


# --- with torch and transformers --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def model() -> Any:
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    return transformers.AutoModelForCausalLM.from_pretrained(default_model_path(), dtype=torch.float32).eval()


def nats(model: Any, text: str) -> float:
    """The negative logarithm of the probability of a text's tokens; what does not fit into one context is cut off."""
    torch = pytest.importorskip("torch")
    settings = model.config
    tokens = default_model_tokenizer().encode_list(text)[: settings.max_position_embeddings]
    ids = torch.tensor([[settings.eos_token_id, *tokens]])
    with torch.inference_mode():
        logits = model(input_ids=ids[:, :-1]).logits[0]
    return float(torch.nn.functional.cross_entropy(logits, ids[0, 1:], reduction="sum"))


def greedy(model: Any, prompt: str, tokens: int) -> list[int]:
    torch = pytest.importorskip("torch")
    ids = torch.tensor([default_model_tokenizer().encode_list(prompt)])
    out = model.generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=tokens, do_sample=False)
    return [int(id) for id in out[0, ids.shape[1] :]]


def test_transformers_loads_model_and_tokenizer(model: Any) -> None:
    transformers = pytest.importorskip("transformers")
    tokenizer = transformers.AutoTokenizer.from_pretrained(default_model_path())
    text = HELD_OUT.read_text(encoding="utf-8")
    assert tokenizer(text)["input_ids"] == default_model_tokenizer().encode_list(text)
    assert tokenizer.decode(tokenizer(text)["input_ids"]) == text
    assert type(model).__name__ == "LlamaForCausalLM"
    assert model.lm_head.weight is model.model.embed_tokens.weight
    assert tokenizer.eos_token_id == model.config.eos_token_id == model.generation_config.eos_token_id


def test_forward_loads_it_in_any_type() -> None:
    torch = pytest.importorskip("torch")
    pytest.importorskip("transformers")
    from tokengrove.forward import default_model

    half, double = default_model(dtype=torch.float16), default_model(dtype=torch.float64, attn_implementation="eager")
    assert not double.training
    assert not any(parameter.requires_grad for parameter in double.parameters())
    assert double.config._attn_implementation == "eager"
    pairs = zip(half.parameters(), double.parameters(), strict=True)
    assert all(torch.equal(stored.double(), exact) for stored, exact in pairs)


def test_bits_per_byte_of_unseen_text_are_far_below_those_of_compressors(model: Any) -> None:
    text = HELD_OUT.read_text(encoding="utf-8")
    tokenizer = default_model_tokenizer()
    tokens = tokenizer.encode_list(text)[: model.config.max_position_embeddings]
    part = tokenizer.decode_bytes(np.array(tokens, dtype=np.uint32))
    bits = nats(model, text) / math.log(2) / len(part)
    # The compressors get the whole passage, several times the context, and so more to learn from.
    gzipped, xzed = (
        8 * len(packed) / len(text.encode())
        for packed in (gzip.compress(text.encode(), 9), lzma.compress(text.encode(), preset=9))
    )
    assert bits < 1.65
    assert bits < gzipped / 2
    assert bits < xzed / 2


@pytest.mark.parametrize(
    ("likely", "unlikely"),
    [
        ("The dog was hungry, so he ate the bread.", "The dog was hungry, so bread he the ate."),
        ("The king had three daughters.", "The king had three daughter."),
        ("She was very happy and they played together.", "They was very happy and she played together."),
        ("Once upon a time there lived an old woman.", "Once upon a time there lived a old woman."),
    ],
)
def test_correct_english_is_likelier_than_wrong_english(model: Any, likely: str, unlikely: str) -> None:
    assert nats(model, likely) < nats(model, unlikely)


@pytest.mark.parametrize("prompt", PROMPTS)
def test_greedy_text_is_english_and_the_same_every_time(model: Any, prompt: str) -> None:
    ids = greedy(model, prompt, 60)
    assert greedy(model, prompt, 60) == ids
    text = default_model_tokenizer().decode(np.array(ids, dtype=np.uint32), skip_special_tokens=True)
    words = re.findall(r" ([a-z]+)\b", text)
    assert len(words) >= 20
    known = [word for word in words if len(default_model_tokenizer().encode(" " + word)) <= 2]
    assert len(known) >= 0.9 * len(words)
    assert len(set(words)) >= len(words) / 3, text


def test_the_key_value_cache_changes_nothing(model: Any) -> None:
    torch = pytest.importorskip("torch")
    exact = model.double()
    try:
        ids = torch.tensor([default_model_tokenizer().encode_list(HELD_OUT.read_text(encoding="utf-8"))[:64]])
        with torch.inference_mode():
            whole = exact(input_ids=ids).logits
            first = exact(input_ids=ids[:, :40], use_cache=True)
            rest = exact(input_ids=ids[:, 40:], past_key_values=first.past_key_values).logits
        assert torch.allclose(torch.cat([first.logits, rest], dim=1), whole, rtol=0, atol=1e-10)
    finally:
        model.float()
