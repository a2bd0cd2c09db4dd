"""A stream drops what a named publisher has sent before: by number, whatever is in it.

Book: 12-rabbitmq
"""

from __future__ import annotations

from dataclasses import dataclass

from ... import payments
from ...show.plots import timeline
from ...show.view import View
from ...systems.rabbitmq.client import CONFIRMED, queue
from ...systems.rabbitmq.frames import proxy
from ...systems.rabbitmq.streams import STREAM, publish_numbered, read

PAYMENTS = payments(3)
NumberedAttempt = tuple[str | None, int, int]
"""A publisher's name, its number of the message, and which payment it is, from 0."""

IN_ORDER: tuple[NumberedAttempt, ...] = (("shop", 1, 0), ("shop", 2, 1), ("shop", 3, 2))
PLANS: dict[str, tuple[NumberedAttempt, ...]] = {
    "1, 2, 3, and all again": IN_ORDER * 2,
    "the same without a name": tuple((None, number, n) for _, number, n in IN_ORDER * 2),
    "again under another name": (*IN_ORDER, *(("shop-2", n, p) for _, n, p in IN_ORDER)),
    "10, then 5, then 11": (("shop", 10, 0), ("shop", 5, 1), ("shop", 11, 2)),
    "counted from 1 at a restart": (("shop", 1, 0), ("shop", 2, 1), ("shop", 1, 2)),
}
STORED, DROPPED = "stored", "dropped"


@dataclass(frozen=True)
class NumberedRun:
    """What the publisher was told of each attempt, and which of them were stored."""

    known: tuple[str, ...]
    stored: tuple[bool, ...]

    @property
    def money(self) -> int:
        """What a consumer finds."""
        return PAYMENTS[0].amount * sum(self.stored)


def numbered(url: str, plan: str) -> NumberedRun:
    """Carry out one of ``PLANS`` on a stream of its own."""
    known: list[str] = []
    with queue(url, kind=STREAM) as stream:
        for name, number, which in PLANS[plan]:
            known += publish_numbered(url, stream, [(number, PAYMENTS[which])], name=name)
        found = [record.id for record in read(url, stream)]
    stored = []
    for _, _, which in PLANS[plan]:  # in order, so each record is of the next that it can be
        stored.append(found[:1] == [PAYMENTS[which].id])
        found = found[1:] if stored[-1] else found
    return NumberedRun(tuple(known), tuple(stored))


def numbers_view(url: str, *, plan: str, seed: int = 1) -> View:
    """Show which attempts a stream stores."""
    found = numbered(url, plan)
    lanes = {
        f"payment {payment.id}": [
            (float(n), STORED if found.stored[n - 1] else DROPPED)
            for n, (_, _, which) in enumerate(PLANS[plan], start=1)
            if PAYMENTS[which] == payment
        ]
        for payment in PAYMENTS
    }
    expected = sum(payment.amount for payment in PAYMENTS)
    confirmed = sum(known == CONFIRMED for known in found.known)
    return View(
        timeline(
            lanes, title=f"Numbers: {plan}", x="attempt", x_range=(0.0, 7.0),
            hues={STORED: "good", DROPPED: "fault"},
        ),
        {"confirmed": confirmed, "stored": sum(found.stored),
         "money expected": expected, "money there": found.money},
        f"Numbers {plan}: {confirmed} attempts are confirmed, {sum(found.stored)} stored; "
        f"{found.money} of {expected} arrive.",
    )  # fmt: skip


def confirm_lost(url: str) -> tuple[list[str], list[str], list[str]]:
    """Lose the second confirm, then publish all again; return what was known, and stored."""
    attempt = [(number, PAYMENTS[which]) for _, number, which in IN_ORDER]
    with (
        queue(url, kind=STREAM) as stream,
        proxy(url, streams=True, lose={("confirm", 2)}) as cut,
    ):
        port = int(cut.address.rpartition(":")[2])
        first = publish_numbered(url, stream, attempt, name="shop", port=port, timeout_s=10)
        again = publish_numbered(url, stream, attempt, name="shop")
        return first, again, [record.id for record in read(url, stream)]
