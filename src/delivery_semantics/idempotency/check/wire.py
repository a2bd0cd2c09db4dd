"""Requests to one address and to no other, in a bounded number.

Book: 08-stripe-idempotency
"""

from __future__ import annotations

import http
import http.client
import io
import re
import shlex
import socket
import threading
import time
from collections.abc import Callable, Mapping
from concurrent import futures
from concurrent.futures import Future, InvalidStateError, ThreadPoolExecutor
from contextlib import ExitStack, closing, suppress
from typing import NamedTuple
from urllib.parse import urlsplit

from ..kept import Headers

SECRET = re.compile(r"(?i)auth|cookie|token|secret|api-?key")
"""Headers whose values are not printed."""
BODY_SHOWN_MAX = 1000
ANSWER_BYTES_MAX = 16 << 20
"""Of one answer with its headers: more than anybody keeps for a key."""


class WireRequest(NamedTuple):
    """One request as it is sent, and the lines of a shell that send it."""

    method: str
    target: str
    headers: Headers = ()
    body: bytes = b""

    def curl(self, origin: str, how: str, variables: Mapping[str, str]) -> str:
        """Return a curl command; ``variables`` gives what stands for a key or a secret."""
        parts = ["curl -i", *([how] if how.startswith("-") else []), "-X", self.method]
        for name, value in self.headers:
            parts += ["-H", shlex.quote(f"{name}: {value}" if value else f"{name};")]
        if self.body:
            text = self.body.decode(errors="replace")
            shown = shlex.quote(text) if len(text) <= BODY_SHOWN_MAX else "@BODY"
            parts += ["--data-binary", shown]
        line = " ".join([*parts, shlex.quote(origin + self.target)])
        for value, variable in variables.items():
            line = line.replace(value, f"'\"${variable}\"'")
        return line


class WireAnswer(NamedTuple):
    """What came back; the names of headers are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def done(self) -> bool:
        """Whether the request was carried out, by its status."""
        return 200 <= self.status < 300


class Spent(RuntimeError):
    """No request is left of those that were allowed."""


class AnswerTooLarge(http.client.HTTPException):
    """An answer does not end within the bytes that are read of one."""


class _Bounded(io.RawIOBase):
    """What a socket gives until a time is over, and no more bytes than an answer may have."""

    def __init__(self, there: socket.socket, until_s: float) -> None:
        self._there, self._until_s = there, until_s
        self._bytes = there.makefile("rb", buffering=0)
        self._left = ANSWER_BYTES_MAX

    def readable(self) -> bool:
        return True

    def readinto(self, into: memoryview) -> int | None:  # type: ignore[override]
        left_s = self._until_s - time.monotonic()
        if left_s <= 0:
            raise TimeoutError("timed out")
        self._there.settimeout(left_s)
        count = self._bytes.readinto(into)
        self._left -= count or 0
        if self._left < 0:
            raise AnswerTooLarge(f"more than {ANSWER_BYTES_MAX:,} bytes")
        return count

    def close(self) -> None:
        self._bytes.close()
        super().close()


class _Response(http.client.HTTPResponse):
    """A response that is there as a whole within ``timeout_s``, or not at all."""

    def __init__(self, there: socket.socket, method: str, timeout_s: float) -> None:
        super().__init__(there, method=method)
        self.fp.close()
        self.fp = io.BufferedReader(_Bounded(there, time.monotonic() + timeout_s))

    def begin(self) -> None:
        """Read up to the body; what comes before the answer, as 103, is none."""
        super().begin()
        while self.status // 100 == 1 and self.status != http.HTTPStatus.SWITCHING_PROTOCOLS:
            self.headers = None  # type: ignore[assignment]  # else it has begun already
            super().begin()

    def whole(self) -> bytes:
        """Return the body. A length that is only announced takes no memory."""
        try:
            body = self.read(ANSWER_BYTES_MAX + 1)
        except ValueError as error:  # a chunk of fewer than no bytes
            raise http.client.HTTPException(str(error)) from error
        if self.length:
            raise http.client.IncompleteRead(body, self.length)
        return body


def _connected(
    address: tuple[str, int], timeout_s: float, source: tuple[str, int] | None = None
) -> socket.socket:
    """Connect within a time; to resolve a name has no limit of its own and cannot be ended."""
    told = Future[socket.socket]()

    def connect() -> None:
        try:
            made = socket.create_connection(address, timeout_s, source)
        except Exception as error:
            with suppress(InvalidStateError):
                told.set_exception(error)
            return
        try:
            told.set_result(made)
        except InvalidStateError:  # nobody waits any more
            made.close()

    threading.Thread(target=connect, name="connects", daemon=True).start()
    futures.wait([told], timeout_s)
    if told.cancel():
        raise TimeoutError(f"no connection to {address[0]} in time")
    return told.result()


class OneAddress:
    """Sends up to ``requests_max`` requests to the host of ``url``, and follows nothing.

    Raises ValueError for a URL without http, https or a host. A request raises OSError or
    HTTPException if no answer comes within ``timeout_s``, from the first byte to the last, or
    one of more than ``ANSWER_BYTES_MAX``; and Spent.
    """

    def __init__(self, url: str, *, requests_max: int, timeout_s: float) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.username:
            raise ValueError(f"url is {url!r}; allowed: http://HOST… or https://HOST…")
        self.origin = f"{parts.scheme}://{parts.netloc}"
        self.target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self.left = requests_max
        self._timeout_s = timeout_s
        self._host, self._port = parts.hostname, parts.port
        tls = parts.scheme == "https"
        self._kind = http.client.HTTPSConnection if tls else http.client.HTTPConnection

    def ask(self, asked: WireRequest) -> WireAnswer:
        """Send one request on a connection of its own, and wait for its answer."""
        return self._answer(self._begin(asked), asked)

    def at_once(self, asked: WireRequest, copies: int) -> list[WireAnswer]:
        """Let all copies but for their last byte arrive, and then those together."""
        with ExitStack() as opened, ThreadPoolExecutor(copies) as threads:
            begun = [opened.enter_context(closing(self._begin(asked))) for _ in range(copies)]
            return list(threads.map(lambda one: self._answer(one, asked), begun))

    def leave(self, asked: WireRequest, wait: Callable[[], object]) -> None:
        """Send a request, wait, and end the connection without a look at the answer."""
        with closing(self._begin(asked)) as connection:
            connection.send(asked.body[-1:])
            wait()

    def _begin(self, asked: WireRequest) -> http.client.HTTPConnection:
        if self.left == 0:
            raise Spent("all requests that were allowed are spent")
        self.left -= 1
        connection = self._kind(self._host, self._port, timeout=self._timeout_s)
        connection._create_connection = _connected  # type: ignore[attr-defined]
        connection.putrequest(asked.method, asked.target, skip_accept_encoding=True)
        for name, value in asked.headers:
            connection.putheader(name, value)
        if asked.body or asked.method not in ("GET", "HEAD"):
            connection.putheader("Content-Length", str(len(asked.body)))
        connection.endheaders(asked.body[:-1] or None)
        return connection

    def _answer(self, begun: http.client.HTTPConnection, asked: WireRequest) -> WireAnswer:
        with closing(begun) as connection:
            with suppress(ConnectionError):  # answered before the body was read
                connection.send(asked.body[-1:])
            with closing(_Response(connection.sock, asked.method, self._timeout_s)) as answer:
                answer.begin()
                headers = {name.lower(): value for name, value in answer.getheaders()}
                return WireAnswer(answer.status, headers, answer.whole())
