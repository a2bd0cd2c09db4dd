"""The layer in applications as others write them, behind a real server, in real processes."""

from __future__ import annotations

import itertools
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import TYPE_CHECKING, Any

import fastapi
import httpx
import pytest
from pydantic import BaseModel
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware, RequestResponseEndpoint
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import Scope

from delivery_semantics.databases import Connections
from delivery_semantics.idempotency import (
    IETF_DRAFT,
    STRIPE,
    Claim,
    IdempotencyMiddleware,
    KeyStore,
)
from delivery_semantics.idempotency.table import KeyName
from delivery_semantics.systems.http.serving import serving

if TYPE_CHECKING:
    from tests.idempotency.conftest import Bed

only_stripe = pytest.mark.parametrize("profile", [STRIPE], indirect=True)
KEY = {"Idempotency-Key": "k1"}


def account_of(scope: Scope) -> str:
    return "alice"


def patient(address: str, **options: Any) -> httpx.Client:  # noqa: ANN401
    """A client that takes no slow machine for one that does not answer."""
    return httpx.Client(base_url=address, timeout=60, **options)


@pytest.fixture
def connections(url: str) -> Iterator[Connections]:
    with closing(Connections(url)) as connections:
        yield connections


def test_three_lines_in_starlette(connections: Connections) -> None:
    numbers = itertools.count(1)

    def charge(request: Request) -> Response:
        return JSONResponse({"id": next(numbers)})

    app = Starlette(routes=[Route("/charges", charge, methods=["POST"])])
    # The three lines:
    keys = KeyStore(connections, clock=time.time)
    app.add_middleware(IdempotencyMiddleware, keys=keys, account=account_of)

    with serving(app) as address, patient(address) as client:
        first, second = (client.post("/charges", headers=KEY) for _ in range(2))
        other = client.post("/charges", headers={"Idempotency-Key": "k2"})
    keys.close()
    assert (first.json(), second.json(), other.json()) == ({"id": 1}, {"id": 1}, {"id": 2})
    assert second.headers["idempotent-replayed"] == "true"


class Charge(BaseModel):
    amount: int


def test_three_lines_in_fastapi(connections: Connections) -> None:
    app = fastapi.FastAPI()
    keys = KeyStore(connections, clock=time.time, effects="in phases")
    app.add_middleware(IdempotencyMiddleware, keys=keys, account=account_of, profile=IETF_DRAFT)
    connections.here().rows("CREATE TABLE charges (amount BIGINT)")

    @app.post("/charges", status_code=201)
    def charge(asked: Charge, request: Request) -> Response:
        claim: Claim = request.state.idempotency
        with claim.phase() as phase:
            phase.database.change("INSERT INTO charges VALUES (?)", (asked.amount,))
            response = JSONResponse({"amount": asked.amount}, 201)
            phase.finish(response)
        return response

    key = {"Idempotency-Key": '"k1"'}
    with serving(app) as address, patient(address) as client:
        invalid = client.post("/charges", headers=key, json={"amount": "much"})
        replies = [client.post("/charges", headers=key, json={"amount": 7}) for _ in range(3)]
        missing = client.post("/charges", json={"amount": 7})
    assert (invalid.status_code, missing.status_code) == (422, 400)
    assert {(reply.status_code, reply.content) for reply in replies} == {(201, b'{"amount":7}')}
    assert connections.here().rows("SELECT amount FROM charges") == [(7,)]
    keys.close()


@only_stripe
@pytest.mark.slow
def test_sixteen_threads_of_a_real_server_charge_each_key_once(
    new_bed: Callable[..., Bed], effects: str
) -> None:
    bed = new_bed(effects=effects, lock_timeout_s=30.0)
    with (
        serving(bed.app) as address,
        patient(address) as client,
        ThreadPoolExecutor(16) as clients,
    ):

        def ask(number: int) -> httpx.Response:
            headers = {"authorization": "alice", "idempotency-key": f"k{number % 10}"}
            return client.post("/charges", headers=headers, content=b'{"amount": 1}')

        replies = list(clients.map(ask, range(100)))
    assert {reply.status_code for reply in replies} <= {201, 409}
    answers = {(reply.request.headers["idempotency-key"], reply.content) for reply in replies
               if reply.status_code == 201}  # fmt: skip
    assert len(answers) == bed.effects() == 10


def test_a_stream_is_kept_and_one_that_is_too_long_is_passed_on(
    connections: Connections,
) -> None:
    def stream(request: Request) -> Response:
        length = int(request.query_params["length"])
        return StreamingResponse(b"x" * 10 for _ in range(length // 10))

    app = Starlette(routes=[Route("/", stream, methods=["POST"])])
    keys = KeyStore(connections, clock=time.time, answer_max_bytes=100)
    app.add_middleware(IdempotencyMiddleware, keys=keys, account=account_of)
    with serving(app) as address, patient(address) as client:
        for key, length, then in (("k1", 100, 200), ("k2", 110, 410), ("k3", 100_000, 410)):
            headers = {"Idempotency-Key": key}
            replies = [client.post(f"/?length={length}", headers=headers) for _ in range(2)]
            assert [reply.status_code for reply in replies] == [200, then]
            assert replies[0].content == b"x" * length
    keys.close()


def test_the_layer_stands_inside_compression_and_other_middleware(
    connections: Connections,
) -> None:
    def charge(request: Request) -> Response:
        return JSONResponse({"text": "x" * 1000})

    async def add_trace(request: Request, call_next: RequestResponseEndpoint) -> Response:
        response = await call_next(request)
        response.headers["x-trace"] = request.headers["x-trace"]
        return response

    keys = KeyStore(connections, clock=time.time)
    app = Starlette(
        routes=[Route("/", charge, methods=["POST"])],
        middleware=[
            Middleware(BaseHTTPMiddleware, dispatch=add_trace),
            Middleware(GZipMiddleware),
            Middleware(IdempotencyMiddleware, keys=keys, account=account_of),
        ],
    )
    with serving(app) as address, patient(address) as client:
        for trace, coding in (("1", "gzip"), ("2", "identity")):
            sent = {**KEY, "x-trace": trace, "accept-encoding": coding}
            reply = client.post("/", headers=sent)
            assert reply.json() == {"text": "x" * 1000}
            assert reply.headers["x-trace"] == trace
            assert reply.headers.get("content-encoding", "identity") == coding
    keys.close()


def test_websockets_and_the_lifespan_pass_through(connections: Connections) -> None:
    seen = []

    async def app(scope: Scope, receive: object, send: object) -> None:
        seen.append(scope["type"])

    layer = IdempotencyMiddleware(
        app, keys=KeyStore(connections, clock=time.time), account=account_of
    )
    for kind in ("lifespan", "websocket"):
        with pytest.raises(StopIteration):
            layer({"type": kind}, None, None).send(None)  # type: ignore[arg-type]
    assert seen == ["lifespan", "websocket"]


CHILD = """
import sys, time
from delivery_semantics.databases import Connections
from delivery_semantics.idempotency import KeyStore
from delivery_semantics.idempotency.table import KeyName
from starlette.responses import JSONResponse

def reached(point):
    if point == sys.argv[2]:
        print(point, flush=True)
        time.sleep(600)  # to be killed in

connections = Connections(sys.argv[1])
keys = KeyStore(connections, clock=lambda: 0.0, effects="in phases")
claim = keys.claim(KeyName("alice", "", "k1"), b"f" * 32)
reached("claimed")
with claim.phase() as phase:
    phase.database.change("INSERT INTO charges (account) VALUES ('alice')")
    phase.finish(JSONResponse({}))
    reached("before the commit")
reached("after the commit")
"""


@only_stripe
@pytest.mark.slow
@pytest.mark.parametrize("point", ["claimed", "before the commit", "after the commit"])
def test_a_killed_process_leaves_no_effect_or_one_with_its_answer(
    new_bed: Callable[..., Bed], point: str
) -> None:
    bed = new_bed(effects="in phases")
    url = bed.connections.url
    with subprocess.Popen(
        [sys.executable, "-c", CHILD, url, point], stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == f"{point}\n"
        child.send_signal(signal.SIGKILL)
    committed = point == "after the commit"
    assert bed.effects() == committed
    bed.clock.now_s = bed.keys.lease_s
    outcome = bed.keys.claim(KeyName("alice", "", "k1"), b"f" * 32)
    assert isinstance(outcome, Claim) == (not committed)
    if isinstance(outcome, Claim):
        assert (outcome.broke_off, outcome.recovery_point) == (True, "started")


@only_stripe
@pytest.mark.slow
def test_handlers_that_fill_the_servers_threads_do_not_keep_the_layer_from_its_own(
    new_bed: Callable[..., Bed],
) -> None:
    bed = new_bed()
    busy, go_on = threading.Semaphore(0), threading.Event()

    def block(request: Request) -> Response:
        busy.release()
        go_on.wait()
        return JSONResponse({})

    app = bed.application(Starlette(routes=[Route("/", block, methods=["POST"])]))
    with (
        serving(app) as address,
        patient(address, limits=httpx.Limits()) as client,
        ThreadPoolExecutor(40) as clients,
    ):

        def ask(number: int) -> int:
            headers = {"authorization": "alice", "idempotency-key": f"k{number}"}
            return client.post("/", headers=headers).status_code

        asked = [clients.submit(ask, number) for number in range(40)]
        for _ in asked:
            busy.acquire()
        assert ask(0) == 409
        go_on.set()
        assert {future.result() for future in asked} == {200}
