"""A shop in the layer on loopback, whose handler stands still where an experiment says.

Book: idempotency-layer
"""

from __future__ import annotations

import itertools
import json
import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.requests import Request as Asked
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ...databases import Connections, Schema, connect, empty_place
from ...idempotency import IETF_DRAFT, IdempotencyMiddleware, KeyStore, Profile
from ...systems.gate import Gate
from ...systems.http.client import Request
from ...systems.http.killable import Clock
from ...systems.http.serving import serving
from ...systems.payments.charging import Announce
from ...systems.payments.ending import closing_at_the_end

AMOUNT, DECLINED, FAILS = 1000, 13, 500
"""The amount of an order, of one that is declined, and of one that breaks off."""
START_S, LEASE_S, BODY_MAX = 1_800_000_000.0, 600.0, 1_000
SECRET = "Bearer tok_alice"
ORDERS = Schema("orders", 1, ("CREATE TABLE orders (amount BIGINT)",))
KINDS = ("no keys", "anywhere", "in phases")
"""What is stated about the handler's effects; without keys nothing is."""
SERVER = logging.getLogger("uvicorn.error")


class TellsSteps:
    """Tells when a request has come, and when its answer has been sent."""

    def __init__(self, app: ASGIApp, *, announce: Announce) -> None:
        self.app, self.announce = app, announce

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request as ASGI has it."""

        async def tell(message: Message) -> None:
            await send(message)
            if message["type"] == "http.response.body" and not message.get("more_body"):
                await run_in_threadpool(self.announce, "replied")

        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        await run_in_threadpool(self.announce, "received")
        await self.app(scope, receive, tell)


@dataclass(frozen=True)
class Ordering:
    """The handler: it announces that it has begun, that it has ordered, and its commit."""

    connections: Connections
    announce: Announce
    kind: str

    def __call__(self, request: Asked, amount: int) -> Response:
        """Order in a phase where the effects are in phases, and anywhere else otherwise."""
        self.announce("begun")
        if self.kind != "in phases" or request.state.idempotency is None:
            return self._anywhere(amount)
        with request.state.idempotency.phase() as phase:
            phase.database.change("INSERT INTO orders VALUES (?)", (amount,))
            self.announce("ordered")
            answer = _answer(amount)
            phase.finish(answer)
        self.announce("committed")
        return answer

    def _anywhere(self, amount: int) -> Response:
        if amount == DECLINED:
            return JSONResponse({"declined": amount}, 402)
        self.connections.here().change("INSERT INTO orders VALUES (?)", (amount,))
        self.announce("ordered")
        if amount == FAILS:
            raise RuntimeError("the order is written, and then something broke")
        return _answer(amount)


def _answer(amount: int) -> Response:
    return JSONResponse({"amount": amount}, 201, {"X-Request-Id": "r-1"})


def shop_app(
    announce: Announce,
    clock: Clock,
    *,
    url: str,
    kind: str = "in phases",
    profile: Profile = IETF_DRAFT,
    store: Callable[..., KeyStore] = KeyStore,
    inside: Sequence[Middleware] = (),
    outside: Sequence[Middleware] = (),
    lock_timeout_s: float = 5.0,
    **settings: Any,  # noqa: ANN401  # the store's own
) -> Starlette:
    """Make the shop over the database at ``url``, with effects of ``KINDS``.

    Middlewares ``inside`` and ``outside`` of the layer: each time the outermost comes first.
    """
    connections = Connections(url, synchronous="OFF", lock_timeout_s=lock_timeout_s)
    ORDERS.ensure(connections.here())

    async def create(request: Asked) -> Response:
        amount = json.loads(await request.body() or b"{}").get("amount", AMOUNT)
        return await run_in_threadpool(Ordering(connections, announce, kind), request, amount)

    opened: list[KeyStore | Connections] = [connections]
    layers = [Middleware(TellsSteps, announce=announce), *outside]
    if kind != "no keys":
        lease = {"lease_s": LEASE_S, "attempt_max_s": LEASE_S} | settings
        opened.insert(0, store(connections, clock=clock, effects=kind, **lease))
        layers.append(_layer(opened[0], profile))
    return Starlette(
        routes=[Route("/orders", create, methods=["POST"])],
        middleware=[*layers, *inside],
        lifespan=closing_at_the_end(*opened),
    )


def _layer(keys: KeyStore | Connections, profile: Profile) -> Middleware:
    layer: dict[str, Any] = {"keys": keys, "account": caller, "profile": profile}
    return Middleware(IdempotencyMiddleware, **layer, request_max_bytes=BODY_MAX)


def caller(scope: Scope) -> str | None:
    """Whose request this is: alice's, who has the secret, or nobody's."""
    sent = [value.decode() for name, value in scope["headers"] if name == b"authorization"]
    return "alice" if sent == [SECRET] else None


def order_of(
    key: str = '"order-1"', *, amount: int = AMOUNT, secret: str = SECRET,
    header: str = "Idempotency-Key", **more: str,
) -> Request:  # fmt: skip
    """Return the request for an order, with ``key`` if it is not "", and ``more`` headers."""
    headers = [("Content-Type", "application/json")]
    headers += [("Authorization", secret)] if secret else []
    headers += [(header, key)] if key else []
    headers += [(name.replace("_", "-"), value) for name, value in more.items()]
    return Request("POST", "/orders", tuple(headers), json.dumps({"amount": amount}).encode())


def ordered(store: str) -> list[int]:
    """Return the amount of each order that is there."""
    with closing(connect(store)) as database:
        return [amount for (amount,) in database.rows("SELECT amount FROM orders")]


@dataclass
class Shop:
    """The running shop: ``now_s`` is its clock, and whoever comes is held at ``gate``."""

    url: str
    store: str
    gate: Gate
    now_s: float = START_S


@contextmanager
def shop(*, hold_at: str = "", **settings: Any) -> Iterator[Shop]:  # noqa: ANN401
    """Run it; the first request that comes to the step ``hold_at`` stands still there."""
    gate, come = Gate(hold_at), itertools.count()

    def announce(step: str) -> None:
        if step == hold_at and next(come) == 0:
            gate.enter()

    SERVER.disabled = True  # some handlers are made to fail, and it would say so at length
    try:
        with empty_place() as store:
            app = shop_app(announce, lambda: made.now_s, url=store, **settings)
            with serving(app) as url:
                made = Shop(url, store, gate)
                try:
                    yield made
                finally:
                    gate.open()
    finally:
        SERVER.disabled = False
