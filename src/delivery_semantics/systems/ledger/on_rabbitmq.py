"""The queue on RabbitMQ: a quorum queue, with confirms one way and acks by hand the other.

Book: 15-from-the-button-to-the-ledger
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pika
from pika.adapters.blocking_connection import BlockingChannel
from pika.exceptions import AMQPError

from .queue import Delivered, QueueDown

PERSISTENT = 2


class RabbitQueue:
    """A queue of the broker at ``place``, [USER:PASSWORD@]HOST:PORT.

    The connection is made anew when it has ended.
    """

    def __init__(self, place: str, name: str) -> None:
        self._url, self._name = f"amqp://{place}/", name
        self._connection: pika.BlockingConnection | None = None
        self._channel: BlockingChannel | None = None
        self._held: Delivered | None = None

    def send(self, message_id: str, body: str) -> None:
        """Return when the broker has confirmed the message; one without a queue is refused."""
        properties = pika.BasicProperties(message_id=message_id, delivery_mode=PERSISTENT)
        with self._open() as channel:
            channel.basic_publish("", self._name, body.encode(), properties, mandatory=True)

    def take(self) -> Delivered | None:
        """Return the oldest message that is not acked; None if none is ready."""
        if self._held is None:
            with self._open() as channel:
                method, properties, body = channel.basic_get(self._name)
            if method:
                self._held = Delivered(
                    properties.message_id, body.decode(), method.delivery_tag
                )
        return self._held

    def ack(self, delivered: Delivered) -> None:
        """Ack it. The broker answers nothing: what does not arrive there comes again."""
        self._held = None
        with self._open() as channel:
            channel.basic_ack(delivered.receipt)

    def close(self) -> None:
        """Give the connection back."""
        self._held = self._channel = None
        if self._connection:
            with suppress(AMQPError):
                self._connection.close()

    @contextmanager
    def _open(self) -> Iterator[BlockingChannel]:
        """Give the channel; after an error it and what it held are gone."""
        try:
            if self._channel is None:
                self._connection = pika.BlockingConnection(pika.URLParameters(self._url))
                self._channel = self._connection.channel()
                self._channel.confirm_delivery()
            yield self._channel
        except (AMQPError, OSError) as error:
            self.close()
            raise QueueDown(f"RabbitMQ: {error!r}") from error
