"""A producer whose requests or replies are lost: plain, idempotent, or without acks.

Book: 11-kafka
"""

from __future__ import annotations

import signal
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache, partial

from ... import Trace, audit, payments
from ...core.check import one_of
from ...show.diagram import sequence
from ...show.plots import money
from ...show.view import View
from ...systems.cut import Cut
from ...systems.frames import FrameName, NamedFrame
from ...systems.kafka.client import TIMEOUT_S, producer, read, send_payments, topic, written
from ...systems.kafka.frames import proxy
from ...systems.kafka.server import restartable
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
            if kind == "acks=0":  # it may not know yet that its connection has been cut
                made = producer(through, **PRODUCERS[kind])
            journal.now = payment
            asked = journal.asked
            confirmed = send_payments(made, through, payment)
            # without acks a producer is done before anything has left
            _wait_until(between, partial(journal.asked_after, asked), "request")
            if confirmed:
                journal.tell("confirmed", PRODUCER)
        made.close()
        records = read(there)
    journal.read(records)
    trace = journal.trace()
    copies = len(records) - len({record.id for record in records})
    return Sent(trace, journal.lost, copies)


def _wait_until(between: Cut[NamedFrame], so: Callable[[], bool], what: str) -> None:
    """Wait until something has passed or is lost. Raises TimeoutError after ``TIMEOUT_S``."""
    with between.changed:
        if not between.changed.wait_for(so, TIMEOUT_S):
            raise TimeoutError(f"no {what} within {TIMEOUT_S} s")


def sent_again(address: str, kind: str) -> Sent:
    """Hold the ack until the producer is gone, and have its program send the payment again."""
    reply: FrameName = ("produce reply", 1)
    journal = KafkaJournal(payments(1))
    cutting = proxy(address, cut={reply: 0}, hold=[reply], tell=journal.passed)
    with topic(address) as there, cutting as between:
        through = there.at(between.address)
        first = producer(through, **PRODUCERS[kind])
        first.produce(there.name, written(journal.now), partition=0)
        between.wait_for(reply)
        first.purge()
        del first
        between.release(reply)
        _wait_until(between, lambda: journal.lost == 1, "lost reply")
        journal.tell("crashed", PRODUCER)
        journal.tell("restarted", PRODUCER)
        if send_payments(producer(through, **PRODUCERS[kind]), through, journal.now):
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


TROUBLES = ("the ack is lost", "the broker dies with it", "the program starts again")
"""What becomes of the ack of a payment that the broker has stored."""


@cache
def troubled(address: str, trouble: str, kind: str) -> Sent:
    """Make one payment meet one of ``TROUBLES``; a broker that dies is one of its own.

    Raises ValueError for another trouble.
    """
    one_of("trouble", trouble, TROUBLES)
    if trouble == TROUBLES[0]:
        return lossy(address, kind, "replies", count=1, first=1)
    if trouble == TROUBLES[2]:
        return sent_again(address, kind)
    with restartable() as broker:
        return broker_killed(broker, kind)


def trouble_view(address: str, *, trouble: str, kind: str, seed: int = 1) -> View:
    """Show the run of one payment with one of ``TROUBLES``."""
    return _view(
        troubled(address, trouble, kind), f"{kind.capitalize()} producer; {trouble}", 10
    )


def acks_view(address: str, *, kind: str, losing: str, seed: int = 1) -> View:
    """Show two payments of which the second one's request or reply is lost."""
    return _view(lossy(address, kind, losing, count=2), f"Producer {kind}; lost: {losing}", 20)


def _view(sent: Sent, title: str, expected: int) -> View:
    found = audit(sent.trace)
    there = found.money_there
    said = (
        "All of the money is there." if there == expected
        else "A payment is there twice." if there > expected
        else "A payment is missing, and the producer was told that it was sent."
    )  # fmt: skip
    return View(
        sequence(sent.trace, title=title),
        {"confirmed": len(found.acked), "money expected": expected, "money there": there},
        f"{title}. {said}",
    )


COUNTED = 12


def copies_view(address: str, *, lost: int, seed: int = 1) -> View:
    """Show the money of ``COUNTED`` payments, some with lost acks, for two producers."""
    kinds = ("plain", "idempotent")
    copies = {kind: lossy(address, kind, "replies", lost=lost, count=COUNTED).copies
              for kind in kinds}  # fmt: skip
    there = {kind: 10 * (COUNTED + copies[kind]) for kind in kinds}
    return View(
        money(
            {f"{kind} producer": (10.0 * COUNTED, float(there[kind])) for kind in kinds},
            title=f"{COUNTED} payments, {lost} acks lost", x="money in the log", x_max=200.0,
        ),
        {"money expected": 10 * COUNTED, **{f"there, {kind}": there[kind] for kind in kinds}},
        f"{lost} acks are lost. Duplicates: {copies['plain']} of the plain producer, "
        f"{copies['idempotent']} of the idempotent one.",
    )  # fmt: skip
