"""The drafter as Python sees it: candidates, saving, merging, and what it refuses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tokengrove import InvalidArgumentError
from tokengrove.speculative import Candidates, TokenRecycling


def taught(**options: Any) -> TokenRecycling:
    drafter = TokenRecycling(10, k=2, **options)
    session = drafter.start()
    ids = np.array([[2, 5], [3, 6], [4, 7]], np.uint32)
    session.prompt([1, 2, 3], Candidates(ids, np.log(np.array([[0.75, 0.125]] * 3, np.float32))))
    session.finish()
    return drafter


@pytest.mark.parametrize("tree", ["dynamic", "static-80"])
def test_candidates_are_what_was_learned(tree: Any) -> None:
    ids, probabilities = taught(tree=tree).candidates(2)
    assert ids.tolist() == [3, 6]
    assert probabilities.tolist() == [0.75, 0.125]
    assert len(taught().candidates(9)[0]) == 0
    with pytest.raises(InvalidArgumentError, match="id 10 is outside the drafter's vocabulary of 10 tokens"):
        taught().candidates(10)


def test_a_chain_of_candidates_is_drafted() -> None:
    drafter = taught(suffix=False)
    session = drafter.start()
    session.prompt([9], None)
    session.push(1)
    tree = session.draft(3)
    assert (tree.tokens.tolist(), tree.parents.tolist()) == ([1, 2, 3, 4], [-1, 0, 1, 2])


def test_saving_and_loading(tmp_path: Path) -> None:
    drafter = taught()
    drafter.save(tmp_path / "a")
    loaded = TokenRecycling(10, k=2).load(tmp_path / "a")
    loaded.save(tmp_path / "b")
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    assert loaded.candidates(2)[0].tolist() == [3, 6]
    with pytest.raises(InvalidArgumentError, match="its k is 2, the drafter's is 8"):
        TokenRecycling(10).load(tmp_path / "a")
    with pytest.raises(FileNotFoundError):
        TokenRecycling(10).load(tmp_path / "c")
    drafter.reset()
    assert len(drafter.candidates(2)[0]) == 0
    drafter.merge(loaded)
    assert drafter.candidates(2)[0].tolist() == [3, 6]
    drafter.merge(drafter)
    with pytest.raises(InvalidArgumentError, match="cannot be merged"):
        drafter.merge(TokenRecycling(11, k=2))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"vocab_size": 0}, "the vocabulary has 0 tokens"),
        ({"vocab_size": 10, "k": 9}, "k is 9"),
        ({"vocab_size": 10, "tree": "static"}, "tree is 'static'; it can be 'dynamic' or 'static-80'"),
        ({"vocab_size": 10, "budget": -1}, "budget is -1"),
        ({"vocab_size": -5}, "vocab_size is -5"),
        ({"vocab_size": 10, "rates": (0.5, 2.0, 0.5)}, "the rate of averaging is 2"),
    ],
)
def test_bad_configurations(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidArgumentError, match=message):
        TokenRecycling(**arguments)


def test_what_does_not_fit_is_refused() -> None:
    session = taught().start()
    with pytest.raises(InvalidArgumentError, match="the sequence is empty"):
        session.draft(3)
    with pytest.raises(InvalidArgumentError, match="id 10 is outside"):
        session.push(10)
    bad = Candidates(np.array([[1]], np.uint32), np.array([[np.nan]], np.float32))
    with pytest.raises(InvalidArgumentError, match="is NaN"):
        session.prompt([1], bad)
    with pytest.raises(InvalidArgumentError, match="tokens: id 10 is outside"):
        session.prompt([10], None)
