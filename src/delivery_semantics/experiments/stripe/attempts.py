"""A client between a network that loses a packet and its own setting for retries.

Book: 08-stripe-idempotency
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ... import Trace
from ...core.check import one_of
from ...show.diagram import sequence
from ...show.picture import how_many
from ...show.view import View
from ...systems.frames import FrameName
from .journal import CLIENT
from .lab import lab
from .live import PAYMENT

LOST: Mapping[str, tuple[FrameName, ...]] = {
    "nothing": (),
    "the first request": (("request", 1),),
    "the first reply": (("reply", 1),),
}
"""What the proxy loses."""

Pays = Callable[[str, int], bool]
"""Asks the service at a URL, with so many retries, and says whether it was answered."""


@dataclass(frozen=True)
class PaidThrough:
    """What came of it: the run, the requests sent, the money, and whether it was answered."""

    trace: Trace
    requests: int
    money: int
    answered: bool


def paid(pays: Pays, *, lost: str, retries: int) -> PaidThrough:
    """Let a client pay over a network that loses one of ``LOST``.

    Raises ValueError for anything else to lose.
    """
    one_of("lost", lost, LOST)
    with lab(lose=LOST[lost]) as service:
        answered = pays(service.url, retries)
        service.journal.note("confirmed" if answered else "gave_up", CLIENT, PAYMENT)
        requests = sum(one.way == "request" for one in service.proxy.log)
        return PaidThrough(service.trace(), requests, sum(service.charged()), answered)


def attempts_view(pays: Pays, *, lost: str, retries: int, seed: int = 1) -> View:
    """Show what a client with so many retries sends, and what it is charged."""
    run = paid(pays, lost=lost, retries=retries)
    told = "has its answer" if run.answered else "is in doubt"
    sent = how_many(run.requests, "request")
    return View(
        sequence(run.trace, title=f"Lost: {lost}; retries: {retries}", totals=False),
        {
            "requests": run.requests,
            "money expected": PAYMENT.amount,
            "money there": run.money,
            "client has an answer": "yes" if run.answered else "no",
        },
        f"Lost: {lost}. The client may retry {retries} times. It sends {sent}, and {told}.",
    )
