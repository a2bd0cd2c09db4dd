"""One SQS for all tests of this folder; each makes queues of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from delivery_semantics.systems.sqs.server import running


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with running() as url:
        yield url
