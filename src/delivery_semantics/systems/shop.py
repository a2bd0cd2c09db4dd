"""A small shop over HTTP: users that can be put and deleted, orders that can be posted.

It exists to try the document's operations on a real service. PUT and DELETE take an If-Match,
and then do nothing to a user that has changed in the meantime; POST takes an id for the order
that the client has chosen, and then makes that order once. The surprising thing is the version
in the ETag: it is never used twice, not even for a user who was deleted and comes back.

Book: 06-idempotent-operations
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ..databases import Connections, Database, Schema

SHOP = Schema(
    "shop",
    1,
    (
        "CREATE TABLE users (id TEXT PRIMARY KEY, name TEXT NOT NULL, version BIGINT NOT NULL)",
        "CREATE TABLE orders (number INTEGER PRIMARY KEY, id TEXT UNIQUE, item TEXT NOT NULL)",
        "CREATE TABLE versions (last BIGINT NOT NULL)",
        "INSERT INTO versions VALUES (0)",
    ),
)
TEXT_LENGTH_MAX = 255
BODY_BYTES_MAX = 4096


class User(NamedTuple):
    """A user as the shop knows them; ``version`` changes whenever the name does."""

    id: str
    name: str
    version: int


class Rejected(Exception):
    """A request that cannot be carried out: its status, and what is wrong with it."""

    def __init__(self, status: int, what: str) -> None:
        super().__init__(what)
        self.status = status


def shop(connections: Connections) -> Starlette:
    """Return the application, which keeps everything in one database. It makes its tables."""
    SHOP.ensure(connections.here())

    def route(path: str, method: str, handle: Endpoint) -> Route:
        return Route(path, _endpoint(handle, connections), methods=[method])

    return Starlette(
        routes=[
            route("/users/{id}", "GET", get_user),
            route("/users/{id}", "PUT", put_user),
            route("/users/{id}", "DELETE", delete_user),
            route("/orders", "GET", list_orders),
            route("/orders", "POST", post_order),
        ]
    )


# Users ------------------------------------------------------------------------------------


def get_user(database: Database, request: Request, _: bytes) -> Response:
    """Return a user, 200 with an ETag; or 404."""
    user = _find(database, request.path_params["id"])
    return _shown(user) if user else _message(404, "there is no such user")


def put_user(database: Database, request: Request, body: bytes) -> Response:
    """Make the user's name the one given: 201 for a new user, 200 for one that was there."""
    id, name = request.path_params["id"], _text(body, "name")
    with database.transaction():
        version = _take_version(database)
        there = _find(database, id)
        _check_match(request, there)
        if there and there.name == name:
            return _shown(there)  # nothing to do, so nobody's ETag goes stale
        database.change(
            "INSERT INTO users VALUES (?, ?, ?) ON CONFLICT (id) DO UPDATE "
            "SET name = excluded.name, version = excluded.version",
            (id, name, version),
        )
    return _shown(User(id, name, version), status=200 if there else 201)


def delete_user(database: Database, request: Request, _: bytes) -> Response:
    """Delete the user: 204, or 404 if there is none (any more)."""
    id = request.path_params["id"]
    with database.transaction():
        _take_version(database)
        there = _find(database, id)
        _check_match(request, there)
        database.change("DELETE FROM users WHERE id = ?", (id,))
    return Response(status_code=204) if there else _message(404, "there is no such user")


def _take_version(database: Database) -> int:
    """Return a version that nobody had before.

    Everybody takes from one row, so whoever has taken one is alone until the transaction ends:
    what it finds is still true when it writes.
    """
    [(version,)] = database.rows("UPDATE versions SET last = last + 1 RETURNING last")
    return int(version)


def _find(database: Database, id: str) -> User | None:
    found = database.rows("SELECT id, name, version FROM users WHERE id = ?", (id,))
    return User(*found[0]) if found else None


def _check_match(request: Request, there: User | None) -> None:
    """Raise Rejected, 412, if the request was meant for another version (RFC 9110, 13.1.1)."""
    wanted = request.headers.get("if-match")
    if wanted is None or (there and wanted == "*"):
        return
    tags = [tag.strip() for tag in wanted.split(",")]
    if there is None or f'"{there.version}"' not in tags:
        raise Rejected(412, "the user is not, or is no longer, as If-Match says")


def _shown(user: User, status: int = 200) -> Response:
    body = {"id": user.id, "name": user.name}
    return JSONResponse(body, status, headers={"ETag": f'"{user.version}"'})


# Orders -----------------------------------------------------------------------------------


def list_orders(database: Database, request: Request, _: bytes) -> Response:
    """Return all orders, the oldest first."""
    rows = database.rows("SELECT number, item FROM orders ORDER BY number")
    return JSONResponse([{"number": number, "item": item} for number, item in rows])


def post_order(database: Database, request: Request, body: bytes) -> Response:
    """Make an order: 201. With an id, only once: a copy gets 200, and the order of then."""
    item, id = _text(body, "item"), _text(body, "id", optional=True)
    made = database.rows(
        "INSERT INTO orders (id, item) VALUES (?, ?) ON CONFLICT (id) DO NOTHING "
        "RETURNING number",
        (id, item),
    )
    if made:
        return JSONResponse({"number": made[0][0], "item": item}, 201)
    [(number, then)] = database.rows("SELECT number, item FROM orders WHERE id = ?", (id,))
    if then != item:
        raise Rejected(409, f"order {id!r} is for {then!r}; asked now: {item!r}")
    return JSONResponse({"number": number, "item": item}, 200)


# Requests and replies ---------------------------------------------------------------------

Endpoint = Callable[[Database, Request, bytes], Response]


def _endpoint(
    handle: Endpoint, connections: Connections
) -> Callable[[Request], Awaitable[Response]]:
    def in_thread(request: Request, body: bytes) -> Response:
        try:
            return handle(connections.here(), request, body)
        except Rejected as error:
            return _message(error.status, str(error))

    async def endpoint(request: Request) -> Response:
        body = b""
        async for chunk in request.stream():
            body += chunk
            if len(body) > BODY_BYTES_MAX:
                return _message(413, f"allowed: a body of at most {BODY_BYTES_MAX} bytes")
        return await run_in_threadpool(in_thread, request, body)

    return endpoint


def _text(body: bytes, name: str, *, optional: bool = False) -> Any:  # noqa: ANN401
    """Return a text of a JSON body, None for an optional one. Raises Rejected, 400."""
    try:
        sent = json.loads(body)
    except (ValueError, RecursionError):
        sent = None
    if not isinstance(sent, dict):
        raise Rejected(400, "the body is no JSON object; allowed: one")
    value = sent.get(name)
    if optional and value is None:
        return None
    # Printable also keeps out half characters and NUL, which databases refuse.
    if not (
        isinstance(value, str) and value.isprintable() and 1 <= len(value) <= TEXT_LENGTH_MAX
    ):
        allowed = f"allowed: a text of 1 to {TEXT_LENGTH_MAX} printable characters"
        raise Rejected(400, f"{name} is {value!r}; {allowed}")
    return value


def _message(status: int, what: str) -> Response:
    return JSONResponse({"message": what}, status)
