"""Kafka's frames, named, and a proxy for one broker that can lose them.

A request begins with its size, its kind (the API key) and a number of the client's, the
correlation id; a reply with its size and that number. Source: Apache Kafka, "A Guide to the
Kafka Protocol".

The surprising thing: a client that has connected asks where the brokers are, and from then on
goes there. So the proxy writes its own address over the broker's wherever a reply names it.

Book: 11-kafka
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

from ..cut import Cut
from ..frames import UP, FrameName, NamedFrame, Piece, SizedFrames, counting
from ..server import HOST

APIS = {
    0: "produce", 1: "fetch", 2: "list offsets", 3: "metadata", 8: "offset commit",
    9: "offset fetch", 10: "find coordinator", 11: "join group", 12: "heartbeat",
    13: "leave group", 14: "sync group", 17: "sasl handshake", 18: "api versions",
    22: "init producer id", 24: "add partitions to txn", 25: "add offsets to txn",
    26: "end txn", 28: "txn offset commit", 68: "consumer group heartbeat",
    76: "share group heartbeat", 78: "share fetch", 79: "share acknowledge",
}  # fmt: skip
"""Kinds of requests, by their API key. Source: Kafka, ``ApiKeys``."""

SIZE = 4
KIND, CORRELATION_UP, CORRELATION_DOWN = slice(4, 6), slice(8, 12), slice(4, 8)


def proxy(
    target: str,
    *,
    lose: Iterable[FrameName] = (),
    cut: Mapping[FrameName, int] | None = None,
    hold: Iterable[FrameName] = (),
    tell: Callable[[NamedFrame, str], object] = lambda frame, fate: None,
) -> Cut[NamedFrame]:
    """Return a `Cut` before the broker at ``target``, to be named to clients in its place.

    Requests of a kind are counted from 1 over all connections; a reply has the number of its
    request. Raises ValueError for a broker that is not on loopback: its address has another
    length, and would not fit.
    """
    host, _, port = target.rpartition(":")
    if host not in (HOST, "localhost"):
        raise ValueError(f"target is {target!r}; allowed: {HOST}:PORT, localhost:PORT")
    number = counting()

    def framing() -> KafkaFrames:
        own = int(made.address.rpartition(":")[2])
        return KafkaFrames(number, int(port), own)

    made = Cut(target, framing, lose=lose, cut=cut, hold=hold, tell=tell)
    return made


class KafkaFrames(SizedFrames[NamedFrame]):
    """The framing of one connection: ``number`` counts the requests of a kind.

    In replies HOST:``port`` becomes HOST:``own``.
    """

    def __init__(self, number: Callable[[str], int], port: int, own: int) -> None:
        super().__init__(_size, self._named)
        self._number = number
        self._asked: dict[bytes, FrameName] = {}
        self._readdressed = [
            (host.encode() + _written(port), HOST.encode() + _written(own))
            for host in (HOST, "localhost")
        ]

    def split(self, way: str, data: bytes) -> Iterator[Piece[NamedFrame]]:
        """Return the frames that are complete with these bytes, each as one piece."""
        for piece in super().split(way, data):
            frame = piece.data
            if way != UP:
                for theirs, ours in self._readdressed:
                    frame = frame.replace(theirs, ours)
            yield piece._replace(data=frame)

    def _named(self, way: str, frame: bytes) -> NamedFrame:
        if way == UP:
            key = int.from_bytes(frame[KIND])
            kind = APIS.get(key, f"api {key}")
            name = kind, self._number(kind)
            self._asked[frame[CORRELATION_UP]] = name
            return NamedFrame(name)
        kind, number = self._asked.pop(frame[CORRELATION_DOWN])
        return NamedFrame((f"{kind} reply", number))


def _size(data: bytes) -> int:
    return SIZE + int.from_bytes(data[:SIZE]) if len(data) >= SIZE else 0


def _written(port: int) -> bytes:
    return port.to_bytes(4)
