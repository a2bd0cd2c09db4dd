"""What a packet is between two sockets: one datagram of JSON, with the version of its format.

A datagram may come from anybody, so reading one trusts nothing: whatever is not exactly what
this format writes is a ValueError, and never another exception.

Book: 02-delivery-semantics
"""

from __future__ import annotations

import json
from dataclasses import fields, is_dataclass
from typing import Any, get_args, get_type_hints

from ..core.effects import Ack, Message, Payload
from ..core.world import Packet
from ..participants.alternating_bit import BitAck, Frame

VERSION = 1
PLAIN = (bool, float, int, str, type(None))
KINDS: dict[str, tuple[type[Any], dict[str, tuple[type[Any], ...]]]] = {}
"""The payloads that this process reads and writes: by name the class, its fields and types."""

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
        "payload": written(payload),
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
    except (KeyError, ValueError, TypeError, RecursionError):
        known = False
    if not known:
        raise ValueError(f"no packet: {datagram[:40]!r}; allowed: what encode returns")
    return packet


def learn(kind: type[Any]) -> None:
    """Read and write another kind of payload as well: a dataclass of a name of its own.

    Its fields are text, numbers, truths, None, or payloads that are known already. Raises
    TypeError for others.
    """
    name = kind.__name__
    there, _ = KINDS.get(name, (kind, {}))
    if name in KINDS and there is kind:
        return
    if not is_dataclass(kind) or there.__module__ != kind.__module__:
        raise TypeError(f"payload: {kind!r}; allowed: a dataclass whose name is not taken")
    types = get_type_hints(kind)
    shape = {f.name: get_args(types[f.name]) or (types[f.name],) for f in fields(kind)}
    known: list[type[Any]] = [*PLAIN, *(one for one, _ in KINDS.values())]
    for field, allowed in shape.items():
        if not set(allowed) <= set(known):
            names = ", ".join(one.__name__ for one in known)
            raise TypeError(f"{name}.{field} is {types[field]}; allowed: {names}")
    KINDS[name] = (kind, shape)


for _kind in (Message, Ack, Frame, BitAck):
    learn(_kind)


def written(payload: Any) -> list[Any]:  # noqa: ANN401  # of whatever kind
    """Return a payload as JSON has it: the name of its kind, then its fields in order."""
    kind, shape = KINDS.get(type(payload).__name__, (None, {}))
    if type(payload) is not kind:
        raise TypeError(f"payload: {payload!r}; allowed on a wire: {', '.join(KINDS)}")
    values = (getattr(payload, name) for name in shape)
    return [kind.__name__, *(v if isinstance(v, PLAIN) else written(v) for v in values)]


def _packet(datagram: object) -> Packet:
    match datagram:
        case {
            "packet": int(number), "source": str(source), "target": str(target),
            "payload": [*content],
        }:  # fmt: skip
            # int() makes 1 of JSON's true, so that writing it again shows the difference.
            return Packet(int(number), source, target, read(content))
    raise ValueError("no packet")


def read(content: list[Any]) -> Payload:
    """Return the payload that ``written`` gave. Raises KeyError, ValueError, TypeError."""
    name, *values = content
    kind, shape = KINDS[name]
    values = [read(value) if isinstance(value, list) else value for value in values]
    if not all(type(v) in allowed for v, allowed in zip(values, shape.values(), strict=True)):
        raise ValueError("no payload")
    made: Payload = kind(*values)
    return made
