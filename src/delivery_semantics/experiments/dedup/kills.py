"""Process and mark in three orders: searched, simulated, and run as processes that are killed.

Book: 07-deduplication
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cache
from itertools import count

from ... import (
    Audit, Bounds, CrashPoint, Exploration, Faults, Network, Trace, Verdict,
    audit, explore, script, simulate,
)  # fmt: skip
from ...databases import empty_place
from ...live.campaign import CrashedRun, ManyKills, campaign, kill_at_each_place, kill_campaign
from ...live.processes import Processes
from ...show.diagram import sequence
from ...show.plots import bars, money
from ...show.strips import boundary, breaks_of, kill_strip, track
from ...show.view import View
from ...theory.retries import Expected
from ..myth.effects import WINDOWS
from ..myth.search import pair

ORDERS = tuple(WINDOWS)
"""The receivers that remember: process then mark, mark then process, both at once."""

ONE_CRASH = Bounds(losses=0, duplicates=0, crashes=1, crashable=("receiver",))


@contextmanager
def databases(server: str = "") -> Iterator[Iterator[str]]:
    """Yield URLs of empty databases, which are gone after the block; see ``empty_place``."""
    with ExitStack() as opened:
        yield (opened.enter_context(empty_place(server)) for _ in count())


# Every point ------------------------------------------------------------------------------


@dataclass(frozen=True)
class ThreeWays:
    """One receiver and one crash: what the search says, and how each point ends."""

    searched: Exploration
    simulated: tuple[CrashedRun, ...]
    killed: tuple[CrashedRun, ...]

    @property
    def agree(self) -> bool:
        """Whether processes and simulation end alike at each point that both have.

        And whether both break what the search says is broken, and nothing else.
        """
        alike = {run.place: run.trace for run in self.killed}
        broken = tuple(not verdict.holds for verdict in self.searched.verdicts)
        return all(alike[run.place] == run.trace for run in self.simulated) and all(
            _breaks(runs) == broken for runs in (self.simulated, self.killed)
        )


def three_ways(receiver: str, *, server: str = "") -> ThreeWays:
    """Crash one of ``ORDERS`` once, at every point: in a search, in memory, by SIGKILL.

    The processes use SQLite, or the PostgreSQL at the URL ``server``.
    """
    both = pair(receiver)
    with databases(server) as stores:
        killed = kill_campaign(both, stores)
    return ThreeWays(explore(both, ONE_CRASH), tuple(campaign(both)), tuple(killed))


def _breaks(runs: tuple[CrashedRun, ...]) -> tuple[bool, bool]:
    times = [run.trace.processed()["1"] for run in runs]
    return max(times) > 1, min(times) < 1


def counterexample(found: Exploration) -> Verdict | None:
    """Return the verdict that is broken, if one is."""
    return next((verdict for verdict in found.verdicts if not verdict.holds), None)


def replayed(receiver: str) -> tuple[Trace, int]:
    """Let a real process take the steps of the search's shortest counterexample.

    Returns the trace, and the money that the database then holds. Raises ValueError for a
    receiver that the search does not break.
    """
    both = pair(receiver)
    broken = counterexample(explore(both, ONE_CRASH))
    if broken is None:
        raise ValueError(f"receiver is {receiver!r}; allowed: one that the search breaks")
    with databases() as urls, Processes(both, {"receiver": next(urls)}) as processes:
        trace = script(both, *broken.steps, automatic=False, carry=processes)
        processes.check(trace)
        return trace, processes.money()


def killed_everywhere(receiver: str, *, messages: int = 20, server: str = "") -> ManyKills:
    """Kill the process at every point of every payment, in one run; see ``three_ways``.

    The points are those of a first payment by itself.
    """
    with databases(server) as stores:
        places = [run.place for run in kill_campaign(pair(receiver), stores)]
        both = pair(receiver, messages=messages)
        return kill_at_each_place(both, next(stores), places)


# By chance --------------------------------------------------------------------------------


@dataclass(frozen=True)
class KilledByChance:
    """Payments to a receiver that was killed again and again, and what theory expects."""

    found: Audit
    kills: int
    money_there: int
    expected: Expected

    @property
    def never(self) -> float:
        """The share of payments that were never processed."""
        return len(self.found.lost) / len(self.found.sent)

    @property
    def several(self) -> float:
        """The share of payments that were processed twice or more."""
        return len(self.found.duplicated) / len(self.found.sent)


def killed_by_chance(
    receiver: str, *, crash: float, loss: float = 0.2, messages: int = 200, seed: int = 1,
    server: str = "",
) -> KilledByChance:  # fmt: skip
    """Send payments to a real process, and kill it in its window with probability ``crash``.

    Messages and acks are lost with probability ``loss``; ``server`` is as for ``three_ways``.
    What the process did is what the simulation does with the same seed, or Divergence is
    raised. Raises ValueError for a crash or loss of 1.
    """
    for name, value in (("crash", crash), ("loss", loss)):
        if value == 1:
            raise ValueError(f"{name} is 1; allowed: below 1, or no message gets through")
    before, form = WINDOWS[receiver]
    both = pair(receiver, messages=messages)
    with databases(server) as urls, Processes(both, {"receiver": next(urls)}) as processes:
        network = Network(messages=Faults(loss=loss), acks=Faults(loss=loss))
        crashes = (CrashPoint("receiver", before, crash),)
        trace = simulate(both, network, seed=seed, crashes=crashes, carry=processes)
        processes.check(trace)
        expected = form(loss=loss, crash=crash)
        return KilledByChance(audit(trace), processes.kills, processes.money(), expected)


# On the page ------------------------------------------------------------------------------


def replayed_view(*, receiver: str, seed: int = 1) -> View:
    """Show the search's shortest counterexample, as a process went through it."""
    run, there = replayed(receiver)
    return View(
        sequence(run, title=f"{receiver}: the search's shortest run, by a killed process"),
        {"money expected": audit(run).money_expected, "money there": there},
        f"{receiver}, killed where the search says. The database holds {there}.",
    )


@cache
def by_chance(receiver: str) -> KilledByChance:
    """Kill one of ``ORDERS`` in its window one time in five, once."""
    return killed_by_chance(receiver, crash=0.2)


def chance_view(*, receiver: str, seed: int = 1) -> View:
    """Show what 200 payments came to, with a process that was killed one time in five."""
    run = by_chance(receiver)
    sent = len(run.found.sent)
    rows = {"lost": (run.found.lost, run.expected.none),
            "repeated": (run.found.duplicated, run.expected.several)}  # fmt: skip
    expected, there = run.found.money_expected, run.money_there
    return View(
        [
            money({receiver: (expected, there)}, title="The money", x="money", x_max=3_000.0),
            bars(
                {name: {"by formula": sent * float(share), "seen": float(len(ids))}
                 for name, (ids, share) in rows.items()},
                title="Payments", x="payments", x_max=60.0,
            ),
        ],
        {
            "kills": run.kills,
            **{name: len(ids) for name, (ids, _) in rows.items()},
            "money expected": expected,
            "money there": there,
        },
        f"{receiver}, killed {run.kills} times in {sent} payments: {len(run.found.lost)} lost, "
        f"{len(run.found.duplicated)} repeated.",
    )  # fmt: skip


@cache
def killed(receiver: str) -> tuple[CrashedRun, ...]:
    """Kill one of ``ORDERS`` at every point, once, over SQLite."""
    return three_ways(receiver).killed


def kills_view(*, receiver: str, seed: int = 1) -> View:
    """Show what the kills of a receiver came to, and which of its steps one commit holds."""
    runs = killed(receiver)
    wrong = [run.step for run in runs if run.money != run.expected]
    there = sum(run.money for run in runs)
    told = f"Wrong where it was killed {wrong[0]}." if wrong else "All of them are right."
    return View(
        [
            kill_strip({receiver: runs}, title="One payment of 10 and one SIGKILL"),
            boundary(
                {receiver: track(run.step for run in runs)},
                breaks={receiver: breaks_of(runs)},
                title="What one commit holds",
            ),
        ],
        {
            "kills": len(runs),
            "money expected": sum(run.expected for run in runs),
            "money there": there,
        },
        f"{receiver}, killed at each of {len(runs)} places in turn. {told}",
    )
