"""What Kafka does in an exercise: a loop that polls a topic, and transactional ids that fence.

The reader writes what is done with a record, or how a worker is named; the rest is here.
Sources: Apache Kafka documentation, "Message Delivery Semantics"; KIP-98.

Book: 11-kafka
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from inspect import isgeneratorfunction
from typing import Any, ClassVar

from .. import (
    Ack, Atomic, Load, Message, Nack, Passive, Process, ReceiveAny, Save, Send,
)  # fmt: skip
from ..core.check import at_least, of_type
from ..core.effects import CarriesMessage, Effect, Handler, Payload, value
from ..protocols.log import Entry, Fetch

Work = Callable[[int, Message], Generator[Effect, Any, int | None]]
"""From an offset and its payment: what is done, and where to read next; None: one further."""


@dataclass(frozen=True)
class PollLoop(Passive):
    """Read from the committed offset on, and do the reader's ``work`` on each record.

    The position is in memory, as a consumer of Kafka has it; what is committed is on disk,
    under "offset". Raises TypeError for work that does not yield.
    """

    work: Work

    def __post_init__(self) -> None:
        if not isgeneratorfunction(self.work):
            raise TypeError("work is no generator; allowed: a function that yields effects")

    def start(self) -> Handler:
        """Poll for ever."""
        offset = yield Load("offset")
        while True:
            yield Send("log", Fetch(offset))
            came = yield ReceiveAny(Entry, timeout_s=1.0)
            if came is not None and came[1].offset == offset:
                to = yield from self.work(offset, came[1].message)
                offset = offset + 1 if to is None else at_least("where to read next", to, 0)


@value()
class InitTransactions:
    """A worker begins, under its transactional id; the epoch of that id goes up."""

    kind: ClassVar[str] = "init"
    id: str
    partition: int

    @property
    def label(self) -> str:
        """Its name in pictures."""
        return f"Init {self.id}"


@value()
class Begun:
    """The worker's epoch, and the payments of its partition that are not passed on yet."""

    kind: ClassVar[str] = "begun"
    id: str
    epoch: int
    left: tuple[Message, ...]

    @property
    def label(self) -> str:
        """Its name in pictures."""
        return f"Epoch {self.epoch}, {len(self.left)} left"


@value()
class CommitOutput(CarriesMessage):
    """A transaction: a payment and the offset behind it, under a worker's id and epoch."""

    message: Message
    worker: str
    epoch: int
    partition: int

    @property
    def label(self) -> str:
        """Its name in pictures."""
        return f"Commit {self.id}, epoch {self.epoch}"


@dataclass(frozen=True)
class FencingBroker(Passive):
    """Hold one payment in each partition; refuse a commit whose epoch is over."""

    messages: tuple[Message, ...]

    def receive(self, source: str, payload: Payload) -> Handler:
        """Raise the epoch of a worker that begins; commit what has the newest one."""
        if isinstance(payload, InitTransactions):
            epoch = (yield Load(f"epoch of {payload.id}")) + 1
            yield Save(f"epoch of {payload.id}", epoch)
            offset = yield Load(f"offset of {payload.partition}")
            left = self.messages[payload.partition :][: 1 - offset]
            yield Send(source, Begun(payload.id, epoch, left))
        elif isinstance(payload, CommitOutput):
            if payload.epoch == (yield Load(f"epoch of {payload.worker}")):
                offset = Save(f"offset of {payload.partition}", 1)
                yield Atomic(Process(payload.message), offset)
                yield Send(source, Ack(payload.id))
            else:
                yield Send(source, Nack(payload.id))


@dataclass(frozen=True)
class TransactionalWorker(Passive):
    """Pass on what is left in a partition, in one transaction; end when it is refused.

    Raises TypeError for a transactional id that is no text.
    """

    transactional_id: str
    partition: int

    def __post_init__(self) -> None:
        of_type("transactional_id", self.transactional_id, str)

    def start(self) -> Handler:
        """Begin, and commit."""
        yield Send("Kafka", InitTransactions(self.transactional_id, self.partition))
        _, begun = yield ReceiveAny(Begun, timeout_s=1.0)
        for payment in begun.left:
            commit = CommitOutput(payment, begun.id, begun.epoch, self.partition)
            yield Send("Kafka", commit)
