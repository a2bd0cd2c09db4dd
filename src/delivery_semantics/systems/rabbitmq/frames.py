"""RabbitMQ's two protocols in frames with names: AMQP 0-9-1, and that of its streams.

An AMQP frame has a type, a channel, a size of four bytes, and an end byte (AMQP 0-9-1, section
2.3.5). A message comes in several: a method such as basic.publish, a header, and its body. Here
they count as one frame, because a part of a message is none.

The surprising thing: a confirm is the same method as a consumer's ack, basic.ack. Only the
direction tells them apart.

Book: 12-rabbitmq
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from urllib.parse import urlsplit

from ..cut import Cut
from ..frames import UP, FrameName, NamedFrame, SizedFrames, counting

PROTOCOL = b"AMQP\x00\x00\x09\x01"
HEAD_BYTES, END_BYTES = 7, 1
METHOD, HEADER, BODY, HEARTBEAT = 1, 2, 3, 8
END = 0xCE

METHODS = {
    (60, 40): "publish", (60, 50): "return", (60, 60): "deliver", (60, 71): "get ok",
    (60, 72): "get empty", (60, 80): "ack", (60, 90): "reject", (60, 120): "nack",
}  # fmt: skip
"""Methods, by the numbers of their class and their own; the others have numbers only."""
CARRIES_MESSAGE = ("publish", "return", "deliver", "get ok")
FROM_BROKER = {"ack": "confirm", "nack": "refusal"}
"""What methods are called that the broker sends to a publisher."""

STREAM_KEYS = {2: "publish", 3: "confirm", 4: "refusal", 8: "deliver"}
"""Commands of the protocol of streams. Source: rabbitmq_stream, ``PROTOCOL.adoc``."""


class AmqpFrames(SizedFrames[NamedFrame]):
    """The framing of one AMQP connection; ``number`` counts the frames of each name."""

    def __init__(self, number: Callable[[str], int]) -> None:
        super().__init__(amqp_size, lambda way, raw: _counted(number, amqp_name(way, raw)))


class StreamFrames(SizedFrames[NamedFrame]):
    """The framing of one connection of the protocol of streams, likewise."""

    def __init__(self, number: Callable[[str], int]) -> None:
        super().__init__(_stream_size, lambda way, raw: _counted(number, _stream_name(raw)))


def proxy(
    url: str,
    *,
    streams: bool = False,
    lose: Iterable[FrameName] = (),
    cut: Mapping[FrameName, int] | None = None,
    hold: Iterable[FrameName] = (),
    tell: Callable[[NamedFrame, str], object] = lambda frame, fate: None,
) -> Cut[NamedFrame]:
    """Return a `Cut` before the broker at ``url``, or before its port for ``streams``.

    Frames of one name are counted from 1 over all connections.
    """
    place = urlsplit(url)
    port = stream_port(url) if streams else place.port or 5672
    framing = partial(StreamFrames if streams else AmqpFrames, counting())
    return Cut(f"{place.hostname}:{port}", framing, lose=lose, cut=cut, hold=hold, tell=tell)


def through(url: str, address: str) -> str:
    """Return the broker's URL with another address, HOST:PORT, such as a proxy's."""
    place = urlsplit(url)
    return place._replace(netloc=f"{place.netloc.rpartition('@')[0]}@{address}").geturl()


def stream_port(url: str) -> int:
    """Return the port of the streams: ``#stream=PORT`` in a broker's URL, else 5552."""
    return int(urlsplit(url).fragment.removeprefix("stream=") or 5552)


def amqp_size(raw: bytes) -> int:
    """Return the length of the frame that begins here, a message counting as one; 0: unknown.

    A method that carries a message is followed by its header, which tells the body's length.
    """
    if PROTOCOL.startswith(raw[:4]) or raw.startswith(PROTOCOL[:4]):
        return len(PROTOCOL) if len(raw) >= len(PROTOCOL) else 0
    size = _one(raw, 0)
    if not size or size > len(raw) or _method(raw) not in CARRIES_MESSAGE:
        return size
    header = _one(raw, size)
    if not header or size + header > len(raw):
        return 0
    left = int.from_bytes(raw[size + HEAD_BYTES + 4 : size + HEAD_BYTES + 12])
    size += header
    while left > 0:
        part = _one(raw, size)
        if not part:
            return 0
        left, size = left - (part - HEAD_BYTES - END_BYTES), size + part
    return size


def amqp_name(way: str, raw: bytes) -> str:
    """Return what a frame is."""
    if raw.startswith(PROTOCOL[:4]):
        return "protocol"
    if raw[0] == METHOD:
        method = _method(raw)
        return method if way == UP else FROM_BROKER.get(method, method)
    return "heartbeat" if raw[0] == HEARTBEAT else f"type {raw[0]}"


def _one(raw: bytes, at: int) -> int:
    """Return the length of the single frame that begins at a byte; 0 while that is unknown."""
    if len(raw) < at + HEAD_BYTES:
        return 0
    return HEAD_BYTES + int.from_bytes(raw[at + 3 : at + HEAD_BYTES]) + END_BYTES


def _method(raw: bytes) -> str:
    if raw[0] != METHOD:
        return ""
    numbers = int.from_bytes(raw[7:9]), int.from_bytes(raw[9:11])
    return METHODS.get(numbers, "method {}.{}".format(*numbers))


def _stream_size(raw: bytes) -> int:
    return 4 + int.from_bytes(raw[:4]) if len(raw) >= 4 else 0


def _stream_name(raw: bytes) -> str:
    key = int.from_bytes(raw[4:6])
    return STREAM_KEYS.get(key, f"command {key:#06x}")


def _counted(number: Callable[[str], int], what: str) -> NamedFrame:
    return NamedFrame((what, number(what)))
