"""Fixtures of the tests that need network namespaces."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.lab.namespaces import Lab
from tests.lab.root import why_not


@pytest.fixture(scope="session")
def _namespaces() -> None:
    """Skip, and say what is missing; where the project is judged, missing it is a failure."""
    reason = why_not()
    if not reason:
        return
    if os.environ.get("CI") == "true":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


@pytest.fixture
def lab(_namespaces: None) -> Iterator[Lab]:
    """A lab with an empty segment, taken down after the test."""
    with Lab() as built:
        yield built
