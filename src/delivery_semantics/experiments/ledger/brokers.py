"""The queue between shop and bank, on either of two brokers: the same system, one setting.

Book: 15-from-the-button-to-the-ledger
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Protocol

from ...systems.cut import Cut
from ...systems.kafka import client as kafka_client
from ...systems.kafka import frames as kafka_frames
from ...systems.kafka import server as kafka_server
from ...systems.rabbitmq import client as rabbitmq_client
from ...systems.rabbitmq import frames as rabbitmq_frames
from ...systems.rabbitmq import server as rabbitmq_server
from ...systems.server import Server


class QueueKind(Protocol):
    """How a broker is started, given a queue of one's own, and watched."""

    relay_reply: str
    """The frame that tells the relay that its message is stored."""
    bank_reply: str
    """The frame that tells the bank that its ack has arrived, or that brings a message."""

    def start(self) -> AbstractContextManager[Server]:
        """Start a broker that can be killed and started again. Raises ServerMissing."""

    def queue(self, address: str) -> AbstractContextManager[str]:
        """Make a queue that no other run has; it is gone when the block ends."""

    def network(self, address: str, tell: Callable[..., object]) -> Cut[Any]:
        """Return a network before the broker, which knows its frames."""

    def url(self, place: str, name: str) -> str:
        """Return the setting: the URL of a queue at ``place``, HOST:PORT."""


class OnKafka:
    """Apache Kafka."""

    relay_reply, bank_reply = "produce reply", "offset commit reply"

    def start(self) -> AbstractContextManager[Server]:
        """Start it."""
        return kafka_server.restartable()

    @contextmanager
    def queue(self, address: str) -> Iterator[str]:
        """Make a topic."""
        with kafka_client.topic(address) as made:
            yield made.name

    def network(self, address: str, tell: Callable[..., object]) -> Cut[Any]:
        """Return a network that puts its own address into the broker's replies."""
        return kafka_frames.proxy(address, tell=tell)

    def url(self, place: str, name: str) -> str:
        """Return the URL of a topic."""
        return f"kafka://{place}/{name}"


class OnRabbitMQ:
    """RabbitMQ. It answers no ack; what can be lost on the way is a message."""

    relay_reply, bank_reply = "confirm", "get ok"

    def start(self) -> AbstractContextManager[Server]:
        """Start it."""
        return rabbitmq_server.restartable()

    def queue(self, address: str) -> AbstractContextManager[str]:
        """Make a quorum queue."""
        return rabbitmq_client.queue(address)

    def network(self, address: str, tell: Callable[..., object]) -> Cut[Any]:
        """Return a network before it."""
        return rabbitmq_frames.proxy(address, tell=tell)

    def url(self, place: str, name: str) -> str:
        """Return the URL of a queue."""
        return f"amqp://guest:guest@{place}/{name}"


BROKERS: dict[str, QueueKind] = {"Kafka": OnKafka(), "RabbitMQ": OnRabbitMQ()}
