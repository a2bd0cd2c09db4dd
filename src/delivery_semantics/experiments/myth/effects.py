"""What a crash in the window costs, and what lies outside of the transaction.

Book: 05-exactly-once-a-myth
"""

from __future__ import annotations

from dataclasses import dataclass

from ... import (
    Ack, Bounds, CrashPoint, Exploration, Faults, Mark, Message, Network, Once, Passive,
    Process, ProcessOnly, RetryUntilAcked, Run, Send, Trace, audit, explore, payments, script,
    simulate,
)  # fmt: skip
from ...core.effects import Handler, Payload
from ...show.picture import Picture
from ...show.plots import curve, lines, points
from ...theory.retries import mark_then_process, process_once, process_then_mark, share_error
from .search import Participants, pair

WINDOWS = {
    "ProcessThenMark": (Mark, process_then_mark),
    "MarkThenProcess": (Process, mark_then_process),
    "ProcessOnce": (Once, process_once),
}  # fmt: skip
"""For each receiver that remembers: the effect before which it crashes, and its closed form."""


@dataclass(frozen=True)
class Fates:
    """Shares of messages that were never processed, and processed twice or more."""

    none: float
    several: float


def measured(*, receiver: str, crash: float, messages: int = 1000, seed: int = 1) -> Fates:
    """Simulate ``messages`` payments with 20 % message loss and a crash in the window.

    Raises ValueError for a crash probability of 1, with which no run would end.
    """
    if crash == 1:
        raise ValueError(
            "crash is 1; allowed: a probability below 1, or no message gets through"
        )
    before, _ = WINDOWS[receiver]
    network = Network(messages=Faults(loss=LOSS))
    crashes = (CrashPoint("receiver", before, crash),)
    both = pair(receiver, messages=messages)
    trace = simulate(both, network, seed=seed, crashes=crashes)
    found = audit(trace)
    return Fates(len(found.lost) / messages, len(found.duplicated) / messages)


def window_plot(*, messages: int = 1000, seed: int = 1) -> Picture:
    """Plot what a crash in the window costs each receiver: points measured, curves by formula.

    Error bars are 95 % intervals of a share of ``messages``, by the normal approximation.
    """
    rates = [0.0, 0.1, 0.2, 0.3, 0.4]
    series = []
    for receiver, fate, word in COSTS:
        _, form = WINDOWS[receiver]
        theory = [float(getattr(form(loss=LOSS, crash=rate), fate)) for rate in rates]
        shares = [
            getattr(measured(receiver=receiver, crash=rate, messages=messages, seed=seed), fate)
            for rate in rates
        ]
        errors = [share_error(share, messages=messages) for share in shares]
        series.append(points(f"{receiver}, {word}", rates, shares, errors=errors))
        series.append(curve(f"{receiver}, formula", rates, theory))
    return lines(
        *series,
        title="What a crash in the window costs",
        x="probability of a crash in the window",
        y="share of messages",
    )


COSTS = (
    ("ProcessThenMark", "several", "twice"),
    ("MarkThenProcess", "none", "never"),
    ("ProcessOnce", "several", "twice"),
)
"""Which fate of a message to plot for each receiver."""

LOSS = 0.2
"""Message loss in ``measured``: the sender retries, so it does not show in the result."""


# Effects, not deliveries ------------------------------------------------------------------


@dataclass(frozen=True)
class PayThenMail(Passive):
    """Exactly-once processing for the payment, and a mail that no transaction contains."""

    def receive(self, source: str, payload: Payload) -> Handler:
        """Send the mail, process and mark at once, ack."""
        assert isinstance(payload, Message)
        yield Send("customer", Message(f"receipt {payload.id}", amount=0))
        yield Once(payload.id, Process(payload))
        yield Send(source, Ack(payload.id))


def mail_outside() -> Exploration:
    """Search a payment with a mail outside its transaction: one crash, a perfect network."""
    within = Bounds(
        losses=0, duplicates=0, crashes=1, reordering=False, crashable=("receiver",)
    )
    return explore(_with_mail(), within)


def two_receipts() -> Trace:
    """Return the shortest way to a second mail, and let what was begun come to its end."""
    steps = mail_outside().never_more_than_once.steps
    return script(_with_mail(), *(step for step in steps if not isinstance(step, Run)))


def _with_mail() -> Participants:
    return {
        "sender": RetryUntilAcked("receiver", payments(1)),
        "receiver": PayThenMail(),
        "customer": ProcessOnly(),
    }
