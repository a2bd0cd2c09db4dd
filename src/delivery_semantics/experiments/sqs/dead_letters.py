"""A payment that nobody can read: handed over again and again, put aside, and brought back.

Sources: Amazon SQS Developer Guide, "Using dead-letter queues in Amazon SQS"; the trap of
bringing back: shoryuken, pull request 473, 2018.

Book: 13-aws-sqs
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any

from ... import Audit, Message, Trace, audit
from ...systems.sqs import client
from .lab import PRODUCER, QUEUE, Handed, SQSLab, lab

UNREADABLE = "p2"
PAYMENTS = tuple(Message(id) for id in ("p1", "p2", "p3"))
ACCOUNT = "Ada"
"""All three are for one account, and so in one message group."""


@dataclass(frozen=True)
class PutAside:
    """How three payments fared of which the second cannot be read.

    ``order`` is in which they were processed, ``receives`` how often the second was handed
    over, ``aside`` what the dead-letter queue holds in the end.
    """

    trace: Trace
    order: tuple[str, ...]
    receives: int
    aside: tuple[str, ...]


def unreadable(url: str, *, fifo: bool, receives_max: int | None, rounds: int = 6) -> PutAside:
    """Read for so many visibility timeouts; what cannot be read is not deleted."""
    with _lab(url, fifo, receives_max) as (run, dead):
        for payment in PAYMENTS:
            run.send(payment, key=ACCOUNT)
        receives = sum(_read(run) for _ in range(rounds))
        aside = _put_aside(run, dead)
        for one in aside:
            run.note("dead_lettered", QUEUE, one.payment)
        trace = run.trace()
    order = tuple(e.payload.id for e in trace.of("processed") if e.payload)
    return PutAside(trace, order, receives, tuple(one.payment.id for one in aside))


@dataclass(frozen=True)
class BroughtBack:
    """What became of the payment that was put aside and then sent again: ``found`` of it."""

    trace: Trace
    found: Audit


def brought_back(url: str, *, after_s: int, new_id: bool = False) -> BroughtBack:
    """Send what was put aside to its FIFO queue again, by hand, now that it can be read.

    That is ``after_s`` after it was sent first, and under its old deduplication id or a new
    one; then it is deleted from the dead-letter queue.
    """
    with _lab(url, True, 1) as (run, dead):
        for payment in PAYMENTS:
            run.send(payment, key=ACCOUNT)
        for _ in range(2):
            _read(run)
        [aside] = _put_aside(run, dead)
        run.wait(after_s - 2 * client.VISIBILITY_S, PRODUCER)
        again = f"{UNREADABLE}, again" if new_id else None
        run.send(aside.payment, key=ACCOUNT, deduplication=again)
        client.delete(run.sqs, dead, aside.handle)
        _read(run, mended=True)
        run.note("drained", QUEUE)
        trace = run.trace()
    return BroughtBack(trace, audit(trace))


@contextmanager
def _lab(url: str, fifo: bool, receives_max: int | None) -> Iterator[tuple[SQSLab, str]]:
    """Yield a lab whose queue gives up what it has handed over so often, and where to."""
    with closing(client.connect(url)) as sqs, client.queue(sqs, fifo=fifo) as dead:
        policy: dict[str, Any] = {}
        if receives_max is not None:
            policy = client.dead_letters(sqs, dead, receives_max=receives_max)
        with lab(url, fifo=fifo, **policy) as run:
            yield run, dead


def _read(run: SQSLab, *, mended: bool = False) -> int:
    """Read what can be seen, then wait; return how often the unreadable was handed over."""
    receives = 0
    while handed := run.receive():
        for one in handed:
            readable = mended or one.payment.id != UNREADABLE
            receives += one.payment.id == UNREADABLE
            if readable:
                run.process(one)
                run.delete(one)
    run.wait(client.VISIBILITY_S, QUEUE)
    return receives


def _put_aside(run: SQSLab, dead: str) -> list[Handed]:
    """Return what is in the dead-letter queue."""
    found = client.receive_messages(run.sqs, dead, MaxNumberOfMessages=10)
    return [Handed.of(message) for message in found]
