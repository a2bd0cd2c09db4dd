"""Given back too often, redelivered, acked twice, and too slow: what a consumer may meet.

Book: 12-rabbitmq
"""

from __future__ import annotations

from collections import Counter
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass
from functools import cache

from ... import payments
from ...core.check import one_of
from ...show.plots import money, timeline
from ...show.view import View
from ...systems.consumer import AckRefused
from ...systems.rabbitmq.client import (
    CLASSIC,
    QUORUM,
    AmqpPublisher,
    Deliveries,
    drain,
    publish,
    queue,
)
from ..strips import money_view
from .kills import HEARTBEAT_S

[PAYMENT] = payments(1)
ROUNDS_MAX = 30
LIMITS: dict[str, dict[str, int]] = {
    "not set": {}, "2": {"delivery_limit": 2}, "none (-1)": {"delivery_limit": -1},
}  # fmt: skip
"""What ``x-delivery-limit`` is."""
AGAIN, GONE, ASIDE, THERE = "given back", "gone", "dead letter", "still there"


@dataclass(frozen=True)
class GivenBack:
    """How often a message was handed over that is always given back, and where it ended."""

    deliveries: int
    where: str


def given_back(url: str, *, limit: str, dead_letters: bool) -> GivenBack:
    """Give a message back until it does not come any more, at most ``ROUNDS_MAX`` times."""
    with ExitStack() as stack:
        dead = stack.enter_context(queue(url))
        arguments: dict[str, object] = dict(LIMITS[limit])
        if dead_letters:
            arguments |= {"dead_letter_exchange": "", "dead_letter_routing_key": dead}
        name = stack.enter_context(queue(url, kind=QUORUM, **arguments))
        publish(url, name, [PAYMENT])
        deliveries = 0
        with closing(Deliveries(url, name)) as source:
            while deliveries < ROUNDS_MAX and (record := source.take()):
                deliveries += 1
                source.refuse(record)
        if _taken(url, name):
            return GivenBack(deliveries, THERE)
        return GivenBack(deliveries, ASIDE if _taken(url, dead) else GONE)


def given_back_view(url: str, *, limit: str, dead_letters: str, seed: int = 1) -> View:
    """Show each delivery of a message that nobody can read, and its end."""
    found = given_back(url, limit=limit, dead_letters=dead_letters == "yes")
    marks = [(float(n), AGAIN) for n in range(1, found.deliveries + 1)]
    marks.append((float(found.deliveries + 1), found.where))
    picture = timeline(
        {"the payment": marks}, title=f"Given back each time; delivery limit {limit}",
        x="delivery", x_range=(0.0, ROUNDS_MAX + 2.0),
        hues={AGAIN: "muted", GONE: "fault", ASIDE: "good", THERE: "accent"},
    )  # fmt: skip
    numbers: dict[str, str | int] = {"deliveries": found.deliveries, "in the end": found.where}
    said = f"Delivery limit {limit}, dead letters: {dead_letters}."
    return View(
        picture, {**numbers}, f"{said} {found.deliveries} deliveries; then it is {found.where}."
    )


def _taken(url: str, name: str) -> bool:
    """Whether a queue hands anything over."""
    with closing(Deliveries(url, name)) as source:
        return source.take() is not None


# Redelivered ------------------------------------------------------------------------------


@cache
def flags(url: str) -> dict[str, tuple[int, list[bool]]]:
    """Return, for three histories, how often they were seen before, and ``redelivered``.

    A payment published twice; five handed over at once to a consumer that looked at none of
    them; one that was published and handed over once.
    """
    found = {}
    with queue(url, kind=CLASSIC) as name:
        publish(url, name, [PAYMENT, PAYMENT])
        found["published twice"] = 1, _flags(url, name)
    with queue(url, kind=CLASSIC) as name:
        publish(url, name, payments(5))
        Deliveries(url, name, prefetch=5).close()
        found["handed over, not looked at"] = 0, _flags(url, name)
    with queue(url, kind=CLASSIC) as name:
        publish(url, name, [PAYMENT])
        found["published once"] = 0, _flags(url, name)
    return found


def flags_view(url: str, *, history: str, seed: int = 1) -> View:
    """Show each delivery of one of the histories of `flags`, and whether it has the flag.

    Raises ValueError for another history.
    """
    found = flags(url)
    one_of("history", history, found)
    seen, flagged = found[history]
    marks = [(float(n), _FLAG if flag else _NO_FLAG) for n, flag in enumerate(flagged, 1)]
    return View(
        timeline(
            {"handed over": marks}, title=history, x="delivery to a consumer that looks",
            x_range=(0.0, 6.0), hues={_FLAG: "accent", _NO_FLAG: "message"},
        ),
        {"copies": seen, "redelivered": sum(flagged)},
        f"{history.capitalize()}: of what is handed over, {seen} is a copy of what the "
        f"consumer has processed, and {sum(flagged)} of {len(flagged)} have the flag.",
    )  # fmt: skip


_FLAG, _NO_FLAG = "redelivered", "no flag"


def _flags(url: str, name: str) -> list[bool]:
    return [record.delivery != 1 for record in drain(url, name)]


# Troubles ---------------------------------------------------------------------------------


@cache
def acked_twice(url: str, *, acks: int) -> list[str]:
    """Process three payments, then ack them, the first so many times; return all processed.

    The consumer has all three at once. A second one gets what goes back to the queue.
    """
    done: list[str] = []
    with queue(url) as name:
        publish(url, name, payments(3))
        for _ in range(2):
            ended = suppress(AckRefused, ConnectionAbortedError)
            with closing(Deliveries(url, name, prefetch=3)) as source, ended:
                taken = list(iter(source.take, None))
                done += [record.id for record in taken]
                for record in taken:
                    for _ in range(acks if record.id == "1" else 1):
                        source.ack(record)
    return done


@cache
def slow(url: str, *, serves: bool) -> list[str]:
    """Process a payment for three heartbeats; return who processed it.

    With ``serves`` the consumer lets its client answer heartbeats meanwhile. Otherwise another
    consumer gets the payment as soon as the broker has given this one up.
    """
    done: list[str] = []
    with queue(url) as name:
        publish(url, name, [PAYMENT])
        with closing(Deliveries(url, name, heartbeat_s=HEARTBEAT_S)) as first:
            record = first.take()
            assert record
            if serves:
                first.serve(3.0 * HEARTBEAT_S)
            else:
                done += _by_second(url, name)
            done.append("first consumer")
            with suppress(AckRefused):
                first.ack(record)
        return done + _by_second(url, name)


def acked_view(url: str, *, acks: int, seed: int = 1) -> View:
    """Show how often each of three payments is processed, the first acked so many times."""
    made = Counter(acked_twice(url, acks=acks))
    rows = {f"payment {id}": (10.0, 10.0 * made[id]) for id in ("1", "2", "3")}
    return View(
        money(
            rows,
            title=f"Payment 1 is acked {'once' if acks == 1 else 'twice'}",
            x="money",
            x_max=25.0,
        ),
        {"money expected": 30, "money there": 10 * made.total()},
        f"Acks of payment 1: {acks}. Processed: {', '.join(made.elements())}.",
    )


def slow_view(url: str, *, heartbeats: str, seed: int = 1) -> View:
    """Show who processes a payment whose consumer answers heartbeats meanwhile, or not."""
    made = slow(url, serves=heartbeats == "answered")
    return money_view(
        "the payment", expected=10, there=10 * len(made),
        title=f"Work for three heartbeats, which are {heartbeats}",
        said=f"Heartbeats are {heartbeats}. The payment is processed by: {', '.join(made)}.",
    )  # fmt: skip


def _by_second(url: str, name: str) -> list[str]:
    return ["second consumer"] * len(drain(url, name))


def returned_without_confirms(url: str) -> list[str]:
    """Publish a payment to no queue, without confirms; return the ids that came back."""
    with closing(AmqpPublisher(url, confirms=False, mandatory=True)) as publisher:
        publisher.publish("no-such-queue", PAYMENT)
    return publisher.returned
