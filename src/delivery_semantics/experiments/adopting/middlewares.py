"""Compression and authentication outside of the layer, or inside: what a replay is then.

Book: idempotency-layer
"""

from __future__ import annotations

from functools import cache
from typing import Any

from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from ...show.plots import money
from ...show.view import View
from ...systems.http.client import Reply
from .answers import AsksTheShop
from .exchange import Exchange, exchanges
from .lab import AMOUNT, caller, order_of, ordered, shop

WHERE = ("outside", "inside")
"""Where something stands, seen from the layer."""


class StillKnown:
    """Authentication: answers 401 to whoever is nobody, or is ``revoked`` by now."""

    def __init__(self, app: ASGIApp, *, revoked: set[str]) -> None:
        self.app, self.revoked = app, revoked

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request as ASGI has it."""
        if scope["type"] == "http" and (caller(scope) or "nobody") in {"nobody", *self.revoked}:
            await JSONResponse({"detail": "Who are you?"}, 401)(scope, receive, send)
        else:
            await self.app(scope, receive, send)


@cache
def ordered_so(compression: str, authentication: str) -> tuple[tuple[Exchange, ...], int]:
    """Order, and ask again twice: by a client without gzip, and with a token revoked."""
    revoked: set[str] = set()
    layers: dict[str, Any] = {where: [] for where in WHERE}
    layers[compression].append(Middleware(GZipMiddleware, minimum_size=0))
    layers[authentication].append(Middleware(StillKnown, revoked=revoked))
    with shop(kind="anywhere", **layers) as running:
        asking = AsksTheShop(running)
        asking("An order, by a client that reads gzip", order_of(accept_encoding="gzip"))
        asking("The same order, by one that does not", order_of())
        revoked.add("alice")
        asking.log.append(Exchange("Her token is revoked."))
        asking("The same order, with that token", order_of())
        return tuple(asking.log), sum(ordered(running.store))


def order_view(*, compression: str, authentication: str, seed: int = 1) -> View:
    """Show what the two are told, with each middleware outside of the layer or inside."""
    log, there = ordered_so(compression, authentication)
    _, plain, revoked = (one.reply for one in log if one.reply)
    gets = "readable" if not _is_packed(plain) else "unreadable"
    hole = "" if revoked.status == 401 else " Whoever was shut out is given the answer."
    return View(
        [
            exchanges(log, title=f"Compression {compression}, authentication {authentication}"),
            money({"orders": (AMOUNT, there)}, title="The orders in the end", x="money",
                  x_max=2.0 * AMOUNT),
        ],
        {
            "without gzip": gets,
            "revoked token": revoked.status,
            "money expected": AMOUNT,
            "money there": there,
        },
        f"Compression {compression} and authentication {authentication}: a client without gzip "
        f"gets an answer that is {gets}, a revoked token {revoked.status}.{hole}",
    )  # fmt: skip


def _is_packed(reply: Reply) -> bool:
    return reply.header("Content-Encoding") == "gzip"
