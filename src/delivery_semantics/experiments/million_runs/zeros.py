"""Two receivers that are never seen to pay five times, and what a search sees of them.

Book: a-million-runs
"""

from __future__ import annotations

from functools import cache

from ... import (
    Bounds, Exploration, Mark, Once, Passive, ProcessOnce, ProcessThenMark, RetryUntilAcked,
    audit, explore, payments,
)  # fmt: skip
from ...show.diagram import sequence
from ...show.view import View
from .runs import Runs, Tally, more_than, tally

RECEIVERS: dict[str, tuple[type[Passive], type]] = {
    "ProcessThenMark": (ProcessThenMark, Mark), "ProcessOnce": (ProcessOnce, Once),
}  # fmt: skip
"""A receiver, and the effect before which it crashes."""
RUNS, CRASHES_MAX, OFTEN = 5_000, 4, 5


@cache
def sampled(receiver: str) -> Tally:
    """Run one of ``RECEIVERS`` 5,000 times."""
    made, before = RECEIVERS[receiver]
    return tally(Runs(0, RUNS, receiver=made, before=before))


@cache
def searched(receiver: str, crashes: int) -> Exploration:
    """Search all runs of one of ``RECEIVERS`` with so many crashes of it."""
    made, _ = RECEIVERS[receiver]
    bounds = Bounds(losses=0, duplicates=0, crashes=crashes, crashable=("receiver",))
    sender = RetryUntilAcked("receiver", payments(1))
    return explore({"sender": sender, "receiver": made()}, bounds)


def most_often(receiver: str, crashes: int) -> int:
    """Return how often its one payment is made in that run which makes it most often."""
    ends = searched(receiver, crashes).outcomes
    return max(times for end in ends for _, times, _ in end)


def zeros_view(*, receiver: str, crashes: int, seed: int = 1) -> View:
    """Draw the run of a search that pays most often, beside what 5,000 runs have seen."""
    found, most = searched(receiver, crashes), most_often(receiver, crashes)
    dearest = next(end for end in found.outcomes for _, times, _ in end if times == most)
    run = found.run(dearest)
    seen = more_than(sampled(receiver), OFTEN - 1)
    often = {1: "once", 2: "twice"}.get(most, f"{most} times")
    return View(
        sequence(run, title=f"{receiver}, crashes: {crashes}; it pays {often} at most"),
        {
            f"runs: {OFTEN} times": seen,
            "search: times": most,
            "worlds": found.worlds,
            "money expected": audit(run).money_expected,
            "money there": audit(run).money_there,
        },
        f"{receiver}: {RUNS:,} runs saw {seen} payments made {OFTEN} times. Crashes at most: "
        f"{crashes}. A search of {found.worlds} worlds finds a run that pays {often}.",
    )
