"""A service that does not end, or that says odd things, is told of as any other."""

from __future__ import annotations

import json
import queue
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.client import HTTPException, IncompleteRead
from socketserver import StreamRequestHandler, ThreadingTCPServer
from typing import NoReturn

import pytest

from delivery_semantics.idempotency.__main__ import main
from delivery_semantics.idempotency.check import wire
from delivery_semantics.idempotency.check.wire import (
    AnswerTooLarge,
    OneAddress,
    WireAnswer,
    WireRequest,
)
from tests.idempotency.threaded import threaded

OK = b"HTTP/1.1 200 OK\r\n"
DONE = OK + b"Content-Length: 2\r\n\r\nhi"
SHORT_S, LONG_S = 0.2, 60.0
Said = tuple[bytes, bytes]
"""What is said once, and what is said then for ever, if anything."""


@contextmanager
def saying(*answers: Said) -> Iterator[str]:
    """Serve each request with the next of the answers, and then always with the last."""
    left = list(answers)

    class Handler(StreamRequestHandler):
        def handle(self) -> None:
            with suppress(OSError):  # the client has had enough
                self.request.recv(65536)
                once, for_ever = left.pop(0) if len(left) > 1 else left[0]
                self.request.sendall(once)
                while for_ever:
                    self.request.sendall(for_ever)

    with threaded(ThreadingTCPServer(("127.0.0.1", 0), Handler)) as url:
        yield url


def asked(once: bytes, for_ever: bytes = b"", timeout_s: float = LONG_S) -> WireAnswer:
    with saying((once, for_ever)) as url:
        return OneAddress(url, requests_max=1, timeout_s=timeout_s).ask(WireRequest("GET", "/"))


def test_a_name_that_is_not_resolved_is_over_when_its_time_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    resolved, late = threading.Event(), queue.Queue[threading.Thread]()

    def resolve(*_: object, **__: object) -> NoReturn:
        late.put(threading.current_thread())
        resolved.wait(LONG_S)
        raise OSError("no such name")

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    address = OneAddress("http://slow.test/", requests_max=1, timeout_s=SHORT_S)
    with pytest.raises(TimeoutError, match="no connection to slow"):
        address.ask(WireRequest("GET", "/"))
    resolved.set()
    late.get().join()


@pytest.mark.parametrize(
    ("head", "piece"),
    [
        (b"\r\n", b"x" * 65536),
        (b"Transfer-Encoding: chunked\r\n\r\n", b"8000\r\n%b\r\n" % (b"x" * 32768)),
        (b"Content-Length: 1000000000000000\r\n\r\n", b"x" * 65536),
    ],
    ids=["to its end", "chunks", "a length"],
)
def test_a_body_that_does_not_end_is_left(head: bytes, piece: bytes) -> None:
    with pytest.raises(AnswerTooLarge):
        asked(OK + head, piece)


def test_a_drip_is_over_when_its_time_is() -> None:
    with pytest.raises(TimeoutError):
        asked(OK + b"\r\n", b"x", SHORT_S)


@pytest.mark.parametrize(
    ("head", "piece"),
    [(OK, b"a: b\r\n"), (OK + b"a: ", b"x"), (b"", b"HTTP/1.1 100 Continue\r\n\r\n")],
    ids=["headers", "one header", "continue"],
)
def test_a_head_that_does_not_end_is_left(head: bytes, piece: bytes) -> None:
    with pytest.raises((TimeoutError, HTTPException)):
        asked(head, piece, SHORT_S)


def test_a_body_that_ends_early_is_no_answer() -> None:
    for body in (b"x", b""):
        with pytest.raises(IncompleteRead):
            asked(OK + b"Content-Length: 9\r\n\r\n" + body)


def test_a_chunk_of_fewer_than_no_bytes_is_no_answer() -> None:
    with pytest.raises(HTTPException):
        asked(OK + b"Transfer-Encoding: chunked\r\n\r\n-5\r\nhi")


def test_what_comes_before_the_answer_is_passed_over() -> None:
    before = b"".join(
        b"HTTP/1.1 %d Wait\r\nLink: </a>\r\n\r\n" % status for status in (100, 102, 103)
    )
    assert asked(before + DONE) == WireAnswer(200, {"content-length": "2"}, b"hi")
    assert asked(b"HTTP/1.1 101 Switching Protocols\r\n\r\n").status == 101


def test_a_check_of_what_does_not_end_has_a_verdict(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wire, "ANSWER_BYTES_MAX", 1 << 16)
    with saying((DONE, b""), (OK + b"\r\n", b"x" * 4096)) as url:
        assert main(["check", url, "--json"]) == 1
    found = {one["check"]: one for one in json.loads(capsys.readouterr().out)}
    told = (found["H1"]["verdict"], found["H1"]["why"])
    assert told == ("does not hold", "no answer: AnswerTooLarge")
    with saying((OK + b"\r\n", b"x" * 4096)) as url:
        assert main(["check", url]) == 2
    assert "no answer from http://127.0.0.1" in capsys.readouterr().err


def test_a_terminal_gets_no_control_character_of_a_service(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with saying((b"HTTP/1.1 400 No\r\n\r\n\x1b[31mred\x07", b"")) as url:
        assert main(["check", url]) == 2
    said = capsys.readouterr().err
    assert "answered 400; allowed: 2xx. \N{REPLACEMENT CHARACTER}[31mred" in said
    assert said.rstrip("\n").isprintable()
