"""Every simple receiver, and the alternating bit, put through the search.

Book: 05-exactly-once-a-myth
"""

from __future__ import annotations

from dataclasses import dataclass

from ... import (
    EXACTLY_ONCE, AlternatingBitReceiver, AlternatingBitSender, Bounds, Deliver, Exploration,
    Faults, Lose, Network, Outage, Participant, RetryUntilAcked, Step, Timeout,
    Trace, audit, explore, payments, script, simulate,
)  # fmt: skip
from ...core.dice import dice
from ...participants.receivers import RECEIVERS
from ...show.diagram import sequence
from ...show.view import View

Participants = dict[str, Participant]


def search(receiver: str, *, messages: int = 1, bounds: Bounds | None = None) -> Exploration:
    """Search all runs of a retrying sender and this receiver."""
    return explore(pair(receiver, messages=messages), bounds)


def pair(receiver: str, *, messages: int = 1) -> Participants:
    """Return a retrying sender and a receiver of this name."""
    sender = RetryUntilAcked("receiver", payments(messages))
    return {"sender": sender, "receiver": RECEIVERS[receiver]()}


def _ack_lost(both: Participants, *more: Step) -> Trace:
    return script(both, Deliver(1), Lose(2), Timeout("sender"), Deliver(3), Deliver(4), *more)


def search_view(*, receiver: str, crashes: int, seed: int = 1) -> View:
    """Show the verdict on one receiver, and a shortest run that breaks it if there is one."""
    found = search(receiver, bounds=Bounds(losses=1, duplicates=0, crashes=crashes))
    return _verdict_view(receiver, found, _ack_lost(pair(receiver)))


def _verdict_view(name: str, found: Exploration, survived: Trace) -> View:
    broken = [verdict for verdict in found.verdicts if not verdict.holds]
    pictures = [
        sequence(verdict, title=f"A shortest run that breaks “{verdict.claim}”")
        for verdict in broken
    ] or [sequence(survived, title=f"{name}: one of the runs it survives")]
    claims = " and ".join(f"“{verdict.claim}”" for verdict in broken)
    loops = ", by going round for ever" if any(verdict.loop for verdict in broken) else ""
    said = (
        f"breaks {claims}{loops}" if broken else "survives: no run within the bounds breaks it"
    )
    return View(
        pictures,
        {verdict.claim: "holds" if verdict.holds else "broken" for verdict in found.verdicts}
        | {"worlds searched": found.worlds},
        f"{name} {said}. Bounds: {found.scope()}.",
    )


@dataclass(frozen=True)
class Hunt:
    """Seeded runs with a crash at a random moment, beside a search of the same pair."""

    runs: int
    violations: int
    worlds: int
    found: bool


def hunt(*, runs: int = 300, seed: int = 1) -> Hunt:
    """Look for the bug of ``ProcessThenMark`` by chance, then by search.

    Each run loses packets and crashes the receiver once, at a moment between 0 and 2 s drawn
    from the seed. Processing and marking take no time, so the window between them has none.
    """
    violations = 0
    for run in range(runs):
        both, lossy = pair("ProcessThenMark", messages=3), Faults(loss=0.3)
        crash = Outage("receiver", at_s=2.0 * dice(seed, "crash at", run), down_s=0.5)
        trace = simulate(both, Network(messages=lossy, acks=lossy), seed=run, crashes=(crash,))
        violations += audit(trace).verdict(EXACTLY_ONCE) != "ok"
    found = search("ProcessThenMark")
    return Hunt(runs, violations, found.worlds, not found.never_more_than_once.holds)


# The alternating bit ----------------------------------------------------------------------

BIT_CRASHES = {"no crash": (0, True), "a crash, bit on disk": (1, True),
               "a crash, bit in memory": (1, False)}  # fmt: skip
"""From what may happen to the receiver to (crashes, whether the bit is on disk)."""


def alternating_bit(*, in_order: bool, crash: str) -> Exploration:
    """Search the alternating-bit protocol with two messages over one kind of link."""
    crashes, durable = BIT_CRASHES[crash]
    within = Bounds(losses=1, duplicates=1, crashes=crashes, reordering=not in_order,
                    crashable=("receiver",))  # fmt: skip
    return explore(_bit_pair(durable=durable), within)


def _bit_pair(*, durable: bool) -> Participants:
    return {
        "sender": AlternatingBitSender("receiver", payments(2)),
        "receiver": AlternatingBitReceiver(durable=durable),
    }


def bit_view(*, link: str, crash: str, seed: int = 1) -> View:
    """Show the verdict on the bit for a link ("order", "any order") and a crash."""
    found = alternating_bit(in_order=link == "order", crash=crash)
    name = f"The alternating bit, packets in {link}, {crash},"
    both = _bit_pair(durable=BIT_CRASHES[crash][1])
    return _verdict_view(name, found, _ack_lost(both, Deliver(5), Deliver(6)))
