"""What happened between a producer, a broker and a reader, written down as it happened.

Book: 11-kafka
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ... import Ack, Event, Message, Record, Trace
from ...live.run_log import RunLog
from ...systems.frames import NamedFrame

PRODUCER, BROKER, READER = "producer", "broker", "reader"


class KafkaJournal(RunLog):
    """The run of some payments, each sent when the one before it is done with.

    ``now`` is the payment that is being sent; requests and replies to produce are about it.
    ``asked`` counts the requests, ``lost`` what was lost of both.
    """

    def __init__(self, payments: Sequence[Message]) -> None:
        super().__init__((PRODUCER, BROKER), payments)
        self.asked = self.lost = 0
        self.now = payments[0]

    def passed(self, frame: NamedFrame, fate: str) -> None:
        """Write down what became of a frame; what a `proxy` tells."""
        with self.lock:
            match frame.name[0]:
                case "produce":
                    self.asked += 1
                    self.packet(PRODUCER, BROKER, self.now, lost=fate == "lost")
                case "produce reply":
                    self.packet(BROKER, PRODUCER, Ack(self.now.id), lost=fate == "lost")

    def asked_after(self, requests: int) -> bool:
        """Return whether there have been more requests than so many."""
        return self.asked > requests

    def lose(self, sent: Event) -> None:
        """Write down that a packet is gone, and count it."""
        self.lost += 1
        super().lose(sent)

    def tell(self, what: str, who: str, note: str = "") -> None:
        """Write down an event that is about the payment of now, or a fault from outside."""
        about = self.now if what in ("confirmed", "failed", "aborted", "gave_up") else None
        self.note(what, who, about, note)

    def read(self, records: Iterable[Record]) -> None:
        """Write down what a reader was given, up to the end."""
        for record in records:
            self.packet(BROKER, READER, record)
            self.note("processed", READER, record)
        self.note("drained", READER)


def confirmed_and_read(
    payments: Sequence[Message], records: Iterable[Record], *more: tuple[str, str]
) -> Trace:
    """Return the log of a run of which only this is of interest, with faults from outside.

    ``more`` are pairs of what happened and to whom, before anything was read.
    """
    journal = KafkaJournal(payments)
    for payment in payments:
        journal.now = payment
        journal.tell("confirmed", PRODUCER)
    for what, who in more:
        journal.tell(what, who)
    journal.read(records)
    return journal.trace()
