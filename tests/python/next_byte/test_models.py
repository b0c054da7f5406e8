"""Tree models and models of transformers: one cache, few evaluations, the same probabilities."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from support.byte_oracle import ranks_of
from support.byte_toys import END_ID, TOKENS, toy
from support.data import data_file
from tokengrove import Tokenizer
from tokengrove.errors import InvalidArgumentError
from tokengrove.next_byte import ByteEnsemble, ByteLM, CanonicalLogitsProcessor

torch = pytest.importorskip("torch", reason="models need torch")
forward = pytest.importorskip("tokengrove.forward", reason="models need torch")

TEXT = b"abcdabaaabcddabcabcab"


def test_a_tree_model_gives_what_the_function_gives() -> None:
    case = toy("canonical")
    model = forward.CallableModel(lambda ids: torch.from_numpy(case.model(ids).copy()), vocab_size=310)
    lm = ByteLM(model, case.tokenizer, eos=END_ID)
    state, reference = lm.state(), case.lm.state()
    for byte in TEXT:
        assert state.logprobs() == pytest.approx(reference.logprobs(), abs=1e-10)
        state, reference = state.advance(byte), reference.advance(byte)
    assert lm.score(TEXT).logprobs == pytest.approx(case.lm.score(TEXT).logprobs, abs=1e-10)
    assert lm.state(TEXT).logprobs() == pytest.approx(reference.logprobs(), abs=1e-10)


def test_long_texts_are_scored_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    case = toy("canonical")
    model = forward.CallableModel(lambda ids: torch.from_numpy(case.model(ids).copy()), vocab_size=310)
    expected = case.lm.score(TEXT * 3, prompt=b"ab")
    for nodes in (1, 2, 7, 1000):
        monkeypatch.setattr("tokengrove.next_byte.evaluate.CHUNK_NODES", nodes)
        lm = ByteLM(model, case.tokenizer, eos=END_ID, context=[97, 98])
        other = ByteLM(case.model, case.tokenizer, eos=END_ID, context=[97, 98])
        found = lm.score(TEXT * 3)
        assert found.logprobs == pytest.approx(other.score(TEXT * 3).logprobs, abs=1e-10)
        assert lm.score(TEXT * 3, prompt=[[97], b"ab"]).total != expected.total


def test_states_that_go_apart_share_one_cache_and_stay_right() -> None:
    case = toy("canonical")
    model = forward.CallableModel(lambda ids: torch.from_numpy(case.model(ids).copy()), vocab_size=310)
    lm = ByteLM(model, case.tokenizer, eos=END_ID)
    start = lm.state(b"abc")
    states = [start.advance(ending) for ending in (b"dab", b"x", b"aaa", b"dac")]
    for state, ending in zip(states, (b"dab", b"x", b"aaa", b"dac"), strict=True):
        assert state.logprobs() == pytest.approx(case.lm.state(b"abc" + ending).logprobs(), abs=1e-10)
    assert start.logprobs() == pytest.approx(case.lm.state(b"abc").logprobs(), abs=1e-10)


def tiny(kind: str, vocab_size: int, **options: Any) -> Any:
    transformers = pytest.importorskip("transformers", reason="the models are those of transformers")
    pytest.importorskip("tokengrove.forward.causal_lm", reason="the adapter of transformers is not part of this build")
    torch.manual_seed(0)
    sizes = {
        "vocab_size": vocab_size,
        "bos_token_id": None,
        "eos_token_id": END_ID,
        "pad_token_id": None,
        **options,
    }
    if kind == "gpt2":
        config = transformers.GPT2Config(n_embd=32, n_layer=2, n_head=2, n_positions=256, **sizes)
        model = transformers.GPT2LMHeadModel(config)
    else:
        sizes |= {
            "hidden_size": 32,
            "intermediate_size": 48,
            "num_hidden_layers": 2,
            "num_attention_heads": 4,
            "num_key_value_heads": 2,
            "max_position_embeddings": 256,
        }
        if kind in ("gemma", "gemma2", "gemma3", "qwen3"):
            sizes["head_dim"] = 8
        if kind in ("gemma2", "gemma3", "mistral"):
            # Shorter than the texts, so that what slides out of the window matters.
            sizes["sliding_window"] = 6
        name = {
            "llama": "Llama",
            "qwen2": "Qwen2",
            "qwen3": "Qwen3",
            "mistral": "Mistral",
            "gemma": "Gemma",
            "gemma2": "Gemma2",
            "gemma3": "Gemma3",
        }[kind]
        config_name = "Gemma3TextConfig" if kind == "gemma3" else f"{name}Config"
        model = getattr(transformers, f"{name}ForCausalLM")(getattr(transformers, config_name)(**sizes))
    for parameter in model.parameters():
        parameter.data *= 3.0
    return model.to(torch.float64).eval()


@pytest.mark.parametrize("kind", ["gpt2", "llama", "qwen2", "qwen3", "mistral", "gemma", "gemma2", "gemma3"])
def test_models_of_transformers_equal_the_function_of_their_logits(kind: str) -> None:
    model = tiny(kind, 310)
    tokenizer = Tokenizer.from_tiktoken(ranks_of(TOKENS), "gpt2", {"<|end|>": END_ID})

    def logits(ids: list[int]) -> Any:
        with torch.no_grad():
            return model(torch.tensor([ids])).logits[0, -1]

    # Gemma 2 has its softmax in float32, whatever its weights.
    precision = 1e-6 if kind == "gemma2" else 1e-9
    for mode in ("canonical", "canonical-raw"):
        lm = ByteLM(model, tokenizer, mode=mode, context=[END_ID])
        reference = ByteLM(logits, tokenizer, mode=mode, context=[END_ID], eos=END_ID)
        assert lm.eos == [END_ID]
        text = b"abcd  ab a'1 aab"
        expected = reference.score(text)
        assert lm.score(text).logprobs == pytest.approx(expected.logprobs, abs=precision)
        state, total = lm.state(), 0.0
        for byte in text:
            total += float(state.logprobs()[byte])
            state = state.advance(byte)
        assert total == pytest.approx(expected.total, abs=precision)


def test_evaluations_are_counted_by_the_byte() -> None:
    model = tiny("llama", 310)
    tokenizer = Tokenizer.from_tiktoken(ranks_of(TOKENS), None, {"<|end|>": END_ID})
    lm = ByteLM(model, tokenizer, context=[END_ID])
    before = lm.evaluations, lm.passes
    lm.score(TEXT * 4)
    # The context, and a node for each byte: in one pass.
    assert (lm.evaluations - before[0], lm.passes - before[1]) == (len(TEXT * 4) + 1, 1)
    prompt = TEXT * 3
    before = lm.evaluations, lm.passes
    made = lm.generate(prompt, max_new_bytes=40, seed=0, utf8_safe=False)
    tokens = len(tokenizer.encode_list(prompt))
    count = len(made.data) + (made.reason == "end")
    assert lm.evaluations - before[0] <= tokens + 1.3 * count + 8
    assert lm.passes - before[1] <= count + 3


def test_a_model_without_a_first_token_asks_for_a_context() -> None:
    model = tiny("qwen2", 310)
    tokenizer = Tokenizer.from_tiktoken(ranks_of(TOKENS), None, {"<|end|>": END_ID})
    lm = ByteLM(model, tokenizer)
    with pytest.raises(InvalidArgumentError, match="context"):
        lm.state().logprobs()
    with pytest.raises(InvalidArgumentError, match="context"):
        lm.score(b"ab")
    assert np.exp(ByteLM(model, tokenizer, context=[97]).state().logprobs()).sum() == pytest.approx(1.0)


def test_models_with_different_vocabularies_are_mixed() -> None:
    one = ByteLM(
        tiny("gpt2", 310), Tokenizer.from_tiktoken(ranks_of(TOKENS), None, {"<|end|>": END_ID}), context=[END_ID]
    )
    ranks = ranks_of((b"bc", b"cda"))
    other = ByteLM(
        tiny("llama", 320), Tokenizer.from_tiktoken(ranks, "o200k_base", {"<|end|>": END_ID}), context=[END_ID]
    )
    mixed = ByteEnsemble([one, other], [0.25, 0.75])
    text = b"abcd a"
    expected = np.log(0.25 * np.exp(one.score(text).total) + 0.75 * np.exp(other.score(text).total))
    assert mixed.state(text).logprob == pytest.approx(expected, abs=1e-9)


def test_generation_by_tokens_stays_canonical() -> None:
    model = tiny("llama", 310)
    tokenizer = Tokenizer.from_tiktoken(ranks_of(TOKENS), "gpt2", {"<|end|>": END_ID})
    processor = CanonicalLogitsProcessor(tokenizer, END_ID)
    prompt = tokenizer.encode_list("ab a")
    torch.manual_seed(1)
    out = model.generate(
        torch.tensor([prompt] * 3), max_new_tokens=20, do_sample=True, logits_processor=[processor], pad_token_id=END_ID
    )
    lm = ByteLM(model, tokenizer, context=[END_ID])
    for ids in out.tolist():
        made = ids[: ids.index(END_ID)] if END_ID in ids else ids
        # Valid so far: some text goes on from it.
        assert lm._vocab.valid_next(made) is not None
        if END_ID in ids:
            assert tokenizer.encode_list(tokenizer.decode_bytes(made)) == made


def stories() -> Path:
    return data_file("models/stories260K/config.json").parent


def test_a_trained_model_scores_alike_in_one_pass_and_byte_by_byte() -> None:
    transformers = pytest.importorskip("transformers", reason="the model is one of transformers")
    pytest.importorskip("tokengrove.forward.causal_lm", reason="the adapter of transformers is not part of this build")
    folder = stories()
    model = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float64).eval()
    lm = ByteLM(model, Tokenizer.from_file(folder / "tokenizer.json"))
    text = 'Once upon a time, there was a little girl named Lily. "Look, mom!" she said. '
    scores = lm.score(text)
    assert scores.bits_per_byte < 1.2
    state, total = lm.state(), 0.0
    for byte in text.encode():
        total += float(state.logprobs()[byte])
        state = state.advance(byte)
    assert scores.total == pytest.approx(total, abs=1e-9)
    assert lm.state(text).logprob == pytest.approx(total, abs=1e-9)
    # A prompt cut in mid-word goes on with the word.
    assert lm.generate("Once upon a ti", max_new_bytes=3, temperature=0.0).data == b"me,"
    ids, _ = lm.heal("Once upon a ti", sample=False)
    assert lm.tokenizer.decode(ids, skip_special_tokens=True).lstrip().startswith("Once upon a ti")
