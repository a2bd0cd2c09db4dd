"""A payment that nobody can read: handed over again and again, put aside, and brought back.

Sources: Amazon SQS Developer Guide, "Using dead-letter queues in Amazon SQS"; the trap of
bringing back: shoryuken, pull request 473, 2018.

Book: 13-aws-sqs
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from ... import Audit, Message, Trace, audit
from ...show.diagram import sequence
from ...show.view import View
from ...systems.sqs import client
from ...systems.sqs.server import running
from .lab import PRODUCER, QUEUE, Handed, SQSLab, at_the_consumers, lab

UNREADABLE = "p2"
PAYMENTS = tuple(Message(id) for id in ("p1", "p2", "p3"))
ACCOUNT = "Ada"
"""All three are for one account, and so in one message group."""
QUEUES = ("standard", "FIFO")
NEVER = "never"
PUT_ASIDE = (NEVER, "after 3 times")
RECEIVES_MAX = dict(zip(PUT_ASIDE, (None, 3), strict=True))
AFTER_S = (200, 301)
OLD, NEW = IDS = ("the old one", "a new one")


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


@cache
def unreadable_runs() -> dict[tuple[str, str], PutAside]:
    """Make the run on each kind of queue, without dead letters and with them."""
    with running() as url:
        return {
            (queue, aside): unreadable(url, fifo=queue == "FIFO", receives_max=receives)
            for queue in QUEUES
            for aside, receives in RECEIVES_MAX.items()
        }


def unreadable_view(*, queue: str, aside: str, seed: int = 1) -> View:
    """Show what becomes of the payments around one that cannot be read."""
    run = unreadable_runs()[queue, aside]
    got = ", ".join(run.order)
    kept = f"{UNREADABLE} is put aside" if run.aside else f"{UNREADABLE} stays in the queue"
    return View(
        sequence(
            at_the_consumers(run.trace), title=f"{queue} queue; p2 put aside {aside}",
            totals=False,
        ),
        {
            "processed": got,
            "put aside": ", ".join(run.aside) or "none",
            "p2 handed over": run.receives,
        },
        f"A {queue} queue: {UNREADABLE} is handed over {run.receives} times. Processed: {got}; "
        f"{kept}.",
    )  # fmt: skip


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


@cache
def brought_back_runs() -> dict[tuple[int, str], BroughtBack]:
    """Bring the payment back at each of ``AFTER_S``, under each of ``IDS``."""
    with running() as url:
        return {
            (after_s, id): brought_back(url, after_s=after_s, new_id=id == NEW)
            for after_s in AFTER_S
            for id in IDS
        }


def brought_back_view(*, after_s: int, id: str, seed: int = 1) -> View:
    """Show what became of the payment that was brought back."""
    back = brought_back_runs()[after_s, id]
    lost = ", ".join(back.found.lost) or "none"
    return View(
        sequence(
            _of_one(back.trace), totals=False,
            title=f"{UNREADABLE}, sent again after {after_s} s; its id: {id}",
        ),
        {
            "money expected": back.found.money_expected,
            "money there": back.found.money_there,
            "told OK": len(back.found.acked),
            "lost": lost,
        },
        f"Sent again after {after_s} s, its id {id}: the sender is told OK. Lost: {lost}. Of "
        f"{back.found.money_expected}, {back.found.money_there} arrive.",
    )  # fmt: skip


def _of_one(trace: Trace) -> Trace:
    """Return what is drawn: the payment that was put aside."""
    other = {payment.id for payment in PAYMENTS} - {UNREADABLE}
    kept = (e for e in trace.events if e.payload is None or e.payload.id not in other)
    return replace(trace, events=tuple(kept))


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
