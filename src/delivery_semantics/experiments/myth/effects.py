"""What a crash in the window costs, and what lies outside of the transaction.

Book: 05-exactly-once-a-myth
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ... import (
    Ack, Audit, Bounds, Crash, CrashPoint, Deliver, Exploration, Faults, Lose, Mark, Message,
    Network, Once, Passive, Process, ProcessOnly, Restart, RetryUntilAcked, Run, Send, Step,
    Timeout, Trace, audit, explore, payments, script, simulate,
)  # fmt: skip
from ...core.effects import Handler, Payload
from ...show.plots import bars, money
from ...show.view import View
from ...theory.retries import mark_then_process, process_once, process_then_mark
from ..runs import of_run
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
    found = _crashed(receiver, crash, messages, seed)
    return Fates(len(found.lost) / messages, len(found.duplicated) / messages)


def _crashed(receiver: str, crash: float, messages: int, seed: int) -> Audit:
    if crash == 1:
        raise ValueError(
            "crash is 1; allowed: a probability below 1, or no message gets through"
        )
    before, _ = WINDOWS[receiver]
    network = Network(messages=Faults(loss=LOSS))
    crashes = (CrashPoint("receiver", before, crash),)
    both = pair(receiver, messages=messages)
    return audit(simulate(both, network, seed=seed, crashes=crashes))


def window_view(*, receiver: str, crash_percent: int, seed: int = 1) -> View:
    """Show 1,000 payments whose receiver crashes in its window so often, and the formula."""
    messages, crash = 1000, crash_percent / 100
    found = _crashed(receiver, crash, messages, seed)
    never, several = len(found.lost), len(found.duplicated)
    fate = COSTS[receiver]
    _, form = WINDOWS[receiver]
    share = {"none": never, "several": several}[fate] / messages
    theory = float(getattr(form(loss=LOSS, crash=crash), fate))
    once = messages - never - several
    return View(
        (
            bars(
                {"payments": {"once": once, "never": never, "twice or more": several}},
                title=f"{receiver}: what became of {messages:,} payments",
                x="payments",
                stacked=True,
                x_max=float(messages),
                hues={"once": "good", "never": "accent", "twice or more": "fault"},
            ),
            money(
                {"money": (found.money_expected, found.money_there)},
                title="Money", x=f"{messages:,} payments of 10", x_max=20.0 * messages,
            ),
        ),
        {
            "harmed, measured": f"{100 * share:.1f} %",
            "harmed, by formula": f"{100 * theory:.1f} %",
            "money expected": found.money_expected,
            "money there": found.money_there,
        },
        f"{receiver}, a crash in the window with {crash_percent} %: {several} of {messages:,} "
        f"payments were processed twice or more, {never} never.",
    )  # fmt: skip


COSTS = {"ProcessThenMark": "several", "MarkThenProcess": "none", "ProcessOnce": "several"}
"""Which fate of a message a crash in the window brings about."""

LOSS = 0.2
"""Message loss in ``measured``: the sender retries, so it does not show in the result."""


# Effects, not deliveries ------------------------------------------------------------------

_T, _UP = Timeout("sender"), Restart("receiver")
EFFECT: Mapping[str, type] = {"ProcessOnce": Once, "ProcessThenAck": Process}
"""What each of two receivers does to the payment."""
DAYS = (
    "nothing", "the ack is lost", "a crash before the effect", "a crash before the ack",
    "a crash, then a lost ack",
)  # fmt: skip
"""What goes wrong on the way of one payment."""


def day(what: str, receiver: str) -> Trace:
    """Run one payment on a day of ``DAYS``."""
    early, late = (Crash("receiver", before=it) for it in (EFFECT[receiver], Send))
    steps: dict[str, tuple[Step, ...]] = dict(zip(DAYS, (
        (Deliver(1), Deliver(2)),
        (Deliver(1), Lose(2), _T, Deliver(3), Deliver(4)),
        (Deliver(1), early, _UP, _T, Deliver(2), Deliver(3)),
        (Deliver(1), late, _UP, _T, Deliver(2), Deliver(3)),
        (Deliver(1), early, _UP, _T, Deliver(2), Lose(3), _T, Deliver(4), Deliver(5)),
    ), strict=True))  # fmt: skip
    return script(pair(receiver), *steps[what])


def day_view(*, what: str, receiver: str, seed: int = 1) -> View:
    """Show how often a payment was delivered, and how often it had its effect."""
    trace = day(what, receiver)
    deliveries = sum(event.who == "receiver" for event in trace.of("delivered"))
    effects = trace.processed()["1"]
    return of_run(
        trace,
        title=f"{receiver}: {what}",
        says=f"{receiver}, and what goes wrong: {what}. Deliveries: {deliveries}. Effects: "
        f"{effects}.",
        numbers={"delivered": deliveries, "processed": effects},
    )


@dataclass(frozen=True)
class PayThenMail(Passive):
    """Exactly-once processing for the payment, and a mail that no transaction contains."""

    def receive(self, source: str, payload: Payload) -> Handler:
        """Send the mail, process and mark at once, ack."""
        assert isinstance(payload, Message)
        yield Send("customer", Message(f"receipt {payload.id}", amount=0))
        yield Once(payload.id, Process(payload))
        yield Send(source, Ack(payload.id))


class PayThenMailIfNew(Passive):
    """The same with the mail after the transaction, and only if it has processed."""

    def receive(self, source: str, payload: Payload) -> Handler:
        """Process and mark at once, send the mail, ack."""
        assert isinstance(payload, Message)
        if (yield Once(payload.id, Process(payload))):
            yield Send("customer", Message(f"receipt {payload.id}", amount=0))
        yield Send(source, Ack(payload.id))


MAILS: Mapping[str, tuple[Passive, tuple[Step, ...]]] = {
    "before the transaction": (
        PayThenMail(),
        (Crash("receiver", before=Once), Deliver(2), _UP, _T, *map(Deliver, (3, 4, 5))),
    ),
    "after it": (
        PayThenMailIfNew(),
        (Crash("receiver", before=Send), _UP, _T, *map(Deliver, (2, 3))),
    ),
}
"""By when the mail is sent: the receiver, and what follows on a crash between the two."""


def mail_view(*, mail: str, crash: str, seed: int = 1) -> View:
    """Show a payment and its receipt; ``crash`` is "nowhere" or "between the two"."""
    receiver, crashed = MAILS[mail]
    steps = crashed if crash == "between the two" else (Deliver(2), Deliver(3))
    trace = script(_with_mail(receiver), Deliver(1), *steps)
    receipts = trace.processed()["receipt 1"]
    return of_run(
        trace,
        title=f"The mail {mail}; a crash {crash}",
        says=f"The mail is sent {mail}, a crash falls {crash}. Receipts: {receipts}.",
        numbers={"receipts": receipts},
    )


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


def _with_mail(receiver: Passive | None = None) -> Participants:
    return {
        "sender": RetryUntilAcked("receiver", payments(1)),
        "receiver": receiver or PayThenMail(),
        "customer": ProcessOnly(),
    }
