"""One payment on its way, and one fault at each place of it.

The way has the same steps in every broker: send, store, process, ack. A packet is lost on the
way in, both ways, by cutting the connection in it. The consumer is killed at each of its steps.
A fault at a time; then what a client and a consumer do by themselves goes on to its end.

Book: 10-real-world-systems
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial

from ... import Participant, payments
from ...show.strips import End
from ...systems.consumer import Open
from ...systems.lab import at_a_message, kill_at_each_step, undisturbed

PAYMENTS = payments(1)
[PAYMENT] = PAYMENTS
EXPECTED = PAYMENT.amount

NOTHING, REQUEST, REPLY = "", "request", "reply"
"""What is lost on the way in."""

AT = {REQUEST: "after Send", REPLY: "after Store"}

Filled = Callable[[str], AbstractContextManager[Open]]
"""Sends the payment once by its client, while one of the three is lost; yields how to open."""


def ends_at_a_broker(
    filled: Filled,
    receiver: Participant,
    *,
    until_given_up: Callable[[], object] = lambda: None,
) -> list[End]:
    """Run the payment once for each place at which it can be disturbed.

    Raises what ``filled`` and the consumer raise.
    """
    lost = []
    for what, place in AT.items():
        ending = undisturbed(partial(filled, what), receiver, PAYMENTS)
        lost.append(End("lost", place, ending.money, EXPECTED))
    killed = kill_at_each_step(
        partial(filled, NOTHING), receiver, PAYMENTS, until_given_up=until_given_up
    )
    return lost + [
        End(each.fault, each.step, each.money, each.expected)
        for each in at_a_message(killed, ack="Ack")
    ]


def guarantee(ends: list[End]) -> str:
    """Return which row of the comparison table these runs allow; "neither" if none."""
    return guarantee_of(
        lost=any(end.money < end.expected for end in ends),
        again=any(end.money > end.expected for end in ends),
    )


def guarantee_of(*, lost: bool, again: bool) -> str:
    """Return the row of what may be ``lost``, or processed ``again``; "neither" for both."""
    if lost:
        return "neither" if again else "at-most-once"
    return "at-least-once" if again else "exactly-once"
