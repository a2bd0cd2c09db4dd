"""Three services that take the same requests, checked from outside as anybody would.

Book: 08-stripe-idempotency
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from starlette.types import ASGIApp, Receive, Scope, Send

from ...databases import Connections, empty_place
from ...idempotency import STRIPE, KeyStore
from ...idempotency.check import CheckResult, Template, check_service
from ...show.tables import Table, table
from ...systems.http.serving import serving
from ...systems.payments import payments_app
from ...systems.payments.envelope import KEY
from .check_first import check_first
from .live import PAYMENT, charge

CHECKED_S = 0.2
"""How long the document's server takes between its check and its charge: longer than the check
waits before it leaves, and longer than its retry takes to come."""
SERVER = logging.getLogger("uvicorn.error")


def documents(url: str) -> ASGIApp:
    """Make the document's server, in which a charge takes its time."""

    def announce(step: str) -> None:
        if step == "checked":
            time.sleep(CHECKED_S)

    return check_first(announce, time.time, url=url)


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
    "ours": ours, "check, process, store": documents, "without keys": without_keys,
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
            return check_service(template(url), STRIPE)
    finally:
        SERVER.disabled = False


def checked_table(found: dict[str, list[CheckResult]]) -> Table:
    """Return the verdicts of several services side by side."""
    first = next(iter(found.values()))
    columns = {"what is to hold": [one.says for one in first]}
    columns |= {name: [one.verdict for one in results] for name, results in found.items()}
    return table(
        columns,
        rows=[one.check for one in first],
        rows_name="check",
        caption="Three services, asked from outside",
    )
