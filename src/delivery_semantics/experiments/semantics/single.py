"""One run at a time: what each word counts, where a crash falls, how a run is judged.

Book: 02-delivery-semantics
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache

from ... import (
    AT_LEAST_ONCE, AT_MOST_ONCE, EXACTLY_ONCE, LOST, AckThenProcess, Bounds, Crash, Deliver,
    Exploration, Lose, Message, Network, Once, Participant, Process, ProcessOnce,
    ProcessThenAck, Restart, RetryUntilAcked, Send, Step, Timeout, Trace, Verdict, audit,
    explore, payments, script, simulate,
)  # fmt: skip
from ...core.check import at_least, one_of
from ...core.effects import Effect
from ...core.network import Fate
from ...show.view import View
from ..runs import of_run, of_search
from .pairs import counters

_SILENCE = Timeout("sender")


def _ends(receiver: Participant, *, attempts_max: int | None = None) -> dict[str, Participant]:
    sender = RetryUntilAcked("receiver", payments(1), attempts_max=attempts_max)
    return {"sender": sender, "receiver": receiver}


def _crash(before: type[Effect]) -> tuple[Step, Step]:
    return Crash("receiver", before=before), Restart("receiver")


# Words ------------------------------------------------------------------------------------

_LOST_TWICE = (Lose(1), _SILENCE, Deliver(2), Lose(3), _SILENCE, Deliver(4), Deliver(5))
WRONG: Mapping[str, tuple[Step, ...]] = {
    "nothing": (Deliver(1), Deliver(2)),
    "a message and an ack": _LOST_TWICE,
    "every ack": tuple(
        step for sent in (1, 3, 5) for step in (Deliver(sent), Lose(sent + 1), _SILENCE)
    ),
    "the receiver, each time": tuple(
        step for sent in (1, 2, 3) for step in (Deliver(sent), *_crash(Once), _SILENCE)
    ),
}
"""What goes wrong with one payment, and the steps in which it does."""


def words(*, wrong: str, seed: int) -> View:
    """Count what each word of the vocabulary names; the sender tries three times at most.

    A script leaves nothing to chance. Raises ValueError for what is not in ``WRONG``.
    """
    one_of("wrong", wrong, WRONG)
    trace = script(_ends(ProcessOnce(), attempts_max=3), *WRONG[wrong])
    [(_, _, knows)] = trace.outcome()
    return of_run(
        trace,
        title=f"Processed and marked in one step; goes wrong: {wrong}",
        says=f"What goes wrong: {wrong}. To its sender the payment is {knows}.",
        numbers=counters(trace),
    )


# A limit on attempts ----------------------------------------------------------------------

LOSSES = 3


@cache
def limited(attempts: int) -> Exploration:
    """Search a sender with so many attempts, on a network that may lose three packets."""
    at_least("attempts", attempts, 1)
    bounds = Bounds(losses=LOSSES, duplicates=0, crashes=0)
    return explore(_ends(ProcessThenAck(), attempts_max=attempts), bounds)


def attempts_at_most(*, attempts: int, seed: int) -> View:
    """Show how the network defeats a sender with so many attempts, or fails to."""
    lost = tuple(step for sent in range(LOSSES) for step in (Lose(sent + 1), _SILENCE))
    last = (Deliver(LOSSES + 1), Deliver(LOSSES + 2))
    enough = attempts > LOSSES
    return of_search(
        limited(attempts),
        title=f"At most {attempts} attempts, against three losses",
        claim=Verdict.EVENTUALLY,
        survived=script(_ends(ProcessThenAck(), attempts_max=attempts), *lost, *last)
        if enough
        else None,
    )


# Two lines, one crash ---------------------------------------------------------------------

ORDERS: Mapping[str, tuple[Callable[[], Participant], type[Effect]]] = {
    "acks, then processes": (AckThenProcess, Send),
    "processes, then acks": (ProcessThenAck, Process),
    "processes and marks, then acks": (ProcessOnce, Once),
}
"""Each receiver, and the first of its two effects."""

PLACES = ("nowhere", "before both lines", "between the two")


def crash_run(receiver: str, place: str) -> Trace:
    """Run one payment whose receiver crashes at this place, and whose sender retries.

    Raises ValueError for what is not in ``ORDERS`` and ``PLACES``.
    """
    one_of("receiver", receiver, ORDERS)
    one_of("place", place, PLACES)
    made, first = ORDERS[receiver]
    second = Process if first is Send else Send
    told = first is Send and place == "between the two"
    steps: tuple[Step, ...] = (Deliver(1), Deliver(2))
    if place != "nowhere":
        down = _crash(first if place == "before both lines" else second)
        again = (Deliver(2),) if told else (_SILENCE, Deliver(2), Deliver(3))
        steps = (Deliver(1), *down, *again)
    return script(_ends(made()), *steps)


def order_and_crash(*, receiver: str, place: str, seed: int) -> View:
    """Show what a crash at this place does to the payment; nothing is left to chance."""
    trace = crash_run(receiver, place)
    [(_, times, knows)] = trace.outcome()
    return of_run(
        trace,
        title=f"The receiver {receiver}; it crashes {place}",
        says=f"The receiver {receiver}, and crashes {place}.",
        numbers={"processed": times, "to its sender": knows},
    )


# The audit --------------------------------------------------------------------------------

SEMANTICS = (AT_MOST_ONCE, AT_LEAST_ONCE, EXACTLY_ONCE)
JUDGED = (
    "nothing went wrong",
    "a message was lost",
    "every message was lost",
    "ack, then a crash",
    "process, then a crash",
)


def judged_runs() -> dict[str, Trace]:
    """Run one payment in each of the ways that are ``JUDGED``; the sender tries twice."""
    two = _ends(ProcessThenAck(), attempts_max=2)
    runs = (
        script(two, Deliver(1), Deliver(2)),
        script(two, Lose(1), _SILENCE, Deliver(2), Deliver(3)),
        script(two, Lose(1), _SILENCE, Lose(2), _SILENCE),
        crash_run("acks, then processes", "between the two"),
        crash_run("processes, then acks", "between the two"),
    )
    return dict(zip(JUDGED, runs, strict=True))


def verdicts_on(*, run: str, seed: int) -> View:
    """Judge one of ``JUDGED`` by each semantic. Raises ValueError for another."""
    one_of("run", run, JUDGED)
    trace = judged_runs()[run]
    verdicts = {each.name: audit(trace).verdict(each) for each in SEMANTICS}
    said = "; ".join(f"{name} is {verdict}" for name, verdict in verdicts.items())
    return of_run(
        trace,
        title=f"Judged: {run}",
        says=f"{said}.",
        numbers={name: verdict.partition(":")[0] for name, verdict in verdicts.items()},
    )


# The button -------------------------------------------------------------------------------

ACKS: Mapping[str, dict[tuple[str, int], Fate]] = {"arrives": {}, "is lost": {("ack", 1): LOST}}
"""What becomes of the first ack; where it is lost, the sender asks again by itself."""


def pressed(presses: int, ack: str = "arrives") -> Trace:
    """Run the pair of exactly-once processing with a message of its own for each press.

    Raises ValueError for no press, and for a fate that is not in ``ACKS``.
    """
    at_least("presses", presses, 1)
    one_of("ack", ack, ACKS)
    messages = tuple(Message(f"press {number + 1}") for number in range(presses))
    ends = {"sender": RetryUntilAcked("receiver", messages), "receiver": ProcessOnce()}
    return simulate(ends, Network(placed=ACKS[ack]))


def button(*, presses: int, ack: str, seed: int) -> View:
    """Show what is paid where 10 are meant; nothing is left to chance."""
    trace = pressed(presses, ack)
    verdict = audit(trace).verdict(EXACTLY_ONCE).partition(":")[0]
    return of_run(
        trace,
        title=f"The button is pressed {presses} ×; the first ack {ack}",
        says=f"10 were meant. The audit says “{verdict}”:",
        numbers={
            "attempts": trace.metrics()["attempts"], "ids": presses, "the audit": verdict,
            "money meant": 10,
        },
    )  # fmt: skip
