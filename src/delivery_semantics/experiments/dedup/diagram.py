"""The document's diagram as it is drawn: the processed ids live in a database of their own.

The receiver asks it over the network, and every question is a packet that can wait. So the
diagram's hole is wider than a crash: while one copy is being processed, another may ask.

Book: 07-deduplication
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import ClassVar

from ... import (
    Ack, Bounds, Deliver, Exploration, IsMarked, Lose, Mark, Message, Participant, Passive,
    Process, RetryUntilAcked, Send, Timeout, Trace, explore, script,
)  # fmt: skip
from ...core.effects import CarriesMessage, Handler, Payload
from ...show.diagram import sequence
from ...show.view import View

IDS = "processed IDs"
PAYMENT = Message("abc123")


@dataclass(frozen=True)
class IdPayload(CarriesMessage):
    """What receiver and database write each other about a message."""

    kind: ClassVar[str]
    message: Message
    sender: str


class LookUp(IdPayload):
    """Was this id processed?"""

    kind = "look up"


class NotFound(IdPayload):
    """No, it was not."""

    kind = "not found"


class Found(IdPayload):
    """Yes, it was."""

    kind = "found"


class Remember(IdPayload):
    """Mark this id as processed."""

    kind = "mark"


class Remembered(IdPayload):
    """It is marked."""

    kind = "marked"


class ProcessedIds(Passive):
    """The database of the diagram: it keeps ids, and answers questions about them."""

    def receive(self, source: str, payload: Payload) -> Handler:
        """Answer a question, or mark an id and say so."""
        match payload:
            case LookUp(message, sender):
                answer = Found if (yield IsMarked(message.id)) else NotFound
                yield Send(source, answer(message, sender))
            case Remember(message, sender):
                yield Mark(message.id)
                yield Send(source, Remembered(message, sender))


class LookUpThenProcess(Passive):
    """The receiver of the diagram: look up, process, mark, ack."""

    def receive(self, source: str, payload: Payload) -> Handler:
        """Take the next step, by what has arrived."""
        match payload:
            case Message():
                yield Send(IDS, LookUp(payload, source))
            case NotFound(message, sender):
                yield Process(message)
                yield Send(IDS, Remember(message, sender))
            case Found(message, sender) | Remembered(message, sender):
                yield Send(sender, Ack(message.id))


class ClaimThenProcess(Passive):
    """Mark before processing, in one step with the question: of two copies, one is told it."""

    def receive(self, source: str, payload: Payload) -> Handler:
        """Claim the id; process if it was ours to claim; ack in any case."""
        match payload:
            case Message():
                yield Send(IDS, Remember(payload, source))
            case Remembered(message, sender):
                yield Process(message)
                yield Send(sender, Ack(message.id))
            case Found(message, sender):
                yield Send(sender, Ack(message.id))


class ClaimedIds(Passive):
    """A database that marks an id only once: a unique key, and no look beforehand."""

    def receive(self, source: str, payload: Payload) -> Handler:
        """Mark the id if it is new, and say which."""
        assert isinstance(payload, Remember)
        taken = yield IsMarked(payload.id)
        if not taken:
            yield Mark(payload.id)
        answer = Found if taken else Remembered
        yield Send(source, answer(payload.message, payload.sender))


def three(*, claim: bool = False) -> dict[str, Participant]:
    """Return sender, receiver and database; ``claim`` is mark first, in one step."""
    return {
        "sender": RetryUntilAcked("receiver", (PAYMENT,)),
        "receiver": ClaimThenProcess() if claim else LookUpThenProcess(),
        IDS: ClaimedIds() if claim else ProcessedIds(),
    }


def drawn() -> Trace:
    """Run the document's diagram: one payment, its ack lost, and the retry skipped."""
    asked = (Deliver(1), Deliver(2), Deliver(3), Deliver(4), Deliver(5))
    again = (Deliver(7), Deliver(8), Deliver(9), Deliver(10))
    return script(three(), *asked, Lose(6), Timeout("sender"), *again)


def in_between(*, claim: bool = False, crashes: int = 0) -> Exploration:
    """Search a perfect network where one retry may come early and the receiver may crash."""
    within = Bounds(
        losses=0, duplicates=0, crashes=crashes, early_timeouts=1, reordering=False,
        crashable=("receiver",) if crashes else None,
    )  # fmt: skip
    return explore(three(claim=claim), within)


ASKS = {"looks up, then marks": False, "claims the id": True}
"""What the receiver asks the database."""
MAY_CRASH = {"nobody": 0, "the receiver, once": 1}


@cache
def _searched(asks: str, crashes: str) -> Exploration:
    return in_between(claim=ASKS[asks], crashes=MAY_CRASH[crashes])


def between_view(*, asks: str, crashes: str, seed: int = 1) -> View:
    """Show a shortest run that pays twice or never; where there is none, one that is well."""
    found = _searched(asks, crashes)
    broken = next((each for each in found.verdicts if not each.holds), None)
    trace = (broken and broken.counterexample) or found.run(found.outcomes[0])
    times = trace.processed()[PAYMENT.id]
    said = ("never, though it is acked", "once", "twice")[times]
    pays = f"In a shortest run it is paid {said}" if broken else "It is paid once in every run"
    return View(
        sequence(broken or trace, title=f"The receiver {asks}; may crash: {crashes}"),
        {
            "worlds": found.worlds,
            "money expected": PAYMENT.amount,
            "money there": PAYMENT.amount * times,
        },
        f"The receiver {asks}; may crash: {crashes}. {pays}. {found.worlds} worlds.",
    )
