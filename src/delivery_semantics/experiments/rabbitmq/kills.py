"""The consumer's half: killed with SIGKILL at each of its steps, or paused until given up.

Book: 12-rabbitmq
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache, partial

from ... import (
    AckThenProcess,
    Bounds,
    Broker,
    Exploration,
    Message,
    Participant,
    ProcessOnce,
    ProcessThenAck,
    RetryUntilAcked,
    explore,
    payments,
)
from ...show.view import View
from ...systems.consumer import Open
from ...systems.lab import KILLED, PAUSED, Ending, fault_at_each_step, with_ack
from ...systems.rabbitmq.client import Deliveries, publish, queue
from ..strips import run_of, strip_view

AUTO = "auto-ack"
RECEIVERS: dict[str, type[Participant]] = {
    AUTO: ProcessThenAck,
    "ack, process": AckThenProcess,
    "process, ack": ProcessThenAck,
    "process once, ack": ProcessOnce,
}
"""With auto-ack nothing is acked: the broker has forgotten the message when it sent it."""
PAYMENTS = payments(2)
HEARTBEAT_S = 3
"""A consumer that is starved for less is not given up."""


@contextmanager
def filled(
    url: str, messages: Sequence[Message], *, auto_ack: bool = False, heartbeat_s: int = 0
) -> Iterator[Open]:
    """Make a quorum queue with the payments in it, and yield how to consume them."""
    with queue(url) as name:
        publish(url, name, messages)
        yield partial(
            Deliveries, url, name, auto_ack=auto_ack, prefetch=0 if auto_ack else 1,
            heartbeat_s=heartbeat_s,
        )  # fmt: skip


@cache
def killed(url: str, receiver: str, messages: tuple[Message, ...] = PAYMENTS) -> list[Ending]:
    """Kill one of ``RECEIVERS`` at each of its steps, a run each."""
    fill = partial(filled, url, messages, auto_ack=receiver == AUTO)
    return with_ack(fault_at_each_step(KILLED, fill, RECEIVERS[receiver](), messages), "Ack")


@cache
def paused(url: str, receiver: str) -> list[Ending]:
    """Pause it at each step of one payment, until the broker has missed its heartbeats.

    The next consumer waits until the queue has none: that is when this one was given up.
    """
    fill = partial(filled, url, PAYMENTS[:1], heartbeat_s=HEARTBEAT_S)
    return with_ack(
        fault_at_each_step(PAUSED, fill, RECEIVERS[receiver](), PAYMENTS[:1]), "Ack"
    )


def crash_search(receiver: str, *, fault: str = KILLED) -> Exploration:
    """Search the model with one payment: its consumer crashes once, or is too slow once."""
    visibility_s = None if receiver == AUTO else 30.0
    parts = {
        "publisher": RetryUntilAcked("broker", payments(1)),
        "broker": Broker("consumer", visibility_s=visibility_s),
        "consumer": RECEIVERS[receiver](),
    }
    crashes = int(fault == KILLED)
    bounds = Bounds(
        losses=0, duplicates=0, crashes=crashes, early_timeouts=1 - crashes,
        crashable=("consumer",),
    )  # fmt: skip
    return explore(parts, bounds)


def killed_view(url: str, *, receiver: str, seed: int = 1) -> View:
    """Show a kill at each step of one of ``RECEIVERS``, and the worst of these runs."""
    ends = killed(url, receiver)
    return strip_view(receiver, ends, beside=[run_of(ends)])


def paused_view(url: str, *, receiver: str, seed: int = 1) -> View:
    """Show a pause at each step of one of ``RECEIVERS``, and the worst of these runs."""
    ends = paused(url, receiver)
    return strip_view(receiver, ends, beside=[run_of(ends)])
