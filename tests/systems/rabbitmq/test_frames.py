"""The frames of AMQP 0-9-1 and of streams, cut out of bytes however these come."""

from __future__ import annotations

import itertools
from collections import defaultdict

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pika import spec
from pika.frame import Body, Header, Heartbeat, Method, ProtocolHeader

from delivery_semantics.systems.frames import DOWN, UP
from delivery_semantics.systems.rabbitmq.frames import (
    AmqpFrames,
    StreamFrames,
    stream_port,
    through,
)

PROPERTIES = spec.BasicProperties(message_id="7", delivery_mode=2)
TAG = spec.Basic.Ack(delivery_tag=1)


def message(method: object, body: bytes, *, piece: int = 100) -> bytes:
    pieces = [body[n : n + piece] for n in range(0, len(body), piece)]
    frames = [Method(1, method), Header(1, len(body), PROPERTIES)]
    return b"".join(f.marshal() for f in [*frames, *(Body(1, piece) for piece in pieces)])


PUBLISH = spec.Basic.Publish(routing_key="q")
UPWARDS = {
    ("protocol", 1): ProtocolHeader().marshal(),
    ("method 10.11", 1): Method(0, spec.Connection.StartOk({}, "PLAIN", "", "en_US")).marshal(),
    ("publish", 1): message(PUBLISH, b"10"),
    ("publish", 2): message(PUBLISH, b""),
    ("heartbeat", 1): Heartbeat().marshal(),
    ("publish", 3): message(PUBLISH, bytes(1000)),
    ("ack", 1): Method(1, TAG).marshal(),
    ("nack", 1): Method(1, spec.Basic.Nack(delivery_tag=1)).marshal(),
    ("reject", 1): Method(1, spec.Basic.Reject(delivery_tag=1)).marshal(),
}
DOWNWARDS = {
    ("confirm", 1): Method(1, TAG).marshal(),
    ("refusal", 1): Method(1, spec.Basic.Nack(delivery_tag=2)).marshal(),
    ("deliver", 1): message(spec.Basic.Deliver("c", 1, False, "", "q"), b"10"),
    ("return", 1): message(spec.Basic.Return(312, "NO_ROUTE", "", "q"), b"10"),
    ("get ok", 1): message(spec.Basic.GetOk(1, False, "", "q", 0), b"10"),
    ("get empty", 1): Method(1, spec.Basic.GetEmpty()).marshal(),
}


def framing(
    kind: type[AmqpFrames] | type[StreamFrames] = AmqpFrames,
) -> AmqpFrames | StreamFrames:
    numbers: dict[str, itertools.count[int]] = defaultdict(lambda: itertools.count(1))
    return kind(lambda what: next(numbers[what]))


@pytest.mark.parametrize(("way", "frames"), [(UP, UPWARDS), (DOWN, DOWNWARDS)])
@given(data=st.data())
def test_each_frame_comes_whole_with_its_name_however_the_bytes_come(
    way: str, frames: dict[tuple[str, int], bytes], data: st.DataObject
) -> None:
    raw, split, found = b"".join(frames.values()), framing(), {}
    cuts = sorted(data.draw(st.lists(st.integers(0, len(raw)), max_size=20)))
    for begin, end in itertools.pairwise([0, *cuts, len(raw)]):
        for piece in split.split(way, raw[begin:end]):
            assert piece.frame is not None
            assert piece.ends
            found[piece.frame.name] = piece.data
    assert found == frames


def test_a_confirm_and_an_ack_differ_by_their_direction_only() -> None:
    assert UPWARDS["ack", 1] == DOWNWARDS["confirm", 1]


def command(key: int, body: bytes) -> bytes:
    inside = key.to_bytes(2) + (1).to_bytes(2) + body
    return len(inside).to_bytes(4) + inside


@given(cut=st.integers(1, 30))
def test_the_commands_of_streams(cut: int) -> None:
    frames = [command(2, b"message"), command(3, b"ids"), command(0x8006, b""), command(2, b"")]
    raw, split = b"".join(frames), framing(StreamFrames)
    pieces = [*split.split(UP, raw[:cut]), *split.split(UP, raw[cut:])]
    assert [piece.data for piece in pieces] == frames
    names = [piece.frame.name for piece in pieces if piece.frame]
    assert names == [("publish", 1), ("confirm", 1), ("command 0x8006", 1), ("publish", 2)]


@pytest.mark.parametrize(
    ("url", "port", "moved"),
    [
        ("amqp://u:p@here:5/", 5552, "amqp://u:p@there:6/"),
        ("amqp://u:p%40@here/v#stream=7", 7, "amqp://u:p%40@there:6/v#stream=7"),
    ],
)
def test_a_url_names_both_ports_and_can_be_led_elsewhere(
    url: str, port: int, moved: str
) -> None:
    assert stream_port(url) == port
    assert through(url, "there:6") == moved
