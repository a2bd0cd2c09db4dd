"""One HTTP request and its reply, as they are: nothing is added, followed or tried again.

A client for those who want to see what happens. Most HTTP clients retry, or keep connections
alive and find them dead later; this one makes one attempt on one connection.

Book: 08-stripe-idempotency
"""

from __future__ import annotations

import http.client
import json
from typing import Any, NamedTuple
from urllib.parse import urlsplit

TIMEOUT_S = 120.0
HOP_BY_HOP = {"connection", "keep-alive", "host", "transfer-encoding", "upgrade"}
"""Headers that speak about one connection, and not about the request."""


class NoAnswer(ConnectionError):
    """The connection ended, and no answer had come: nobody knows what has happened."""


class NotSent(ConnectionError):
    """Nobody listens there: the request was not sent, so nothing has happened."""


class Request(NamedTuple):
    """What a client asks. ``path`` includes the query."""

    method: str
    path: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""

    @property
    def key(self) -> str:
        """The idempotency key, or ""."""
        return _values(self.headers, "Idempotency-Key")


class Reply(NamedTuple):
    """What the other side answered."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def header(self, name: str) -> str:
        """Return a header's value, or ""."""
        return _values(self.headers, name)

    def json(self) -> Any:  # noqa: ANN401  # it is whatever was sent
        """Return the body as what its JSON says. Raises ValueError if it is none."""
        return json.loads(self.body)


def ask(url: str, request: Request, *, timeout_s: float = TIMEOUT_S) -> Reply:
    """Send one request to ``url`` (``http://HOST:PORT``) on a connection of its own.

    Raises NotSent where nobody listens, NoAnswer where no answer comes.
    """
    place = urlsplit(url)
    connection = http.client.HTTPConnection(str(place.hostname), place.port, timeout=timeout_s)
    try:
        connection.connect()
    except OSError as error:
        raise NotSent(f"nobody listens at {url}") from error
    try:
        connection.putrequest(request.method, request.path, skip_accept_encoding=True)
        for name, value in end_to_end(request.headers):
            connection.putheader(name, value)
        if request.body and not _values(request.headers, "Content-Length"):
            connection.putheader("Content-Length", str(len(request.body)))
        connection.putheader("Connection", "close")
        connection.endheaders(request.body)
        answer = connection.getresponse()
        return Reply(answer.status, tuple(answer.getheaders()), answer.read())
    except (OSError, http.client.HTTPException) as error:
        raise NoAnswer(f"no answer came from {url}") from error
    finally:
        connection.close()


def end_to_end(headers: tuple[tuple[str, str], ...]) -> list[tuple[str, str]]:
    """Return the headers that a proxy passes on."""
    return [(name, value) for name, value in headers if name.lower() not in HOP_BY_HOP]


def _values(headers: tuple[tuple[str, str], ...], wanted: str) -> str:
    return ", ".join(value for name, value in headers if name.lower() == wanted.lower())
