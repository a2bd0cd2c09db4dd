"""Packets as datagrams: what is written can be read, and nothing else is believed."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from delivery_semantics import Ack, Message
from delivery_semantics.core.effects import Payload
from delivery_semantics.core.world import Packet
from delivery_semantics.live import wire
from delivery_semantics.live.wire import BYTES_MAX, decode, encode, learn
from delivery_semantics.participants.alternating_bit import BitAck, Frame

texts = st.text('a1 é"\\\0\n[{,:}]😀', max_size=20)
messages = st.builds(Message, texts, st.integers())
bits = st.integers(0, 1)
payloads = st.one_of(
    messages,
    st.builds(Ack, texts),
    st.builds(Frame, bits, messages),
    st.builds(BitAck, bits),
)
packets = st.builds(Packet, st.integers(1), texts, texts, payloads)


@given(packets)
def test_what_is_encoded_can_be_decoded(packet: Packet) -> None:
    decoded = decode(encode(packet))
    assert decoded == packet
    assert type(decoded.payload) is type(packet.payload)


def test_a_datagram_is_readable() -> None:
    datagram = encode(Packet(7, "sender", "receiver", Message("1", 10)))
    assert datagram == (
        b'{"version":1,"packet":7,"source":"sender","target":"receiver",'
        b'"payload":["Message","1",10]}'
    )


@given(st.binary() | texts.map(str.encode))
def test_garbage_is_no_packet(garbage: bytes) -> None:
    with pytest.raises(ValueError, match="no packet"):
        decode(garbage)


json_values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | texts,
    lambda children: st.lists(children) | st.dictionaries(texts, children),
    max_leaves=5,
)


parts = st.sampled_from(["version", "packet", "source", "target", "payload"])


@given(packets, parts, json_values)
def test_a_datagram_with_one_part_forged_is_no_packet_or_another_one(
    packet: Packet, part: str, forged: object
) -> None:
    content = {**json.loads(encode(packet)), part: forged}
    datagram = json.dumps(content, separators=(",", ":")).encode()
    try:
        decoded = decode(datagram)
    except ValueError:
        return
    assert encode(decoded) == datagram, "what is read is exactly what was written"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b":1,", b":2,"),  # another version
        (b":1,", b":true,"),
        (b":7,", b":7.0,"),
        (b":7,", b":true,"),
        (b":7,", b":NaN,"),
        (b":7,", b":" + b"9" * 5000 + b","),
        (b"10]", b"10,1]"),
        (b"Message", b"Letter"),
        (b"}", b',"more":1}'),
        (b"}", b"} "),
        (b"{", b"[" * 100_000),
    ],
)
def test_a_datagram_that_is_almost_right_is_no_packet(old: bytes, new: bytes) -> None:
    datagram = encode(Packet(7, "sender", "receiver", Message("1", 10)))
    assert decode(datagram).number == 7
    with pytest.raises(ValueError, match="no packet"):
        decode(datagram.replace(old, new, 1))


def test_a_packet_must_fit_into_one_datagram() -> None:
    room = BYTES_MAX - len(encode(Packet(1, "s", "r", Ack(""))))
    assert len(encode(Packet(1, "s", "r", Ack("x" * room)))) == BYTES_MAX
    with pytest.raises(ValueError, match="makes a datagram of 8,193 bytes; allowed: 8,192"):
        encode(Packet(1, "s", "r", Ack("x" * (room + 1))))


class Letter:
    kind: ClassVar[str] = "message"
    id = "1"


def test_a_payload_that_the_format_does_not_know_is_refused() -> None:
    letter: Payload = Letter()
    with pytest.raises(TypeError, match="allowed on a wire: Message, Ack, Frame, BitAck"):
        encode(Packet(1, "s", "r", letter))
    with pytest.raises(TypeError, match="allowed: a dataclass whose name is not taken"):
        learn(Letter)


@dataclass(frozen=True)
class Question:
    kind: ClassVar[str] = "question"
    id: str
    about: Message
    share: float = 0.5
    more: int | None = None


@dataclass(frozen=True)
class Listing:
    kind: ClassVar[str] = "listing"
    id: str
    ids: tuple[str, ...] = ()


def test_a_dataclass_of_the_readers_own_is_learned_and_its_types_are_held(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(wire, "KINDS", dict(wire.KINDS))
    learn(Question)
    packet = Packet(1, "s", "r", Question("1", Message("2", 10)))
    datagram = encode(packet)
    assert decode(datagram) == packet
    for old, new in ((b"0.5", b"true"), (b"null", b'"a"'), (b'["Message","2",10]', b"null")):
        with pytest.raises(ValueError, match="no packet"):
            decode(datagram.replace(old, new))
    with pytest.raises(TypeError, match=r"Listing\.ids is .*; allowed: bool, float, int, str"):
        learn(Listing)
    other: type = dataclass(type("Ack", (), {"kind": "ack", "id": "1"}))
    with pytest.raises(TypeError, match="whose name is not taken"):
        learn(other)
