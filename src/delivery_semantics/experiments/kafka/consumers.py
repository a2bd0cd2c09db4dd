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
from ...show.picture import Picture
from ...show.strips import boundary, breaks_of, kill_strip, track
from ...show.view import View
from ...systems.kafka.client import fill, session_ms, topic
from ...systems.kafka.source import Reading
from ...systems.lab import FAULTS, KILLED, PAUSED, Ending, at_a_message, fault_at_each_step

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


class Consumers:
    """The panel's experiment, on the cluster at ``address``."""

    def __init__(self, address: str) -> None:
        self._address = address

    def __call__(self, *, name: str, fault: str, seed: int = 1) -> View:
        """Show what a fault at each step of one consumer came to."""
        ends = endings(self._address, name, fault)
        wrong = [f"{end.step} ({end.money})" for end in ends if end.money != end.expected]
        said = f"The money is wrong {', '.join(wrong)}." if wrong else "The money is right."
        return View(
            kill_strip({name: ends}, title=f"{name}: {fault} at each step"),
            {"places": len(ends), "money wrong": len(wrong)},
            f"A consumer that does {name} is {fault} at each of {len(ends)} places. {said}",
        )


def boundary_picture(address: str) -> Picture:
    """Draw the steps of each consumer, and at their edges the runs that break it."""
    ends = {name: endings(address, name, KILLED) for name in CONSUMERS}
    return boundary(
        {name: track(end.step for end in ends[name]) for name in CONSUMERS},
        breaks={name: breaks_of(ends[name]) for name in CONSUMERS},
        title="What one commit holds, and where the rest breaks",
    )
