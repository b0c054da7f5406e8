"""From bytes to tokens: healed prompts go on with ordinary decoding, with and without drafts."""

from __future__ import annotations

import math
from collections import Counter
from typing import Any

import pytest

from support.byte_toys import END_ID, SPECIAL_ID, toy
from support.data import data_file
from tokengrove import Tokenizer
from tokengrove.errors import InvalidArgumentError
from tokengrove.next_byte import ByteLM, CanonicalLogitsProcessor

torch = pytest.importorskip("torch", reason="models need torch")
speculative = pytest.importorskip("tokengrove.speculative", reason="models need torch")


@pytest.mark.parametrize("prompt", ["Once upon a ti", "Lily lov", "One day, Lily went to the par", ""])
def test_a_trained_model_decodes_on_with_and_without_drafts(prompt: str) -> None:
    transformers = pytest.importorskip("transformers", reason="the model is one of transformers")
    folder = data_file("models/stories260K/config.json").parent
    model = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float64).eval()
    lm = ByteLM(model, Tokenizer.from_file(folder / "tokenizer.json"))
    ids, share = lm.heal(prompt, sample=False)
    assert share <= 0.0
    plain = model.generate(torch.tensor([ids]), max_new_tokens=30, do_sample=False)[0].tolist()
    drafter = speculative.TokenRecycling(model.config.vocab_size)
    drafted = speculative.generate(model, ids, drafter=drafter, max_new_tokens=30, eos_token_id=lm.eos)
    assert drafted.sequences[0].tolist() == plain
    text = lm.continuation(prompt, plain)
    assert (prompt.encode() + text).decode() == lm.tokenizer.decode(plain, skip_special_tokens=True).removeprefix(" ")
    # The cover is the most probable one, so the text begins with the rest of its last token.
    assert text.startswith(lm.continuation(prompt, ids))
    if prompt == "Once upon a ti":
        assert text.startswith(b"me,")
    # Cut anywhere, the prompt goes on with the same story.
    whole = prompt.encode() + text
    if prompt:
        at = len(prompt) - 2
        again, _ = lm.heal(whole[: at + 2], sample=False)
        assert again == ids


def test_texts_of_healed_prompts_follow_the_byte_level_distribution() -> None:
    case = toy("canonical", scale=3.0)
    processor = CanonicalLogitsProcessor(case.tokenizer, END_ID)

    def without_special(_: Any, scores: Any) -> Any:
        scores[:, SPECIAL_ID] = -torch.inf
        return scores

    prompt = b"dab"
    state = case.lm.state(prompt)
    shares: dict[object, float] = {}
    for first, one in enumerate(state.logprobs()[:256]):
        if math.exp(one) < 1e-3:
            continue
        after = state.advance(first).logprobs()
        for second, other in enumerate(after[:256]):
            shares[bytes([first, second])] = math.exp(one + other)
    draws = 1500
    torch.manual_seed(7)
    drawn: Counter[object] = Counter()
    function = lambda ids: torch.from_numpy(case.model(ids).copy())  # noqa: E731
    for seed in range(draws):
        ids, _ = case.lm.heal(prompt, seed=seed)
        made = speculative.generate(
            function,
            ids,
            max_new_tokens=3,
            do_sample=True,
            seed=10_000 + seed,
            eos_token_id=END_ID,
            logits_processor=[processor, without_special],
        )
        drawn[case.lm.continuation(prompt, made.sequences[0].tolist())[:2]] += 1
    likely = {text: share for text, share in shares.items() if share * draws >= 10}
    assert len(likely) > 10
    statistic = sum((drawn[text] - share * draws) ** 2 / (share * draws) for text, share in likely.items())
    # The 0.999 quantile of chi-square is below this for 10 degrees of freedom and more.
    assert statistic / len(likely) < 3.0


def test_what_follows_a_prompt_ends_with_the_text() -> None:
    case = toy("canonical")
    lm = ByteLM(case.model, case.tokenizer, eos=END_ID, context=[SPECIAL_ID])
    ab = case.tokenizer.token_to_id(b"abc")
    assert ab is not None
    assert lm.continuation(b"ab", [SPECIAL_ID, ab, 97, END_ID, 98]) == b"ca"
    assert lm.continuation([b"x", [97], b"ab"], [SPECIAL_ID, 120, 97, ab, SPECIAL_ID, 98]) == b"cb"
    for ids in ([ab], [SPECIAL_ID, 97], [SPECIAL_ID, 98, 98], []):
        with pytest.raises(InvalidArgumentError, match="do not begin with the prompt"):
            lm.continuation(b"ab", ids)
