"""One payment over a network that loses what the reader tells it to lose.

Book: index
"""

from __future__ import annotations

from collections.abc import Mapping

from .. import LOST, Network, ProcessThenAck, RetryUntilAcked, Trace, audit, payments, simulate
from ..core.check import one_of
from ..core.network import Fate
from ..show.diagram import sequence
from ..show.view import View

ATTEMPTS_MAX = 2

LOSSES: Mapping[str, Mapping[tuple[str, int], Fate]] = {
    "nothing": {},
    "the first message": {("message", 1): LOST},
    "the first ack": {("ack", 1): LOST},
    "every message": {("message", n): LOST for n in range(1, ATTEMPTS_MAX + 1)},
    "every ack": {("ack", n): LOST for n in range(1, ATTEMPTS_MAX + 1)},
}
"""What the network can lose, in words, and the packets which that places."""


def run(lost: str, *, seed: int = 1) -> Trace:
    """Send one payment of 10 with at most two attempts; ``lost`` is one of ``LOSSES``.

    Nothing is left to chance, so the seed changes nothing. Raises ValueError for another loss.
    """
    one_of("lost", lost, LOSSES)
    sender = RetryUntilAcked("receiver", payments(1), attempts_max=ATTEMPTS_MAX)
    pair = {"sender": sender, "receiver": ProcessThenAck()}
    return simulate(pair, Network(placed=LOSSES[lost]), seed=seed)


def payment(*, lost: str, seed: int) -> View:
    """Show where the money is, what the sender knows about it, and the run."""
    trace = run(lost, seed=seed)
    money = audit(trace)
    knows = "confirmed" if money.acked else "in doubt"
    attempts = int(trace.metrics()["attempts"])
    return View(
        picture=sequence(trace, title=f"One payment; the network loses {lost}"),
        numbers={
            "money expected": money.money_expected,
            "money there": money.money_there,
            "the sender knows": knows,
        },
        sentence=_sentence(lost, money.money_expected, money.money_there, attempts, knows),
    )


def _sentence(lost: str, expected: int, there: int, attempts: int, knows: str) -> str:
    sent = "once" if attempts == 1 else "twice"
    right = "as it should be" if there == expected else f"and {expected} was meant"
    believes = {
        "confirmed": "The sender believes that all is well",
        "in doubt": "The sender gave up and does not know what happened",
    }
    return (
        f"The network lost {lost}. The payment was sent {sent}; {there} is there, {right}. "
        f"{believes[knows]}."
    )
