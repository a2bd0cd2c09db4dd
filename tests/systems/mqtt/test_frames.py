"""However the bytes are split, MQTT's packets are found, and named by their types."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from delivery_semantics import Message
from delivery_semantics.systems.frames import DOWN, UP, SizedFrames
from delivery_semantics.systems.mqtt.client import Peer, names
from delivery_semantics.systems.mqtt.frames import ControlPacket, on_hop, size


def packet(kind: int, body: bytes) -> bytes:
    """A packet as the specification has it, section 2.1."""
    length, rest = b"", len(body)
    while True:
        rest, digit = divmod(rest, 128)
        length += bytes([digit | (128 if rest else 0)])
        if not rest:
            return bytes([kind << 4]) + length + body


@given(
    st.lists(st.tuples(st.integers(1, 15), st.sampled_from([0, 1, 127, 128, 20_000]))),
    st.data(),
)
def test_packets_are_found_however_the_stream_is_cut(
    packets: list[tuple[int, int]], data: st.DataObject
) -> None:
    sent = [packet(kind, b"x" * length) for kind, length in packets]
    stream = b"".join(sent)
    cuts = data.draw(st.lists(st.integers(0, len(stream)), max_size=9).map(sorted))
    framing = SizedFrames(size, lambda way, raw: ControlPacket("?", 1, way, raw))
    parts = [stream[a:b] for a, b in itertools.pairwise([0, *cuts, len(stream)])]
    found = [piece for part in parts for piece in framing.split(UP, part)]
    assert [piece.data for piece in found] == sent
    assert all(piece.ends and piece.frame for piece in found)


def test_what_is_not_complete_has_no_size_yet() -> None:
    assert [size(data) for data in (b"", b"\x30", b"\x30\x80", b"\x30\x80\x01")] == [
        0, 0, 0, 131,
    ]  # fmt: skip


def test_a_publish_tells_its_level_and_whether_it_may_be_a_copy() -> None:
    first = ControlPacket("PUBLISH", 1, UP, b"\x32\x00")
    again = ControlPacket("PUBLISH", 2, UP, b"\x3c\x00")
    assert (first.quality, first.again) == (1, False)
    assert (again.quality, again.again) == (2, True)


@pytest.mark.slow
@pytest.mark.needs("mqtt")
@pytest.mark.parametrize(
    ("quality", "exchange"),
    [
        (0, [("PUBLISH", 1)]),
        (1, [("PUBLISH", 1), ("PUBACK", 1)]),
        (2, [("PUBLISH", 1), ("PUBREC", 1), ("PUBREL", 1), ("PUBCOMP", 1)]),
    ],
)
def test_the_exchanges_of_the_three_levels(
    url: str, quality: int, exchange: list[tuple[str, int]]
) -> None:
    told: list[ControlPacket] = []
    with (
        names(url, "publisher") as (topic, publisher),
        on_hop(url, tell=told.append) as hop,
        Peer(f"mqtt://{hop.address}", publisher) as peer,
    ):
        peer.publish(topic, Message("1"), quality)
        peer.subscribe(f"{topic}/else", 0)
    assert [one.name for one in told if one.kind.startswith("PUB")] == exchange
    assert {one.fate for one in told} == {"forwarded"}
    ways = {one.kind: one.way for one in told}
    assert (ways["PUBLISH"], ways["CONNACK"]) == (UP, DOWN)
