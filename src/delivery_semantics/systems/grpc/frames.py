"""Where the frames of an HTTP/2 connection begin and end, and which call each belongs to.

A frame has nine bytes in front: the length of the rest, a type, flags, and the stream (RFC
9113, section 4.1). Before the first one a client sends a preface. A call of gRPC is a stream: a
request of HEADERS and DATA, and a reply of HEADERS, DATA and HEADERS again, the trailers, which
have the status. An attempt that gRPC makes by itself is a stream of its own.

A frame that is lost, while the connection goes on, cannot be made with HTTP/2: the two ends
compress headers by what was sent before (RFC 7541), and would no longer understand each other.
So frames are cut here, with the connection, or held.

Book: 14-grpc
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import NamedTuple

from ..frames import UP, BadFrame, FrameName, SizedFrames

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
HEAD_BYTES = 9

DATA, HEADERS, RST_STREAM, GOAWAY = 0, 1, 3, 7
END_STREAM = 1
TYPES = (
    "data", "headers", "priority", "reset", "settings", "push promise", "ping", "goaway",
    "window update", "continuation",
)  # fmt: skip


class HTTP2Frame(NamedTuple):
    """A frame: its ``what``, and ``nth`` of these, from 1.

    ``call`` numbers the attempts in the order in which they come, over all connections; 0: the
    frame is about the connection, such as a GOAWAY.
    """

    what: str
    nth: int
    call: int = 0

    @property
    def name(self) -> FrameName:
        """Which frame it is, such as ("reply 2 trailers", 1)."""
        return self.what, self.nth


def request(call: int, what: str = "headers", nth: int = 1) -> FrameName:
    """Return the name of a frame of a request, such as "headers" or "data"."""
    return f"request {call} {what}", nth


def reply(call: int, what: str = "headers", nth: int = 1) -> FrameName:
    """Return the name of a frame of a reply, such as "headers", "data" or "trailers"."""
    return f"reply {call} {what}", nth


def numbering() -> Callable[[], int]:
    """Return what numbers the calls of all connections of one proxy."""
    return itertools.count(1).__next__


class HTTP2Framing(SizedFrames[HTTP2Frame]):
    """The frames of one connection; ``number`` gives each call its number.

    The calls in ``refuse`` are answered by the proxy itself, as a server does that is about to
    end and has not begun them: with a GOAWAY whose last stream is the one before.
    """

    def __init__(self, number: Callable[[], int], *, refuse: tuple[int, ...] = ()) -> None:
        super().__init__(_size, self._frame)
        self._number, self._refuse = number, refuse
        self._calls: dict[int, int] = {}
        self._seen: dict[str, int] = {}

    def _frame(self, way: str, raw: bytes) -> HTTP2Frame:
        side = "request" if way == UP else "reply"
        if raw.startswith(PREFACE):
            return self._counted(f"{side} preface", 0)
        kind, flags, stream = raw[3], raw[4], int.from_bytes(raw[5:9]) & 2**31 - 1
        what = TYPES[kind] if kind < len(TYPES) else f"type {kind}"
        if stream == 0:
            return self._counted(f"{side} {what}", 0)
        if way == UP and kind == HEADERS and stream not in self._calls:
            self._calls[stream] = self._number()
            if self._calls[stream] in self._refuse:
                raise BadFrame("refused before it began", goaway(last_stream=stream - 2))
        if way != UP and kind == HEADERS and flags & END_STREAM:
            what = "trailers"
        call = self._calls.get(stream, 0)
        return self._counted(f"{side} {call} {what}", call)

    def _counted(self, what: str, call: int) -> HTTP2Frame:
        self._seen[what] = self._seen.get(what, 0) + 1
        return HTTP2Frame(what, self._seen[what], call)


def goaway(*, last_stream: int) -> bytes:
    """Return a GOAWAY: no stream after this one was looked at (RFC 9113, section 6.8)."""
    body = max(0, last_stream).to_bytes(4) + (0).to_bytes(4)
    return len(body).to_bytes(3) + bytes([GOAWAY, 0]) + (0).to_bytes(4) + body


def _size(raw: bytes) -> int:
    if raw.startswith(PREFACE[:HEAD_BYTES]):
        return len(PREFACE)
    if PREFACE.startswith(raw) or len(raw) < HEAD_BYTES:
        return 0
    return HEAD_BYTES + int.from_bytes(raw[:3])
