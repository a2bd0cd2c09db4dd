"""A consumer that is killed, or paused and replaced, at each of its steps.

Book: 11-kafka
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from ... import AckThenProcess, Participant, ProcessOnce, ProcessThenAck, payments
from ...core.check import one_of
from ...show.view import View
from ...systems.kafka.client import fill, session_ms, topic
from ...systems.kafka.source import Reading
from ...systems.lab import FAULTS, KILLED, PAUSED, Ending, at_a_message, fault_at_each_step
from ..strips import run_of, strip_view

CONSUMERS: dict[str, tuple[str, Participant]] = {
    "commit, process": ("by hand", AckThenProcess()),
    "process, commit": ("by hand", ProcessThenAck()),
    "librdkafka's default": ("automatic", ProcessThenAck()),
    "process once, commit": ("by hand", ProcessOnce()),
}
"""How each commits, and what it does with a record."""
PAYMENT = payments(1)


@cache
def endings(address: str, name: str, fault: str) -> tuple[Ending, ...]:
    """Run one of ``CONSUMERS`` once for each place at which a fault can fall.

    Who is killed has the partition assigned by hand, so that nobody waits for the group to
    notice; who is paused is a member of the group, which gives it up. Raises ValueError for
    another name, or another fault than in ``FAULTS``.
    """
    one_of("name", name, CONSUMERS)
    one_of("fault", fault, FAULTS)
    commits, receiver = CONSUMERS[name]
    silence_ms = session_ms(address) if fault == PAUSED else 0
    groups = (str(number) for number in itertools.count(1))
    with topic(address) as there:
        fill(there, *PAYMENT)

        @contextmanager
        def opened() -> Iterator[Reading]:
            yield Reading(there, next(groups), commits, silence_ms)

        found = fault_at_each_step(fault, opened, receiver, PAYMENT)
    # An ack is a commit, or nothing where the client commits by itself.
    return tuple(at_a_message(found, ack="Commit" if commits == "by hand" else "Return"))


def consumer_view(address: str, *, name: str, fault: str = KILLED, seed: int = 1) -> View:
    """Show what a fault at each step of one consumer came to, and the worst of these runs."""
    ends = endings(address, name, fault)
    return strip_view(name, ends, beside=[run_of(ends)])
