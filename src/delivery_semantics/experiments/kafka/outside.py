"""An effect outside Kafka, such as a row in a database, and two places for the offset.

Source: Apache Kafka documentation, 4.6 "Message Delivery Semantics": a consumer that writes to
another system can store its offset in the same place as its output.

Book: 11-kafka
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack, closing
from functools import cache

from confluent_kafka import OFFSET_STORED, Consumer, TopicPartition
from confluent_kafka import Message as Delivered

from ... import Message, payments
from ...core.check import one_of
from ...databases import connect, empty_place
from ...databases.disk import DatabaseStore
from ...live.standing import Announcer, Standing
from ...show.strips import End
from ...show.view import View
from ...systems.kafka.client import (
    TIMEOUT_S,
    OwnTopic,
    consumer,
    fill,
    next_of,
    record,
    topic,
    transactional,
)
from ..strips import strip_view
from .transfer import send_offset

OFFSETS = ("in Kafka's transaction", "with the effect")
OFFSET = "offset"


def sink(source: OwnTopic, store: str, offsets: str, announcer: Announcer) -> None:
    """Write what is there into the database ``store``, and stand before each step."""
    with closing(connect(store, synchronous="OFF")) as database:
        disk = DatabaseStore(
            database, lambda statement: announcer.stand(f"inside Atomic, before {statement}")
        )
        work = _with_the_effect if offsets == OFFSETS[1] else _in_kafkas_transaction
        with closing(consumer(source)) as reading:
            work(source, disk, reading, announcer.stand)
    announcer.say("")


def _with_the_effect(
    source: OwnTopic, disk: DatabaseStore, reading: Consumer, stand: Callable[[str], None]
) -> None:
    """Begin where the database says, and write effect and offset in one transaction."""
    begin = int(str(disk.load(OFFSET, 0)))
    reading.assign([TopicPartition(source.name, 0, begin)])
    while (one := next_of(reading)) is not None:
        stand("before Atomic")
        with disk.transaction():
            disk.process(_payment(one))
            disk.save(OFFSET, (one.offset() or 0) + 1)
    stand("after Atomic")


def _in_kafkas_transaction(
    source: OwnTopic, disk: DatabaseStore, reading: Consumer, stand: Callable[[str], None]
) -> None:
    """Write the effect while a transaction of Kafka is open, which commits the offset."""
    made = transactional(source)
    reading.assign([TopicPartition(source.name, 0, OFFSET_STORED)])
    while (one := next_of(reading)) is not None:
        stand("before Begin")
        made.begin_transaction()
        stand("before Process")
        disk.process(_payment(one))
        stand("before SendOffset")
        send_offset(made, reading, one)
        stand("before CommitTransaction")
        made.commit_transaction(TIMEOUT_S)
    stand("after CommitTransaction")


def _payment(one: Delivered) -> Message:
    taken = record(one)
    return Message(taken.id, taken.amount)


@cache
def sink_killed_at_each_step(
    address: str, offsets: str, sent: tuple[Message, ...]
) -> list[End]:
    """Kill the process at each step in turn, a run each; another one goes on to the end.

    Raises ValueError for another place of the offset than in ``OFFSETS``.
    """
    one_of("offsets", offsets, OFFSETS)
    found: list[End] = []
    while end := _run(address, offsets, sent, len(found)):
        found.append(end)
    return found


def _run(address: str, offsets: str, sent: tuple[Message, ...], place: int) -> End | None:
    with ExitStack() as stack:
        source, store = stack.enter_context(topic(address)), stack.enter_context(empty_place())
        fill(source, *sent)
        first = stack.enter_context(Standing(sink, source, store, offsets))
        step = first.next()
        for _ in range(place):
            step = step and first.next()
        if not step:
            return None
        first.kill()
        with Standing(sink, source, store, offsets) as second:
            while second.next():
                pass
        with closing(connect(store)) as database:
            money = DatabaseStore(database).money()
    return End("killed", step, money, sum(payment.amount for payment in sent))


def sink_view(address: str, *, offsets: str, seed: int = 1) -> View:
    """Show a kill at each step, where the offset is committed at one of ``OFFSETS``."""
    return strip_view(offsets, sink_killed_at_each_step(address, offsets, payments(1)))
