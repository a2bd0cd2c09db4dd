"""The queue on Apache Kafka: a topic of one partition. An ack is a committed offset.

Book: 15-from-the-button-to-the-ledger
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition

from .queue import Delivered, QueueDown

TIMEOUT_S = 10.0
SENDING = {"enable.idempotence": True, "linger.ms": 0}  # which makes acks=all
READING = {"enable.auto.commit": False, "group.id": "bank", "fetch.wait.max.ms": 10}
QUIET = {"log_level": 0, "reconnect.backoff.ms": 10, "reconnect.backoff.max.ms": 200}


class KafkaQueue:
    """A partition of a topic at the brokers ``place``, HOST:PORT or several of them.

    It is read from where the group ``bank`` has come to. It is taken, and not assigned by
    the group, so that nobody waits until a dead reader is given up. If two read it at a time,
    the inbox has one of them do nothing.
    """

    def __init__(self, place: str, topic: str) -> None:
        self._settings: dict[str, Any] = {**QUIET, "bootstrap.servers": place}
        self._partition = TopicPartition(topic, 0)
        self._producer: Producer | None = None
        self._reader: Consumer | None = None
        self._held: Delivered | None = None
        self._next = 0

    def send(self, message_id: str, body: str) -> None:
        """Return when the broker has stored the message."""
        told: list[object] = []
        with self._down():
            self._producer = self._producer or Producer({**self._settings, **SENDING})
            self._producer.produce(
                self._partition.topic, body, message_id, partition=0,
                on_delivery=lambda error, _: told.append(error),
            )  # fmt: skip
            self._producer.flush(TIMEOUT_S)
        if told != [None]:
            raise QueueDown(f"no confirm came from Kafka; it said {told}")

    def take(self) -> Delivered | None:
        """Return the oldest message that is not acked; None at the end of the topic."""
        if self._held is None:
            with self._down():
                self._held = self._read(self._reader or self._open())
        return self._held

    def ack(self, delivered: Delivered) -> None:
        """Commit the offset of the message after this one."""
        after = TopicPartition(self._partition.topic, 0, delivered.receipt + 1)
        with self._down():
            (self._reader or self._open()).commit(offsets=[after], asynchronous=False)
        self._held = None

    def close(self) -> None:
        """Give the connection back; what was taken and not acked comes again."""
        reader, self._reader, self._held = self._reader, None, None
        if reader:
            reader.close()

    def _open(self) -> Consumer:
        self._reader = Consumer({**self._settings, **READING})
        [committed] = self._reader.committed([self._partition], TIMEOUT_S)
        self._next = max(committed.offset, 0)
        self._reader.assign([TopicPartition(self._partition.topic, 0, self._next)])
        return self._reader

    def _read(self, reader: Consumer) -> Delivered | None:
        _, end = reader.get_watermark_offsets(self._partition, TIMEOUT_S)
        if self._next >= end:
            return None
        message = reader.poll(TIMEOUT_S)
        if message is None or message.error():
            raise QueueDown(f"nothing came from Kafka; it said {message and message.error()}")
        offset, key, value = message.offset(), message.key(), message.value()
        assert offset is not None
        self._next = offset + 1
        return Delivered((key or b"").decode(), (value or b"").decode(), offset)

    @contextmanager
    def _down(self) -> Iterator[None]:
        try:
            yield
        except KafkaException as error:
            self.close()
            raise QueueDown(f"Kafka: {error}") from error
