"""Where the frames of HTTP/2 begin and end, and whose they are."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from delivery_semantics.systems.frames import DOWN, UP, BadFrame
from delivery_semantics.systems.grpc.frames import (
    END_STREAM,
    GOAWAY,
    PREFACE,
    HTTP2Framing,
    goaway,
    numbering,
    reply,
    request,
)

DATA, HEADERS, RESET, PING = 0, 1, 3, 6


def frame(kind: int, stream: int, body: bytes = b"", flags: int = 0) -> bytes:
    return len(body).to_bytes(3) + bytes([kind, flags]) + stream.to_bytes(4) + body


UPWARD = [
    PREFACE, frame(4, 0), frame(HEADERS, 1, b"path"), frame(DATA, 1, b"x" * 40),
    frame(HEADERS, 3), frame(DATA, 3, flags=END_STREAM),
]  # fmt: skip


@given(st.lists(st.integers(0, sum(map(len, UPWARD))), max_size=12).map(sorted))
def test_however_a_stream_is_split_its_frames_are_the_same(cuts: list[int]) -> None:
    stream, framing = b"".join(UPWARD), HTTP2Framing(numbering())
    parts = [stream[a:b] for a, b in itertools.pairwise([0, *cuts, len(stream)])]
    pieces = [piece for part in parts if part for piece in framing.split(UP, part)]
    assert [piece.data for piece in pieces] == UPWARD
    assert [piece.frame.name for piece in pieces if piece.frame] == [
        ("request preface", 1), ("request settings", 1), request(1), request(1, "data"),
        request(2), request(2, "data"),
    ]  # fmt: skip


def test_a_reply_has_headers_data_and_trailers_of_its_call() -> None:
    framing = HTTP2Framing(numbering())
    list(framing.split(UP, b"".join(UPWARD)))
    down = [
        frame(HEADERS, 3), frame(DATA, 3), frame(DATA, 3), frame(HEADERS, 3, flags=END_STREAM),
        frame(HEADERS, 1, flags=END_STREAM), frame(RESET, 1), frame(PING, 0), frame(200, 0),
    ]  # fmt: skip
    names = [p.frame.name for p in framing.split(DOWN, b"".join(down)) if p.frame]
    assert names == [
        reply(2), reply(2, "data"), reply(2, "data", 2), reply(2, "trailers"),
        reply(1, "trailers"), reply(1, "reset"), ("reply ping", 1), ("reply type 200", 1),
    ]  # fmt: skip


def test_a_goaway_is_about_the_connection_and_no_calls_reply() -> None:
    framing = HTTP2Framing(numbering())
    list(framing.split(UP, b"".join(UPWARD)))
    (piece,) = framing.split(DOWN, goaway(last_stream=3))
    assert piece.frame
    assert (piece.frame.name, piece.frame.call) == (("reply goaway", 1), 0)


def test_the_calls_of_all_connections_are_counted_together() -> None:
    number = numbering()
    first, second = HTTP2Framing(number), HTTP2Framing(number)
    list(first.split(UP, b"".join(UPWARD)))
    named = [piece.frame.name for piece in second.split(UP, b"".join(UPWARD)) if piece.frame]
    assert named[2:] == [request(3), request(3, "data"), request(4), request(4, "data")]


@pytest.mark.parametrize(("refused", "last"), [(1, 0), (2, 1)])
def test_a_refused_call_is_answered_with_the_stream_before_it(refused: int, last: int) -> None:
    framing = HTTP2Framing(numbering(), refuse=(refused,))
    with pytest.raises(BadFrame) as error:
        list(framing.split(UP, b"".join(UPWARD)))
    assert error.value.answer == frame(GOAWAY, 0, last.to_bytes(4) + bytes(4))
