"""One pair, several ways of choosing what happens next; and what a limit on attempts leaves.

Book: how-the-runs-are-made
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from ... import (
    Bounds, Deliver, Faults, Lose, Network, Participant, ProcessThenAck, RetryUntilAcked,
    Timeout, explore, payments, script, simulate,
)  # fmt: skip
from ...core.check import at_least
from ...core.trace import Outcome
from ...show.picture import Picture
from ...show.plots import bars, curve, lines, points
from ...show.view import Progress, View
from ...theory.retries import Model, share_error

ON_PAPER = (Deliver(1), Lose(2), Timeout("sender"), Deliver(3), Deliver(4))
"""The steps of the script: the first ack is lost, and the second attempt brings another."""


def two_attempts() -> dict[str, Participant]:
    """Return a sender that tries twice, and a receiver that processes, then acks."""
    sender = RetryUntilAcked("receiver", payments(1), attempts_max=2)
    return {"sender": sender, "receiver": ProcessThenAck()}


@dataclass(frozen=True)
class Ways:
    """How often each outcome was met by a script, by seeds, and whether a search has it."""

    scripted: Counter[Outcome]
    simulated: Counter[Outcome]
    searched: tuple[Outcome, ...]

    @property
    def agree(self) -> bool:
        """Whether the search has every outcome that was met."""
        return set(self.scripted) | set(self.simulated) <= set(self.searched)


def ways(*, loss: float, seeds: int) -> Ways:
    """Run ``two_attempts`` by one script, by this many seeds, and by a search.

    Two attempts make four packets at most, so the search may lose four and leaves nothing out.
    """
    at_least("seeds", seeds, 1)
    scripted = script(two_attempts(), *ON_PAPER)
    network = Network(messages=Faults(loss=loss), acks=Faults(loss=loss))
    simulated = Counter(
        simulate(two_attempts(), network, seed=seed).outcome() for seed in range(1, seeds + 1)
    )
    bounds = Bounds(losses=4, duplicates=0, crashes=0)
    found = explore(two_attempts(), bounds).outcomes
    return Ways(Counter([scripted.outcome()]), simulated, found)


def say(outcome: Outcome) -> str:
    """Put the outcome of one payment into words."""
    ((_, times, knows),) = outcome
    processed = {0: "never processed", 1: "processed once", 2: "processed twice"}[times]
    return f"{processed}, {knows}"


def met_by_chance(*, runs: int, seed: int) -> View:
    """Run ``two_attempts`` by this many seeds, and count which ways to end they have met."""
    at_least("runs", runs, 1)
    found = ways(loss=0.4, seeds=runs)
    counts = {say(outcome): found.simulated[outcome] for outcome in found.searched}
    met = sum(count > 0 for count in counts.values())
    return View(
        bars(
            {how: {"seen": count} for how, count in counts.items()},
            title=f"How runs by chance ended: {runs:,}",
            x="runs seen",
        ),
        {"ways met": met, "ways there are": len(found.searched)},
        f"Runs by chance: {runs:,}. They met {met} of the {len(found.searched)} ways to end "
        "that the search has found.",
    )


# A limit on attempts ----------------------------------------------------------------------


@cache
def never_processed(*, attempts: int, loss: float, messages: int, seed: int) -> float:
    """Return the share of payments never processed by a sender with this many attempts."""
    at_least("messages", messages, 1)
    sender = RetryUntilAcked("receiver", payments(messages), attempts_max=attempts)
    network = Network(messages=Faults(loss=loss))
    trace = simulate({"sender": sender, "receiver": ProcessThenAck()}, network, seed=seed)
    return 1 - len(trace.processed()) / messages


_SHARES = (0.0001, 1.0)


def limits(*, attempts: Sequence[int], loss: float, messages: int, seed: int) -> Picture:
    """Plot the share never processed against the limit on attempts, beside loss^attempts."""
    shares = [
        never_processed(attempts=k, loss=loss, messages=messages, seed=seed) for k in attempts
    ]
    form = [float(Model(loss=loss).undelivered(k)) for k in attempts]
    errors = [share_error(p, messages=messages) for p in form]
    return lines(
        points("measured, 95 % interval", attempts, shares, errors=errors),
        curve("closed form", attempts, form),
        title=f"Payments never processed; {100 * loss:g} % of messages lost",
        x="attempts at most",
        y="share never processed",
        y_range=_SHARES,
        log_y=True,
    )


def limits_at(*, loss_percent: int, seed: int) -> Progress:
    """Show what one to five attempts leave of 2,000 payments at this loss of messages."""
    loss, messages = loss_percent / 100, 2_000
    expected, missing = 10 * messages, {}
    for attempts in range(1, 6):
        yield (attempts - 1) / 5
        share = never_processed(attempts=attempts, loss=loss, messages=messages, seed=seed)
        missing[attempts] = round(expected * share)
    return View(
        picture=limits(attempts=tuple(missing), loss=loss, messages=messages, seed=seed),
        numbers={
            "money expected": expected,
            "there, 1 attempt": expected - missing[1],
            "there, 3 attempts": expected - missing[3],
            "there, 5 attempts": expected - missing[5],
        },
        sentence=f"With {loss_percent} % of messages lost, {missing[1]:,} of {expected:,} are "
        f"missing after one attempt, {missing[3]:,} after three, {missing[5]:,} after five.",
    )
