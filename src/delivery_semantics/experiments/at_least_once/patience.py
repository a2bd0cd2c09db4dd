"""How long a sender asks, what it remembers, and what its receiver's ack is worth.

Book: 04-at-least-once
"""

from __future__ import annotations

from collections.abc import Mapping

from ... import (
    AckThenProcess, Audit, CrashPoint, Exponential, Fixed, Outage, Passive, Process,
    ProcessThenAck, RetryUntilAcked, Send, Trace, audit, payments, simulate,
)  # fmt: skip
from ...participants.senders import Backoff
from ...show.diagram import sequence
from ...show.picture import Picture
from ...show.plots import bars, money
from ...show.view import View

QUEUED, ATTEMPTS = 20, 5
PAUSES: Mapping[str, Backoff] = {"fixed": Fixed(0.0), "growing": Exponential(1.0)}
"""The pauses between two attempts; each attempt waits a second for its ack besides."""
LISTS = {"on disk": True, "in memory": False}
"""Where a sender keeps what is not yet acked, and whether that outlives a crash."""
CRASHES_S = {
    "before the first ack": 0.05,
    "before the second ack": 0.25,
    "after the last ack": 0.65,
}
"""When the sender of three payments crashes, in seconds; a way takes 0.1 s."""
ACKS: Mapping[str, tuple[Passive, type]] = {
    "has received": (AckThenProcess(), Process),
    "has processed": (ProcessThenAck(), Send),
}
"""When a receiver acks, and the second of its two lines, before which it may crash."""


def outlasted(pauses: str, down_s: float) -> Audit:
    """Send 20 payments, five attempts for each, to a receiver that is ``down_s`` down."""
    sender = RetryUntilAcked(
        "receiver", payments(QUEUED), attempts_max=ATTEMPTS, backoff=PAUSES[pauses]
    )
    outage = Outage("receiver", at_s=0.0, down_s=down_s)
    pair = {"sender": sender, "receiver": ProcessThenAck()}
    return audit(simulate(pair, crashes=(outage,)))


def outlasted_view(*, pauses: str, down_s: int, seed: int = 1) -> View:
    """Show how many of them never arrive, and the money."""
    found = outlasted(pauses, float(down_s))
    lost = len(found.lost)
    return View(
        (
            bars(
                {"payments": {"processed": QUEUED - lost, "never": lost}},
                title=f"{QUEUED} payments, {ATTEMPTS} attempts at most, down for {down_s} s",
                x="payments",
                stacked=True,
                x_max=float(QUEUED),
                hues={"processed": "good", "never": "fault"},
            ),
            _money(found, QUEUED),
        ),
        {
            "never processed": lost,
            "money expected": found.money_expected,
            "money there": found.money_there,
        },
        f"Pauses: {pauses}. The receiver is down for {down_s} s, and the network loses "
        f"nothing. Never processed: {lost} of {QUEUED}.",
    )


def remembered(kept: str, crash: str = "before the second ack") -> Trace:
    """Send three payments, the list of them ``kept`` somewhere; the sender crashes once."""
    sender = RetryUntilAcked("receiver", payments(3), durable=LISTS[kept])
    outage = Outage("sender", at_s=CRASHES_S[crash], down_s=1.0)
    return simulate({"sender": sender, "receiver": ProcessThenAck()}, crashes=(outage,))


def remembered_view(*, kept: str, crash: str, seed: int = 1) -> View:
    """Show it."""
    trace = remembered(kept, crash)
    found = audit(trace)
    return View(
        sequence(trace, title=f"The list is {kept}; a crash {crash}", time_axis=True),
        {
            "money expected": found.money_expected,
            "money there": found.money_there,
            "never sent": len(found.lost),
        },
        f"The list is {kept}, and the sender crashes {crash}. Processed twice: "
        f"{len(found.duplicated)} of 3. Never: {len(found.lost)}.",
    )


def acked(when: str, crash: float, *, sent: int = 200, seed: int = 1) -> Audit:
    """Send payments to a receiver that acks ``when`` it says, and crashes between its lines."""
    receiver, second_line = ACKS[when]
    pair = {"sender": RetryUntilAcked("receiver", payments(sent)), "receiver": receiver}
    crashes = (CrashPoint("receiver", second_line, crash),)
    return audit(simulate(pair, seed=seed, crashes=crashes))


def acked_view(*, when: str, crash_percent: int, seed: int = 1) -> View:
    """Show 200 payments that are all acked, and the money."""
    sent = 200
    found = acked(when, crash_percent / 100, sent=sent, seed=seed)
    lost, again = len(found.lost_though_acked), len(found.duplicated)
    return View(
        (
            bars(
                {"acked": {"once": sent - lost - again, "never": lost, "again": again}},
                title=f"{sent} payments; the receiver acks what it {when}",
                x="payments",
                stacked=True,
                x_max=float(sent),
                hues={"once": "good", "never": "fault", "again": "accent"},
            ),
            _money(found, sent, most=1.5),
        ),
        {
            "acked": len(found.acked),
            "lost though acked": lost,
            "duplicated": again,
            "money expected": found.money_expected,
            "money there": found.money_there,
        },
        f"The receiver acks what it {when}, and crashes between its two lines with "
        f"{crash_percent} %. All {len(found.acked)} are acked; {lost} of them never came, "
        f"{again} came again.",
    )


def _money(found: Audit, sent: int, *, most: float = 1.1) -> Picture:
    return money(
        {"money": (found.money_expected, found.money_there)},
        title="Money", x=f"{sent} payments of 10", x_max=most * 10 * sent,
    )  # fmt: skip
