"""Duplicates on a network that loses nothing: the timer fires before the answer is there.

Book: 01-the-problem
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache

from ... import Faults, Message, Network, ProcessThenAck, RetryUntilAcked, simulate
from ...core.check import at_least, positive
from ...show.picture import Picture
from ...show.plots import curve, lines, points
from ...show.view import Progress, View
from ...theory.retries import sends_mean_in_order, sends_mean_with_early_timer

RATIOS = (0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 4.0, 5.0)
"""The timer's lengths that are measured, in mean round trips."""

LINKS = {"a queue": True, "free for all": False}
"""Whether packets arrive in the order in which they were sent."""

PAYMENTS = 200
EXPECTED = 10 * PAYMENTS
MEAN_S = 1.0  # of the round trip; only its ratio to the timer matters


@dataclass(frozen=True)
class Sends:
    """The mean number of sends for a payment, and the half width of its 95 % interval."""

    mean: float
    error: float


@cache
def measured(*, ratio: float, in_order: bool, payments: int = PAYMENTS, seed: int = 1) -> Sends:
    """Send payments over a network without loss; the timer is ``ratio`` mean round trips long.

    Round trips are exponential. With ``in_order`` the link is a queue; without, every packet
    goes at its own pace. Each payment is a run of its own, so that none queues behind another.
    """
    timeout_s = positive("ratio", ratio) * MEAN_S
    at_least("payments", payments, 2)
    slow = Faults(delay_s=0.0, delay_s_mean=MEAN_S, reordering=0.0 if in_order else 1.0)
    network = Network(messages=slow, acks=Faults(delay_s=0.0))
    counts = []
    for number in range(1, payments + 1):
        message = Message(str(number))
        sender = RetryUntilAcked("receiver", (message,), timeout_s=timeout_s)
        pair = {"sender": sender, "receiver": ProcessThenAck()}
        counts.append(simulate(pair, network, seed=seed).processed()[message.id])
    mean = sum(counts) / payments
    variance = sum((count - mean) ** 2 for count in counts) / (payments - 1)
    return Sends(mean, 1.96 * math.sqrt(variance / payments))


def duplicates_by_formula(ratio: float, *, in_order: bool) -> float:
    """Return the expected duplicates of a payment: all its sends but the first."""
    form = sends_mean_in_order if in_order else sends_mean_with_early_timer
    return form(timeout_s=ratio, round_trip_s_mean=1.0) - 1


def impatience(*, ratio: float, seed: int) -> Progress:
    """Show the duplicates for a timer of ``ratio`` mean round trips, and the closed forms.

    The plot has a point for every length in ``RATIOS``; they are measured one after the other.
    """
    for done, length in enumerate(RATIOS):
        yield done / len(RATIOS)
        for in_order in LINKS.values():
            measured(ratio=length, in_order=in_order, seed=seed)
    there, formula = {}, {}
    for name, in_order in LINKS.items():
        found = measured(ratio=ratio, in_order=in_order, seed=seed)
        there[name] = round(EXPECTED * found.mean)
        formula[name] = round(EXPECTED * (1 + duplicates_by_formula(ratio, in_order=in_order)))
    numbers = {"money expected": EXPECTED}
    for name in LINKS:
        numbers |= {f"{name}: there": there[name], f"{name}: by formula": formula[name]}
    return View(
        picture=_plot(ratio, seed),
        numbers=numbers,
        sentence=f"A timer of {ratio:g} × the mean round trip and no packet lost: of "
        f"{EXPECTED:,} expected, {there['a queue']:,} are there over a queue, "
        f"{there['free for all']:,} where packets overtake each other.",
    )


def _plot(ratio: float, seed: int) -> Picture:
    series = []
    for name, in_order in LINKS.items():
        found = [measured(ratio=r, in_order=in_order, seed=seed) for r in RATIOS]
        means, errors = [f.mean - 1 for f in found], [f.error for f in found]
        series.append(points(f"{name}, measured", RATIOS, means, errors=errors))
    fine = [RATIOS[0] + step * (RATIOS[-1] - RATIOS[0]) / 36 for step in range(37)]
    for name, in_order in LINKS.items():
        ys = [duplicates_by_formula(r, in_order=in_order) for r in fine]
        series.append(curve(f"{name}, closed form", fine, ys))
    return lines(
        *series,
        title=f"Duplicates without loss; the timer is {ratio:g} mean round trips long",
        x="timer, in mean round trips",
        y="duplicates a payment, mean and 95 % interval",
        x_range=(0, 5),
        y_range=(0, 2.5),
        here=ratio,
    )
