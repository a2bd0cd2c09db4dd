"""The consumer killed at each of its steps, and paused there until it was given up.

Book: 13-aws-sqs
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import cache, partial

from ... import AckThenProcess, Participant, ProcessOnce, ProcessThenAck, payments
from ...systems.consumer import Open
from ...systems.lab import Ending, kill_at_each_step, pause_at_each_step
from ...systems.sqs import client
from ...systems.sqs.server import pass_time, running

PAYMENTS = payments(2)
RECEIVERS: dict[str, type[Participant]] = {
    "delete, process": AckThenProcess,
    "process, delete": ProcessThenAck,
    "process once, delete": ProcessOnce,
}
KILLED, PAUSED = "killed", "paused"
FAULTS = (KILLED, PAUSED)


@contextmanager
def filled(url: str, *, fifo: bool) -> Iterator[Open]:
    """Make a queue with the payments in it, and yield how to open it."""
    with closing(client.connect(url)) as sqs, client.queue(sqs, fifo=fifo) as queue:
        for payment in PAYMENTS:
            client.send(sqs, queue, payment)
        yield client.OpenQueue(url, queue)


def endings(url: str, receiver: str, fault: str, *, fifo: bool) -> list[Ending]:
    """Run one of ``RECEIVERS`` with one of ``FAULTS`` at each of its steps."""
    run = kill_at_each_step if fault == KILLED else pause_at_each_step
    return run(
        partial(filled, url, fifo=fifo), RECEIVERS[receiver](), PAYMENTS,
        until_given_up=partial(pass_time, url, client.VISIBILITY_S),
    )  # fmt: skip


@cache
def all_endings() -> dict[tuple[str, str], list[Ending]]:
    """Run each receiver with each fault, on a FIFO queue."""
    with running() as url:
        return {
            (receiver, fault): endings(url, receiver, fault, fifo=True)
            for receiver in RECEIVERS
            for fault in FAULTS
        }
