"""The queue between shop and bank: what both sides need of it, and no more.

Book: 15-from-the-button-to-the-ledger
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import urlsplit

ADAPTERS = {"kafka": ("on_kafka", "KafkaQueue"), "amqp": ("on_rabbitmq", "RabbitQueue")}


class QueueDown(ConnectionError):
    """The broker did not answer: what was sent, or acked, is in doubt. Try again."""


@dataclass(frozen=True)
class Delivered:
    """A message as it came; ``receipt`` is what the broker wants back as the ack."""

    message_id: str
    body: str
    receipt: int


class Queue(Protocol):
    """A durable queue, at least once. Every method raises QueueDown."""

    def send(self, message_id: str, body: str) -> None:
        """Return when the broker has stored the message, and not before."""

    def take(self) -> Delivered | None:
        """Return the oldest message that is not acked; None if there is none now."""

    def ack(self, delivered: Delivered) -> None:
        """Return when the broker knows that this message, and all before it, are done."""

    def close(self) -> None:
        """Give the connection back."""


def open_queue(url: str) -> Queue:
    """Open ``kafka://HOST:PORT/TOPIC`` or ``amqp://HOST:PORT/QUEUE``: this is the one setting.

    Raises ValueError for another URL, and QueueDown.
    """
    parts = urlsplit(url)
    if parts.scheme not in ADAPTERS or not parts.netloc or len(parts.path) < 2:
        allowed = "kafka://HOST:PORT/TOPIC, amqp://HOST:PORT/QUEUE"
        raise ValueError(f"queue is {url!r}; allowed: {allowed}")
    # Asked for by name, so that who has one broker need not install the other's client.
    module, name = ADAPTERS[parts.scheme]
    adapter = getattr(importlib.import_module(f"{__package__}.{module}"), name)
    opened: Queue = adapter(parts.netloc, parts.path[1:])
    return opened
