"""The mock cluster that librdkafka has built in: it speaks Kafka, and is none.

It is for tests of a client's own logic. It takes transactions, and hides nothing that was
aborted; so an application that is tested on it only has not been tested.

Book: 11-kafka
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager

from confluent_kafka import Producer

from .client import PREFIX, QUIET, TIMEOUT_S, OwnTopic


@contextmanager
def mocked() -> Iterator[OwnTopic]:
    """Yield a topic of a mock cluster with one broker; it ends with the block."""
    with closing(Producer({**QUIET, "test.mock.num.brokers": 1})) as cluster:
        [broker] = cluster.list_topics(timeout=TIMEOUT_S).brokers.values()
        yield OwnTopic(f"{broker.host}:{broker.port}", f"{PREFIX}{uuid.uuid4().hex}")
