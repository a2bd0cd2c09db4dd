"""Payments through Kafka, with the official Python client (confluent-kafka, on librdkafka).

Whatever is made on a cluster has a name that no other run has, and is deleted afterwards:
topics and groups. Nobody can delete a transactional id; the cluster forgets it after a week.

Book: 11-kafka
"""

from __future__ import annotations

import json
import logging
import time
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any

from confluent_kafka import (
    Consumer,
    IsolationLevel,
    KafkaException,
    Producer,
    ShareConsumer,
    TopicPartition,
)
from confluent_kafka import Message as Delivered
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._config import AlterConfigOpType, ConfigEntry, ConfigResource
from confluent_kafka.admin._listoffsets import OffsetSpec
from confluent_kafka.cimpl import NewTopic

from ...core.effects import Message
from ...core.trace import Record

PREFIX = "delivery-semantics-"
TIMEOUT_S = 120.0
_log = logging.getLogger("delivery_semantics.kafka")
_log.addHandler(logging.NullHandler())
_log.propagate = False
QUIET: dict[str, Any] = {"logger": _log}  # else it writes to stderr, words with times and ports
HASTE = {
    "reconnect.backoff.ms": 1, "reconnect.backoff.max.ms": 100, "retry.backoff.ms": 1,
    "linger.ms": 0,
}  # fmt: skip
"""A producer that tries again at once: nothing is lost by waiting, and nobody waits here."""

READING = {
    "enable.auto.commit": False, "auto.offset.reset": "earliest",
    "enable.partition.eof": True, "fetch.wait.max.ms": 10,
}  # fmt: skip
"""From the beginning to the end, and the client says when it is there."""

Settings = dict[str, Any]


@dataclass(frozen=True)
class OwnTopic:
    """A topic that no other run has, at the cluster ``address`` (HOST:PORT, …)."""

    address: str
    name: str

    def owned(self, what: str) -> str:
        """Return an id for a group or a transaction that no other run has."""
        return f"{self.name}-{what}"

    def at(self, address: str) -> OwnTopic:
        """Return the same topic by another way, such as a proxy."""
        return OwnTopic(address, self.name)


@contextmanager
def topic(address: str) -> Iterator[OwnTopic]:
    """Make a topic; it and the groups that it owns are gone when the block ends."""
    made, admin = OwnTopic(address, f"{PREFIX}{uuid.uuid4().hex}"), _admin(address)
    admin.create_topics([NewTopic(made.name, 1)])[made.name].result(TIMEOUT_S)
    try:
        _wait_until_ready(admin, made)
        yield made
    finally:
        for done in admin.delete_topics([made.name]).values():
            done.result(TIMEOUT_S)
        while groups := _groups(admin, made):
            _delete(admin, groups)


def _wait_until_ready(admin: AdminClient, made: OwnTopic) -> None:
    """Wait until the broker leads the partition, and the groups: it says yes before that."""
    latest = OffsetSpec.latest()  # type: ignore[no-untyped-call]
    at = TopicPartition(made.name, 0)
    last = time.monotonic() + TIMEOUT_S
    while True:
        try:
            admin.list_offsets({at: latest})[at].result(TIMEOUT_S)
            committed(made)
            return
        except KafkaException:
            if time.monotonic() > last:
                raise


def _delete(admin: AdminClient, groups: list[str]) -> None:
    for done in admin.delete_consumer_groups(groups).values():
        try:
            done.result(TIMEOUT_S)
        except KafkaException as error:
            # Who was killed is still awaited; who asks at once may hear of what is deleted.
            if error.args[0].name() not in ("NON_EMPTY_GROUP", "GROUP_ID_NOT_FOUND"):
                raise


# Sending ----------------------------------------------------------------------------------


def producer(to: OwnTopic, **settings: object) -> Producer:
    """Return a producer with these settings; dots are written as underscores."""
    return Producer(QUIET | HASTE | {"bootstrap.servers": to.address} | dotted(settings))


def transactional(to: OwnTopic, name: str = "transfer", **settings: object) -> Producer:
    """Return a producer that can begin a transaction; others of this name are fenced."""
    made = producer(to, transactional_id=to.owned(name), **settings)
    made.init_transactions(TIMEOUT_S)
    return made


def send_payments(made: Producer, to: OwnTopic, *payments: Message) -> tuple[str, ...]:
    """Send payments one by one; return the ids of those that were confirmed."""
    confirmed: list[str] = []
    for payment in payments:

        def told(error: object, _: Delivered, id: str = payment.id) -> None:
            if error is None:
                confirmed.append(id)

        made.produce(to.name, written(payment), partition=0, on_delivery=told)
        made.flush(TIMEOUT_S)
    return tuple(confirmed)


def fill(to: OwnTopic, *payments: Message) -> OwnTopic:
    """Put payments into a topic, each of them once; return it."""
    confirmed = send_payments(producer(to), to, *payments)
    assert len(confirmed) == len(payments)
    return to


def written(payment: Message) -> bytes:
    """Return a payment as the value of a record."""
    return json.dumps({"id": payment.id, "amount": payment.amount}).encode()


def record(delivered: Delivered, delivery: int = 0) -> Record:
    """Return what was handed over. Raises KafkaException if that is an error."""
    if error := delivered.error():
        raise KafkaException(error)
    value = json.loads(delivered.value() or b"")
    return Record(
        value["id"], value["amount"], str(delivered.partition()), delivered.offset(), delivery
    )


def dotted(settings: dict[str, object]) -> Settings:
    """Return settings by the names that Kafka has for them."""
    return {name.replace("_", "."): value for name, value in settings.items()}


# Reading ----------------------------------------------------------------------------------


def consumer(of: OwnTopic, group: str = "readers", **settings: object) -> Consumer:
    """Return a consumer of a group, with these settings besides ``READING``."""
    own = {"bootstrap.servers": of.address, "group.id": of.owned(group)}
    return Consumer(QUIET | READING | own | dotted(settings))


def read(
    of: OwnTopic, *, isolation: str = "read_committed", settled: bool = True
) -> tuple[Record, ...]:
    """Return what a topic shows to a reader of this isolation level.

    A commit is answered before the partitions have its marker, and until then a reader of
    committed records stands before it. With ``settled`` this waits until no transaction is
    open; raises TimeoutError if one stays so.
    """
    if settled:
        _wait_until_settled(of)
    with closing(consumer(of, isolation_level=isolation)) as reader:
        reader.assign([TopicPartition(of.name, 0, 0)])
        return tuple(to_the_end(reader))


def _wait_until_settled(of: OwnTopic) -> None:
    """Wait until the last stable offset is the end of the log."""
    admin, at = _admin(of.address), TopicPartition(of.name, 0)
    latest = OffsetSpec.latest()  # type: ignore[no-untyped-call]
    last = time.monotonic() + TIMEOUT_S
    while True:
        stable, end = (
            admin.list_offsets({at: latest}, isolation_level=level)[at].result(TIMEOUT_S).offset
            for level in (IsolationLevel.READ_COMMITTED, IsolationLevel.READ_UNCOMMITTED)
        )
        if stable == end:
            return
        if time.monotonic() > last:
            raise TimeoutError(f"a transaction has been open for {TIMEOUT_S} s")


def to_the_end(reader: Consumer) -> Iterator[Record]:
    """Yield what a consumer is handed, up to the end of its partition."""
    while (delivered := next_of(reader)) is not None:
        yield record(delivered)


def next_of(reader: Consumer) -> Delivered | None:
    """Return what a consumer is handed next, None at the end of its partition.

    Raises TimeoutError if nothing comes, KafkaException for another error.
    """
    delivered = reader.poll(TIMEOUT_S)
    if delivered is None:
        raise TimeoutError(f"Kafka handed over nothing for {TIMEOUT_S} s")
    if (error := delivered.error()) and error.name() == "_PARTITION_EOF":
        return None
    if error:
        raise KafkaException(error)
    return delivered


def committed(of: OwnTopic, group: str = "readers") -> int:
    """Return the offset that a group has committed, 0 if none."""
    with closing(consumer(of, group)) as reader:
        [at] = reader.committed([TopicPartition(of.name, 0)], TIMEOUT_S)
        return max(0, at.offset)


def session_ms(address: str) -> int:
    """Return the shortest session timeout that this cluster allows, in milliseconds."""
    admin = _admin(address)
    node = next(iter(admin.list_topics(timeout=TIMEOUT_S).brokers))
    broker = ConfigResource(ConfigResource.Type.BROKER, str(node))
    told = admin.describe_configs([broker])[broker].result(TIMEOUT_S)
    return int(told["group.min.session.timeout.ms"].value)


# Sharing ----------------------------------------------------------------------------------


@contextmanager
def sharing(of: OwnTopic, *, deliveries_max: int | None = None) -> Iterator[ShareConsumer]:
    """Yield a share consumer of a new group that begins with the first record; see KIP-932.

    It says of each record what is to become of it. ``deliveries_max``: how often the group
    hands a record over; None: as often as the cluster says. The group ends with the block.
    """
    group, admin = of.owned(f"share-{uuid.uuid4().hex}"), _admin(of.address)
    settings = {"share.auto.offset.reset": "earliest"}
    if deliveries_max is not None:
        settings["share.delivery.count.limit"] = str(deliveries_max)
    entries = [
        ConfigEntry(name, value, incremental_operation=AlterConfigOpType.SET)
        for name, value in settings.items()
    ]
    asked = ConfigResource(ConfigResource.Type.GROUP, group, incremental_configs=entries)
    admin.incremental_alter_configs([asked])[asked].result(TIMEOUT_S)
    own = {"bootstrap.servers": of.address, "group.id": group, "fetch.wait.max.ms": 10}
    with ShareConsumer(QUIET | own | {"share.acknowledgement.mode": "explicit"}) as made:
        made.subscribe([of.name])
        yield made
    _delete(admin, [group])


def _admin(address: str) -> AdminClient:
    return AdminClient({**QUIET, "bootstrap.servers": address})


def _groups(admin: AdminClient, of: OwnTopic) -> list[str]:
    known = admin.list_consumer_groups().result(TIMEOUT_S).valid
    return [group.group_id for group in known if group.group_id.startswith(of.name)]
