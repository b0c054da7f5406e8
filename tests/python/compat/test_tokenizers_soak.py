"""Random tokenizers, and published ones, beside the original for as long as the soak run grants."""

from __future__ import annotations

import random

import pytest

from support.data import data_file
from support.hf_cases import Case, compare, text
from support.soak import Clock, report


@pytest.mark.soak
def test_random_tokenizers_agree_for_hours() -> None:
    clock = Clock(0.1)
    seed, compared = random.SystemRandom().randrange(1 << 40), 0
    while clock.running():
        case = Case(seed)
        for _ in range(200):
            found = case.difference()
            assert found is None, f"seed {seed}: {found}"
            compared += 1
        seed += 1
    report("tokenizers-random", cases=compared, seconds=clock.seconds(), differences=0)


@pytest.mark.soak
@pytest.mark.parametrize("name", ["gpt2", "llama-3.2", "llama-2-13b-chat", "qwen2", "roberta-base", "phi-3-mini"])
def test_published_tokenizers_agree_for_hours(name: str) -> None:
    import tokenizers as reference

    import tokengrove.compat.tokenizers as drop_in

    path = data_file(f"vocabs/hf/{name}/tokenizer.json")
    theirs, ours = reference.Tokenizer.from_file(str(path)), drop_in.Tokenizer.from_file(path)
    added = [token.content for token in theirs.get_added_tokens_decoder().values()][:50]
    clock, rng, compared = Clock(0.02), random.Random(), 0
    while clock.running():
        batch = []
        for _ in range(200):
            parts = [text(rng), rng.choice([*added, " "]), rng.choice([" ", "  ", "\n", ""]), text(rng)]
            batch.append("".join(rng.sample(parts, 4)))
        for given, one, other in zip(batch, theirs.encode_batch(batch), ours.encode_batch(batch), strict=True):
            found = compare(one, other)
            assert found is None, f"{given!r}: {found}"
            assert ours.decode(one.ids, False) == theirs.decode(one.ids, False), given
            compared += 1
    report(f"tokenizers-{name}", cases=compared, seconds=clock.seconds(), differences=0)
