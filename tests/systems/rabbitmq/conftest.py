"""One RabbitMQ for all tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from delivery_semantics.systems.rabbitmq.server import running


@pytest.fixture(scope="session")
def url() -> Iterator[str]:
    with running() as found:
        yield found
