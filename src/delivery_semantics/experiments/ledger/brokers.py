"""The queue between shop and bank, on either of two brokers: the same system, one setting.

Book: 15-from-the-button-to-the-ledger
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any

from ...systems.cut import Cut
from ...systems.kafka import client as kafka_client
from ...systems.kafka import frames as kafka_frames
from ...systems.kafka import server as kafka_server
from ...systems.rabbitmq import client as rabbitmq_client
from ...systems.rabbitmq import frames as rabbitmq_frames
from ...systems.rabbitmq import server as rabbitmq_server
from ...systems.server import Server


@dataclass(frozen=True)
class QueueKind:
    """How a broker is started, given a queue of one's own, and watched.

    ``start`` starts one that can be killed and started again. ``queue(address)`` yields the
    name of a queue that no other run has; it is gone when the block ends. ``network(address,
    tell=…)`` returns a network before the broker, which knows its frames. ``relay_reply`` is
    the frame that tells the relay that its message is stored, ``bank_reply`` the one that tells
    the bank that its ack has arrived, or that brings a message. ``url(place, name)`` is the
    setting: the URL of a queue at ``place``, HOST:PORT.
    """

    start: Callable[[], AbstractContextManager[Server]]
    queue: Callable[[str], AbstractContextManager[str]]
    network: Callable[..., Cut[Any]]
    relay_reply: str
    bank_reply: str
    url: Callable[[str, str], str]


@contextmanager
def _topic(address: str) -> Iterator[str]:
    with kafka_client.topic(address) as made:
        yield made.name


BROKERS = {
    "Kafka": QueueKind(
        kafka_server.restartable, _topic, kafka_frames.proxy,
        "produce reply", "offset commit reply", "kafka://{}/{}".format,
    ),
    # It answers no ack; what can be lost on the way is a message.
    "RabbitMQ": QueueKind(
        rabbitmq_server.restartable, rabbitmq_client.queue, rabbitmq_frames.proxy,
        "confirm", "get ok", "amqp://guest:guest@{}/{}".format,
    ),
}  # fmt: skip
