"""However the bytes of a connection are split, its requests and replies are the same."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from delivery_semantics.systems.frames import DOWN, UP, BadFrame
from delivery_semantics.systems.http.framing import HTTPFraming, Passed

EXCHANGES = [
    (
        b"POST /a HTTP/1.1\r\nHost: x\r\nIdempotency-Key: k\r\nContent-Length: 5\r\n\r\nhello",
        b"HTTP/1.1 201 Created\r\nContent-Length: 2\r\nIdempotent-Replayed: true\r\n\r\nok",
    ),
    (
        b"GET /b HTTP/1.1\r\nHost: x\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"3;x=y\r\nabc\r\nA\r\n0123456789\r\n0\r\nX-Sum: 1\r\n\r\n",
    ),
    (
        b"HEAD /c HTTP/1.1\r\nHost: x\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n",
    ),
    (b"PUT /d HTTP/1.1\r\nHost: x\r\n\r\n", b"HTTP/1.1 204 No Content\r\n\r\n"),
    (
        b"GET /e HTTP/1.1\r\nHost: x\r\n\r\n",
        b"HTTP/1.1 103 Early Hints\r\n\r\n"
        b"HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n",
    ),
]


def numbered() -> Callable[[str], int]:
    """Number the requests from 1."""
    numbers = itertools.count(1)
    return lambda name: next(numbers)


def split(framing: HTTPFraming, way: str, stream: bytes, cuts: list[int]) -> list[Passed]:
    """Split a stream at these places; its pieces are the stream, and each frame ends."""
    parts = [stream[a:b] for a, b in itertools.pairwise([0, *cuts, len(stream)])]
    pieces = [piece for part in parts if part for piece in framing.split(way, part)]
    assert b"".join(piece.data for piece in pieces) == stream
    frames = [piece.frame for piece in pieces if piece.frame]
    assert sum(piece.ends for piece in pieces) == len(frames)
    assert not pieces or pieces[-1].ends
    return frames


@given(st.lists(st.sampled_from(EXCHANGES), max_size=4), st.data())
def test_requests_and_replies_are_found_whatever_the_network_does_to_them(
    exchanges: list[tuple[bytes, bytes]], data: st.DataObject
) -> None:
    framing = HTTPFraming(numbered())
    lines = [sent.split(b" HTTP/1.1")[0].decode() for sent, _ in exchanges]
    for way, number in ((UP, 0), (DOWN, 1)):
        stream = b"".join(exchange[number] for exchange in exchanges)
        cuts = data.draw(st.lists(st.integers(0, len(stream)), max_size=20).map(sorted))
        found = split(framing, way, stream, cuts)
        assert [(passed.number, passed.line) for passed in found] == list(enumerate(lines, 1))
    assert not framing.awaited


def test_every_place_is_one_where_a_stream_may_be_split() -> None:
    for way, number in ((UP, 0), (DOWN, 1)):
        stream = b"".join(exchange[number] for exchange in EXCHANGES)
        framing = HTTPFraming(numbered())
        if way == DOWN:
            split(framing, UP, b"".join(sent for sent, _ in EXCHANGES), [])
        split(framing, way, stream, list(range(1, len(stream))))


def test_what_is_known_of_a_request_and_of_its_reply() -> None:
    framing = HTTPFraming(lambda name: 7)
    [asked] = split(framing, UP, EXCHANGES[0][0], [])
    [answered] = split(framing, DOWN, EXCHANGES[0][1], [])
    assert asked == Passed("request", 7, "", "POST /a", "k")
    assert answered == Passed("reply", 7, "", "POST /a", "k", 201, replayed=True)
    assert (asked.name, answered.name) == (("request", 7), ("reply", 7))


def test_a_reply_of_no_length_ends_with_its_connection() -> None:
    framing = HTTPFraming(lambda name: 1)
    split(framing, UP, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", [])
    pieces = [*framing.split(DOWN, b"HTTP/1.0 200 OK\r\n\r\nabc")]
    assert not any(piece.ends for piece in pieces)
    assert len(framing.awaited) == 1
    assert [piece.ends for piece in framing.split(DOWN, b"")] == [True]
    assert not framing.awaited
    assert [*framing.split(DOWN, b"")] == []


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"Transfer-Encoding: chunked", b"411"),
        (b"Transfer-Encoding: chunked\r\nContent-Length: 3", b"411"),
        (b"Content-Length: 3\r\nContent-Length: 4", b"400"),
        (b"Content-Length: +3", b"400"),
        (b"Content-Length : 3", b"400"),
        (b"Expect: 100-continue", b"417"),
    ],
)
def test_what_two_could_read_in_two_ways_is_refused(head: bytes, status: bytes) -> None:
    framing = HTTPFraming(lambda name: 1)
    with pytest.raises(BadFrame) as bad:
        [*framing.split(UP, b"POST / HTTP/1.1\r\nHost: x\r\n" + head + b"\r\n\r\n")]
    assert bad.value.answer.startswith(b"HTTP/1.1 " + status)


def test_a_head_without_end_is_refused() -> None:
    with pytest.raises(BadFrame) as bad:
        [*HTTPFraming(lambda name: 1).split(UP, b"GET / HTTP/1.1\r\nX: " + b"x" * 2**16)]
    assert bad.value.answer.startswith(b"HTTP/1.1 431 ")


def test_a_tunnel_and_a_reply_to_nothing_are_refused() -> None:
    framing = HTTPFraming(lambda name: 1)
    with pytest.raises(BadFrame, match="a reply to nothing"):
        [*framing.split(DOWN, b"HTTP/1.1 200 OK\r\n\r\n")]
    with pytest.raises(BadFrame, match="no tunnel"):
        [*framing.split(UP, b"CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n")]
