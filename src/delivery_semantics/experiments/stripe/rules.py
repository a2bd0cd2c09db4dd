"""Two requests after one another, or at once: what the second is told, and what is charged.

Book: 08-stripe-idempotency
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cache

from ... import Trace
from ...core.check import one_of
from ...live.run_log import LabelledMessage
from ...show.diagram import sequence
from ...show.view import View
from ...systems.http.client import Reply, Request, ask
from .lab import at_once, lab
from .live import PAYMENT, charge

AT_ONCE = "the same, while the first runs"
_ORDER, _DECLINED = charge("abc123"), charge("abc123", source="tok_chargeDeclined")
_OTHER_SHOP = tuple(
    (name, "Bearer sk_test_other" if name == "Authorization" else value)
    for name, value in _ORDER.headers
)
OTHER = LabelledMessage("other", PAYMENT.amount, "another, abc123")
PAIRS: dict[str, tuple[Request, Request, int]] = {
    AT_ONCE: (_ORDER, _ORDER, 1),
    "the same, afterwards": (_ORDER, _ORDER, 1),
    "with another amount": (_ORDER, charge("abc123", amount=2999), 1),
    "mended, after a wrong amount": (charge("abc123", amount=0), _ORDER, 1),
    "the same, after a decline": (_DECLINED, _DECLINED, 0),
    "with another card, after a decline": (_DECLINED, _ORDER, 0),
    "from another shop": (_ORDER, _ORDER._replace(headers=_OTHER_SHOP), 2),
}
"""What the second request is: both requests, and the charges that the rules want."""


@dataclass(frozen=True)
class PairSent:
    """Two requests with one key: the run, both answers, and the amounts charged."""

    trace: Trace
    first: Reply
    second: Reply
    charged: tuple[int, ...]


@cache
def sent(second: str) -> PairSent:
    """Send one of ``PAIRS`` to the service. Raises ValueError for another."""
    one_of("second", second, PAIRS)
    one, two, _ = PAIRS[second]
    at = "claimed" if second == AT_ONCE else ""
    with lab(hold_at=at) as service, at_once(lambda: ask(service.url, one)) as first:
        if at:
            service.gate.wait()
            told = ask(service.url, two)
            service.gate.open()
            heard = first()
        else:
            heard, told = first(), ask(service.url, two)
        trace, amounts = service.trace(), tuple(service.charged())
        return PairSent(
            _told(trace, again=one == two, charged=bool(amounts)), heard, told, amounts
        )


def _told(trace: Trace, *, again: bool, charged: bool) -> Trace:
    """Tell another request from a retry of the first, and a declined charge from a charge."""
    requests = [e for e in trace.of("sent") if isinstance(e.payload, LabelledMessage)]
    since_s = math.inf if again else requests[-1].time_s
    return replace(trace, events=tuple(
        event._replace(payload=OTHER)
        if event.time_s >= since_s and isinstance(event.payload, LabelledMessage)
        else event
        for event in trace.events
        if charged or event.what != "processed"
    ))  # fmt: skip


def rules_view(*, second: str, seed: int = 1) -> View:
    """Show a request and another with its key, and what each is told."""
    found, wanted = sent(second), PAIRS[second][2]
    replayed = found.second.header("Idempotent-Replayed")
    return View(
        sequence(found.trace, title=f"One key, and a second request {second}", totals=False),
        {
            "the first is told": found.first.status,
            "the second": found.second.status,
            "money expected": PAYMENT.amount * wanted,
            "money there": sum(found.charged),
        },
        f"A second request with the key, {second}: the first is told {found.first.status}, "
        f"the second {found.second.status}{', replayed' if replayed else ''}.",
    )
