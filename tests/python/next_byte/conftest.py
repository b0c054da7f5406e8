"""Toys in every mode."""

from __future__ import annotations

import pytest

from support.byte_toys import Toy, toy


@pytest.fixture(params=["canonical", "canonical-raw", "all"])
def any_toy(request: pytest.FixtureRequest) -> Toy:
    return toy(request.param)


@pytest.fixture(params=["canonical", "all"])
def proper_toy(request: pytest.FixtureRequest) -> Toy:
    return toy(request.param)
