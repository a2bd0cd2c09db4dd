"""An application with the layer, in each profile and database, and a clock set by hand."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, NoReturn

import httpx
import pytest
from starlette.concurrency import run_in_threadpool
from starlette.middleware.errors import ServerErrorMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, Router
from starlette.types import ASGIApp, Message, Receive, Scope

from delivery_semantics.databases import (
    Connections,
    Database,
    DatabaseUnreachable,
    Schema,
    connect,
)
from delivery_semantics.idempotency import (
    IETF_DRAFT,
    STRIPE,
    IdempotencyMiddleware,
    KeyStore,
    Profile,
)
from delivery_semantics.systems.postgresql import postgresql

Handler = Callable[[Request], Awaitable[Response]]
CHARGES = "CREATE TABLE charges (id INTEGER PRIMARY KEY, account TEXT, key TEXT, amount BIGINT)"
SCHEMA = Schema("charges", 1, (CHARGES,))
BODY = b'{"amount": 1000}'


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    with postgresql() as url:
        yield url


@contextmanager
def own_schema(server: str) -> Iterator[str]:
    """A place in the server that no other test sees, also if the server is a shared one."""
    name = f"test_{uuid.uuid4().hex}"
    database = connect(server)
    database.rows(f"CREATE SCHEMA {name}")
    try:
        separator = "&" if "?" in server else "?"
        yield f"{server}{separator}options=-csearch_path%3D{name}"
    finally:
        database.rows(f"DROP SCHEMA {name} CASCADE")
        database.close()


@pytest.fixture
def postgresql_url(server: str) -> Iterator[str]:
    with own_schema(server) as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/keys.db"
    else:
        with own_schema(request.getfixturevalue("server")) as own:
            yield own


@pytest.fixture(params=[STRIPE, IETF_DRAFT], ids=["stripe", "ietf"])
def profile(request: pytest.FixtureRequest) -> Profile:
    found: Profile = request.param
    return found


@pytest.fixture(params=["anywhere", "in phases"])
def effects(request: pytest.FixtureRequest) -> Literal["anywhere", "in phases"]:
    found: Literal["anywhere", "in phases"] = request.param
    return found


class Clock:
    """Shows the time it was set to."""

    def __init__(self) -> None:
        self.now_s = 1_000_000.0

    def __call__(self) -> float:
        return self.now_s


class Bed:
    """The application under test. ``handler`` is what a POST does; it can be exchanged."""

    def __init__(
        self, url: str, profile: Profile, *, lock_timeout_s: float = 5.0, **options: object
    ) -> None:
        self.connections = Connections(url, lock_timeout_s=lock_timeout_s)
        SCHEMA.ensure(self.connections.here())
        self.clock = Clock()
        self.profile = profile
        self.keys = KeyStore(self.connections, clock=self.clock, **options)  # type: ignore[arg-type]
        self.handler: Handler = self.charge
        self.runs = 0
        self.app = self.application()

    def hold(self) -> tuple[asyncio.Event, asyncio.Event]:
        """Hold requests in the handler: one event says that one is there, one lets it go on."""
        inside, go_on, handler = asyncio.Event(), asyncio.Event(), self.handler

        async def held(request: Request) -> Response:
            inside.set()
            await go_on.wait()
            return await handler(request)

        self.handler = held
        return inside, go_on

    def application(self, inner: ASGIApp | None = None) -> ASGIApp:
        """The layer around the endpoints, or around another application."""

        async def endpoint(request: Request) -> Response:
            self.runs += 1
            return await self.handler(request)

        methods = ["GET", "PATCH", "POST", "PUT"]
        paths = ("/charges", "/refunds")
        app = Router(routes=[Route(path, endpoint, methods=methods) for path in paths])
        self.layer = IdempotencyMiddleware(
            inner or app, keys=self.keys, profile=self.profile, account=account_of
        )
        return ServerErrorMiddleware(self.layer)

    async def all_attempts(self) -> None:
        """Wait for the attempts whose clients have left."""
        while self.layer.running:
            await asyncio.wait(self.layer.running)

    async def dies_before_the_effect(self) -> None:
        """What is left in the database when a process is killed then: see test_killed."""
        await self._dies(effect=False)

    async def dies_after_the_effect(self) -> None:
        """The same, after the effect's transaction and before anything else."""
        await self._dies(effect=True)

    async def _dies(self, *, effect: bool) -> None:
        inside = asyncio.Event()

        async def dying(request: Request) -> Response:
            if effect:
                await self.charge(request)
            inside.set()
            await asyncio.get_running_loop().create_future()  # for ever
            raise AssertionError

        working, self.handler = self.handler, dying
        client = asyncio.create_task(self.post())
        await inside.wait()
        client.cancel()
        await self.kill_attempts()
        self.handler = working

    async def kill_attempts(self) -> None:
        """End them as a process ends that is killed: it writes nothing any more."""

        def write(*_: object, **__: object) -> NoReturn:
            raise DatabaseUnreachable("killed")

        finish, release = self.keys.finish, self.keys.release
        self.keys.finish = self.keys.release = write  # type: ignore[method-assign]
        for attempt in self.layer.running:
            attempt.cancel()
        await self.all_attempts()
        self.keys.finish, self.keys.release = finish, release  # type: ignore[method-assign]

    async def charge(self, request: Request) -> Response:
        """Insert a charge in the way that the keys state, and answer with its id."""
        amount = (await request.json())["amount"]
        key = request.headers.get("idempotency-key", "").strip('"')
        return await run_in_threadpool(self.insert, request, key, amount)

    def insert(self, request: Request, key: str, amount: int) -> Response:
        claim, account = request.state.idempotency, account_of(request.scope)
        if claim is None or self.keys.effects == "anywhere":
            return created(insert(self.connections.here(), account, key, amount))
        with claim.phase() as phase:
            response = created(insert(phase.database, account, key, amount))
            phase.finish(response)
        return response

    def effects(self, account: str = "alice") -> int:
        """How many charges there are."""
        counted = self.connections.here().rows(
            "SELECT count(*) FROM charges WHERE account = ?", (account,)
        )
        return int(counted[0][0])

    def rows(self) -> list[dict[str, Any]]:
        """The keys that are stored."""
        names = "account, key, token, lease_until_s, expires_s, status, headers"
        found = self.connections.here().rows(
            f"SELECT {names}, body FROM idempotency_keys ORDER BY account, key"
        )
        return [dict(zip([*names.split(", "), "body"], row, strict=True)) for row in found]

    async def post(
        self,
        key: str | None = "k1",
        *,
        account: str | None = "alice",
        path: str = "/charges",
        body: bytes = BODY,
        method: str = "POST",
        headers: dict[str, str] | None = None,
        app: ASGIApp | None = None,
        raises: bool = False,
    ) -> httpx.Response:
        """Send a request as a client would; ``key`` is quoted where the profile quotes."""
        sent = {"content-type": "application/json", **(headers or {})}
        if account:
            sent["authorization"] = account
        if key is not None:
            sent["Idempotency-Key"] = f'"{key}"' if self.profile.key_quoted else key
        transport = httpx.ASGITransport(app or self.app, raise_app_exceptions=raises)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            return await client.request(method, path, content=body, headers=sent)

    async def raw(
        self,
        headers: list[tuple[bytes, bytes]],
        receive: Receive | None = None,
        *,
        reply: dict[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Send what no well-behaved client or server would; return the status and body.

        They are in ``reply`` as soon as they are sent.
        """
        scope = {
            "type": "http", "method": "POST", "path": "/charges", "raw_path": b"/charges",
            "query_string": b"", "headers": [(b"authorization", b"alice"), *headers],
        }  # fmt: skip
        reply = {} if reply is None else reply

        async def body() -> Message:
            return {"type": "http.request", "body": BODY, "more_body": False}

        async def send(message: Message) -> None:
            reply.update(message)

        await self.app(scope, receive or body, send)
        return reply

    def reconnect(self) -> None:
        """Let every thread open its connections anew, when it needs one."""
        for connections in (self.connections, self.keys._claiming):
            connections.close()

    def close(self) -> None:
        self.keys.close()
        self.connections.close()


def insert(database: Database, account: str | None, key: str, amount: int) -> int:
    row = database.rows(
        "INSERT INTO charges (account, key, amount) VALUES (?, ?, ?) RETURNING id",
        (account, key, amount),
    )
    return int(row[0][0])


def created(id: int) -> Response:
    """A response with headers that are part of it, and with some that must not be kept."""
    headers = {"location": f"/charges/{id}", "set-cookie": "session=secret", "x-trace": "t"}
    return JSONResponse({"id": id}, status_code=201, headers=headers)


def account_of(scope: Scope) -> str | None:
    """The account that the (already authenticated) caller is."""
    return dict(scope["headers"]).get(b"authorization", b"").decode() or None


@pytest.fixture
def new_bed(url: str, profile: Profile) -> Iterator[Callable[..., Bed]]:
    """Makes beds on one database."""
    made: list[Bed] = []

    def make(*, url: str = url, **options: object) -> Bed:
        made.append(Bed(url, profile, **options))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for bed in made:
        bed.close()


@pytest.fixture
def bed_class() -> type[Bed]:
    return Bed


@pytest.fixture
def bed(new_bed: Callable[..., Bed], effects: str) -> Bed:
    return new_bed(effects=effects)
