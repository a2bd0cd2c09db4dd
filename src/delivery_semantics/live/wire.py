"""What a packet is between two sockets: one datagram of JSON, with the version of its format.

A datagram may come from anybody, so reading one trusts nothing: whatever is not exactly what
this format writes is a ValueError, and never another exception.

Book: 02-delivery-semantics
"""

from __future__ import annotations

import json
from typing import Any

from ..core.effects import Ack, Message, Payload
from ..core.world import Packet
from ..participants.alternating_bit import BitAck, Frame

VERSION = 1
BYTES_MAX = 8192
"""Systems differ in the largest datagram they carry; all carry this one."""


def encode(packet: Packet) -> bytes:
    """Return the packet as one datagram.

    Raises TypeError for a payload that this format does not know, ValueError beyond
    ``BYTES_MAX`` bytes.
    """
    number, source, target, payload = packet
    content = {
        "version": VERSION, "packet": number, "source": source, "target": target,
        "payload": _fields(payload),
    }  # fmt: skip
    datagram = json.dumps(content, separators=(",", ":")).encode("ascii")
    if len(datagram) > BYTES_MAX:
        raise ValueError(
            f"payload: {payload.kind} {payload.id[:20]}… makes a datagram of {len(datagram):,} "
            f"bytes; allowed: {BYTES_MAX:,}"
        )
    return datagram


def decode(datagram: bytes) -> Packet:
    """Return the packet that ``encode`` made this datagram of. Raises ValueError for others."""
    try:
        packet = _packet(json.loads(datagram))
        known = encode(packet) == datagram
    except (ValueError, TypeError, RecursionError):
        known = False
    if not known:
        raise ValueError(f"no packet: {datagram[:40]!r}; allowed: what encode returns")
    return packet


def _fields(payload: Payload) -> list[Any]:
    match payload:
        case Message(id, amount):
            return ["Message", id, amount]
        case Ack(id):
            return ["Ack", id]
        case Frame(bit, Message(id, amount)):
            return ["Frame", bit, id, amount]
        case BitAck(bit):
            return ["BitAck", bit]
    raise TypeError(f"payload: {payload!r}; allowed on a wire: Message, Ack, Frame, BitAck")


# int() makes 1 of JSON's true, so that writing it again shows the difference.


def _packet(content: object) -> Packet:
    match content:
        case {
            "packet": int(number), "source": str(source), "target": str(target),
            "payload": [*fields],
        }:  # fmt: skip
            return Packet(int(number), source, target, _payload(fields))
    raise ValueError("no packet")


def _payload(fields: list[Any]) -> Payload:
    match fields:
        case ["Message", str(id), int(amount)]:
            return Message(id, int(amount))
        case ["Ack", str(id)]:
            return Ack(id)
        case ["Frame", int(bit), str(id), int(amount)]:
            return Frame(int(bit), Message(id, int(amount)))
        case ["BitAck", int(bit)]:
            return BitAck(int(bit))
    raise ValueError("no payload")
