"""The consumer killed at each of its steps, and paused there until it was given up.

Book: 13-aws-sqs
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from functools import cache, partial

from ... import (
    AckThenProcess, Bounds, Broker, Exploration, Message, Participant, ProcessOnce,
    ProcessThenAck, RetryUntilAcked, explore, payments,
)  # fmt: skip
from ...show.diagram import sequence
from ...show.strips import kill_strip
from ...show.view import View
from ...systems.consumer import Open
from ...systems.lab import FAULTS, KILLED, Ending, at_a_message, fault_at_each_step
from ...systems.sqs import client
from ...systems.sqs.server import pass_time, running

PAYMENTS = payments(1)
RECEIVERS: dict[str, type[Participant]] = {
    "delete, process": AckThenProcess,
    "process, delete": ProcessThenAck,
    "process once, delete": ProcessOnce,
}

PLACES = ("before both", "between them", "after both")
"""Where a consumer is killed: each processes and deletes, or deletes and processes."""


@contextmanager
def filled(url: str, *, fifo: bool, messages: Sequence[Message] = PAYMENTS) -> Iterator[Open]:
    """Make a queue with these payments in it, and yield how to open it."""
    with closing(client.connect(url)) as sqs, client.queue(sqs, fifo=fifo) as queue:
        for payment in messages:
            client.send_payment(sqs, queue, payment)
        yield partial(client.QueueSource, url, queue)


def endings(url: str, receiver: Participant, fault: str, *, fifo: bool = True) -> list[Ending]:
    """Run a receiver with one of ``FAULTS`` at each of its steps in turn.

    What it sends is the deletion, and the steps are named so.
    """
    found = fault_at_each_step(
        fault, partial(filled, url, fifo=fifo), receiver, PAYMENTS,
        until_given_up=partial(pass_time, url, client.VISIBILITY_S),
    )  # fmt: skip
    return at_a_message(found, ack="Delete")


@cache
def all_endings() -> dict[tuple[str, str], list[Ending]]:
    """Run each of ``RECEIVERS`` with each of ``FAULTS``, on FIFO queues."""
    with running() as url:
        return {
            (name, fault): endings(url, receiver(), fault)
            for name, receiver in RECEIVERS.items()
            for fault in FAULTS
        }


def killed(receiver: str, place: str) -> Ending:
    """Return the run in which a consumer of a FIFO queue is killed at one of ``PLACES``."""
    outside = [
        end for end in all_endings()[receiver, KILLED] if not end.step.startswith("inside")
    ]
    return outside[PLACES.index(place)]


def killed_view(*, receiver: str, place: str, seed: int = 1) -> View:
    """Show where a consumer can be killed, the money of each kill, and the run of one."""
    ended = killed(receiver, place)
    times = len(ended.trace.of("processed"))
    made = {0: "is not made", 1: "is made once", 2: "is made twice"}[times]
    return View(
        (
            kill_strip(
                {receiver: all_endings()[receiver, KILLED]}, title="Each kill, and its money"
            ),
            sequence(ended.trace, title=f"Killed {ended.step}: what happened"),
        ),
        {"money expected": ended.expected, "money there": ended.money},
        f"The consumer ({receiver}) is killed {ended.step}. The payment {made}.",
    )


def kills_view(*, receiver: str, fault: str, seed: int = 1) -> View:
    """Show what one fault at each step came to, for one consumer."""
    ended = all_endings()[receiver, fault]
    wrong = [one for one in ended if one.money != one.expected]
    at = f": {', '.join(one.step for one in wrong)}" if wrong else ""
    model = kills_search(RECEIVERS[receiver](), fault)
    verdicts = {
        "never twice, in the model": model.never_more_than_once,
        "never lost, in the model": model.at_least_once_eventually,
    }
    return View(
        kill_strip({receiver: ended}, title=f"A FIFO queue; {receiver}; {fault} at each step"),
        {
            "runs": len(ended),
            "wrong": len(wrong),
            "least money": min(one.money for one in ended),
            "most money": max(one.money for one in ended),
        }
        | {name: "holds" if verdict.holds else "broken" for name, verdict in verdicts.items()},
        f"The consumer ({receiver}) is {fault} at each of {len(ended)} steps, once in each "
        f"run. The money is wrong in {len(wrong)} of them{at}.",
    )


def kills_search(receiver: Participant, fault: str) -> Exploration:
    """Search the same: a consumer that crashes, or whose visibility timeout ends too early."""
    parts = {
        "producer": RetryUntilAcked("broker", payments(1)),
        "broker": Broker("consumer", visibility_s=float(client.VISIBILITY_S)),
        "consumer": receiver,
    }
    killed = int(fault == KILLED)
    bounds = Bounds(
        losses=0, duplicates=0, crashes=killed, early_timeouts=1 - killed,
        crashable=("consumer",),
    )  # fmt: skip
    return explore(parts, bounds)
