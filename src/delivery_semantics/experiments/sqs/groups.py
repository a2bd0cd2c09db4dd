"""Message groups: in each of them, what is in flight blocks what stands behind it.

Source: Amazon SQS Developer Guide, "FIFO delivery logic in Amazon SQS".

Book: 13-aws-sqs
"""

from __future__ import annotations

from dataclasses import dataclass

from ... import Message, Trace
from ...systems.sqs.client import VISIBILITY_S
from .lab import CONSUMER, QUEUE, SECOND, lab

ACCOUNTS = (("a1", "Ada"), ("a2", "Ada"), ("b1", "Bob"), ("b2", "Bob"))
"""Four payments, and whose account each is for."""


@dataclass(frozen=True)
class Blocked:
    """What a second consumer could get while the first one held a1, then, and in what order."""

    trace: Trace
    meanwhile: tuple[str, ...]
    afterwards: tuple[str, ...]


def blocked(url: str, *, fifo: bool) -> Blocked:
    """Let a consumer take a1 and stop; see what another one gets, before and after its time."""
    with lab(url, fifo=fifo) as run:
        for id, account in ACCOUNTS:
            run.send(Message(id), key=account)
        run.receive()
        run.note("paused", CONSUMER)
        parts = []
        for wait_s in (0, VISIBILITY_S):
            run.wait(wait_s, QUEUE)
            got = []
            while handed := run.receive(SECOND):
                for one in handed:
                    run.process(one, SECOND)
                    run.delete(one, SECOND)
                    got.append(one.payment.id)
            parts.append(tuple(got))
        return Blocked(run.trace(), *parts)
