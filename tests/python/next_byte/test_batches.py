"""Several texts at once: what the loop over them gives, in fewer passes of the model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import pytest

from support.byte_oracle import ranks_of
from support.byte_toys import END_ID, TOKENS, toy
from support.data import data_file
from tokengrove import Tokenizer
from tokengrove.errors import InvalidArgumentError, LogitsError
from tokengrove.next_byte import ByteEnsemble, ByteLM, ByteScores, HarnessAdapter
from tokengrove.next_byte.batches import groups

torch = pytest.importorskip("torch", reason="models need torch")

TEXTS = [b"abcdabaaabcddabcabcab", b"", b"a", b"ab a'1 aab \xe4\xb8\xad", b"dab" * 12, b"cdcdbb", b"abcd" * 3]
PROMPTS = [b"abc", b"d", b"", b"ab a'1 ", b"dabdabdabcdcd" * 2, b"bcb"]


def llama(seed: int = 0, vocab_size: int = 310) -> Any:
    transformers = pytest.importorskip("transformers", reason="the models are those of transformers")
    torch.manual_seed(seed)
    config = transformers.LlamaConfig(
        vocab_size=vocab_size,
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=256,
        bos_token_id=None,
        eos_token_id=END_ID,
        pad_token_id=None,
    )
    model = transformers.LlamaForCausalLM(config)
    for parameter in model.parameters():
        parameter.data *= 3.0
    return model.to(torch.float64).eval()


def byte_lm(model: Any = None, **options: Any) -> ByteLM:
    tokenizer = Tokenizer.from_tiktoken(ranks_of(TOKENS), "gpt2", {"<|end|>": END_ID})
    return ByteLM(model if model is not None else llama(), tokenizer, context=[END_ID], **options)


def same_scores(found: Sequence[ByteScores], expected: Sequence[ByteScores]) -> None:
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        assert one.logprobs == pytest.approx(other.logprobs, abs=1e-9)
        assert one.end_logprob == pytest.approx(other.end_logprob, abs=1e-9)


def test_texts_scored_together_score_as_alone_in_one_pass() -> None:
    lm = byte_lm()
    expected = [lm.score(text) for text in TEXTS]
    passes, nodes = lm.passes, lm.evaluations
    same_scores(lm.score_batch(TEXTS), expected)
    assert lm.passes - passes == 1
    # The context of each text, and its tree.
    trees = [lm._vocab.scorer(text).tree[0] for text in TEXTS]  # type: ignore[union-attr]
    assert lm.evaluations - nodes == len(TEXTS) + sum(map(len, trees))


def test_prompts_and_windows_go_together_too() -> None:
    lm = byte_lm()
    prompts: list[Any] = [b"ab", b"", [[97, END_ID], b"c"], b"cdab", [[98]], "dab", b"a"]
    expected = [lm.score(text, prompt=prompt) for text, prompt in zip(TEXTS, prompts, strict=True)]
    passes = lm.passes
    same_scores(lm.score_batch(TEXTS, prompts=prompts), expected)
    assert lm.passes - passes == 1
    expected = [lm.score(text, window=6) for text in TEXTS]
    passes = lm.passes
    same_scores(lm.score_batch(TEXTS, window=6), expected)
    assert lm.passes - passes == 1


@pytest.mark.parametrize("most", [1, 20, 60, 200])
def test_large_batches_take_more_passes(most: int, monkeypatch: pytest.MonkeyPatch) -> None:
    lm = byte_lm()
    expected = [lm.score(text) for text in TEXTS]
    monkeypatch.setattr("tokengrove.next_byte.evaluate.BATCH_NODES", most)
    monkeypatch.setattr("tokengrove.next_byte.batches.BATCH_NODES", most)
    same_scores(lm.score_batch(TEXTS), expected)
    made = [lm.generate(prompt, max_new_bytes=6, seed=3) for prompt in PROMPTS]
    found = lm.generate_batch(PROMPTS, max_new_bytes=6, seed=3)
    assert [one.data for one in found] == [one.data for one in made]


def test_requests_of_one_size_are_put_together() -> None:
    sizes = [5, 1, 9, 5, 2, 30, 1]
    found = list(groups(sizes, 12, 20))
    assert sorted(number for group in found for number in group) == list(range(7))
    for group in found:
        largest = max(sizes[number] for number in group)
        assert len(group) == 1 or (len(group) * largest <= 12 and largest <= 20)
    assert list(groups([3] * 4, 12, 20)) == [[0, 1, 2, 3]]
    assert list(groups([15, 15], 100, 10)) == [[0], [1]]


@pytest.mark.parametrize("options", [{"mode": "canonical"}, {"mode": "canonical-raw"}, {"eps": 0.05}])
def test_bytes_drawn_together_are_those_drawn_alone(options: dict[str, Any]) -> None:
    model = llama()
    alone, batch = byte_lm(model, **options), byte_lm(model, **options)
    common: dict[str, Any] = {"max_new_bytes": 15, "temperature": 0.2, "seed": 5}
    # Some end early, so that the cache is made smaller on the way.
    endless = [alone.generate(prompt, **common).data for prompt in PROMPTS]
    stops = [data[at : at + 2] for at, data in zip((2, 5, 9, 6), endless, strict=False)]
    before = alone.passes
    expected = [alone.generate(prompt, **common, stop=stops) for prompt in PROMPTS]
    found = batch.generate_batch(PROMPTS, **common, stop=stops)
    for one, other in zip(found, expected, strict=True):
        assert (one.data, one.reason) == (other.data, other.reason)
        assert one.logprob == pytest.approx(other.logprob, abs=1e-9)
    assert len({len(one.data) for one in found}) > 2
    # Prompts are read byte by byte, one after the other, in the mode canonical-raw.
    assert batch.passes * (1 if batch.mode == "canonical-raw" else 2) < alone.passes - before
    # Neither the company nor the order counts.
    again = byte_lm(model, **options).generate_batch(PROMPTS[::-1], **common, stop=stops, batch_size=2)
    assert [one.data for one in again] == [one.data for one in found[::-1]]


def test_a_beam_works_on_several_prompts() -> None:
    model = llama()
    alone, batch = (byte_lm(model, mode="all", beam=3) for _ in range(2))
    expected = [alone.generate(prompt, max_new_bytes=6, seed=1) for prompt in PROMPTS[:4]]
    found = batch.generate_batch(PROMPTS[:4], max_new_bytes=6, seed=1)
    assert [one.data for one in found] == [one.data for one in expected]
    assert batch.passes < alone.passes


def test_ensembles_draw_together() -> None:
    members = [byte_lm(llama(seed)) for seed in (0, 1)]
    hows: tuple[Literal["bayes", "mean"], ...] = ("bayes", "mean")
    for how in hows:
        ensemble = ByteEnsemble(members, [0.3, 0.7], how=how)
        expected = [ensemble.generate(prompt, max_new_bytes=8, seed=2) for prompt in PROMPTS]
        before = [member.passes for member in members]
        found = ensemble.generate_batch(PROMPTS, max_new_bytes=8, seed=2)
        assert [one.data for one in found] == [one.data for one in expected]
        assert all(member.passes - start <= 20 for member, start in zip(members, before, strict=True))


def test_models_that_go_row_by_row_and_functions_give_the_same() -> None:
    forward = pytest.importorskip("tokengrove.forward.row_by_row", reason="the adapter of transformers is needed")
    backbone = pytest.importorskip("tokengrove.forward.backbone", reason="the adapter of transformers is needed")
    model = llama()
    usual = byte_lm(model)
    rows = byte_lm(forward.RowByRowModel(backbone.Backbone(model)), eos=END_ID)

    def logits(ids: list[int]) -> Any:
        with torch.no_grad():
            return model(torch.tensor([ids])).logits[0, -1]

    function = byte_lm(logits, eos=END_ID)
    for lm in (rows, function):
        same_scores(lm.score_batch(TEXTS[:4]), [usual.score(text) for text in TEXTS[:4]])
        made = lm.generate_batch(PROMPTS[:3], max_new_bytes=5, seed=1)
        assert [one.data for one in made] == [
            usual.generate(prompt, max_new_bytes=5, seed=1).data for prompt in PROMPTS[:3]
        ]


def test_a_function_that_needs_no_context_is_asked_about_nothing() -> None:
    forward = pytest.importorskip("tokengrove.forward", reason="models need torch")
    case = toy("canonical")
    model = forward.CallableModel(lambda ids: torch.from_numpy(case.model(ids).copy()), vocab_size=310)
    lm = ByteLM(model, case.tokenizer, eos=END_ID)
    same_scores(lm.score_batch([b"ab", b"", b"dabcd"]), [case.lm.score(text) for text in (b"ab", b"", b"dabcd")])
    made = lm.generate_batch([b"", b"ab"], max_new_bytes=6, seed=0)
    assert made[0].data == case.lm.generate(b"", max_new_bytes=6, seed=0).data


def test_a_generator_gives_each_prompt_random_numbers_of_its_own() -> None:
    lm = toy("canonical").lm
    first = lm.generate_batch([b"ab"] * 3, max_new_bytes=10, seed=np.random.default_rng(1))
    again = lm.generate_batch([b"ab"] * 3, max_new_bytes=10, seed=np.random.default_rng(1), batch_size=2)
    assert first == again
    assert len({one.data for one in first}) > 1


def test_what_is_wrong_in_a_batch_is_named() -> None:
    lm = toy("canonical").lm
    with pytest.raises(TypeError, match="collection"):
        lm.generate_batch("one prompt")
    with pytest.raises(TypeError, match="sed"):
        lm.generate_batch(["a"], sed=1)
    with pytest.raises(InvalidArgumentError, match="batch_size"):
        lm.generate_batch(["a"], batch_size=0)
    with pytest.raises(InvalidArgumentError, match="2 prompts for 1 text"):
        lm.score_batch(["a"], prompts=["a", "b"])
    assert lm.generate_batch([]) == []
    assert lm.score_batch([]) == []
    broken = ByteLM(lambda ids: np.full(310, np.nan), lm.tokenizer, eos=END_ID)
    with pytest.raises(LogitsError):
        broken.score_batch([b"a", b"b"])


def test_requests_of_a_harness_are_batches() -> None:
    lm = byte_lm()
    adapter = HarnessAdapter(lm, max_new_bytes=6)
    expected = [lm.score(text).total for text in TEXTS[2:]]
    passes = lm.passes
    found = adapter.loglikelihood_rolling([(text,) for text in TEXTS[2:]])
    assert found == pytest.approx(expected, abs=1e-9)
    assert lm.passes - passes == 1
    asked = [
        ("ab", {"until": ["zz"]}),
        ("cd", {"until": "b", "do_sample": True, "temperature": 0.7, "top_k": 4}),
        ("dab", {"until": ["zz"]}),
    ]
    texts = adapter.generate_until(asked)
    assert texts[0] == lm.generate("ab", max_new_bytes=6, temperature=0.0, stop=["zz"]).text
    assert texts[1] == lm.generate("cd", max_new_bytes=6, temperature=0.7, top_k=4, stop="b", seed=0).text
    assert texts[2] == lm.generate("dab", max_new_bytes=6, temperature=0.0, stop=["zz"]).text


def test_in_single_precision_batches_differ_in_the_last_digits() -> None:
    lm = byte_lm(llama().to(torch.float32))
    for one, other in zip(lm.score_batch(TEXTS), [lm.score(text) for text in TEXTS], strict=True):
        assert one.logprobs == pytest.approx(other.logprobs, abs=1e-4)


def test_a_trained_model_in_batches() -> None:
    transformers = pytest.importorskip("transformers", reason="the model is one of transformers")
    folder = data_file("models/stories260K/config.json").parent
    model = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float64).eval()
    lm = ByteLM(model, Tokenizer.from_file(folder / "tokenizer.json"))
    texts = ["Once upon a time, there was a cat.", "Lily went to the park. ", "One d", ""]
    same_scores(lm.score_batch(texts), [lm.score(text) for text in texts])
    made = lm.generate_batch(texts, max_new_bytes=12, temperature=0.0)
    assert [one.data for one in made] == [lm.generate(text, max_new_bytes=12, temperature=0.0).data for text in texts]
    for text, one in zip(texts, made, strict=True):
        assert one.logprob == pytest.approx(lm.score(one.data, prompt=text).total, abs=1e-9)
