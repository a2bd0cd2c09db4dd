"""What happened between a producer, a broker and a reader, written down as it happened.

Book: 11-kafka
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence

from ... import Ack, Event, Message, Record, Trace
from ...systems.kafka.frames import KafkaFrame

PRODUCER, BROKER, READER = "producer", "broker", "reader"


class KafkaJournal:
    """The run of some payments, each sent when the one before it is done with.

    ``now`` is the payment that is being sent; requests and replies to produce are about it.
    ``asked`` counts the requests, ``lost`` what was lost of both.
    """

    def __init__(self, payments: Sequence[Message]) -> None:
        self._payments = tuple(payments)
        self._events: list[Event] = []
        self._packets = self.asked = self.lost = 0
        self._lock = threading.Lock()
        self.now = payments[0]

    def passed(self, frame: KafkaFrame, fate: str) -> None:
        """Write down what became of a frame; what a `proxy` tells."""
        with self._lock:
            match frame.name[0]:
                case "produce":
                    self.asked += 1
                    self._packet(PRODUCER, BROKER, self.now, fate)
                case "produce reply":
                    self._packet(BROKER, PRODUCER, Ack(self.now.id), fate)

    def note(self, what: str, who: str, *, note: str = "") -> None:
        """Write down an event that is about the payment of now, or a fault from outside."""
        about = self.now if what in ("confirmed", "failed", "aborted", "gave_up") else None
        with self._lock:
            self._events.append(Event(0, what, who, about, note=note))

    def read(self, records: Iterable[Record]) -> None:
        """Write down what a reader was given, up to the end."""
        for record in records:
            self._packets += 1
            given = Event(0, "delivered", READER, record, BROKER, self._packets)
            self._events += [
                given._replace(what="sent", who=BROKER, peer=READER), given,
                Event(0, "processed", READER, record),
            ]  # fmt: skip
        self._events.append(Event(0, "drained", READER))

    def trace(self) -> Trace:
        """Return all of it; the time of an event is its place in the order."""
        events = [event._replace(time_s=n) for n, event in enumerate(self._events, start=1)]
        names = dict.fromkeys([PRODUCER, BROKER, *(event.who for event in events)])
        return Trace(tuple(names), self._payments, tuple(events), outside=True)

    def _packet(self, source: str, target: str, payload: Message | Ack, fate: str) -> None:
        self._packets += 1
        self.lost += fate == "lost"
        sent = Event(0, "sent", source, payload, target, self._packets)
        arrived = sent._replace(what="delivered", who=target, peer=source)
        self._events += [sent, sent._replace(what="lost") if fate == "lost" else arrived]


def confirmed_and_read(
    payments: Sequence[Message], records: Iterable[Record], *more: tuple[str, str]
) -> Trace:
    """Return the log of a run of which only this is of interest, with faults from outside.

    ``more`` are pairs of what happened and to whom, before anything was read.
    """
    journal = KafkaJournal(payments)
    for payment in payments:
        journal.now = payment
        journal.note("confirmed", PRODUCER)
    for what, who in more:
        journal.note(what, who)
    journal.read(records)
    return journal.trace()
