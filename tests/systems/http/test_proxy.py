"""The proxy loses exactly what it is told to lose, and the client with one attempt tells."""

from __future__ import annotations

import socket
import threading
import tracemalloc
from collections.abc import AsyncIterator, Iterator
from urllib.parse import urlsplit

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request as Asked
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from delivery_semantics.systems.http.client import NoAnswer, NotSent, Reply, Request, ask
from delivery_semantics.systems.http.framing import Passed
from delivery_semantics.systems.http.proxy import Proxy
from delivery_semantics.systems.http.serving import HOST, serving
from delivery_semantics.systems.server import free_ports

PAY = Request("POST", "/pay?x=1", (("Idempotency-Key", "abc123"),), b"amount=10")


class Service:
    """Remembers what it was asked, and answers with it."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, bytes]] = []
        self.headers: list[list[tuple[str, str]]] = []

    async def answer(self, request: Asked) -> Response:
        body = await request.body()
        self.asked.append((request.method, str(request.url.query), body))
        self.headers.append(request.headers.items())
        return Response(b"answer to " + body, 201, {"X-Seen": str(len(self.asked))})


@pytest.fixture
def service() -> Service:
    return Service()


@pytest.fixture
def url(service: Service) -> Iterator[str]:
    methods = ["GET", "POST", "PUT", "DELETE", "PATCH"]
    routes = [
        Route("/pay", service.answer, methods=methods),
        Route("/big", big, methods=["GET", "POST"]),
        Route("/chunks", chunks, methods=["POST"]),
        Route("/status/{status:int}", no_body),
    ]
    with serving(Starlette(routes=routes)) as url:
        yield url


BIG = 2**23


def no_body(request: Asked) -> Response:
    return Response(status_code=request.path_params["status"])


async def big(request: Asked) -> Response:
    async for _ in request.stream():
        pass
    return StreamingResponse(pieces(), headers={"Content-Length": str(BIG)})


async def chunks(request: Asked) -> Response:
    async for _ in request.stream():
        pass
    return StreamingResponse(pieces())


async def pieces() -> AsyncIterator[bytes]:
    for _ in range(BIG // 2**16):
        yield b"x" * 2**16


def test_a_request_and_its_reply_pass_unchanged(service: Service, url: str) -> None:
    request = PAY._replace(headers=(*PAY.headers, ("X-Two", "a"), ("X-Two", "b")))
    with Proxy(url) as proxy:
        reply = ask(proxy.url, request)
    assert (reply.status, reply.body, reply.header("x-seen")) == (
        201,
        b"answer to amount=10",
        "1",
    )
    assert service.asked == [("POST", "x=1", b"amount=10")]
    assert [pair for pair in service.headers[0] if pair[0] == "x-two"] == [
        ("x-two", "a"),
        ("x-two", "b"),
    ]
    assert proxy.log == (
        Passed("request", 1, "forwarded", "POST /pay?x=1", "abc123"),
        Passed("reply", 1, "forwarded", "POST /pay?x=1", "abc123", 201),
    )


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH"])
def test_any_method_passes(service: Service, url: str, method: str) -> None:
    with Proxy(url) as proxy:
        assert ask(proxy.url, Request(method, "/pay")).body == b"answer to "
    assert service.asked == [(method, "", b"")]


def test_a_lost_request_never_reaches_the_service(service: Service, url: str) -> None:
    with Proxy(url, lose={("request", 1)}) as proxy:
        with pytest.raises(NoAnswer):
            ask(proxy.url, PAY)
        assert service.asked == []
        assert ask(proxy.url, PAY).status == 201
    assert [(p.way, p.number, p.fate) for p in proxy.log] == [
        ("request", 1, "lost"), ("request", 2, "forwarded"), ("reply", 2, "forwarded"),
    ]  # fmt: skip


def test_a_lost_reply_comes_after_the_service_has_done_its_work(
    service: Service, url: str
) -> None:
    with Proxy(url) as proxy:
        proxy.lose(("reply", 1))
        with pytest.raises(NoAnswer):
            ask(proxy.url, PAY)
    assert service.asked == [("POST", "x=1", b"amount=10")]
    assert [(p.way, p.fate, p.status) for p in proxy.log] == [
        ("request", "forwarded", 0),
        ("reply", "lost", 201),
    ]


def test_what_is_held_waits_until_it_is_released(service: Service, url: str) -> None:
    replies: list[Reply] = []
    with Proxy(url, hold={("request", 1), ("reply", 2)}) as proxy:
        first = threading.Thread(target=lambda: replies.append(ask(proxy.url, PAY)))
        first.start()
        proxy.wait_for(("request", 1))
        assert service.asked == []
        second = threading.Thread(target=lambda: replies.append(ask(proxy.url, PAY)))
        second.start()
        proxy.wait_for(("reply", 2))
        assert len(service.asked) == 1
        assert replies == []
        proxy.release(("reply", 2))
        second.join()
        proxy.release(("request", 1))
        first.join()
    assert [reply.header("X-Seen") for reply in replies] == ["1", "2"]


def test_leaving_the_block_lets_go_what_is_held(url: str) -> None:
    replies: list[Reply] = []
    with Proxy(url, hold={("reply", 1)}) as proxy:
        client = threading.Thread(target=lambda: replies.append(ask(proxy.url, PAY)))
        client.start()
        proxy.wait_for(("reply", 1))
    client.join()
    assert [reply.status for reply in replies] == [201]


def test_where_nobody_listens_the_request_is_refused() -> None:
    nobody = f"http://{HOST}:{free_ports(1)[0]}"
    with pytest.raises(NotSent, match="nobody listens"):
        ask(nobody, PAY)
    with Proxy(nobody) as proxy, pytest.raises(NoAnswer):
        ask(proxy.url, PAY)
    assert [p.fate for p in proxy.log] == ["forwarded", "refused"]


def test_a_service_that_hangs_up_leaves_the_reply_missing() -> None:
    with socket.create_server((HOST, 0)) as server:

        def hang_up() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(2**16)

        thread = threading.Thread(target=hang_up)
        thread.start()
        target = f"http://{HOST}:{server.getsockname()[1]}"
        with Proxy(target) as proxy, pytest.raises(NoAnswer):
            ask(proxy.url, PAY)
        thread.join()
    assert [(p.way, p.fate) for p in proxy.log] == [
        ("request", "forwarded"),
        ("reply", "missing"),
    ]


def test_the_target_may_change_while_the_proxy_runs(service: Service, url: str) -> None:
    with Proxy("http://127.0.0.1:1") as proxy:
        with pytest.raises(NoAnswer):
            ask(proxy.url, PAY)
        proxy.target = url
        assert ask(proxy.url, PAY).status == 201


def test_each_entry_of_the_log_is_told_when_it_is_written(url: str) -> None:
    told: list[Passed] = []
    with Proxy(url, tell=told.append) as proxy:
        ask(proxy.url, PAY)
    assert tuple(told) == proxy.log


@pytest.mark.parametrize(
    ("header", "status"),
    [
        (("Transfer-Encoding", "chunked"), 411),
        (("Content-Length", "-1"), 400),
        (("Content-Length", "3\r\nTransfer-Encoding: chunked"), 411),
        (("Content-Length", "3\r\nContent-Length: 4"), 400),
        (("Expect", "100-continue"), 417),
    ],
)
def test_a_body_that_it_cannot_pass_on_whole_is_refused(
    url: str, header: tuple[str, str], status: int
) -> None:
    with Proxy(url) as proxy:
        place = urlsplit(proxy.url)
        with socket.create_connection((str(place.hostname), place.port or 0)) as client:
            head = f"POST /pay HTTP/1.1\r\nHost: x\r\n{header[0]}: {header[1]}\r\n\r\n"
            client.sendall(head.encode())
            assert client.recv(2**16).split()[1] == str(status).encode()
    assert proxy.log == ()


def test_a_client_that_went_away_does_no_harm(
    url: str, capfd: pytest.CaptureFixture[str]
) -> None:
    with Proxy(url, hold={("reply", 1)}) as proxy:
        place = urlsplit(proxy.url)
        with socket.create_connection((str(place.hostname), place.port or 0)) as client:
            client.sendall(b"POST /pay HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")
            proxy.wait_for(("reply", 1))
        proxy.release(("reply", 1))
        assert ask(proxy.url, PAY).status == 201
    assert capfd.readouterr() == ("", "")


def test_a_place_that_is_none_is_refused_with_what_is_allowed() -> None:
    with pytest.raises(ValueError, match="'answer' is no way; allowed: request, reply"):
        Proxy("http://127.0.0.1:1", lose={("answer", 1)})
    with pytest.raises(ValueError, match="number of the reply is 0; allowed"):
        Proxy("http://127.0.0.1:1", hold={("reply", 0)})


# Whole connections ------------------------------------------------------------------------


def connected(proxy: Proxy) -> socket.socket:
    place = urlsplit(proxy.url)
    client = socket.create_connection((str(place.hostname), place.port or 0))
    client.settimeout(30)
    return client


def patient(proxy: Proxy) -> httpx.Client:
    return httpx.Client(base_url=proxy.url, timeout=60)


def all_of(client: socket.socket) -> bytes:
    return b"".join(iter(lambda: client.recv(2**16), b""))


def fates(proxy: Proxy) -> list[tuple[str, int, str]]:
    return [(passed.way, passed.number, passed.fate) for passed in proxy.log]


def test_a_client_that_keeps_its_connection_finds_it_cut_and_makes_another(url: str) -> None:
    with Proxy(url, lose={("reply", 2)}) as proxy, patient(proxy) as client:
        assert client.post("/pay").status_code == 201
        with pytest.raises(httpx.RemoteProtocolError):
            client.post("/pay")
        assert client.post("/pay").headers["X-Seen"] == "3"
    assert fates(proxy)[3:] == [
        ("reply", 2, "lost"), ("request", 3, "forwarded"), ("reply", 3, "forwarded"),
    ]  # fmt: skip


def test_requests_sent_at_once_on_one_connection_are_each_answered(url: str) -> None:
    with Proxy(url) as proxy, connected(proxy) as client:
        head = "POST /pay HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n"
        client.sendall(f"{head}\r\na{head}Connection: close\r\n\r\nb".encode())
        found = all_of(client)
    assert found.count(b"HTTP/1.1 201") == 2
    assert found.index(b"answer to a") < found.index(b"answer to b")
    assert {name for name in fates(proxy) if name[2] == "forwarded"} == set(fates(proxy))
    assert len(proxy.log) == 4


@pytest.mark.parametrize("count", [1, 20, 200])
def test_a_connection_is_cut_within_a_reply(url: str, count: int) -> None:
    with Proxy(url) as proxy, connected(proxy) as client:
        client.sendall(b"GET /big HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        whole = all_of(client)
    with Proxy(url, cut={("reply", 1): count}) as proxy, connected(proxy) as client:
        client.sendall(b"GET /big HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert all_of(client) == whole[:count]
    assert fates(proxy) == [("request", 1, "forwarded"), ("reply", 1, "cut")]


@pytest.mark.parametrize("path", ["/big", "/chunks"])
def test_a_big_body_passes_and_little_of_it_is_in_memory(url: str, path: str) -> None:
    with Proxy(url) as proxy, patient(proxy) as client:
        client.get("/status/204")  # what is loaded late is loaded now
        tracemalloc.start()
        with client.stream(
            "POST", path, content=iter([b"x" * 2**16] * 128),
            headers={"Content-Length": str(BIG)},
        ) as reply:  # fmt: skip
            assert sum(map(len, reply.iter_raw())) == BIG
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert most < BIG / 2


def test_replies_without_a_body_end_where_they_end(url: str) -> None:
    with Proxy(url) as proxy, patient(proxy) as client:
        assert client.head("/big").headers["Content-Length"] == str(BIG)
        assert client.get("/status/204").status_code == 204
        assert client.get("/status/304").status_code == 304
        assert client.post("/pay").status_code == 201
    statuses = [passed.status for passed in proxy.log if passed.way == "reply"]
    assert statuses == [200, 204, 304, 201]


def test_a_client_that_has_closed_its_half_gets_its_reply(url: str) -> None:
    with Proxy(url, hold={("reply", 1)}) as proxy, connected(proxy) as client:
        client.sendall(b"POST /pay HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")
        client.shutdown(socket.SHUT_WR)
        proxy.wait_for(("reply", 1))
        proxy.release(("reply", 1))
        assert all_of(client).startswith(b"HTTP/1.1 201")


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf",
        b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\n\r\n",
        b"SSH-2.0-OpenSSH\r\n\r\n",
    ],
    ids=["half", "two lengths", "another protocol", "no HTTP"],
)
def test_what_is_no_whole_reply_is_missing(answer: bytes) -> None:
    with socket.create_server((HOST, 0)) as server:

        def give() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(2**16)
                connection.sendall(answer)

        thread = threading.Thread(target=give)
        thread.start()
        target = f"http://{HOST}:{server.getsockname()[1]}"
        with Proxy(target) as proxy, pytest.raises(NoAnswer):
            ask(proxy.url, PAY)
        thread.join()
    assert fates(proxy)[-1] == ("reply", 1, "missing")
