"""A saga: what cannot be done in one transaction is done step by step, and undone.

Source: H. Garcia-Molina and K. Salem, "Sagas", SIGMOD 1987. A compensation must be right also
if it comes before what it compensates.

Book: protocols
"""

from __future__ import annotations

from dataclasses import dataclass

from .. import (
    Ack, Atomic, Bounds, Exploration, Message, Passive, Process, Receive, Save, Send, explore,
)  # fmt: skip
from ..core.effects import Handler, Payload
from ..core.trace import Outcome

BOOK, CANCEL = Message("book", 10), Message("cancel", -10)


class Trip(Passive):
    """Book a hotel; the flight is full, so cancel the hotel until that is acked."""

    messages = (BOOK, CANCEL)

    def start(self) -> Handler:
        """Without an ack the booking is in doubt, so it is cancelled as well."""
        yield Send("hotel", BOOK)
        yield Receive(Ack(BOOK.id), timeout_s=1.0)
        cancelled = False
        while not cancelled:
            yield Send("hotel", CANCEL)
            cancelled = yield Receive(Ack(CANCEL.id), timeout_s=1.0)


@dataclass(frozen=True)
class Hotel(Passive):
    """Book what is new and cancel what is booked; maybe ``remembers`` an early cancel."""

    remembers: bool = True

    def receive(self, source: str, payload: Payload) -> Handler:
        """Go from new to booked to cancelled, each at most once."""
        booked, cancelled = Save("room", "booked"), Save("room", "cancelled")
        if payload == BOOK:
            yield Atomic(Process(BOOK), booked, only_if=("room", 0))
        else:
            yield Atomic(Process(CANCEL), cancelled, only_if=("room", "booked"))
            if self.remembers:
                yield Atomic(cancelled, only_if=("room", 0))
        yield Send(source, Ack(payload.id))


def net_zero(outcome: Outcome) -> bool:
    """Whether the hotel was cancelled as often as it was booked."""
    times = {message_id: count for message_id, count, _ in outcome}
    return times[BOOK.id] == times[CANCEL.id]


def trip_cancelled(*, remembers: bool) -> Exploration:
    """Search every run with one loss, one copy, one crash and one early timeout."""
    parts = {"trip": Trip(), "hotel": Hotel(remembers)}
    return explore(parts, Bounds(early_timeouts=1), at_the_end={"net zero": net_zero})
