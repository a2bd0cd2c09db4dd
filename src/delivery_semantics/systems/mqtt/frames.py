"""Where MQTT's control packets begin and end, and what they are called.

A proxy stands on one hop, between a publisher and the broker or between the broker and a
subscriber. ("PUBLISH", 2) is the second PUBLISH on it, and ("PUBACK", 1) the first PUBACK,
whichever way they go.
Source: OASIS, "MQTT Version 5.0", 2019, sections 2.1 and 3.

Book: 09-comparison-table
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

from ..cut import Cut
from ..frames import FrameName, SizedFrames, counting

TYPES = (
    "CONNECT", "CONNACK", "PUBLISH", "PUBACK", "PUBREC", "PUBREL", "PUBCOMP", "SUBSCRIBE",
    "SUBACK", "UNSUBSCRIBE", "UNSUBACK", "PINGREQ", "PINGRESP", "DISCONNECT", "AUTH",
)  # fmt: skip
"""The types of packets, from 1."""

LENGTH_BYTES_MAX = 4
SCHEME = "mqtt://"


class ControlPacket(NamedTuple):
    """A packet that passed, which way, and its ``fate``; ``raw`` is all of it."""

    kind: str
    number: int
    way: str
    raw: bytes
    fate: str = ""

    @property
    def name(self) -> FrameName:
        """("PUBACK", 1)."""
        return self.kind, self.number

    @property
    def quality(self) -> int:
        """The quality of service of a PUBLISH."""
        return (self.raw[0] >> 1) & 3

    @property
    def again(self) -> bool:
        """Whether a PUBLISH says of itself that it may be a copy: its flag DUP."""
        return bool(self.raw[0] & 8)


def size(data: bytes) -> int:
    """Return the length in bytes of the packet that begins here; 0 if that cannot be told yet.

    After the first byte stands the length of the rest, seven bits in each byte, lowest first.
    """
    rest = 0
    for index, byte in enumerate(data[1 : 1 + LENGTH_BYTES_MAX]):
        rest |= (byte & 127) << (7 * index)
        if byte < 128:
            return 2 + index + rest
    return 0


def on_hop(
    url: str,
    *,
    lose: Iterable[FrameName] = (),
    hold: Iterable[FrameName] = (),
    tell: Callable[[ControlPacket], object] = lambda packet: None,
) -> Cut[ControlPacket]:
    """Return a proxy in front of the broker at ``url``, for one hop.

    With what is in ``lose`` the connection is cut, before anything of it passes.
    """
    number = counting()

    def named(way: str, raw: bytes) -> ControlPacket:
        kind = TYPES[(raw[0] >> 4) - 1]
        return ControlPacket(kind, number(kind), way, raw)

    return Cut(
        url.removeprefix(SCHEME),
        lambda: SizedFrames(size, named),
        cut=dict.fromkeys(lose, 0),
        hold=hold,
        tell=lambda packet, fate: tell(packet._replace(fate=fate)),
    )
