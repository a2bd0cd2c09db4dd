"""The three semantics as pairs of a sender and a receiver: searched, and counted over chance.

Book: 02-delivery-semantics
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from ... import (
    Bounds, CrashPoint, Exploration, Faults, FireAndForget, Mark, MarkThenProcess, Message,
    Network, Once, Participant, Process, ProcessOnce, ProcessThenAck, RetryUntilAcked, Send,
    Trace, audit, explore, payments, simulate,
)  # fmt: skip
from ...core.check import at_least, one_of, probability
from ...core.tasks import Carrier
from ...show.plots import bars
from ...show.view import View


def send_once(receiver: str, messages: tuple[Message, ...]) -> Participant:
    """Return the sender of at-most-once."""
    return FireAndForget(receiver, messages, interval_s=5.0)


def retry(receiver: str, messages: tuple[Message, ...]) -> Participant:
    """Return the sender of at-least-once."""
    return RetryUntilAcked(receiver, messages, timeout_s=5.0)


@dataclass(frozen=True)
class Pair:
    """A sender's half and a receiver's half, and how often the document says they process."""

    sender: Callable[..., Participant]
    receiver: Callable[[], Participant]
    document: str

    def participants(self, messages: int) -> dict[str, Participant]:
        """Return the two ends for this many payments."""
        sender = self.sender("receiver", payments(messages))
        return {"sender": sender, "receiver": self.receiver()}


PAIRS: Mapping[str, Pair] = {
    "at-most-once": Pair(send_once, ProcessThenAck, "0 or 1"),
    "at-most-once, marks first": Pair(send_once, MarkThenProcess, "0 or 1"),
    "at-least-once": Pair(retry, ProcessThenAck, "1 or more"),
    "exactly-once processing": Pair(retry, ProcessOnce, "exactly 1"),
}
"""The document's three semantics; at-most-once also with a receiver that remembers."""


@dataclass(frozen=True)
class Times:
    """The least and the greatest number of times that a message was processed."""

    least: int
    most: int

    def __str__(self) -> str:
        if self.least == self.most:
            return str(self.least)
        return f"{self.least} {'or' if self.most == self.least + 1 else 'to'} {self.most}"

    @property
    def promise(self) -> str:
        """The semantic that these numbers would keep."""
        if self.most <= 1:
            return "exactly once" if self.least == 1 else "at most once"
        return "at least once" if self.least >= 1 else "no promise"


def searched(found: Exploration) -> Times:
    """Return how often a message is processed, over every run that a search has seen."""
    counts = [times for outcome in found.outcomes for _, times, _ in outcome]
    return Times(min(counts), max(counts))


ALL_FAULTS = Bounds(losses=1, duplicates=1, crashes=1, crashable=("receiver",))


def search(pair: str, bounds: Bounds = ALL_FAULTS) -> Exploration:
    """Search every run of one of ``PAIRS`` with one payment."""
    return explore(PAIRS[pair].participants(1), bounds)


# By chance --------------------------------------------------------------------------------


@dataclass(frozen=True)
class Counts:
    """For each payment of one run, how often it was processed; and the money."""

    times: tuple[int, ...]
    money_expected: int
    money_there: int

    @property
    def range(self) -> Times:
        """The least and the greatest."""
        return Times(min(self.times), max(self.times))

    def groups(self) -> dict[str, int]:
        """Return how many payments were processed never, once, and more often."""
        count = Counter(min(times, 2) for times in self.times)
        return {"never": count[0], "once": count[1], "twice or more": count[2]}


def by_chance(
    pair: str, *, loss: float, crash: float = 0.0, copies: float = 0.0, messages: int, seed: int
) -> Counts:
    """Simulate one of ``PAIRS``: ``loss`` both ways, the receiver crashing before any effect.

    ``crash`` is the probability before each of its effects, ``copies`` that of a message to be
    delivered twice. The timer is so long that it hardly ever fires early.
    Raises ValueError for a loss or crash of 1, with which a retrying sender would never end.
    """
    at_least("messages", messages, 1)
    pairs = PAIRS[pair].participants(messages)
    return count(trace_by_chance(pairs, Chances(loss, crash, copies), seed=seed))


class Chances(NamedTuple):
    """How likely each fault is; see ``by_chance``."""

    loss: float = 0.0
    crash: float = 0.0
    copies: float = 0.0


def trace_by_chance(
    participants: Mapping[str, Participant], chances: Chances, *, seed: int,
    carry: Carrier | None = None,
) -> Trace:  # fmt: skip
    """Simulate a pair as ``by_chance`` does; ``carry`` as for ``simulate``. Raises as that."""
    loss, crash, copies = chances
    for name, value in (("loss", loss), ("crash", crash)):
        if probability(name, value) == 1:
            raise ValueError(f"{name} is 1; allowed: 0 or more and below 1")
    slow = {"delay_s": 0.1, "delay_s_mean": 0.2}
    network = Network(
        messages=Faults(loss=loss, duplication=copies, **slow), acks=Faults(loss=loss, **slow)
    )
    points = tuple(
        CrashPoint("receiver", effect, crash) for effect in (Process, Mark, Once, Send)
    )
    return simulate(participants, network, seed=seed, crashes=points, carry=carry)


def count(trace: Trace) -> Counts:
    """Count how often each payment of a run was processed."""
    found, processed = audit(trace), trace.processed()
    times = tuple(processed[message.id] for message in trace.messages)
    return Counts(times, found.money_expected, found.money_there)


TROUBLE: Mapping[str, tuple[float, float]] = {
    "nothing else": (0.0, 0.0),
    "crashes": (0.1, 0.0),
    "crashes and copies": (0.1, 0.1),
}
"""What else may go wrong: the chances of a crash before an effect, and of a second copy."""

PAYMENTS = 100


def spread(*, loss: int, trouble: str, seed: int) -> View:
    """Show how often each pair processes 100 payments; ``loss`` in percent, both ways."""
    one_of("trouble", trouble, TROUBLE)
    crash, copies = TROUBLE[trouble]
    chances = {"loss": loss / 100, "crash": crash, "copies": copies}
    found = {pair: by_chance(pair, **chances, messages=PAYMENTS, seed=seed) for pair in PAIRS}
    ranges = "; ".join(f"{pair} {counts.range}" for pair, counts in found.items())
    return View(
        picture=bars(
            {pair: counts.groups() for pair, counts in found.items()},
            title=f"How often a payment is processed: {loss} % lost, {trouble}",
            x="payments, by how often they were processed",
            stacked=True,
            x_max=PAYMENTS,
            hues={"never": "fault", "once": "good", "twice or more": "accent"},
        ),
        numbers={
            "money expected": 10 * PAYMENTS,
            **{f"there, {pair}": counts.money_there for pair, counts in found.items()},
        },
        sentence=f"Times processed: {ranges}.",
    )


# Words ------------------------------------------------------------------------------------


def counters(trace: Trace) -> dict[str, int]:
    """Count, for one run, what each word of the vocabulary names."""
    kinds = Counter(
        (e.what, e.payload.kind) for e in trace.of("sent", "delivered") if e.payload
    )
    return {
        "messages sent": kinds["sent", "message"],
        "messages delivered": kinds["delivered", "message"],
        "processed": len(trace.of("processed")),
        "acks sent": kinds["sent", "ack"],
        "acks delivered": kinds["delivered", "ack"],
        "confirmed": len(trace.of("confirmed")),
    }
