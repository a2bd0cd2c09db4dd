"""Where the requests and replies of an HTTP/1.1 connection begin and end (RFC 9112).

A strict parser finds it out, h11; the bytes themselves stay as they are. What two readers could
take in two ways is refused, because requests are smuggled that way: a request with any
Transfer-Encoding, a reply with both a length and chunks.

Book: 08-stripe-idempotency
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterator
from http import HTTPStatus
from typing import NamedTuple

import h11

from ..frames import UP, BadFrame, FrameName, Piece


class Passed(NamedTuple):
    """One request or reply, and what became of it, its ``fate``.

    ``key`` is the request's idempotency key, ``status`` the reply's, or 0; ``replayed`` whether
    the reply says that it was given before.
    """

    way: str
    number: int
    fate: str
    line: str
    key: str
    status: int = 0
    replayed: bool = False

    @property
    def name(self) -> FrameName:
        """("request", 2) is the second request that came, ("reply", 2) the reply to it."""
        return self.way, self.number


class HTTPFraming:
    """The requests and replies of one connection.

    ``number`` gives a request its number, among those of the same name.
    """

    def __init__(self, number: Callable[[str], int]) -> None:
        self.awaited: deque[Passed] = deque()
        self._number = number
        self._parsers: dict[str, h11.Connection] = {}

    def names(self, request: h11.Request) -> tuple[str, str]:
        """Return what a request is called, and the reply to it."""
        return "request", "reply"

    def split(self, way: str, data: bytes) -> Iterator[Piece[Passed]]:
        """Return the pieces of requests, or replies, that are complete with these bytes."""
        begun = way in self._parsers
        try:
            while data or begun:
                data = yield from self._message(way, data)
                begun = False
        except h11.RemoteProtocolError as error:
            raise BadFrame(str(error), _answer(error.error_status_hint)) from error

    def _message(self, way: str, data: bytes) -> Generator[Piece[Passed], None, bytes]:
        """Go on with one message; return what there is behind its end."""
        parser = self._parsers.get(way) or self._begin(way)
        raw = parser.trailing_data[0] + data
        parser.receive_data(data)
        while True:
            event = parser.next_event()
            rest = parser.trailing_data[0]
            piece, raw = raw[: len(raw) - len(rest)], rest
            ends = isinstance(event, h11.EndOfMessage)
            if ends:
                self._end(way)
            if piece or ends:
                yield Piece(piece, self._begins(event), ends)
            if ends or event is h11.NEED_DATA or isinstance(event, h11.ConnectionClosed):
                return rest if ends else b""

    def _begin(self, way: str) -> h11.Connection:
        if way == UP:
            parser = h11.Connection(h11.SERVER)
        elif self.awaited:
            parser = h11.Connection(h11.CLIENT)
            method = self.awaited[0].line.partition(" ")[0]  # a reply to HEAD has no body
            parser.send(h11.Request(method=method, target="/", headers=[("Host", "")]))
            parser.send(h11.EndOfMessage())
        else:
            raise BadFrame("a reply to nothing")
        self._parsers[way] = parser
        return parser

    def _end(self, way: str) -> None:
        del self._parsers[way]
        if way != UP:
            self.awaited.popleft()

    def _begins(self, event: object) -> Passed | None:
        """Return which message begins with this event, None if it is none's beginning."""
        if isinstance(event, h11.Request):
            _check(event)
            line = f"{event.method.decode()} {event.target.decode()}"
            key = _values(event, b"idempotency-key")
            name, answer = self.names(event)
            asked = Passed(name, self._number(name), "", line, key)
            self.awaited.append(asked._replace(way=answer))
            return asked
        if isinstance(event, h11.Response):
            if _values(event, b"transfer-encoding") and _values(event, b"content-length"):
                raise BadFrame("a reply with a length and chunks")
            replayed = _values(event, b"idempotent-replayed") == "true"
            return self.awaited[0]._replace(status=event.status_code, replayed=replayed)
        return None


def _check(request: h11.Request) -> None:
    """Raise BadFrame for a request whose end, or whose answer, two could see differently."""
    if _values(request, b"transfer-encoding"):
        raise BadFrame("allowed: a body with a length", _answer(411))
    if _values(request, b"expect"):
        raise BadFrame("allowed: a body that is sent at once", _answer(417))
    if request.method == b"CONNECT":
        raise BadFrame("allowed: requests, no tunnel", _answer(501))


def _values(event: h11.Request | h11.Response, wanted: bytes) -> str:
    return ", ".join(value.decode("latin-1") for name, value in event.headers if name == wanted)


def _answer(status: int) -> bytes:
    first = f"HTTP/1.1 {status} {HTTPStatus(status).phrase}"
    return f"{first}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode()
