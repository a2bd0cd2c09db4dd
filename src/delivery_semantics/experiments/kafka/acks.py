"""A producer whose requests or replies are lost: plain, idempotent, or without acks.

Book: 11-kafka
"""

from __future__ import annotations

import signal
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from ... import Trace, audit, payments
from ...core.check import one_of
from ...show.diagram import sequence
from ...show.view import View
from ...systems.cut import Cut
from ...systems.frames import FrameName, NamedFrame
from ...systems.kafka.client import producer, read, send_payments, topic, written
from ...systems.kafka.frames import proxy
from ...systems.server import Server
from .journal import BROKER, PRODUCER, KafkaJournal

PRODUCERS: dict[str, dict[str, object]] = {
    "acks=0": {"acks": 0},
    "plain": {},
    "idempotent": {"enable_idempotence": True},
}
"""What each is set to; the plain one is what librdkafka makes where nothing is said."""

LOSSES = ("nothing", "requests", "replies")


@dataclass(frozen=True)
class Sent:
    """What came of payments: what the producer and the proxy told, and what was there to read.

    ``lost`` counts the frames that were lost, ``copies`` the records beyond one for each
    payment that is there.
    """

    trace: Trace
    lost: int
    copies: int


def lossy(
    address: str, kind: str, losing: str, *, lost: int = 1, count: int = 3, first: int = 2
) -> Sent:
    """Send ``count`` payments of 10 one by one, and lose so many requests or replies.

    The first to be lost is number ``first``, and then every other one.
    Raises ValueError for another ``kind`` than in ``PRODUCERS``, or ``losing`` than in
    ``LOSSES``.
    """
    one_of("kind", kind, PRODUCERS)
    one_of("losing", losing, LOSSES)
    frame = {"requests": "produce", "replies": "produce reply"}.get(losing, "nothing")
    cut: dict[FrameName, int] = {(frame, first + 2 * n): 0 for n in range(lost)}
    journal = KafkaJournal(payments(count))
    with topic(address) as there, proxy(address, cut=cut, tell=journal.passed) as between:
        through = there.at(between.address)
        made = producer(through, **PRODUCERS[kind])
        for payment in payments(count):
            journal.now = payment
            asked = journal.asked
            confirmed = send_payments(made, through, payment)
            _wait_until_asked(between, journal, asked)
            if confirmed:
                journal.tell("confirmed", PRODUCER)
        made.close()
        records = read(there)
    journal.read(records)
    trace = journal.trace()
    copies = len(records) - len({record.id for record in records})
    return Sent(trace, journal.lost, copies)


def _wait_until_asked(between: Cut[NamedFrame], journal: KafkaJournal, asked: int) -> None:
    """Wait for one more request: without acks a producer is done before anything has left."""
    with between.changed:
        between.changed.wait_for(lambda: journal.asked > asked)


def sent_again(address: str) -> Sent:
    """Hold the ack until the producer is gone, and have its program send the payment again."""
    reply: FrameName = ("produce reply", 1)
    journal = KafkaJournal(payments(1))
    cutting = proxy(address, cut={reply: 0}, hold=[reply], tell=journal.passed)
    with topic(address) as there, cutting as between:
        through = there.at(between.address)
        first = producer(through, **PRODUCERS["idempotent"])
        first.produce(there.name, written(journal.now), partition=0)
        between.wait_for(reply)
        first.purge()
        del first
        between.release(reply)
        with between.changed:
            between.changed.wait_for(lambda: journal.lost == 1)
        journal.tell("crashed", PRODUCER)
        journal.tell("restarted", PRODUCER)
        if send_payments(producer(through, **PRODUCERS["idempotent"]), through, journal.now):
            journal.tell("confirmed", PRODUCER)
        records = read(there)
    journal.read(records)
    return Sent(journal.trace(), 1, len(records) - 1)


def broker_killed(broker: Server, kind: str) -> Sent:
    """Kill the broker when it has stored a payment and not yet said so; start it again."""
    reply: FrameName = ("produce reply", 1)
    journal = KafkaJournal(payments(1))
    cutting = proxy(broker.address, cut={reply: 0}, hold=[reply], tell=journal.passed)
    with topic(broker.address) as there, cutting as between, ThreadPoolExecutor(1) as thread:
        through = there.at(between.address)
        made = producer(through, **PRODUCERS[kind])
        sending = thread.submit(send_payments, made, through, journal.now)
        between.wait_for(reply)
        broker.signal(signal.SIGKILL)
        broker.wait()
        journal.tell("killed", BROKER)
        between.release(reply)
        broker.start()
        journal.tell("restarted", BROKER)
        if sending.result():
            journal.tell("confirmed", PRODUCER)
        records = read(there)
    journal.read(records)
    return Sent(journal.trace(), 1, len(records) - 1)


class Acks:
    """The panel's experiment, on the cluster at ``address``."""

    def __init__(self, address: str) -> None:
        self._address = address

    def __call__(self, *, kind: str, losing: str, seed: int = 1) -> View:
        """Show two payments of which the second one's request or reply is lost."""
        sent = lossy(self._address, kind, losing, count=2)
        found = audit(sent.trace)
        there, expected = found.money_there, 20
        said = (
            "All of the money is there." if there == expected
            else "A payment is there twice." if there > expected
            else "A payment is missing, and the producer was told that it was sent."
        )  # fmt: skip
        return View(
            sequence(sent.trace, title=f"{kind}; lost: {losing}"),
            {"confirmed": len(found.acked), "money expected": expected, "money there": there},
            f"Producer: {kind}. Lost: {losing}. {said}",
        )
