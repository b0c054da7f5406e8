"""A tokenizer in the workers of a torch DataLoader, forked and spawned."""

from __future__ import annotations

from typing import Any

import pytest

from support.data import small_ranks
from tokengrove import Tokenizer

torch = pytest.importorskip("torch", reason="torch is not installed")

TEXTS = [f"the tests of text number {number}, in words" * (number % 7 + 1) for number in range(60)]


class Texts:
    """A data set that holds a tokenizer, as data sets do."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self.tokenizer = tokenizer

    def __len__(self) -> int:
        return len(TEXTS)

    def __getitem__(self, index: int) -> list[int]:
        return self.tokenizer.encode_list(TEXTS[index])


def together(rows: list[list[int]]) -> list[list[int]]:
    return rows


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_workers_give_what_the_parent_gives(method: str) -> None:
    if method not in torch.multiprocessing.get_all_start_methods():
        pytest.skip(f"{method} is not available on this platform")
    tokenizer = Tokenizer.from_tiktoken(small_ranks(), pattern="gpt2")
    expected = tokenizer.encode_batch(TEXTS).to_lists()  # the parent's thread pool is in use before the fork
    loader: Any = torch.utils.data.DataLoader(
        Texts(tokenizer), batch_size=8, num_workers=2, collate_fn=together, multiprocessing_context=method, timeout=60
    )
    assert [row for rows in loader for row in rows] == expected
