"""A card processor: a service of its own, with its own database, that moves the money.

It accepts idempotency keys by the same layer as the payments service, in its other profile. Or
it ignores them: then it is a network that knows no keys, and every request moves money.

    python -m delivery_semantics.systems.payments.processor --port PORT --store URL [--no-keys]

Book: 08-stripe-idempotency
"""

from __future__ import annotations

import json
import re
import sys
import time
from collections.abc import Callable

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import Scope

from ...databases import Connections, Database, Schema
from ...idempotency import IETF_DRAFT, IdempotencyMiddleware, KeyStore
from ...idempotency.table import SCHEMA
from .card import PATH
from .command import arguments, run
from .ending import closing_at_the_end
from .parameters import AMOUNT_MAX, CURRENCIES, DECLINED, SOURCE

PROGRAM = "delivery_semantics.systems.payments.processor"
MOVEMENTS = Schema(
    "card processor", 1,
    ("""CREATE TABLE movements (
            number INTEGER PRIMARY KEY, amount BIGINT NOT NULL, currency TEXT NOT NULL,
            source TEXT NOT NULL
        )""",),
)  # fmt: skip


def processor_app(
    connections: Connections, *, keys: bool = True, clock: Callable[[], float] = time.time
) -> Starlette:
    """Return the service; with ``keys`` False it ignores the Idempotency-Key header.

    When it ends, it closes ``connections``.
    """
    MOVEMENTS.ensure(connections.here())

    async def move(request: Request) -> Response:
        body = await request.body()
        return await run_in_threadpool(_move, connections, request, body)

    def movements(request: Request) -> Response:
        rows = connections.here().rows(
            "SELECT amount, currency, source FROM movements ORDER BY number"
        )
        names = ("amount", "currency", "source")
        found = [dict(zip(names, row, strict=True)) for row in rows]
        return JSONResponse({"movements": found})

    store = KeyStore(connections, clock=clock, effects="in phases")
    layer = Middleware(IdempotencyMiddleware, keys=store, profile=IETF_DRAFT, account=_merchant)
    return Starlette(
        routes=[Route(PATH, move, methods=["POST"]), Route(PATH, movements, methods=["GET"])],
        middleware=[layer] if keys else [],
        lifespan=closing_at_the_end(store, connections),
    )


def _move(connections: Connections, request: Request, body: bytes) -> Response:
    try:
        asked = json.loads(body)
        amount, currency, source = asked["amount"], asked["currency"], asked["source"]
    except (ValueError, TypeError, KeyError, RecursionError):
        return JSONResponse({"error": "amount, currency and source are needed"}, 400)
    if type(amount) is not int or not 0 < amount <= AMOUNT_MAX:
        return JSONResponse({"error": f"amount: a whole number, 1 to {AMOUNT_MAX}"}, 400)
    if currency not in CURRENCIES or not re.fullmatch(SOURCE, str(source)):
        return JSONResponse(
            {"error": "currency and source: as the payments service has them"}, 400
        )
    declined = source == DECLINED
    response = JSONResponse({"moved": not declined}, 402 if declined else 201)
    claim = request.state.idempotency if hasattr(request.state, "idempotency") else None
    if claim is None:
        _insert(connections.here(), declined, (amount, str(currency), str(source)))
        return response
    with claim.phase() as phase:
        _insert(phase.database, declined, (amount, str(currency), str(source)))
        phase.finish(response)
    return response


def _insert(database: Database, declined: bool, values: tuple[int, str, str]) -> None:
    if not declined:
        database.change(
            "INSERT INTO movements (amount, currency, source) VALUES (?, ?, ?)", values
        )


def _merchant(scope: Scope) -> str:
    """One payments service is all the merchants that this processor has."""
    return "payments"


def main() -> int:
    """Run the processor until SIGTERM; return the exit status."""
    parser = arguments(PROGRAM, "a card processor, for the payments service")
    parser.add_argument("--no-keys", action="store_true", help="ignore idempotency keys")
    given = parser.parse_args()

    def make(connections: Connections) -> Starlette:
        return processor_app(connections, keys=not given.no_keys)

    return run(PROGRAM, given.port, given.store, make, schemas=(MOVEMENTS, SCHEMA))


if __name__ == "__main__":
    sys.exit(main())
