"""The server as the document draws it: check, process, store. A control that must be convicted.

Its three steps are three commits, and it decides by what it has read. It keeps the result, it
replays it, and a client that asks one request at a time cannot tell it from a correct one.

Book: 08-stripe-idempotency
"""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ...databases import Connections, Database, Schema
from ...systems.http.killable import Clock
from ...systems.payments import charges
from ...systems.payments.accounts import account_of
from ...systems.payments.charging import Announce
from ...systems.payments.ending import closing_at_the_end
from ...systems.payments.envelope import Envelope, random_id
from ...systems.payments.parameters import ChargeAsked, charge_asked, page_asked

RESULTS = Schema("check first", 1, ("CREATE TABLE results (key TEXT, body TEXT)",))


def check_first(announce: Announce, clock: Clock, *, url: str) -> Starlette:
    """Make the document's server over the database at ``url``."""
    connections = Connections(url)
    for schema in (charges.CHARGES, RESULTS):
        schema.ensure(connections.here())
    server = CheckFirst(connections, announce, clock)

    async def create(request: Request) -> Response:
        if request.method == "GET":
            account = str(account_of(request.scope))
            page = page_asked(request.scope["query_string"])
            return JSONResponse(charges.page(connections.here(), account, page))
        asked = charge_asked(request.headers["content-type"], await request.body())
        key, account = request.headers["idempotency-key"], str(account_of(request.scope))
        return await run_in_threadpool(server.charge, key, account, asked)

    return Starlette(
        routes=[Route("/v1/charges", create, methods=["GET", "POST"])],
        lifespan=closing_at_the_end(connections),
        middleware=[Middleware(Envelope, announce=announce, keeps_failures=False)],
    )


class CheckFirst:
    """Check the key, process the charge, store the result: one after the other."""

    def __init__(self, connections: Connections, announce: Announce, clock: Clock) -> None:
        self.connections, self.announce, self.clock = connections, announce, clock

    def charge(self, key: str, account: str, asked: ChargeAsked) -> Response:
        """Answer a request with the stored result, or carry it out and store its result."""
        database = self.connections.here()
        stored = database.rows("SELECT body FROM results WHERE key = ?", (key,))
        self.announce("checked")
        if stored:
            return Response(stored[0][0], media_type="application/json")
        response = self._process(database, account, asked)
        self.announce("processed")
        database.change(
            "INSERT INTO results VALUES (?, ?)", (key, bytes(response.body).decode())
        )
        self.announce("stored")
        return response

    def _process(self, database: Database, account: str, asked: ChargeAsked) -> JSONResponse:
        id = f"ch_{random_id()}"
        charges.insert(database, account, asked, id=id, status="succeeded", now_s=self.clock())
        return JSONResponse(charges.find(database, account, id))
