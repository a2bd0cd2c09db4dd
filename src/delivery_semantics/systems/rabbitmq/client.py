"""Queues of RabbitMQ in few words: make one, publish payments, consume them, count them.

Two runs on one broker never meet: each queue has a name of its own, and is deleted in the end.

Book: 12-rabbitmq
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from typing import Any
from uuid import uuid4

import pika
from pika.adapters.blocking_connection import BlockingChannel
from pika.exceptions import AMQPError, UnroutableError
from pika.spec import Basic, BasicProperties

from ...core.effects import Message
from ...core.trace import Record
from ..consumer import AckRefused
from ..server import POLL_S, TIMEOUT_S

QUORUM, CLASSIC = "quorum", "classic"
TRANSIENT, PERSISTENT = 1, 2
CONFIRMED, RETURNED, SENT, IN_DOUBT = "confirmed", "returned", "sent", "in doubt"
"""What a publisher knows of a message."""


def connect(url: str, *, heartbeat_s: int = 0) -> pika.BlockingConnection:
    """Connect to a broker; with ``heartbeat_s`` it gives up who is silent for twice as long."""
    parameters = pika.URLParameters(url)
    parameters.heartbeat = heartbeat_s
    return pika.BlockingConnection(parameters)


@contextmanager
def _closed_on_error(connection: pika.BlockingConnection) -> Iterator[None]:
    """Close a connection that nobody will have, because what is made with it has failed."""
    try:
        yield
    except BaseException:
        with suppress(AMQPError):  # it may have ended before
            connection.close()
        raise


@contextmanager
def queue(url: str, *, kind: str = QUORUM, **arguments: object) -> Iterator[str]:
    """Make a durable queue and yield its name; it is deleted in the end.

    ``arguments`` are those that begin with "x-", without that: ``delivery_limit=2``.
    """
    name = f"delivery-semantics-{uuid4().hex}"
    given = {f"x-{key.replace('_', '-')}": value for key, value in arguments.items()}
    with closing(connect(url)) as connection:
        connection.channel().queue_declare(
            name, durable=True, arguments={"x-queue-type": kind} | given
        )
    try:
        yield name
    finally:
        with closing(connect(url)) as connection:
            connection.channel().queue_delete(name)


def depth(url: str, name: str) -> int:
    """Return how many messages a queue holds that nobody has been handed."""
    with closing(connect(url)) as connection:
        return int(connection.channel().queue_declare(name, passive=True).method.message_count)


class AmqpPublisher:
    """A publisher on a connection of its own, with confirms or without.

    Without them it knows nothing of what becomes of a message. With ``mandatory`` the broker
    returns what it can put into no queue. What is not ``persistent`` is in memory only.
    """

    def __init__(
        self,
        url: str,
        *,
        confirms: bool = True,
        mandatory: bool = False,
        persistent: bool = True,
    ) -> None:
        self._connection = connect(url)
        self._confirms, self._mandatory = confirms, mandatory
        self._mode = PERSISTENT if persistent else TRANSIENT
        self.returned: list[str] = []
        with _closed_on_error(self._connection):
            self._channel = self._connection.channel()
            if confirms:
                self._channel.confirm_delivery()
        self._channel.add_on_return_callback(
            lambda _, method, properties, body: self.returned.append(properties.message_id)
        )

    def publish(self, name: str, message: Message) -> str:
        """Publish to the queue of this name; return what is known of the message afterwards.

        ``IN_DOUBT``: the connection has ended, and with it this publisher.
        """
        properties = BasicProperties(
            message_id=message.id, delivery_mode=self._mode, content_type="text/plain"
        )
        body = str(message.amount).encode()
        try:
            self._channel.basic_publish("", name, body, properties, mandatory=self._mandatory)
        except UnroutableError:
            return RETURNED
        except AMQPError:
            return IN_DOUBT
        return CONFIRMED if self._confirms else SENT

    def close(self) -> None:
        """End the connection, once the broker has read all that was sent."""
        with suppress(AMQPError):  # it may have ended before
            self._channel.basic_qos()  # is answered after what was returned
            self._connection.process_data_events(0)
            self._connection.close()


def publish(
    url: str, name: str, messages: Iterable[Message], *, persistent: bool = True
) -> None:
    """Publish messages and wait for their confirms. Raises RuntimeError without one."""
    with closing(AmqpPublisher(url, mandatory=True, persistent=persistent)) as publisher:
        for message in messages:
            known = publisher.publish(name, message)
            if known != CONFIRMED:
                raise RuntimeError(f"message {message.id} is {known}; allowed: {CONFIRMED}")


# A consumer -------------------------------------------------------------------------------


class Deliveries:
    """What a queue hands over, in its order, once nobody else consumes from it.

    ``auto_ack``: the broker forgets a message as soon as it has sent it. ``prefetch`` is how
    many it pushes before it waits for an ack, 0: all it has; who takes more without an ack gets
    one by asking for it. ``heartbeat_s``: as `connect`.
    A record's ``delivery`` is the quorum queue's count and one. A classic queue does not count:
    there it is 1, or 0, not told, if the message has ``redelivered`` set.
    Raises TimeoutError if somebody else goes on consuming.
    """

    def __init__(
        self, url: str, queue: str, *, auto_ack: bool = False, prefetch: int = 1,
        heartbeat_s: int = 0,
    ) -> None:  # fmt: skip
        self._queue, self._auto_ack = queue, auto_ack
        self._prefetch = prefetch
        self._come: deque[tuple[Record, int]] = deque()
        self._tags: dict[str, int] = {}
        self._unanswered: set[int] = set()
        self._connection = connect(url, heartbeat_s=heartbeat_s)
        with _closed_on_error(self._connection):
            self._channel = self._connection.channel()
            self._left = self._wait_for_others()
            self._channel.basic_qos(prefetch_count=prefetch)
            self._channel.basic_consume(queue, self._comes, auto_ack=auto_ack)

    def take(self) -> Record | None:
        """Return the next message; None if the queue has none that is ready.

        What was there when this consumer came is waited for. For anything more the queue is
        asked. Raises ConnectionAbortedError if the broker has ended the connection or the
        channel, TimeoutError if it does not push what it has.
        """
        try:
            self._fetch()
        except AMQPError as error:
            raise ConnectionAbortedError(type(error).__name__) from error
        if not self._come:
            return None
        record, self._tags[record.id] = self._come.popleft()
        return record

    def ack(self, record: Record) -> None:
        """Ack it, unless the broker needs none. Raises AckRefused if it has given us up."""
        self._answer(self._channel.basic_ack, record)

    def refuse(self, record: Record, *, requeue: bool = True) -> None:
        """Give it back to the queue, or without ``requeue`` to be dropped or dead-lettered.

        Raises as `ack` does.
        """
        self._answer(self._channel.basic_reject, record, requeue=requeue)

    def serve(self, seconds: float) -> None:
        """Answer heartbeats for so long: what a consumer does while its work is elsewhere."""
        self._connection.process_data_events(seconds)

    def close(self) -> None:
        """End the connection; what was not acked goes back to the queue."""
        with suppress(AMQPError):
            self._connection.close()

    def _fetch(self) -> None:
        self._connection.process_data_events(0)
        if self._come:
            return
        if self._left > 0 and not 0 < self._prefetch <= len(self._unanswered):
            self._wait_for_push()
            return
        asked = self._channel.basic_get(self._queue, auto_ack=self._auto_ack)
        # What was pushed before that answer may come after it, and comes before the next one.
        self._channel.basic_qos(prefetch_count=self._prefetch)
        self._connection.process_data_events(0)
        if asked[0]:
            self._comes(self._channel, *asked)

    def _wait_for_push(self) -> None:
        last = time.monotonic() + TIMEOUT_S
        while not self._come:
            if time.monotonic() > last:
                raise TimeoutError(f"{self._queue} has {self._left} more, and pushes none")
            self._connection.process_data_events(POLL_S)

    def _answer(self, answer: Any, record: Record, **how: object) -> None:  # noqa: ANN401
        if self._auto_ack:
            return
        try:
            self._connection.process_data_events(0)  # hears that the connection has ended
            answer(self._tags[record.id], **how)
            self._unanswered.discard(self._tags[record.id])
        except AMQPError as error:
            raise AckRefused(type(error).__name__) from error

    def _comes(
        self,
        channel: BlockingChannel,
        method: Basic.Deliver | Basic.GetOk,
        properties: BasicProperties,
        body: bytes,
    ) -> None:
        count = (properties.headers or {}).get("x-delivery-count")
        delivery = 0 if count is None and method.redelivered else (count or 0) + 1
        record = Record(properties.message_id or "", int(body), delivery=delivery)
        self._come.append((record, method.delivery_tag))
        self._left -= 1
        if not self._auto_ack:
            self._unanswered.add(method.delivery_tag)

    def _wait_for_others(self) -> int:
        """Wait until nobody consumes: whoever did so has given back what it had.

        Returns how many messages there are then.
        """
        last = time.monotonic() + TIMEOUT_S
        while True:
            found = self._channel.queue_declare(self._queue, passive=True).method
            if not found.consumer_count:
                return int(found.message_count)
            if time.monotonic() > last:
                raise TimeoutError(f"{self._queue} still has a consumer")
            time.sleep(POLL_S)


def drain(url: str, name: str) -> list[Record]:
    """Take what is ready in a queue, ack each message, and return all of them."""
    found = []
    with closing(Deliveries(url, name)) as source:
        while record := source.take():
            source.ack(record)
            found.append(record)
    return found
