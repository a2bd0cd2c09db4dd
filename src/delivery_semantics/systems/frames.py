"""Frames: the smallest pieces of a stream that mean something, and what splits it into them.

TCP carries bytes and knows no messages. A request of HTTP, a record of Kafka, a method of AMQP
is a frame of its protocol. A framing finds where each begins and ends, and touches nothing.

Book: 08-stripe-idempotency
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator
from typing import Generic, NamedTuple, Protocol, TypeVar

FrameName = tuple[str, int]
"""What a frame is, and which of these, counted from 1: ("reply", 2)."""

UP, DOWN = "up", "down"
"""The two directions: to the target, and back to the client."""


class Named(Protocol):
    """What a framing knows of a frame when it begins; at least which it is."""

    @property
    def name(self) -> FrameName:
        """Which frame it is."""


F = TypeVar("F", bound=Named)


class NamedFrame(NamedTuple):
    """A frame of which only the name is known; a reply to it is ("produce reply", 2)."""

    name: FrameName


def counting() -> Callable[[str], int]:
    """Return what numbers the frames of each kind from 1, over all connections of a proxy."""
    numbers: defaultdict[str, Iterator[int]] = defaultdict(lambda: itertools.count(1))
    return lambda kind: next(numbers[kind])


class Piece(NamedTuple, Generic[F]):
    """Some bytes of a frame: its first piece has the ``frame``, its last one ``ends`` it."""

    data: bytes
    frame: F | None = None
    ends: bool = False


class Framing(Protocol[F]):
    """Splits the two streams of one connection; ``b""`` is the end of a stream.

    The pieces, put together, are the stream. Raises BadFrame for bytes that are no frames.
    """

    @property
    def awaited(self) -> Collection[F]:
        """What a client still waits for."""

    def split(self, way: str, data: bytes) -> Iterator[Piece[F]]:
        """Return the pieces that are complete with these bytes."""


class BadFrame(ValueError):
    """Bytes that the proxy cannot pass on; ``answer`` is what a client is told."""

    def __init__(self, what: str, answer: bytes = b"") -> None:
        super().__init__(what)
        self.answer = answer


class SizedFrames(Generic[F]):
    """The framing of a protocol whose frames begin with their size.

    ``size(bytes)`` is the length of the whole frame that begins there, or 0 as long as too
    little of it has come. ``name(way, frame)`` tells which frame it is.
    """

    awaited: Collection[F] = ()

    def __init__(self, size: Callable[[bytes], int], name: Callable[[str, bytes], F]) -> None:
        self._size, self._name = size, name
        self._rest = {UP: b"", DOWN: b""}

    def split(self, way: str, data: bytes) -> Iterator[Piece[F]]:
        """Return the frames that are complete with these bytes, each as one piece."""
        rest = self._rest[way] + data
        while 0 < (size := self._size(rest)) <= len(rest):
            frame, rest = rest[:size], rest[size:]
            yield Piece(frame, self._name(way, frame), ends=True)
        self._rest[way] = rest
