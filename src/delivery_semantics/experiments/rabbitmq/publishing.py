"""The publisher's half: a message or its confirm is lost, or no queue wants the message.

A proxy stands between the publisher and the broker, and ends their connection in the frame that
is to be lost. What is drawn is what it told. The consumer has no proxy.

Book: 12-rabbitmq
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass

from ... import (
    Ack,
    Bounds,
    Broker,
    Exploration,
    FireAndForget,
    ProcessOnce,
    ProcessThenAck,
    RetryUntilAcked,
    Trace,
    audit,
    explore,
    payments,
)
from ...core.effects import Payload
from ...databases import connect, empty_place
from ...dedup import InDatabase
from ...live.run_log import LabelledAck, RunLog
from ...show.diagram import sequence
from ...show.view import View
from ...systems.frames import FrameName, NamedFrame
from ...systems.rabbitmq.client import (
    CONFIRMED,
    RETURNED,
    AmqpPublisher,
    Deliveries,
    queue,
)
from ...systems.rabbitmq.frames import proxy, through

PUBLISHER, RABBIT, CONSUMER = "publisher", "RabbitMQ", "consumer"
[PAYMENT] = payments(1)

NOTHING, MESSAGE, CONFIRM = "nothing", "the message", "the confirm"
LOST: dict[str, FrameName | None] = {
    NOTHING: None, MESSAGE: ("publish", 1), CONFIRM: ("confirm", 1),
}  # fmt: skip
FORGETS, REPEATS = "forgets it", "repeats it until it is confirmed"
PUBLISHERS = (FORGETS, REPEATS)
PROCESSES, ONCE = "processes", "processes once"
CONSUMERS = (PROCESSES, ONCE)
ATTEMPTS_MAX = 2


@dataclass(frozen=True)
class PublishedRun:
    """A payment that was published: the run, what its publisher knows, and the frames."""

    trace: Trace
    known: str
    frames: tuple[tuple[FrameName, str], ...]

    @property
    def money(self) -> int:
        """What was paid."""
        return audit(self.trace).money_there


def published(url: str, *, lost: str, publisher: str, consumer: str) -> PublishedRun:
    """Publish a payment while a frame of `LOST` is lost, then consume what there is."""
    cut = LOST[lost]
    attempts = ATTEMPTS_MAX if publisher == REPEATS else 1
    with queue(url) as name, watched(url, cut) as (log, address):
        known = ""
        for _ in range(attempts):
            if known != CONFIRMED:
                known = _attempt(address, name, log, confirms=publisher == REPEATS)
        if known == CONFIRMED:
            log.note("confirmed", PUBLISHER, PAYMENT)
        _consume(url, name, log, once=consumer == ONCE)
    return PublishedRun(log.trace(), known, tuple(log.frames))


def search(*, publisher: str, consumer: str) -> Exploration:
    """Search all runs of the model with one packet lost between publisher and broker."""
    asks = publisher == REPEATS
    sender = (
        RetryUntilAcked("broker", payments(1), attempts_max=ATTEMPTS_MAX)
        if asks
        else FireAndForget("broker", payments(1))
    )
    parts = {
        PUBLISHER: sender,
        "broker": Broker(CONSUMER, confirm="stored" if asks else "never"),
        CONSUMER: ProcessOnce() if consumer == ONCE else ProcessThenAck(),
    }
    links = ((PUBLISHER, "broker"), ("broker", PUBLISHER))
    return explore(parts, Bounds(losses=1, duplicates=0, crashes=0, links=links))


def publish_view(url: str, *, lost: str, publisher: str, consumer: str, seed: int = 1) -> View:
    """Show one run of `published`."""
    ended = published(url, lost=lost, publisher=publisher, consumer=consumer)
    said = f"Lost: {lost}. The publisher {publisher}; the consumer {consumer}."
    return View(
        sequence(ended.trace, title=f"Lost: {lost}; the publisher {publisher}"),
        {"publisher knows": ended.known, "money expected": PAYMENT.amount,
         "money there": ended.money},
        f"{said} The publisher knows: {ended.known}. Paid: {ended.money} of {PAYMENT.amount}.",
    )  # fmt: skip


def unroutable(url: str, *, confirms: bool, mandatory: bool) -> PublishedRun:
    """Publish a payment to a queue that is not there."""
    with watched(url, None) as (log, address):
        with closing(
            AmqpPublisher(address, confirms=confirms, mandatory=mandatory)
        ) as publisher:
            known = publisher.publish("no-such-queue", PAYMENT)
        if publisher.returned:
            known = RETURNED
        if known == CONFIRMED:
            log.note("confirmed", PUBLISHER, PAYMENT)
        log.note("drained", RABBIT)
    return PublishedRun(log.trace(), known, tuple(log.frames))


def unroutable_view(url: str, *, confirms: str, mandatory: str, seed: int = 1) -> View:
    """Show one run of `unroutable`; "on" or "off" for both."""
    ended = unroutable(url, confirms=confirms == "on", mandatory=mandatory == "on")
    return View(
        sequence(ended.trace, title=f"No such queue; confirms {confirms}"),
        {"publisher knows": ended.known, "money expected": PAYMENT.amount,
         "money there": ended.money},
        f"Confirms {confirms}, mandatory {mandatory}: the publisher knows: {ended.known}. "
        f"Paid: {ended.money} of {PAYMENT.amount}.",
    )  # fmt: skip


# How a run is written down ---------------------------------------------------------------


class FrameLog(RunLog):
    """What the proxy tells of the frames of one payment, in order, as events."""

    def __init__(self) -> None:
        super().__init__((PUBLISHER, RABBIT, CONSUMER), (PAYMENT,))
        self.frames: list[tuple[FrameName, str]] = []

    def tell(self, frame: NamedFrame, fate: str) -> None:
        """Write a frame down, if it carries the payment or answers for it."""
        ways: dict[str, tuple[str, str, Payload]] = {
            "publish": (PUBLISHER, RABBIT, PAYMENT),
            "confirm": (RABBIT, PUBLISHER, Ack(PAYMENT.id)),
            "return": (RABBIT, PUBLISHER, LabelledAck(PAYMENT.id, f"return {PAYMENT.id}")),
        }
        if frame.name[0] in ways:
            self.frames.append((frame.name, fate))
            self.packet(*ways[frame.name[0]], lost=fate == "lost")


@contextmanager
def watched(url: str, lost: FrameName | None) -> Iterator[tuple[FrameLog, str]]:
    """Yield a log, and the broker's URL through a proxy that tells it; a frame may be lost."""
    log = FrameLog()
    with proxy(url, cut={lost: 0} if lost else {}, tell=log.tell) as cut:
        yield log, through(url, cut.address)


def _attempt(url: str, name: str, log: FrameLog, *, confirms: bool) -> str:
    with closing(AmqpPublisher(url, confirms=confirms)) as publisher:
        return publisher.publish(name, PAYMENT)


def _consume(url: str, name: str, log: FrameLog, *, once: bool) -> None:
    """Process all that there is; ``once``: what the database does not remember."""
    with (
        empty_place() as place,
        closing(connect(place)) as database,
        closing(Deliveries(url, name)) as source,
    ):
        seen = InDatabase(database)
        while record := source.take():
            log.packet(RABBIT, CONSUMER, record)
            with database.transaction():
                new = seen.first_time(record.id, 0.0)
            if new or not once:
                log.note("processed", CONSUMER, record)
            source.ack(record)
            log.packet(CONSUMER, RABBIT, Ack(record.id))
    log.note("drained", CONSUMER)
