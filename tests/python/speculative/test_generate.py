"""Generation: lossless whatever the drafter, the exact law, and the arguments that end or refuse it."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from support.drafting import KINDS, Adversary, Watched
from tokengrove import InvalidArgumentError, TokenTree
from tokengrove.forward import CallableModel
from tokengrove.speculative import Drafter, PromptLookup, TokenRecycling, generate
from tokengrove.speculative.choosing import Chooser
from tokengrove.speculative.loop import decode
from tokengrove.speculative.stopping import Ending

VOCAB = 24


def logits(ids: list[int]) -> list[float]:
    """A made-up model of the last two tokens, now and then of all: repetitive enough to draft, never constant."""
    far = sum(ids) % 7 if len(ids) % 5 == 0 else 0
    seed = ids[-1] * 31 + (ids[-2] * 17 if len(ids) > 1 else 0) + far
    return [3 * math.sin((seed + 1) * (column + 1) * 0.7) for column in range(VOCAB)]


class Counting(CallableModel):
    """Counts forward passes."""

    def __init__(self) -> None:
        super().__init__(logits, vocab_size=VOCAB)
        self.passes = 0

    def forward(self, trees: Any, cache: Any) -> torch.Tensor:
        self.passes += 1
        return super().forward(trees, cache)


def plain_greedy(prompt: Sequence[int], count: int) -> list[int]:
    tokens = list(prompt)
    for _ in range(count):
        tokens.append(int(torch.tensor(logits(tokens)).argmax()))
    return tokens[len(prompt) :]


def adversary(kind: str, k: int = 0) -> Adversary:
    return Adversary(kind, plain_greedy, VOCAB, k=k)


def drafters() -> list[Drafter | None]:
    return [
        None,
        TokenRecycling(VOCAB),
        TokenRecycling(VOCAB, tree="static-80"),
        TokenRecycling(VOCAB, k=3, suffix=False, budget=9, runners_up=False, context_rows=0),
        PromptLookup(),
        *(adversary(kind, k) for kind in KINDS for k in (0, 4)),
    ]


@pytest.mark.parametrize("which", range(len(drafters())))
@pytest.mark.parametrize("adaptive", [False, True])
def test_greedy_text_is_that_of_plain_decoding(which: int, adaptive: bool) -> None:
    for prompt in ([1], [5, 6, 7], list(range(20)) * 3):
        model = Counting()
        result = generate(model, prompt, drafter=drafters()[which], max_new_tokens=60, adaptive=adaptive)
        assert result.new_tokens == [plain_greedy(prompt, 60)]
        assert result.sequences.tolist() == [prompt + plain_greedy(prompt, 60)]
        stats = result.stats
        assert stats.tokens == 60 == sum((i + 1) * n for i, n in enumerate(stats.lengths))
        assert stats.passes == stats.steps + 1 == model.passes == sum(stats.lengths)


def test_right_drafts_take_few_passes_and_recycling_fewer_than_tokens() -> None:
    model = Counting()
    result = generate(model, [3], drafter=adversary("right"), max_new_tokens=60, adaptive=False)
    assert model.passes == 1 + math.ceil(59 / 13)
    assert result.stats.mean_accepted_tokens == 60 / model.passes
    bars: dict[Any, int] = {"dynamic": 100, "static-80": 170}
    for tree, most in bars.items():
        model = Counting()
        stats = generate(model, [3], drafter=TokenRecycling(VOCAB, tree=tree), max_new_tokens=200, adaptive=False).stats
        assert model.passes < most
        assert stats.mean_accepted_tokens == 200 / model.passes
        assert stats.accepted == stats.tokens - stats.passes


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.lists(st.integers(0, VOCAB - 1), min_size=1, max_size=30), min_size=2, max_size=4), st.integers(0, 40)
)
def test_a_batch_is_its_rows(prompts: list[list[int]], count: int) -> None:
    drafter = TokenRecycling(VOCAB, budget=10)
    result = generate(Counting(), prompts, drafter=drafter, max_new_tokens=count, eos_token_id=[2, 9], pad_token_id=0)
    for prompt, new in zip(prompts, result.new_tokens, strict=True):
        expected = plain_greedy(prompt, count)
        end = next((i + 1 for i, token in enumerate(expected) if token in (2, 9)), count)
        assert new == expected[:end]
    assert result.stats.tokens == sum(map(len, result.new_tokens))
    width = max(map(len, prompts))
    for prompt, new, row in zip(prompts, result.new_tokens, result.sequences.tolist(), strict=True):
        assert row[: width - len(prompt)] == [0] * (width - len(prompt))
        assert row[width - len(prompt) : width + len(new)] == prompt + new
        assert set(row[width + len(new) :]) <= {0}


def test_left_padding_is_left_out() -> None:
    ids = torch.tensor([[0, 0, 4, 5], [1, 2, 3, 4]])
    mask = torch.tensor([[0, 0, 1, 1], [1, 1, 1, 1]])
    result = generate(Counting(), ids, attention_mask=mask, drafter=TokenRecycling(VOCAB), max_new_tokens=9)
    assert result.new_tokens == [plain_greedy([4, 5], 9), plain_greedy([1, 2, 3, 4], 9)]


@pytest.mark.parametrize("kind", ["right", "random", "twins"])
def test_no_position_beyond_the_end_is_evaluated(kind: str) -> None:
    class Short(Counting):
        def forward(self, trees: Any, cache: Any) -> torch.Tensor:
            listed = [trees] if isinstance(trees, TokenTree) else trees
            assert all(n + tree.height <= 10 for n, tree in zip(cache.lengths, listed, strict=True))
            return super().forward(trees, cache)

    # The last token is emitted and never evaluated: 3 + 8 tokens need 10 places.
    result = generate(Short(), [1, 2, 3], drafter=adversary(kind), max_new_tokens=8, adaptive=False)
    assert result.new_tokens == [plain_greedy([1, 2, 3], 8)]


# --- sampling ----------------------------------------------------------------------------------------------------


def toy(ids: list[int]) -> list[float]:
    return [math.sin(7 * sum(ids) + column * (ids[-1] + 2)) * 2 for column in range(3)]


def law(prompt: list[int], count: int, temperature: float) -> dict[tuple[int, ...], float]:
    exact = {}
    for text in product(range(3), repeat=count):
        probability, tokens = 1.0, list(prompt)
        for token in text:
            row = torch.softmax(torch.tensor(toy(tokens), dtype=torch.float64) / temperature, -1)
            probability *= float(row[token])
            tokens.append(token)
        exact[text] = probability
    return exact


def toy_greedy(tokens: Sequence[int], count: int) -> list[int]:
    found = list(tokens)
    for _ in range(count):
        row = toy(found)
        found.append(row.index(max(row)))
    return found[len(tokens) :]


class Scripted(Chooser):
    """Chooses what it is told to, and notes how likely that was."""

    def __init__(self, script: Sequence[int], temperature: float) -> None:
        super().__init__([lambda ids, scores: scores / temperature], do_sample=True)
        self.script = list(script)
        self.temperature = temperature
        self.probability = 1.0

    def choose(self, tokens: Sequence[int], logits: torch.Tensor, row: int = 0) -> int:
        token = self.script.pop(0)
        self.probability *= float(torch.softmax(logits.double() / self.temperature, -1)[token])
        return token


@pytest.mark.parametrize("kind", ["recycling", *KINDS])
def test_every_text_has_exactly_its_probability(kind: str) -> None:
    recycling = TokenRecycling(3, k=3, budget=6)
    for text, probability in law([1], 4, 0.8).items():
        drafter: Drafter = recycling if kind == "recycling" else Adversary(kind, toy_greedy, 3, budget=5, end=0)
        chooser, ending = Scripted(text, 0.8), Ending([1], max_new_tokens=4)
        stats = decode(CallableModel(toy, vocab_size=3), [ending], chooser, drafter=drafter, adaptive=False)
        assert ending.new == list(text)
        assert chooser.script == []
        assert math.isclose(chooser.probability, probability, rel_tol=1e-12)
        assert stats.tokens == 4


@pytest.mark.parametrize("kind", ["recycling", "right", "random", "twins"])
def test_sampling_has_the_exact_law(kind: str) -> None:
    exact = law([1], 3, 0.8)
    assert math.isclose(sum(exact.values()), 1)
    model = CallableModel(toy, vocab_size=3)
    recycling = TokenRecycling(3, k=3, budget=6)
    torch.manual_seed(11)
    runs = 1500
    counts: Counter[tuple[int, ...]] = Counter()
    for _ in range(runs):
        drafter: Drafter = recycling if kind == "recycling" else Adversary(kind, toy_greedy, 3, budget=5, end=0)
        result = generate(
            model, [1], drafter=drafter, max_new_tokens=3, do_sample=True, temperature=0.8, adaptive=False
        )
        counts[tuple(result.new_tokens[0])] += 1
    chi = sum((counts[text] - runs * p) ** 2 / (runs * p) for text, p in exact.items())
    # 26 degrees of freedom: 54.05 is exceeded once in a thousand runs, and the seed is fixed.
    assert chi < 54.05, chi


def test_a_seed_gives_the_tokens_of_plain_sampling() -> None:
    options: dict[str, Any] = {
        "do_sample": True, "max_new_tokens": 80,
        "temperature": 0.8, "top_k": 9, "top_p": 0.9, "repetition_penalty": 1.2,
    }  # fmt: skip
    for seed in range(4):
        plain = generate(Counting(), [1, 2, 3], seed=seed, **options).new_tokens
        for drafter in drafters():
            assert generate(Counting(), [1, 2, 3], drafter=drafter, seed=seed, **options).new_tokens == plain
    torch.manual_seed(3)
    assert generate(Counting(), [1, 2, 3], **options).new_tokens == plain, "the seed is that of the global generator"
    assert generate(Counting(), [1, 2, 3], seed=99, **options).new_tokens != plain


def test_processors_are_called_once_per_emitted_token_with_the_text_before_it() -> None:
    seen: list[list[int]] = []

    def ban_seven(ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        seen.append(ids[0].tolist())
        scores[:, 7] = -math.inf
        return scores

    result = generate(
        Counting(),
        [4, 2],
        drafter=TokenRecycling(VOCAB),
        max_new_tokens=50,
        logits_processor=[ban_seven],
        adaptive=False,
    )
    text = [4, 2, *result.new_tokens[0]]
    assert seen == [text[:end] for end in range(2, 52)]
    assert 7 not in result.new_tokens[0]
    assert result.stats.passes < 50


# --- ends --------------------------------------------------------------------------------------------------------


class Letters:
    def decode(self, ids: list[int]) -> str:
        return "".join(chr(97 + i) for i in ids)


@pytest.mark.parametrize("kind", KINDS)
def test_a_sequence_ends_at_the_first_stop_whatever_the_draft_holds(kind: str) -> None:
    text = plain_greedy([3], 60)
    for at in (0, 1, 5, 17):
        stop, first = text[at], text.index(text[at])
        drafter = adversary(kind)
        assert generate(Counting(), [3], drafter=drafter, eos_token_id=stop).new_tokens == [text[: first + 1]]
        letters = Letters().decode(text)
        string = letters[at : at + 3]
        end = letters.index(string) + 3
        options: dict[str, Any] = {"stop_strings": string, "tokenizer": Letters(), "max_new_tokens": 60}
        assert generate(Counting(), [3], drafter=drafter, **options).new_tokens == [text[:end]]
        criterion = lambda tokens, n=at: len(tokens) == n + 2  # noqa: E731
        assert generate(Counting(), [3], drafter=drafter, stopping_criterion=criterion).new_tokens == [text[: at + 1]]
    assert generate(Counting(), [3], drafter=adversary(kind), max_new_tokens=0).new_tokens == [[]]


class Recorder:
    def __init__(self) -> None:
        self.got: list[list[int]] = []
        self.ended = 0

    def put(self, value: torch.Tensor) -> None:
        self.got.append(value.reshape(-1).tolist())

    def end(self) -> None:
        self.ended += 1


def test_a_streamer_gets_the_prompt_and_every_token_once() -> None:
    streamer = Recorder()
    result = generate(Counting(), [1, 2], drafter=TokenRecycling(VOCAB), max_new_tokens=40, streamer=streamer)
    assert streamer.got[0] == [1, 2]
    assert [token for put in streamer.got[1:] for token in put] == result.new_tokens[0]
    assert len(streamer.got) == 1 + result.stats.passes
    assert streamer.ended == 1


def test_drafting_that_loses_is_given_up() -> None:
    class Slow(Counting):
        def forward(self, trees: Any, cache: Any) -> torch.Tensor:
            import time

            listed = [trees] if isinstance(trees, TokenTree) else trees
            time.sleep(0.001 * sum(len(tree) for tree in listed))
            return super().forward(trees, cache)

    result = generate(Slow(), [3], drafter=adversary("wrong"), max_new_tokens=60)
    assert result.stats.switched_off
    assert result.new_tokens == [plain_greedy([3], 60)]
    assert not generate(Slow(), [3], drafter=adversary("wrong"), max_new_tokens=60, adaptive=False).stats.switched_off


# --- what is refused ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"drafter": TokenRecycling(VOCAB + 1)}, "the drafter is made for 25 tokens, the model's vocabulary has 24"),
        ({"max_new_tokens": -1}, "max_new_tokens is -1"),
        ({"temperature": 0.0, "do_sample": True}, "temperature is 0.0; it must be a number above 0"),
        ({"top_p": 0.0}, "top_p is 0.0"),
        ({"top_k": -2}, "top_k is -2"),
        ({"repetition_penalty": math.nan}, "repetition_penalty is nan"),
        ({"stop_strings": "x"}, "stop_strings need a tokenizer"),
        ({"stop_strings": [""], "tokenizer": Letters()}, "a stop string is empty"),
        ({"budget": -1}, "budget is -1"),
    ],
)
def test_bad_arguments(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidArgumentError, match=message):
        generate(Counting(), [1, 2], **options)


def test_bad_prompts() -> None:
    for prompt in ([], [[1], []]):
        with pytest.raises(InvalidArgumentError, match="is empty"):
            generate(Counting(), prompt)
    with pytest.raises(InvalidArgumentError, match="a streamer takes one sequence; there are 2"):
        generate(Counting(), [[1], [2]], streamer=Recorder())
    ids = torch.tensor([[4, 5, 0]])
    with pytest.raises(InvalidArgumentError, match="padded on the left"):
        generate(Counting(), ids, attention_mask=torch.tensor([[1, 1, 0]]))
    with pytest.raises(InvalidArgumentError, match="another shape"):
        generate(Counting(), ids, attention_mask=torch.tensor([[1, 1]]))


def test_a_draft_without_the_right_root_is_refused() -> None:
    class Wrong(Adversary):
        def start(self) -> Any:
            session: Any = super().start()
            session.draft = lambda budget: shape
            return session

    for tokens, parents in (([], []), ([23, 1], [-1, -1]), ([1], [-1])):
        shape = TokenTree(tokens, parents)
        with pytest.raises(InvalidArgumentError, match="a draft has one root with the last token"):
            generate(Counting(), [5, 6], drafter=Wrong("wrong", plain_greedy, VOCAB), adaptive=False)


@pytest.mark.parametrize("shape", [([5, 1, 2], [-1, 2, 1]), ([5, 1], [-1, 7]), ([5, 1], [1, 0])])
def test_a_cyclic_draft_cannot_be_made(shape: tuple[list[int], list[int]]) -> None:
    drafter = Adversary("right", plain_greedy, VOCAB)
    session: Any = None

    class Cyclic(Adversary):
        def start(self) -> Any:
            nonlocal session
            session = super().start()
            session.draft = lambda budget: TokenTree(*shape)
            return session

    model = Counting()
    with pytest.raises(InvalidArgumentError, match="parent"):
        generate(model, [4, 5], drafter=Cyclic(drafter.kind, plain_greedy, VOCAB), adaptive=False)
    # It went wrong before the model was asked, and the session knows that it is over.
    assert (model.passes, session.finished) == (1, 1)


def test_a_nan_row_is_an_error_and_teaches_nothing(tmp_path: Path) -> None:
    def broken(ids: list[int]) -> list[float]:
        return [math.nan] * VOCAB if len(ids) > limit else logits(ids)

    def knows(drafter: TokenRecycling) -> bytes:
        drafter.save(tmp_path / "file")
        return (tmp_path / "file").read_bytes()

    # In the prompt, and after some steps.
    for limit in (2, 30):
        with pytest.raises(InvalidArgumentError, match="the model gave NaN"):
            generate(CallableModel(broken, vocab_size=VOCAB), [1, 2, 3], adaptive=False)
        drafter, same = TokenRecycling(VOCAB), TokenRecycling(VOCAB)
        watched = Watched(drafter)
        with pytest.raises(InvalidArgumentError, match="the model gave NaN"):
            generate(CallableModel(broken, vocab_size=VOCAB), [1, 2, 3], drafter=watched, adaptive=False)
        # What the steps before it taught is there, and nothing of the one that failed.
        watched.again(same)
        assert knows(drafter) == knows(same)
        names = [name for name, _ in watched.calls]
        assert names[-1] == "finish"
        assert ("learn" in names) == (limit == 30)
        assert (knows(drafter) == knows(TokenRecycling(VOCAB))) == (limit == 2)


def test_a_text_may_use_the_last_position_of_a_model() -> None:
    class Bounded(Counting):
        max_length = 20

        def forward(self, trees: Any, cache: Any) -> torch.Tensor:
            listed = [trees] if isinstance(trees, TokenTree) else trees
            if any(n + tree.height > 20 for n, tree in zip(cache.lengths, listed, strict=True)):
                raise InvalidArgumentError("the model takes at most 20")
            return super().forward(trees, cache)

    for kind in KINDS:
        # The end token is found at the last position, and drafts must not reach beyond it.
        text = plain_greedy([3], 20)
        drafter = Adversary(kind, plain_greedy, VOCAB)
        criterion = lambda tokens: len(tokens) == 21  # noqa: E731
        result = generate(Bounded(), [3], drafter=drafter, stopping_criterion=criterion, adaptive=False)
        assert result.new_tokens == [text]
        with pytest.raises(InvalidArgumentError, match="the model takes at most 20"):
            generate(Bounded(), [3], drafter=Adversary(kind, plain_greedy, VOCAB), max_new_tokens=30, adaptive=False)


@pytest.mark.parametrize("options", [{"repetition_penalty": 1.2}, {"do_sample": True}])
def test_nan_is_found_where_logits_are_processed(options: dict[str, Any]) -> None:
    def broken(ids: list[int]) -> list[float]:
        return [math.nan] * VOCAB if len(ids) > 9 else logits(ids)

    for drafter in (None, TokenRecycling(VOCAB), PromptLookup()):
        with pytest.raises(InvalidArgumentError, match="NaN"):
            generate(CallableModel(broken, vocab_size=VOCAB), [1, 2, 3], drafter=drafter, adaptive=False, **options)
