"""Two copies of one transfer, some time apart, in virtual time.

Both run the document's second code, step by step, in the order of their times. Nothing here
knows the formula: a copy transfers when it finds no mark, as in life.

Book: 06-idempotent-operations
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from ...core.check import at_least, not_negative, one_of, positive
from ...core.dice import dice, exponential
from ...show.picture import Picture, how_many
from ...show.plots import curve, lines, money, points, timeline
from ...show.view import View
from ...theory.race import both_pass_exponential, both_pass_uniform
from ...theory.retries import share_error
from .banks import AMOUNT, TRANSACTION, A, B, MemoryBank
from .first import Account
from .gaps import gaps_picture
from .second import at, in_steps

STEPS = ("check", "debit", "credit", "mark")
EVEN, RANDOM = "any gap up to the longest", "exponential"


@dataclass(frozen=True)
class TimedRun:
    """A bank after all copies, and for each copy its steps with their times."""

    bank: MemoryBank
    steps: tuple[list[tuple[float, str]], ...]


def run(starts_s: Sequence[float], *, window_s: float) -> TimedRun:
    """Run a copy from each of these times on, ``window_s`` from its check to its mark.

    The steps lie evenly between. Who is further goes first where two come at the same time: a
    mark is seen by whoever checks at that moment.
    """
    not_negative("window_s", window_s)
    steps: tuple[list[tuple[float, str]], ...] = tuple([] for _ in starts_s)
    now = 0.0, 0
    bank = MemoryBank(lambda step: steps[now[1]].append((now[0], step)))
    accounts = Account(bank, A), Account(bank, B)
    with at(bank):
        copies = [in_steps(TRANSACTION, *accounts, AMOUNT) for _ in starts_s]
        agenda = [(start_s, 0, number) for number, start_s in enumerate(starts_s)]
        heapq.heapify(agenda)
        while agenda:
            now_s, minus_step, number = heapq.heappop(agenda)
            now = now_s, number
            try:
                next(copies[number])
            except StopIteration:
                continue
            done = 1 - minus_step
            due_s = starts_s[number] + window_s * done / (len(STEPS) - 1)
            heapq.heappush(agenda, (due_s, -done, number))
    return TimedRun(bank, steps)


@dataclass(frozen=True)
class Measured:
    """How often ``trials`` pairs of copies moved the money twice."""

    trials: int
    twice: int

    @property
    def share(self) -> float:
        """The share of pairs that did."""
        return self.twice / self.trials

    @property
    def error(self) -> float:
        """Half of its 95 % interval, by the normal approximation."""
        return share_error(self.share, messages=self.trials)


def measured(*, window_s: float, gap_s: float, gaps: str, trials: int, seed: int) -> Measured:
    """Run pairs of copies: ``gap_s`` is the longest gap or, RANDOM, the mean of all gaps.

    Raises ValueError for other words than EVEN and RANDOM, a gap of 0 and no trials.
    """
    made = pairs(window_s=window_s, gap_s=gap_s, gaps=gaps, trials=trials, seed=seed)
    return Measured(trials, sum(twice for _, twice in made))


def pairs(
    *, window_s: float, gap_s: float, gaps: str, trials: int, seed: int
) -> list[tuple[float, bool]]:
    """Run them as ``measured`` does; return each gap, and whether the money moved twice."""
    positive("gap_s", gap_s)
    at_least("trials", trials, 1)
    one_of("gaps", gaps, FORMS)
    found = []
    for trial in range(trials):
        die = dice(seed, "gap", trial)
        gap = gap_s * die if gaps == EVEN else exponential(gap_s, die)
        found.append((gap, run((0.0, gap), window_s=window_s).bank.balances[B] > AMOUNT))
    return found


FORMS: Mapping[str, Callable[[float, float], float]] = {
    EVEN: lambda window, gap: float(both_pass_uniform(window_s=window, gap_s_max=gap)),
    RANDOM: lambda window, gap: both_pass_exponential(window_s=window, gap_s_mean=gap),
}
"""The closed form for each distribution of the gap."""


def window_view(*, window_ms: int, gap_ms: int, gaps: str, seed: int = 1) -> View:
    """Show 400 pairs of copies: how many moved the money twice, and what theory says."""
    trials = 400
    made = pairs(
        window_s=window_ms / 1000, gap_s=gap_ms / 1000, gaps=gaps, trials=trials, seed=seed
    )
    found = Measured(trials, sum(twice for _, twice in made))
    expected = trials * AMOUNT
    there = (trials + found.twice) * AMOUNT
    theory = FORMS[gaps](window_ms / 1000, gap_ms / 1000)
    title = f"{trials} transfers, each asked for twice"
    picture = (
        gaps_picture(
            [(1000 * gap, twice) for gap, twice in made], window_ms=window_ms, title=title
        ),
        money(
            {"from a to b": (expected, there)},
            title="Money",
            x="expected, and moved",
            x_max=2.0 * expected,
        ),
    )
    return View(
        picture,
        {
            "moved twice": found.twice,
            "share": found.share,
            "closed form": round(theory, 4),
            "money expected": expected,
            "money there": there,
        },
        f"With {window_ms} ms between check and mark, {found.twice} of {trials} transfers "
        f"happened twice: {100 * found.share:.1f} %. By the formula: {100 * theory:.1f} %.",
    )


def window_plot_view(*, gap_ms: int, seed: int = 1) -> View:
    """Show ``window_plot``, and what it says at a window of 10 ms."""
    even, mean = (FORMS[gaps](0.01, gap_ms / 1000) for gaps in (EVEN, RANDOM))
    return View(
        window_plot(gap_s=gap_ms / 1000, seed=seed),
        {"even, at 10 ms": round(even, 3), "exponential, at 10 ms": round(mean, 3)},
        f"By the formulas, with 10 ms from check to mark, {100 * even:.0f} % move the money "
        f"twice where gaps are even up to {gap_ms} ms, and {100 * mean:.0f} % where that is "
        f"their mean.",
    )


def window_plot(*, gap_s: float = 0.05, trials: int = 1000, seed: int = 1) -> Picture:
    """Plot both distributions against the window: points measured, curves by formula."""
    windows = [0.0, 0.005, 0.01, 0.02, 0.03, 0.04, 0.05]
    fine = [0.001 * n for n in range(51)]
    series = []
    for gaps, name in ((EVEN, "even"), (RANDOM, "exponential")):
        found = [
            measured(window_s=window, gap_s=gap_s, gaps=gaps, trials=trials, seed=seed)
            for window in windows
        ]
        shares, errors = [one.share for one in found], [one.error for one in found]
        form = FORMS[gaps]
        ms = [1000 * window for window in windows]
        series.append(points(f"gap {name}, measured", ms, shares, errors=errors))
        heights = [form(window, gap_s) for window in fine]
        series.append(curve(f"gap {name}, formula", [1000 * w for w in fine], heights))
    return lines(
        *series,
        title=f"Transferred twice, gaps up to {1000 * gap_s:.0f} ms or of that mean",
        x="time between check and mark (ms)",
        y="share transferred twice",
        y_range=(0.0, 1.08),
    )


def steps_picture(*, gap_ms: int, window_ms: int = 10) -> Picture:
    """Draw what two copies do, and when; the second one comes ``gap_ms`` later."""
    made = run((0.0, gap_ms / 1000), window_s=window_ms / 1000)
    transfers = made.bank.balances[B] // AMOUNT
    return timeline(
        {
            f"copy {number}": [(round(1000 * at_s, 3), step) for at_s, step in steps]
            for number, steps in enumerate(made.steps, start=1)
        },
        title=f"The second copy comes {gap_ms} ms later: " + how_many(transfers, "transfer"),
        x="time (ms)",
        x_range=(0.0, 20.0),
    )
