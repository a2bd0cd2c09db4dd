"""The document's five takeaways, each with its condition, which can be taken away.

Book: 17-key-takeaways
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache

from ... import (
    Ack, AlternatingBitReceiver, AlternatingBitSender, Bounds, Confirm, Exploration, Load,
    Message, Participant, Passive, ProcessOnce, ProcessThenAck, ProcessThenMark, Receive,
    RetryUntilAcked, Save, Send, Verdict, explore, payments,
)  # fmt: skip
from ...core.check import one_of
from ...core.effects import Handler
from ...core.world import World
from ...show.diagram import sequence
from ...show.view import View

AMOUNT = 10
CONDITION = ("with its condition", "without it")
TIMES = ("never", "once", "twice", "three times")
ATTEMPTS_MAX = 3


@dataclass(frozen=True)
class KeyForEachAttempt(Passive):
    """A client that asks again under a new key: the mistake that looks like a key."""

    messages: tuple[Message, ...] = (Message("pay-1", AMOUNT),)

    def start(self) -> Handler:
        """Ask until there is an answer; what was asked is on disk."""
        for attempt in range((yield Load("attempts")), ATTEMPTS_MAX):
            yield Save("attempts", attempt + 1)
            request = Message(f"pay-{attempt + 1}", AMOUNT)
            yield Send("receiver", request)
            if (yield Receive(Ack(request.id), 1.0)):
                yield Confirm(request.id)
                return


def paid_twice(world: World) -> bool:
    """Whether the receiver has moved the money more than once, under whatever id."""
    return sum(world.stores["receiver"].processed.values()) > 1


@dataclass(frozen=True)
class Takeaway:
    """One of the five: what the document says, and whether a run exists that would refute it.

    ``says`` is true where ``condition`` holds. ``kept`` and ``broken`` are two systems with
    their bounds: in the first the condition holds, in the second it does not.
    ``breaks`` tells in which of the two a run exists that pays never or twice.
    """

    says: str
    condition: str
    kept: tuple[Mapping[str, Participant], Bounds]
    broken: tuple[Mapping[str, Participant], Bounds]
    breaks: str = CONDITION[1]

    def search(self, condition: str) -> Exploration:
        """Search every run with the condition, or without it. Raises ValueError."""
        one_of("condition", condition, CONDITION)
        participants, bounds = self.kept if condition == CONDITION[0] else self.broken
        return explore(participants, bounds, never={"paid twice": paid_twice})


def _pair(receiver: Participant, sender: Participant | None = None) -> dict[str, Participant]:
    return {"sender": sender or RetryUntilAcked("receiver", payments(1)), "receiver": receiver}


_CRASH = Bounds(losses=1, duplicates=0, crashes=1, crashable=("receiver",))
_LOSS = Bounds(losses=1, duplicates=0, crashes=0)
_BITS = {
    "sender": AlternatingBitSender("receiver", payments(1)),
    "receiver": AlternatingBitReceiver(durable=False),
}

TAKEAWAYS: Mapping[str, Takeaway] = {
    "1 impossible": Takeaway(
        "Exactly-once delivery is impossible",
        "an end can crash and forget",
        (_BITS, replace(_CRASH, reordering=False)),
        (_BITS, replace(_LOSS, reordering=False)),
        breaks=CONDITION[0],
    ),
    "2 achievable": Takeaway(
        "Exactly-once processing is achievable",
        "the mark is in the transaction of the effect",
        (_pair(ProcessOnce()), _CRASH),
        (_pair(ProcessThenMark()), _CRASH),
    ),
    "3 practical": Takeaway(
        "At-least-once and idempotency are exactly-once in practice",
        "the sender does not give up",
        (_pair(ProcessOnce()), _LOSS),
        (_pair(ProcessOnce(), RetryUntilAcked("receiver", payments(1), attempts_max=1)), _LOSS),
    ),
    "4 duplicates": Takeaway(
        "Always design for duplicates",
        "a timer can fire before the ack comes",
        (_pair(ProcessThenAck()), Bounds(losses=0, duplicates=0, crashes=0, early_timeouts=1)),
        (_pair(ProcessThenAck()), Bounds(losses=0, duplicates=0, crashes=0)),
        breaks=CONDITION[0],
    ),
    "5 keys": Takeaway(
        "Idempotency keys are your friend",
        "all attempts have one key",
        (_pair(ProcessOnce()), _LOSS),
        (_pair(ProcessOnce(), KeyForEachAttempt()), _LOSS),
    ),
}


@cache
def searched(takeaway: str, condition: str) -> Exploration:
    """Search one of ``TAKEAWAYS``. Raises ValueError for an unknown name."""
    one_of("takeaway", takeaway, TAKEAWAYS)
    return TAKEAWAYS[takeaway].search(condition)


def first_broken(found: Exploration) -> Verdict | None:
    """Return what is broken: paid twice, or never; None if nothing is."""
    verdicts = (found.claims["paid twice"], found.at_least_once_eventually)
    return next((verdict for verdict in verdicts if not verdict.holds), None)


def condition_view(*, takeaway: str, condition: str, seed: int) -> View:
    """Show a shortest run that pays twice or never; where there is none, one that is well."""
    found = searched(takeaway, condition)
    one = TAKEAWAYS[takeaway]
    broken = first_broken(found)
    trace = (broken and broken.counterexample) or found.run(found.outcomes[0])
    there = AMOUNT * sum(trace.processed().values())
    pays = f"a shortest run pays {TIMES[there // AMOUNT]}" if broken else "every run pays once"
    return View(
        picture=sequence(broken or trace, title=f"{one.says}: {condition}"),
        numbers={"money expected": AMOUNT, "there, in this run": there, "worlds": found.worlds},
        sentence=f"The condition: {one.condition}. {condition.capitalize()}, {pays}. "
        f"{found.worlds:,} worlds; 1 payment, {found.bounds}.",
    )
