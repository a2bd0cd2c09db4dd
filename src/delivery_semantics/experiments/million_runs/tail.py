"""The tail of duplicates: how many runs made the payment more than once, twice, and so on.

Book: a-million-runs
"""

from __future__ import annotations

from ...show.picture import Picture
from ...show.plots import curve, lines, points
from ...show.view import View, plain
from .runs import Runs, Tally, more_than, tally

OFTEN = (1, 2, 3, 4)
SEEDS = 1_000_000
"""Two seeds of the panel are so far apart that they have no run in common."""


def picture(found: Tally, crash: float) -> Picture:
    """Plot the share of runs that made the payment more than once, twice, …, on a log scale."""
    runs = sum(found)
    shares = [more_than(found, n) / runs for n in OFTEN]
    words = (
        f"more than {n}: seen {plain(share)}, by formula {plain(crash**n)}"
        for n, share in zip(OFTEN, shares, strict=True)
    )
    return lines(
        points(f"seen in {runs:,} runs", OFTEN, shares),
        curve("by formula", OFTEN, [crash**n for n in OFTEN]),
        curve("3/n", OFTEN, [3 / runs] * len(OFTEN)),
        title=f"How often {runs:,} runs made the payment; a hollow mark stands for none",
        x="made more than … times",
        y="share of runs",
        x_range=(0, 5),
        y_range=(1e-9, 1),
        log_y=True,
        description=f"Share of {runs:,} runs that made the payment more than so many times. "
        f"{'; '.join(words)}. 3/n is {plain(3 / runs)}.",
    )


def few(*, runs: int, crash_percent: int, seed: int) -> View:
    """Make one payment in each of some runs; the receiver crashes in the gap now and then."""
    crash = crash_percent / 100
    found = tally(Runs(SEEDS * seed, runs, crash=crash))
    unseen, formula = len(found) + 1, crash ** len(found)
    return View(
        picture(found, crash),
        {
            **{f"made {n + 1} times or more": more_than(found, n) for n in OFTEN},
            "not seen: times": unseen,
            "3/n": 3 / runs,
            "chance of it, by formula": formula,
        },
        f"Of {runs:,} runs {more_than(found, 1):,} made the payment more than once, and none "
        f"made it {unseen} times. That leaves room for a chance of {plain(3 / runs)}, at 95 % "
        f"confidence. By formula it is {plain(formula)}.",
    )
