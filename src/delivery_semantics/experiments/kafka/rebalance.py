"""A partition goes to another consumer while a batch of it is in work.

Book: 11-kafka
"""

from __future__ import annotations

from contextlib import ExitStack, closing
from dataclasses import dataclass
from functools import cache

from confluent_kafka import Consumer
from confluent_kafka import Message as Delivered

from ... import Trace, audit, payments
from ...core.check import one_of
from ...live.run_log import RunLog
from ...show.diagram import sequence
from ...show.view import View
from ...systems.kafka.client import (
    TIMEOUT_S,
    OwnTopic,
    committed,
    consumer,
    fill,
    record,
    to_the_end,
    topic,
)
from .journal import BROKER, PRODUCER

FIRST, SECOND = "first consumer", "second consumer"
REVOKED = ("goes on", "goes on and commits", "stops and commits")
"""What the first consumer does about its batch when the partition is taken from it."""
POLL_S = 0.05


@dataclass(frozen=True)
class Rebalanced:
    """What both processed, and the offset that the group has in the end."""

    trace: Trace
    committed: int


@cache
def rebalanced(address: str, revoked: str, *, batch: int = 3, done: int = 1) -> Rebalanced:
    """Have a second consumer join when ``done`` of a batch are processed, and read to the end.

    Two more payments are there than the batch has. The first consumer polls on, as it must,
    with its partition paused, and then does the rest of its batch. Raises ValueError for
    another ``revoked`` than in ``REVOKED``.
    """
    one_of("revoked", revoked, REVOKED)
    sent = payments(batch + 2)
    log = RunLog((PRODUCER, BROKER, FIRST, SECOND), sent)
    for payment in sent:
        log.note("confirmed", PRODUCER, payment)
    with topic(address) as there, ExitStack() as stack:
        fill(there, *sent)
        # The range assignor gives a single partition to who is first by name.
        own = stack.enter_context(closing(_member(there, "b")))
        first = _First(own, log, revoked)
        first.take(there, batch)
        first.process(done)
        log.note("partitioned", FIRST)
        second = stack.enter_context(closing(_member(there, "a")))
        second.subscribe([there.name])
        head = _handed_over(second, meanwhile=own)
        for each in (record(head), *to_the_end(second)):
            log.note("processed", SECOND, each)
        second.commit(asynchronous=False)
        first.process(batch)
        at = committed(there)
    log.note("drained", SECOND)
    return Rebalanced(log.trace(), at)


def rebalance_view(address: str, *, revoked: str, seed: int = 1) -> View:
    """Show what both consumers did, and where the group stands in the end."""
    move = rebalanced(address, revoked)
    found = audit(move.trace)
    twice = ", ".join(found.duplicated)
    said = f"Made twice: payments {twice}." if twice else "No payment is made twice."
    return View(
        sequence(move.trace, title=f"The first consumer {revoked}"),
        {
            "money expected": found.money_expected,
            "money there": found.money_there,
            "offset in the end": move.committed,
        },
        f"The partition is taken away, and the first consumer {revoked}. {said} "
        f"The group stands at {move.committed}.",
    )


class _First:
    """The first consumer, its batch, and how far it has come."""

    def __init__(self, own: Consumer, log: RunLog, revoked: str) -> None:
        self._own, self._log, self._revoked = own, log, revoked
        self._left: list[Delivered] = []
        self._done: Delivered | None = None

    def take(self, of: OwnTopic, batch: int) -> None:
        """Join, and take a batch."""
        self._own.subscribe([of.name], on_revoke=lambda *_: self._hear())
        self._left = self._own.consume(batch, TIMEOUT_S)
        self._own.pause(self._own.assignment())

    def process(self, count: int) -> None:
        """Process so many more, as far as there are; and commit at the end, if it is to."""
        batch, self._left = self._left[:count], self._left[count:]
        for self._done in batch:
            self._log.note("processed", FIRST, record(self._done))
        if batch and not self._left and self._revoked == REVOKED[1]:
            self._commit()

    def _hear(self) -> None:
        """Hear that the partition is taken away."""
        if self._revoked == REVOKED[2]:
            self._left = []
            self._commit()

    def _commit(self) -> None:
        assert self._done
        self._own.commit(message=self._done, asynchronous=False)


def _handed_over(second: Consumer, *, meanwhile: Consumer) -> Delivered:
    while (head := second.poll(POLL_S)) is None:
        meanwhile.poll(0)
    return head


def _member(there: OwnTopic, client: str) -> Consumer:
    return consumer(
        there,
        client_id=client,
        heartbeat_interval_ms=50,
        partition_assignment_strategy="range",
    )
