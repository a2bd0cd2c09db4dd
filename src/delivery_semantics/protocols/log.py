"""A log, and a consumer that keeps the offset up to which it has come.

Source: Apache Kafka documentation, "Message Delivery Semantics": commit before or after
processing, or store the offset in the same place as the output.

Book: protocols
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from .. import (
    Ack, Arm, Atomic, Bounds, Exploration, Load, Message, Passive, Process, Save, Send, explore,
    payments,
)  # fmt: skip
from ..core.effects import CarriesMessage, Handler, Payload


@dataclass(frozen=True, slots=True)
class Fetch:
    """The consumer asks for the record at an offset."""

    kind: ClassVar[str] = "fetch"
    offset: int

    @property
    def id(self) -> str:
        """The offset, as text."""
        return str(self.offset)


@dataclass(frozen=True, slots=True)
class Entry(CarriesMessage):
    """The message at an offset."""

    offset: int
    message: Message


@dataclass(frozen=True)
class Topic(Passive):
    """Answer with the record that is asked for; the log forgets nothing and counts nothing.

    A payment may stand more than once among the ``records``.
    """

    records: tuple[Message, ...]

    @property
    def messages(self) -> tuple[Message, ...]:
        """Each payment in the log, once."""
        return tuple(dict.fromkeys(self.records))

    def receive(self, source: str, payload: Payload) -> Handler:
        """Send the record, if it is there yet."""
        if isinstance(payload, Fetch) and payload.offset < len(self.records):
            yield Send(source, Entry(payload.offset, self.records[payload.offset]))


@dataclass(frozen=True)
class AppendLog(Passive):
    """Append what a producer sends, and answer with the record that is asked for.

    With ``idempotent`` it knows a producer's record again and appends it once.
    """

    idempotent: bool

    def receive(self, source: str, payload: Payload) -> Handler:
        """Append and ack a message, or send the record at an offset, if it is there yet."""
        records = yield Load("records", ())
        if isinstance(payload, Fetch):
            if payload.offset < len(records):
                yield Send(source, Entry(payload.offset, records[payload.offset]))
        elif isinstance(payload, Message):
            if not (self.idempotent and payload in records):
                yield Save("records", (*records, payload))
            yield Send(source, Ack(payload.id))


@dataclass(frozen=True)
class Consumer(Passive):
    """Poll the log; commit the offset ``before``, ``after`` or ``with`` the processing."""

    commits: str

    def start(self) -> Handler:
        """Ask for the next record."""
        yield from self.timer("poll")

    def timer(self, name: str) -> Handler:
        """Ask for the next record, and again after a second."""
        yield Send("log", Fetch((yield Load("offset"))))
        yield Arm("poll", 1.0)

    def receive(self, source: str, payload: Payload) -> Handler:
        """Process a record that is not behind the offset, and go on."""
        if not isinstance(payload, Entry) or payload.offset != (yield Load("offset")):
            return
        process, commit = Process(payload.message), Save("offset", payload.offset + 1)
        if self.commits == "before":
            yield commit
        yield Atomic(process, commit) if self.commits == "with" else process
        if self.commits == "after":
            yield commit
        yield from self.timer("poll")


def read_log(commits: str) -> Exploration:
    """Search every run of one record with one crash of the consumer."""
    parts = {"log": Topic(payments(1)), "consumer": Consumer(commits)}
    return explore(parts, Bounds(losses=0, duplicates=0, crashes=1, crashable=("consumer",)))
