"""What an id has to be: the same for every copy, and of one message only.

Book: 07-deduplication
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from hashlib import blake2b

from ... import Message, Trace
from ...dedup import DedupStore, Highest, Id, InMemory, scoped
from .copies import Copy, received

Rule = Callable[[Message, int], Id]
"""From a payment and the number of the attempt to the id that the sender writes on it."""

ATTEMPTS = 2


def _content(payment: Message) -> bytes:
    return blake2b(f"{payment.amount} to Bob".encode(), digest_size=8).digest()


RULES: dict[str, Rule] = {
    "chosen before the first attempt": lambda payment, attempt: payment.id,
    "chosen anew for each attempt": lambda payment, attempt: f"{payment.id}, try {attempt}",
    "hash of the content": lambda payment, attempt: _content(payment),
    "hash of the content and of the order": lambda payment, attempt: scoped(
        _content(payment), f"order {payment.id}"
    ),
}
"""How a sender may choose ids."""


def chosen_by(rule: Rule, *, payments: Sequence[Message]) -> Trace:
    """Send each payment twice, since its first ack is lost, with ids chosen by a rule."""
    copies = [
        Copy(10.0 * number + attempt, payment, rule(payment, attempt))
        for number, payment in enumerate(payments)
        for attempt in range(ATTEMPTS)
    ]
    return received(copies, InMemory())


def two_senders(*, own_scope: bool) -> Trace:
    """Let two senders, who both count from 1, pay twice each to one receiver."""
    copies = []
    for number in ("1", "2"):
        for sender in ("alice", "bob"):
            payment = Message(f"{sender} {number}")
            id = scoped(sender, number) if own_scope else number
            copies.append(Copy(float(number), payment, id, sender))
    return received(copies, InMemory())


# A number instead of ids ------------------------------------------------------------------


def overtaken(store: Highest) -> Trace:
    """Send payments 1, 2, 3; the second is overtaken. Then repeat whatever has no ack."""
    arrivals = ("1", "3", "2")
    trace = received([Copy(at, Message(id)) for at, id in enumerate(arrivals)], store)
    confirmed = {event.payload.id for event in trace.of("confirmed") if event.payload}
    again = [Copy(3.0 + n, Message(id)) for n, id in enumerate(arrivals) if id not in confirmed]
    if not again:
        return trace
    later = received(again, store)
    return Trace(trace.names, trace.messages, trace.events + later.events)


# No room for more -------------------------------------------------------------------------


def retried_after_all(store: DedupStore, *, payments: int = 120) -> Trace:
    """Send this many payments, lose all their acks, and send them all again in order."""
    copies = [
        Copy(float(attempt * payments + n), Message(str(n + 1)))
        for attempt in range(2)
        for n in range(payments)
    ]
    return received(copies, store)


# The clock --------------------------------------------------------------------------------

MOVED_S = {"clock right": 0.0, "set forward 10 min": 600.0, "set back 10 min": -600.0}
"""How far the receiver's clock is set, after the first copy of a payment."""


def clock_moved(store: DedupStore, by_s: float) -> Trace:
    """Send a payment again after 1 minute, the receiver's clock having been set meanwhile."""
    payment = Message("abc123")
    return received(
        [Copy(0.0, payment, clock_s=1000.0), Copy(60.0, payment, clock_s=1060.0 + by_s)], store
    )


def forgotten_after_min(window_s: float, by_s: float) -> int:
    """Return after how many true minutes an id is new again if the clock is set after it."""
    for minute in range(120):
        store = InMemory(window_s=window_s)
        store.first_time("abc123", 1000.0)
        if store.first_time("abc123", 1000.0 + by_s + 60.0 * minute):
            return minute
    raise AssertionError("an id is remembered for two hours")
