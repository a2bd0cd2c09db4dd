"""What an id has to be: the same for every copy, and of one message only.

Book: 07-deduplication
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from hashlib import blake2b

from ... import Event, Message, Trace, audit, payments
from ...dedup import DedupStore, Highest, Id, InMemory, scoped
from ...live.run_log import LabelledMessage
from ...show.diagram import sequence
from ...show.view import View
from .copies import Copy, received

Rule = Callable[[Message, int], Id]
"""From a payment and the number of the attempt to the id that the sender writes on it."""

ATTEMPTS = 2
AMOUNT = 10


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


# On the page ------------------------------------------------------------------------------

SCOPES = {"the number": False, "the sender and the number": True}
"""What the id is, of two senders who both count."""


def ids_view(*, rule: str, seed: int = 1) -> View:
    """Show two payments, each sent twice, and what a store makes of their ids."""
    run = chosen_by(RULES[rule], payments=payments(2))
    sent = [event for event in run.of("sent") if event.who == "sender"]
    ids = [RULES[rule](event.payload, n % ATTEMPTS) for n, event in enumerate(sent)
           if isinstance(event.payload, Message)]  # fmt: skip
    names = {id: "ABCD"[n] for n, id in enumerate(dict.fromkeys(ids))}
    labels = {
        event.packet: LabelledMessage(_id(event), AMOUNT, f"pay {_id(event)}, id {names[id]}")
        for event, id in zip(sent, ids, strict=True)
    }
    told = tuple(
        event._replace(payload=labels[event.packet]) if event.packet in labels else event
        for event in run.events
    )
    return _view(run, replace(run, events=told), f"The id: {rule}")


def scopes_view(*, scope: str, seed: int = 1) -> View:
    """Show two senders who both count from 1, and what a store makes of their ids."""
    run = two_senders(own_scope=SCOPES[scope])
    return _view(run, run, f"The id: {scope}")


def _id(event: Event) -> str:
    return event.payload.id if event.payload else ""


def _view(run: Trace, shown: Trace, says: str) -> View:
    found = audit(run)
    return View(
        sequence(shown, title=says),
        {
            "lost": len(found.lost),
            "repeated": len(found.duplicated),
            "money expected": found.money_expected,
            "money there": found.money_there,
        },
        f"{says}. {len(found.sent)} payments: {len(found.lost)} lost, "
        f"{len(found.duplicated)} repeated.",
    )
