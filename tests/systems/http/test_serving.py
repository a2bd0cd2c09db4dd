"""An application is served on loopback for as long as a block lasts."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from delivery_semantics.systems.http.serving import HOST, serving

pytestmark = pytest.mark.slow


def say_hello(request: Request) -> Response:
    return PlainTextResponse("hello")


APP = Starlette(routes=[Route("/", say_hello)])


def test_it_answers_on_loopback_and_nowhere_else() -> None:
    with serving(APP) as address:
        assert urlsplit(address).hostname == HOST == "127.0.0.1"
        assert httpx.get(address, timeout=60).text == "hello"


def test_the_port_is_free_again_after_the_block_also_when_it_raises() -> None:
    try:
        with serving(APP) as address:
            raise KeyError
    except KeyError:
        port = urlsplit(address).port
    with serving(APP, port=port or 0) as again:
        assert again == address
        assert httpx.get(again, timeout=60).text == "hello"


def test_a_port_that_is_taken_is_an_error() -> None:
    with (
        socket.create_server((HOST, 0)) as taken,
        pytest.raises(OSError, match="in use"),
        serving(APP, port=taken.getsockname()[1]),
    ):
        pass


def test_an_app_that_does_not_start_is_an_error() -> None:
    @asynccontextmanager
    async def broken(app: Starlette) -> AsyncIterator[None]:
        open("no such file").close()
        yield

    with (
        pytest.raises(RuntimeError, match="did not start"),
        serving(Starlette(lifespan=broken)),
    ):
        pass


def test_two_lengths_in_one_request_are_refused() -> None:
    with serving(APP) as address:
        at = urlsplit(address)
        with socket.create_connection((HOST, at.port or 0)) as client:
            lengths = b"Content-Length: 3\r\nContent-Length: 4\r\n"
            client.sendall(b"POST / HTTP/1.1\r\nHost: x\r\n" + lengths + b"\r\nabc")
            assert client.recv(64).startswith(b"HTTP/1.1 400")
