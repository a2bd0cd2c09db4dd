"""The service that benchmarks/idempotency.py measures: one charge a request, in a transaction.

Run as a program it serves on a free port of this machine, which it prints.
"""

from __future__ import annotations

import argparse
import json
import time

import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import Scope

from delivery_semantics.databases import Connections, Database, Schema
from delivery_semantics.idempotency import Claim, IdempotencyMiddleware, KeyStore, table
from delivery_semantics.idempotency.kept import USUAL, KeptAnswer
from delivery_semantics.idempotency.keys import unforced
from delivery_semantics.systems.http.serving import listen, settings

CHARGES = Schema(
    "charges",
    1,
    ("CREATE TABLE charges (id INTEGER PRIMARY KEY, key TEXT, amount BIGINT, currency TEXT)",),
)
LAYERS = ("none", "in phases", "anywhere")
"""Without idempotency keys, or with what is stated about the effects of the handler."""
ALONE = "two statements"
"""No layer: the handler itself claims the key, and keeps its answer beside the charge. So much
any layer has to pay that keeps both in this database."""
COMPARED = ("none", ALONE, *LAYERS[1:])
LEASE_S = 0.5  # short, as this server will be killed every second


def service(connections: Connections, layer: str) -> Starlette:
    """Return the application."""
    CHARGES.ensure(connections.here())
    claiming = connections
    if layer == ALONE:
        table.SCHEMA.ensure(connections.here())
        claiming = unforced(connections) if connections.synchronous == "FULL" else connections

    async def charge(request: Request) -> Response:
        asked = json.loads(await request.body())
        key = request.headers["idempotency-key"]
        if layer == ALONE:
            return await run_in_threadpool(by_itself, connections, claiming, key, asked)
        claim = getattr(request.state, "idempotency", None) if layer == "in phases" else None
        return await run_in_threadpool(carry_out, connections, claim, key, asked)

    async def cpu_s(_: Request) -> Response:
        return PlainTextResponse(str(time.process_time()))

    app = Starlette(
        routes=[Route("/charges", charge, methods=["POST"]), Route("/cpu_s", cpu_s)]
    )
    if layer in LAYERS[1:]:
        keys = KeyStore(connections, clock=time.time, effects=layer, lease_s=LEASE_S)  # type: ignore[arg-type]
        app.add_middleware(IdempotencyMiddleware, keys=keys, account=account_of)
    return app


def account_of(scope: Scope) -> str:
    """There is one account here."""
    return "acct_1"


def carry_out(
    connections: Connections, claim: Claim | None, key: str, asked: dict[str, str]
) -> Response:
    """Write a charge in a transaction, or in a phase together with its answer."""
    if claim is None:
        database = connections.here()
        with database.transaction():
            return insert(database, key, asked)
    with claim.phase() as phase:
        response = insert(phase.database, key, asked)
        phase.finish(response)
    return response


def by_itself(
    connections: Connections, claiming: Connections, key: str, asked: dict[str, str]
) -> Response:
    """Write the key's row, then a charge together with the answer."""
    name = table.KeyName("acct_1", "", key)
    row = table.KeyRow(bytes(32), 1, time.time() + LEASE_S, 2e9)
    with claiming.turn(), claiming.lend() as database:
        assert table.insert(database, name, row)
    database = connections.here()
    with database.transaction():
        response = insert(database, key, asked)
        answer = KeptAnswer.of_response(response, USUAL)
        assert table.advance(database, name, row, row.finished(answer))
    return response


def insert(database: Database, key: str, asked: dict[str, str]) -> Response:
    """Write a charge and describe it."""
    [(id,)] = database.rows(
        "INSERT INTO charges (key, amount, currency) VALUES (?, ?, ?) RETURNING id",
        (key, asked["amount"], asked["currency"]),
    )
    return JSONResponse({"id": f"ch_{id}", "object": "charge", **asked}, 201)


def main() -> None:
    """Serve until a signal ends it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("url")
    parser.add_argument("layer", choices=COMPARED)
    parser.add_argument("synchronous")
    given = parser.parse_args()
    # No queue says whose turn to write is next: some wait long, if many do. And four services
    # at once, two of them with a second pool, share one PostgreSQL of fifty connections.
    most = 7 if given.url.startswith("postgres") else 20
    connections = Connections(
        given.url, synchronous=given.synchronous, lock_timeout_s=60.0, connections_max=most
    )
    app = service(connections, given.layer)
    with listen(0) as listening:
        print(listening.getsockname()[1], flush=True)
        uvicorn.Server(settings(app)).run([listening])


if __name__ == "__main__":
    main()
