"""The sender's half: a reply is lost, the payment is sent again, under one id or another.

Sources: Amazon SQS Developer Guide, "Using the message deduplication ID in Amazon SQS" and
"Exactly-once processing in Amazon SQS"; API reference of SendMessage.

Book: 13-aws-sqs
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

from ... import (
    Bounds, Broker, Exploration, ProcessThenAck, RetryUntilAcked, Trace, audit, explore,
    payments,
)  # fmt: skip
from ...show.diagram import sequence
from ...show.view import View
from ...systems.sqs.server import running
from .lab import FIRST_SEND, PRODUCER, Handed, SQSLab, lab

WINDOW_S = 300
AFTER_S = (0, 299, 301)
[PAYMENT] = payments(1)

OF_THE_PAYMENT, OF_THE_ATTEMPT = "one for the payment", "one for each attempt"
OF_THE_CONTENT, WITH_A_CLOCK = "made of the content", "content with a clock"
STANDARD = "none: a standard queue"
IDS = (OF_THE_PAYMENT, OF_THE_ATTEMPT, OF_THE_CONTENT, WITH_A_CLOCK, STANDARD)
"""What the deduplication id is. The last but one has the time of the attempt in its content."""


@dataclass(frozen=True)
class Resent:
    """A payment that was sent again: the run, the money, how often it was handed over."""

    trace: Trace
    money: int
    deliveries: int
    same_message: bool


@cache
def resent_runs() -> dict[tuple[str, int], Resent]:
    """Run each kind of id with each time of the second attempt, on one SQS."""
    with running() as url:
        return {(ids, after): _resent(url, ids, after) for ids in IDS for after in AFTER_S}


def _resent(url: str, ids: str, after_s: int) -> Resent:
    """Lose the first reply; send again after so many seconds. What is there is consumed."""
    by_content = "true" if ids in (OF_THE_CONTENT, WITH_A_CLOCK) else "false"
    options: dict[str, Any] = {"ContentBasedDeduplication": by_content}
    fifo = ids != STANDARD
    with lab(url, fifo=fifo, lose=[FIRST_SEND], **(options if fifo else {})) as run:
        _attempt(run, ids, 1)
        first = consume(run)
        run.wait(after_s, PRODUCER)
        answer = _attempt(run, ids, 2)
        handed = first + consume(run)
        trace = run.trace()
    same = answer == handed[0].message
    return Resent(trace, audit(trace).money_there, len(handed), same)


def _attempt(run: SQSLab, ids: str, number: int) -> str | None:
    match ids:
        case "one for each attempt":
            return run.send(PAYMENT, deduplication=f"try-{number}")
        case "made of the content":
            return run.send(PAYMENT, deduplication="")
        case "content with a clock":
            return run.send(PAYMENT, deduplication="", attempt=number)
    return run.send(PAYMENT)


def consume(run: SQSLab) -> list[Handed]:
    """Process and delete, one after the other, what can be seen."""
    done = []
    while handed := run.receive():
        for one in handed:
            run.process(one)
            run.delete(one)
            done.append(one)
    return done


def window_view(*, ids: str, after_s: int, seed: int = 1) -> View:
    """Show the run in which a payment was sent again."""
    ended = resent_runs()[ids, after_s]
    later = f"{after_s} s later" if after_s else "at once"
    return View(
        sequence(ended.trace, title=f"Sent again {later}; id: {ids}"),
        {
            "copies handed over": ended.deliveries,
            "money expected": PAYMENT.amount,
            "money there": ended.money,
        },
        f"The reply is lost and the payment is sent again {later}. Deduplication id: {ids}. "
        f"It is handed over {ended.deliveries} times, and {ended.money} arrive instead of "
        f"{PAYMENT.amount}." if ended.deliveries > 1 else
        f"The reply is lost and the payment is sent again {later}. Deduplication id: {ids}. "
        f"It is handed over once, and {ended.money} arrive.",
    )  # fmt: skip


LOST_REPLY = Bounds(
    losses=1, duplicates=0, crashes=0, reordering=False,
    links=(("broker", "producer"),), clock_s=(0, 299, 301),
)  # fmt: skip


def window_search(*, window_s: float | None, ids_max: int | None = None) -> Exploration:
    """Search with one reply to the producer lost, and a retry at any time."""
    broker = Broker("consumer", ids_max=ids_max, window_s=window_s)
    producer = RetryUntilAcked("broker", payments(1), attempts_max=2)
    parts = {"producer": producer, "broker": broker, "consumer": ProcessThenAck()}
    return explore(parts, LOST_REPLY)
