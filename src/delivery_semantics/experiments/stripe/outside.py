"""Three services that take the same requests, checked from outside as anybody would.

Book: 08-stripe-idempotency
"""

from __future__ import annotations

import itertools
import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from functools import cache, partial

from starlette.types import ASGIApp, Receive, Scope, Send

from ...databases import Connections, empty_place
from ...idempotency import STRIPE, KeyStore
from ...idempotency.check import CheckResult, Template, check_service
from ...idempotency.check.witness import COPIES
from ...show.diagram.paper import wrapped
from ...show.picture import Picture, draw, text
from ...show.strips.rail import responsive
from ...show.strips.signs import Glyph, verdict
from ...show.view import View
from ...systems.http.serving import serving
from ...systems.payments import payments_app
from ...systems.payments.envelope import KEY
from .check_first import check_first
from .live import PAYMENT, charge

TOGETHER = {b"H3-a": COPIES, b"H18-k": 2}
"""How many requests with a key are to meet: the copies, and a request left with its retry."""
WAIT_S = 60.0
LEFT, LINE = 24, 18
"""Units: where the words of a check begin, and from one line to the next."""
FAILS = "does not hold"
SIGNS: dict[str, Glyph] = {
    "holds": partial(verdict, right=True),
    FAILS: partial(verdict, right=False),
    "cannot be seen": lambda x, y: [text("?", x, y + 5, anchor="middle", fill="muted")],
}
"""The verdicts, as they are drawn."""
SERVER = logging.getLogger("uvicorn.error")


class Documents:
    """The document's server, in which a charge takes its time between its check and its effect.

    That is until as many requests with its key have been checked as `TOGETHER` says; none of
    them is answered before all have had their effect. So who checks first is always too slow.
    """

    def __init__(self, url: str) -> None:
        self._app = check_first(self._announce, time.time, url=url)
        self._changed = threading.Condition()
        self._come: Counter[tuple[str, bytes]] = Counter()
        self._key: ContextVar[bytes] = ContextVar("key")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        self._key.set(dict(scope.get("headers", ())).get(KEY, b""))
        await self._app(scope, receive, send)

    def _announce(self, step: str) -> None:
        """Count a request that has come so far, and wait until there are enough."""
        if step not in ("checked", "processed"):
            return
        here = (step, self._key.get())
        with self._changed:
            self._come[here] += 1
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._come[here] >= TOGETHER.get(here[1], 1), WAIT_S)


def ours(url: str) -> ASGIApp:
    """Make the payments service."""
    return payments_app(KeyStore(Connections(url), clock=time.time, effects="in phases"))


def without_keys(url: str) -> ASGIApp:
    """Make the payments service, behind something that takes the keys away."""
    app = ours(url)

    async def keyless(scope: Scope, receive: Receive, send: Send) -> None:
        headers = [header for header in scope.get("headers", ()) if header[0] != KEY]
        await app({**scope, "headers": headers}, receive, send)

    return keyless


SERVICES: dict[str, Callable[[str], ASGIApp]] = {
    "ours": ours, "check, process, store": Documents, "without keys": without_keys,
}  # fmt: skip


def template(url: str) -> Template:
    """Return a charge as a template, with what helps to see."""
    request = charge()
    bodies = {
        "refused": charge(amount=0).body,
        "declined": charge(source="tok_chargeDeclined").body,
    }
    return Template(
        url=url + request.path,
        headers=request.headers,
        body=request.body,
        bodies={**bodies, "other": charge(amount=PAYMENT.amount + 1).body},
        other_account=(("Authorization", "Bearer sk_test_other"),),
        count=f"{request.path}?limit=100",
    )


def checked(service: str) -> list[CheckResult]:
    """Check one of ``SERVICES`` in Stripe's profile."""
    SERVER.disabled = True  # some of it makes a server fail, and it would say so at length
    try:
        with empty_place() as place, serving(SERVICES[service](place)) as url:
            keys = itertools.count()  # 0 is the request alone, then the number of the check
            return check_service(template(url), STRIPE, new_key=lambda: f"H{next(keys)}")
    finally:
        SERVER.disabled = False


@cache
def seen(service: str) -> tuple[CheckResult, ...]:
    """Check one of ``SERVICES`` once."""
    return tuple(checked(service))


def checked_view(*, service: str, seed: int = 1) -> View:
    """Show each check's verdict on one of ``SERVICES``."""
    found = seen(service)
    counts = Counter(one.verdict for one in found)
    wrong = [one.check for one in found if one.verdict == FAILS]
    told = f"Does not hold: {', '.join(wrong)}." if wrong else "Nothing fails."
    return View(
        responsive(partial(_list, service, found)),
        {name: counts[name] for name in SIGNS},
        f"{service}, asked from outside with {len(found)} checks. {told}",
    )


def _list(service: str, found: Sequence[CheckResult], limit: float) -> Picture:
    parts, y = [], 4.0
    for one in found:
        lines = wrapped(f"{one.check} {one.says}", limit - LEFT)
        parts += SIGNS[one.verdict](LEFT / 2, y + 10)
        hue = "fault" if one.verdict == FAILS else "ink"
        parts += [text(line, LEFT, y + 15 + LINE * n, fill=hue) for n, line in enumerate(lines)]
        y += LINE * len(lines) + 5
    said = " ".join(f"{one.check}, {one.says.rstrip('.')}: {one.verdict}." for one in found)
    title = f"{service}, asked from outside"
    return draw(*parts, width=limit, height=y, title=title, description=said)
