"""One mosquitto for all tests of a module; each has topics and sessions of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from delivery_semantics.systems.mqtt.server import running


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with running() as url:
        yield url
