"""The tail of duplicates, and what runs say that have seen none: views for the page's panels.

Book: a-million-runs
"""

from __future__ import annotations

from collections.abc import Sequence

from ...show.picture import Picture
from ...show.plots import curve, lines, points
from ...show.view import View, plain
from ...theory.retries import count_mean_and_deviation
from .runs import Runs, Tally, more_than, tally, total
from .stored import PER_CELL, read

OFTEN = (1, 2, 3, 4)
CRASH = 0.01
"""How often the receiver of the long run crashes in its gap."""
SAMPLES = (2_500, 10_000, 20_000, 30_000, 50_000, 100_000)
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
    return _seen(tally(Runs(SEEDS * seed, runs, crash=crash)), crash)


def longer(*, runs: int, seed: int = 1) -> View:
    """Show the first ``runs`` of the stored long run, a multiple of those in a cell."""
    return _seen(total(read().tallies[: runs // PER_CELL]), CRASH)


def _seen(found: Tally, crash: float) -> View:
    runs, unseen, formula = sum(found), len(found) + 1, crash ** len(found)
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


def missed(*, runs: int, seed: int = 1) -> View:
    """Cut the long run into samples; show how many of them saw no payment made three times.

    ``runs`` are those of a sample, one of ``SAMPLES``.
    """
    shares = [_without(size) for size in SAMPLES]
    none, of = next(found for size, found in zip(SAMPLES, shares, strict=True) if size == runs)
    chance = CRASH**2
    mean, deviation = count_mean_and_deviation(of, (1 - chance) ** runs)
    steps = [SAMPLES[-1] * part // 100 for part in range(101)]
    drawn = lines(
        points("samples that saw none", _thousands(SAMPLES), [a / b for a, b in shares]),
        curve("by formula", _thousands(steps), [(1 - chance) ** n for n in steps]),
        title="Samples of the long run without a payment that was made three times",
        x="thousands of runs in a sample",
        y="share of samples",
        x_range=(0, SAMPLES[-1] / 1000),
        y_range=(0, 1),
        here=runs / 1000,
    )
    return View(
        drawn,
        {
            "samples": of,
            "saw none": none,
            "by formula": f"{mean:,.1f} ± {deviation:,.1f}",
            "share of samples": none / of,
            "3/n": 3 / runs,
        },
        f"{none:,} of {of:,} samples of {runs:,} runs saw no payment made three times or more, "
        f"which has a chance of {plain(chance)}. “None” leaves room for {plain(3 / runs)}.",
    )


def _without(size: int) -> tuple[int, int]:
    """Count the samples of this size that saw no third payment, and all samples."""
    tallies, cells = read().tallies, size // PER_CELL
    firsts = range(0, len(tallies) - cells + 1, cells)
    samples = [total(tallies[first : first + cells]) for first in firsts]
    return sum(more_than(sample, 2) == 0 for sample in samples), len(samples)


def _thousands(sizes: Sequence[int]) -> list[float]:
    return [size / 1000 for size in sizes]
