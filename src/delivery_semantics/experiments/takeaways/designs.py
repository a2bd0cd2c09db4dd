"""Twelve designs of a payment: three senders and four receivers, and every run of each.

Book: 17-key-takeaways
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from ... import (
    AckThenProcess, Bounds, Exploration, Participant, ProcessOnce, ProcessThenAck,
    ProcessThenMark, RetryUntilAcked, explore, payments,
)  # fmt: skip
from ...core.check import one_of
from ...show.diagram import sequence
from ...show.view import View
from .conditions import AMOUNT, TIMES, KeyForEachAttempt, first_broken, paid_twice

SENDERS: Mapping[str, Participant] = {
    "asks once": RetryUntilAcked("receiver", payments(1), attempts_max=1),
    "asks until acked, one id": RetryUntilAcked("receiver", payments(1)),
    "asks until acked, a new id each time": KeyForEachAttempt(),
}
RECEIVERS: Mapping[str, Participant] = {
    "acks, then processes": AckThenProcess(),
    "processes, then acks": ProcessThenAck(),
    "processes, marks, acks": ProcessThenMark(),
    "marks in the transaction": ProcessOnce(),
}
WITHIN = Bounds(losses=1, duplicates=0, crashes=1, crashable=("receiver",))
"""One packet may be lost, and the receiver may crash once."""


@cache
def designed(sender: str, receiver: str) -> Exploration:
    """Search every run of one of ``SENDERS`` and one of ``RECEIVERS``. Raises ValueError."""
    one_of("sender", sender, SENDERS)
    one_of("receiver", receiver, RECEIVERS)
    pair = {"sender": SENDERS[sender], "receiver": RECEIVERS[receiver]}
    return explore(pair, WITHIN, never={"paid twice": paid_twice})


def pays_once(sender: str, receiver: str) -> bool:
    """Whether no run of a design pays twice or never."""
    return first_broken(designed(sender, receiver)) is None


def design_view(*, sender: str, receiver: str, seed: int = 1) -> View:
    """Show a shortest run that pays twice or never; where there is none, one that is well."""
    found = designed(sender, receiver)
    broken = first_broken(found)
    trace = (broken and broken.counterexample) or found.run(found.outcomes[0])
    there = AMOUNT * sum(trace.processed().values())
    pays = (
        f"A shortest run: paid {TIMES[there // AMOUNT]}" if broken else "Every run: paid once"
    )
    return View(
        sequence(broken or trace, title=f"The sender {sender}; the receiver {receiver}"),
        {"money expected": AMOUNT, "money there": there, "worlds": found.worlds},
        f"The sender {sender}; the receiver {receiver}. {pays}. "
        f"{found.worlds:,} worlds; 1 payment, {found.bounds}.",
    )
