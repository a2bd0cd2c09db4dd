"""One broker for all tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from delivery_semantics.systems.kafka.server import running


@pytest.fixture(scope="session")
def broker() -> Iterator[str]:
    with running() as address:
        yield address
