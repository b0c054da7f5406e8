"""Random tokenizers, and published ones, beside the original for as long as the soak run grants.

A seed gives the same inputs again; it is taken from ``TOKENGROVE_SOAK_SEED``, or drawn, and stands in the result. The
result is written every minute, so that a run which is stopped leaves what it has found. Differences that
``docs/tokenizers.md`` explains are counted apart.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable
from typing import Any

import pytest
import tokenizers as reference

import tokengrove.compat.tokenizers as drop_in
from support.data import data_file
from support.hf_cases import Case, compare, flag, outcome, text
from support.soak import Clock, report

PUBLISHED = (
    *("gpt2", "llama-3.2", "llama-2-13b-chat", "qwen2", "roberta-base", "phi-3-mini", "mistral-nemo-tekken"),
    *("mistral-7b-instruct-v0.1", "deepseek-v3", "yi-1.5-34b-chat", "falcon-180b-chat", "clip", "superbpe-200k-t180k"),
)
# Cases between two looks at the clock.
ROUND = 200
# Differences and panics that are written down; all are counted.
KEPT = 20


class Tally:
    """What a run has found so far, and its result file."""

    def __init__(self, name: str, share: float) -> None:
        self.name = name
        self.clock = Clock(share)
        drawn = random.SystemRandom().randrange(1 << 40)
        self.seed = int(os.environ.get("TOKENGROVE_SOAK_SEED", drawn))
        self.cases = self.differences = self.known = self.panics = 0
        self.examples: list[str] = []
        self.panicked: list[str] = []
        self.written = time.monotonic()

    def running(self) -> bool:
        """Whether there is time left; writes the result if a minute has passed."""
        if time.monotonic() - self.written > 60:
            self.write()
        return self.clock.running()

    def differs(self, what: str) -> None:
        self.differences += 1
        if len(self.examples) < KEPT:
            self.examples.append(what)

    def panic(self, what: str, error: BaseException) -> None:
        """Count what the original did not survive; any other error than its own panic is a fault of ours."""
        if type(error).__name__ != "PanicException":
            self.differs(f"{what}: {error!r}")
            return
        self.panics += 1
        if len(self.panicked) < KEPT:
            self.panicked.append(f"{what}: {error}")

    def write(self) -> None:
        self.written = time.monotonic()
        report(
            self.name,
            seed=self.seed,
            cases=self.cases,
            seconds=round(self.clock.seconds(), 1),
            differences=self.differences,
            examples=self.examples,
            known_differences=self.known,
            panics_of_the_original=self.panics,
            panicked=self.panicked,
            tokenizers=reference.__version__,
        )

    def finish(self) -> None:
        self.write()
        assert self.differences == 0, self.examples


@pytest.fixture(autouse=True)
def one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKENIZERS_PARALLELISM", "false")


@pytest.mark.soak
def test_random_tokenizers_agree_for_hours() -> None:
    tally = Tally("tokenizers-random", 0.1)
    seed = tally.seed
    while tally.running():
        case = outcome(Case, seed)
        if isinstance(case, BaseException):
            tally.panic(f"seed {seed}", case)
        else:
            for _ in range(ROUND):
                found = outcome(Case.difference, case)
                if isinstance(found, BaseException):
                    tally.panic(f"seed {seed}", found)
                    break
                tally.cases += 1
                if found is not None:
                    if case.inserts_by_empty_match():
                        tally.known += 1
                    else:
                        tally.differs(f"seed {seed}: {found}")
                    break
        seed += 1
    tally.finish()


@pytest.mark.soak
@pytest.mark.parametrize("name", PUBLISHED)
def test_published_tokenizers_agree_for_hours(name: str) -> None:
    path = data_file(f"vocabs/hf/{name}/tokenizer.json")
    theirs, ours = reference.Tokenizer.from_file(str(path)), drop_in.Tokenizer.from_file(path)
    added = [token.content for token in theirs.get_added_tokens_decoder().values()][:50]
    tally = Tally(f"tokenizers-{name}", 0.12 / len(PUBLISHED))
    rng = random.Random(tally.seed)
    while tally.running():
        batch = [_input(rng, added) for _ in range(ROUND)]
        add = flag(rng)
        call: Callable[[Any], Any] = lambda t: t.encode_batch(batch, add_special_tokens=add)  # noqa: B023, E731
        expected = outcome(call, theirs)
        if isinstance(expected, BaseException):
            tally.panic(f"{batch!r}", expected)
            continue
        for given, one, other in zip(batch, expected, ours.encode_batch(batch, add_special_tokens=add), strict=True):
            if found := compare(one, other):
                tally.differs(f"{given!r} add={add}: {found}")
            elif ours.decode(one.ids, False) != theirs.decode(one.ids, False):
                tally.differs(f"{given!r}: decoded")
            tally.cases += 1
    tally.finish()


def _input(rng: random.Random, added: list[str]) -> str | tuple[str, str]:
    """A text of random parts, added tokens and white space, or at times a pair."""
    parts = [text(rng), rng.choice([*added, " "]), rng.choice([" ", "  ", "\n", "\t ", ""]), text(rng)]
    rng.shuffle(parts)
    whole = "".join(parts)
    return (whole, text(rng)) if rng.random() < 0.05 else whole
