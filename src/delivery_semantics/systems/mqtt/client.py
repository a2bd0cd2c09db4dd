"""Payments over MQTT, with the client of the Eclipse project, paho-mqtt.

Nothing runs in the background: a client does its part of the protocol while somebody waits for
something, and connects again by itself when its connection has ended. Topics and client ids are
of one run only, and so are sessions, which end with it.

Book: 09-comparison-table
"""

from __future__ import annotations

import json
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit
from uuid import uuid4

from paho.mqtt.client import Client, MQTTMessage, MQTTv5
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from ...core.effects import Message
from ...core.trace import Record

SESSION_S = 3600
"""How long a broker keeps the session of a client that is away."""

TIMEOUT_S = 120.0
SLICE_S = 0.05
END = "end"
"""The id of what is published last, so that a reader knows that it has read all."""


class Peer:
    """A publisher or a subscriber under the name ``id``, connected to the broker at ``url``.

    What comes is put into ``received``, or given to ``hear`` instead. One packet is in flight
    at a time. With ``keeps`` the broker keeps its session while it is away; ``acks_itself``
    leaves the last answer to `ack`. ``connections`` counts how often it has connected.
    """

    def __init__(
        self,
        url: str,
        id: str,
        *,
        keeps: bool = True,
        acks_itself: bool = False,
        hear: Callable[[MQTTMessage], None] | None = None,
    ) -> None:
        self.received: deque[MQTTMessage] = deque()
        self.connections = 0
        heard = hear or self.received.append
        self._client = Client(
            CallbackAPIVersion.VERSION2, id, protocol=MQTTv5, manual_ack=acks_itself
        )
        self._client.on_message = lambda client, data, message: heard(message)
        self._client.on_connect = lambda *told: self._count()
        asked = Properties(PacketTypes.CONNECT)
        asked.SessionExpiryInterval = SESSION_S if keeps else 0
        asked.ReceiveMaximum = 1
        place = urlsplit(url)
        self._client.connect(
            str(place.hostname), place.port or 1883, clean_start=not keeps, properties=asked
        )
        try:
            self.wait(self._client.is_connected)
        except BaseException:
            self.close()
            raise

    def subscribe(self, topic: str, quality: int) -> None:
        """Have what is published under ``topic`` sent here, at most with this quality.

        The broker has then dealt with all that was sent before on this connection.
        """
        done: list[object] = []
        before = self.connections
        self._client.on_subscribe = lambda *told: done.append(told)
        self._client.subscribe(topic, quality)
        self.wait(lambda: done or self.connections > before)

    def publish(self, topic: str, payment: Message, quality: int, **more: bool) -> bool:
        """Publish a payment; return whether the broker has said that it has it.

        It is sent again, as the protocol has it, until the broker says so. With quality 0 it
        never does. Raises what `wait` does, and takes what that takes.
        """
        body = json.dumps({"id": payment.id, "amount": payment.amount})
        info = self._client.publish(topic, body, quality)
        self.wait(info.is_published, **more)
        return quality > 0

    def ack(self, message: MQTTMessage) -> None:
        """Say that a message is done with: PUBACK or PUBCOMP."""
        self._client.ack(message.mid, message.qos)

    def wait(self, until: Callable[[], object], *, again: bool = True) -> None:
        """Do what the protocol asks until something is so.

        Where the connection has ended it connects again, or raises ConnectionError unless
        ``again``. Raises TimeoutError.
        """
        last_s = time.monotonic() + TIMEOUT_S
        while not until():
            if time.monotonic() > last_s:
                raise TimeoutError(f"nothing came within {TIMEOUT_S} s")
            if self._client.loop(SLICE_S) != 0:
                if not again:
                    raise ConnectionError("the connection has ended")
                self._client.reconnect()

    def _count(self) -> None:
        self.connections += 1

    def close(self) -> None:
        """Say goodbye; a session that is kept stays."""
        self._client.disconnect()
        self._client.loop(SLICE_S)
        self._client.reinitialise()  # a client holds two sockets more, by which it wakes itself

    def __enter__(self) -> Peer:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


@contextmanager
def names(url: str, *roles: str) -> Iterator[tuple[str, ...]]:
    """Yield a topic, and an id for each of the roles, that nobody else has.

    When the block ends no session under these ids is left.
    """
    run = uuid4().hex
    ids = tuple(f"{role}-{run}" for role in roles)
    try:
        yield f"delivery-semantics/{run}", *ids
    finally:
        for id in ids:
            Peer(url, id, keeps=False).close()


def payment(message: MQTTMessage) -> Message:
    """Return the payment that a message carries."""
    body = json.loads(message.payload)
    return Message(body["id"], body["amount"])


class SubscriberSource:
    """A subscriber's kept session as a consumer reads it, until the payment called `END`.

    With quality 1 a message is acked when the consumer says so. With quality 2 paho does it:
    if it is left to the caller, a session that is taken up again stands still for ever.
    """

    def __init__(self, url: str, id: str, quality: int) -> None:
        self._peer = Peer(url, id, acks_itself=quality == 1)
        self._taken: dict[str, MQTTMessage] = {}

    def take(self) -> Record | None:
        """Return what is handed over next; None at the end."""
        self._peer.wait(lambda: self._peer.received)
        message = self._peer.received.popleft()
        found = payment(message)
        if found.id == END:
            return None
        self._taken[found.id] = message
        return Record(found.id, found.amount, delivery=1 + message.dup)

    def ack(self, record: Record) -> None:
        """Give the last answer for it."""
        self._peer.ack(self._taken[record.id])

    def close(self) -> None:
        """Leave."""
        self._peer.close()
