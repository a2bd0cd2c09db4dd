"""Where fire and forget is right: counters that survive loss, and snapshots that grow old.

Book: 03-at-most-once
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache
from itertools import accumulate, pairwise

from ... import (
    Audit, Faults, HighWaterMark, Message, Participant, ProcessOnly, Trace, audit, payments,
)  # fmt: skip
from ...core.dice import dice
from ...show.picture import Picture
from ...show.plots import curve, lines, money, points
from ...show.view import Progress, View
from ...theory.retries import Model
from .loss import RATES_PERCENT, fire

REPORTS = 40
SNAPSHOTS = 60


# Counters ---------------------------------------------------------------------------------


def requests_each_second(*, seconds: int = REPORTS, seed: int = 1) -> tuple[int, ...]:
    """Return how many requests a server had in each second: 5 to 14, by the seed's dice."""
    return tuple(5 + int(10 * dice(seed, "requests", second)) for second in range(seconds))


def counters(*, loss_percent: int, seed: int) -> View:
    """Report a server's requests each second over a lossy link, as a delta and as a total."""
    counted = requests_each_second(seed=seed)
    reports = tuple(Message(str(n), count) for n, count in enumerate(counted, start=1))
    trace = fire(reports, Faults(loss=loss_percent / 100), interval_s=1.0, seed=seed)
    arrived = [int(id) for id in trace.processed()]
    totals = list(accumulate(counted))
    deltas = list(accumulate((counted[n - 1] for n in arrived), initial=0))[1:]
    latest = [totals[n - 1] for n in arrived]
    seconds = range(1, REPORTS + 1)
    by_delta, by_total = max(deltas, default=0), max(latest, default=0)
    return View(
        picture=lines(
            curve("true count", seconds, totals, hue="ink"),
            points("newest total", arrived, latest, hue="good"),
            points("sum of deltas", arrived, deltas, hue="fault"),
            title=f"A request counter over a link that loses {loss_percent} %",
            x="time (s)",
            y="requests",
            x_range=(0, REPORTS),
            y_range=(0, 500),
        ),
        numbers={
            "reports sent": REPORTS,
            "reports lost": REPORTS - len(arrived),
            "true count": totals[-1],
            "sum of deltas": by_delta,
            "newest total": by_total,
        },
        sentence=f"{REPORTS - len(arrived)} of {REPORTS} reports were lost. The deltas that "
        f"came add up to {by_delta}, the newest total says {by_total}; truth: {totals[-1]}.",
    )


def missing(
    loss_percent: float, *, groups: int = 200, reports: int = 25, seed: int = 1
) -> tuple[float, float]:
    """Return the mean shares of the count, 0 to 1, that deltas miss and that totals miss.

    ``groups`` counters send ``reports`` reports of one event each.
    """
    arrived = _arrived(loss_percent, groups * reports, seed)
    lost, tail = 0, 0
    for first in range(1, groups * reports + 1, reports):
        came = [str(first + n) in arrived for n in range(reports)]
        lost += came.count(False)
        tail += tail_length(came)
    return lost / (groups * reports), tail / (groups * reports)


@cache
def _arrived(loss_percent: float, messages: int, seed: int) -> frozenset[str]:
    trace = fire(payments(messages), Faults(loss=loss_percent / 100), seed=seed)
    return frozenset(trace.processed())


def tail_length(came: Sequence[bool]) -> int:
    """Return how many reports were lost after the last one that came."""
    return next((n for n, ok in enumerate(reversed(came)) if ok), len(came))


def missing_curve(*, groups: int = 200, reports: int = 25, seed: int = 1) -> Picture:
    """Plot what deltas and totals miss beside p and the expected tail, with two deviations."""
    rates = RATES_PERCENT
    found = [missing(rate, groups=groups, reports=reports, seed=seed) for rate in rates]
    shares = [rate / 100 for rate in rates]
    delta_errors = [200 * math.sqrt(p * (1 - p) / (groups * reports)) for p in shares]
    tail_errors = [200 * math.sqrt(p / groups) / (1 - p) / reports for p in shares]
    return lines(
        points("deltas", rates, [100 * delta for delta, _ in found], errors=delta_errors),
        points("totals", rates, [100 * tail for _, tail in found], errors=tail_errors),
        curve("p", rates, rates),
        curve("tail", rates, [100 * tail_share(rate, reports=reports) for rate in rates]),
        title=f"What is missing, over {groups} counters of {reports} reports each",
        x="reports that the network loses (%)",
        y="missing from the count (%)",
        y_range=(0, 60),
    )


_SENT = 5_000


def missing_at(*, reports: int, seed: int) -> Progress:
    """Show what deltas and totals miss, for counters of so many reports; 5,000 in all."""
    groups = _SENT // reports
    for done, rate in enumerate(RATES_PERCENT):
        yield done / len(RATES_PERCENT)
        missing(rate, groups=groups, reports=reports, seed=seed)
    delta, total = missing(50, groups=groups, reports=reports, seed=seed)
    return View(
        picture=missing_curve(groups=groups, reports=reports, seed=seed),
        numbers={
            "deltas miss at 50 %": f"{100 * delta:.1f} %",
            "totals miss at 50 %": f"{100 * total:.1f} %",
            "by formula": f"{100 * tail_share(50, reports=reports):.1f} %",
            "totals miss": f"{reports * total:.2f} reports",
        },
        sentence=f"With half of {reports} reports lost, deltas miss {100 * delta:.1f} % of the "
        f"count and totals {100 * total:.1f} %: {reports * total:.2f} reports.",
    )


def tail_share(loss_percent: float, *, reports: int) -> float:
    """Return the share of a count that the newest total is expected to miss.

    Read backwards from the end, the lost reports are failed attempts before the first success:
    p + p² + … over as many reports as there are, which is ``Model.wasted_attempts_mean``.
    """
    return float(Model(loss=loss_percent / 100).wasted_attempts_mean(reports)) / reports


# Snapshots --------------------------------------------------------------------------------

NETWORK_DELAY_S = 0.05
NETWORK_EXTRA_S = 0.1


def overtaking(reordering: float, *, loss: float = 0.0) -> Faults:
    """Return a network in which packets overtake one another with this probability."""
    return Faults(
        loss=loss, reordering=reordering, delay_s=NETWORK_DELAY_S, delay_s_mean=NETWORK_EXTRA_S
    )


def shown(trace: Trace) -> list[tuple[float, int]]:
    """Return (time in seconds, snapshot number) for each snapshot that reached the screen."""
    return [(e.time_s, int(e.payload.id)) for e in trace.of("processed") if e.payload]


def jumps_back(screen: list[tuple[float, int]]) -> int:
    """Count the moments at which the screen showed something older than just before."""
    return sum(after < before for (_, before), (_, after) in pairwise(screen))


def snapshots(*, reordering_percent: int, seed: int) -> View:
    """Send 60 positions of a player, 20 each second, to a screen with and without a filter."""
    faults = overtaking(reordering_percent / 100, loss=0.1)
    every, newest = (
        shown(fire(payments(SNAPSHOTS), faults, receiver=one, interval_s=0.05, seed=seed))
        for one in (ProcessOnly(), HighWaterMark())
    )
    late = [snapshot for snapshot in every if snapshot not in newest]
    dropped = [points("late, dropped", *zip(*late, strict=True), hue="fault")] if late else []
    return View(
        picture=lines(
            points("shown by the filter", *zip(*newest, strict=True), hue="good"),
            *dropped,
            title=f"Snapshots that arrive when {reordering_percent} % of them may overtake",
            x="time (s)",
            y="number of the snapshot",
            x_range=(0, 4),
            y_range=(0, SNAPSHOTS),
        ),
        numbers={
            "snapshots sent": SNAPSHOTS,
            "shown without a filter": len(every),
            "jumps back without a filter": jumps_back(every),
            "shown with the filter": len(newest),
            "jumps back with the filter": jumps_back(newest),
        },
        sentence=f"{len(every)} of {SNAPSHOTS} snapshots arrive. Without a filter the screen "
        f"jumps back {jumps_back(every)} times; with the filter it drops {len(late)} late "
        f"snapshots and jumps back {jumps_back(newest)} times.",
    )


def overtaken_payments(
    receiver: Participant, *, count: int = 200, reordering: float = 0.5, seed: int = 1
) -> Audit:
    """Audit payments over a network that loses none of them and lets them overtake."""
    faults = overtaking(reordering)
    return audit(fire(payments(count), faults, receiver=receiver, interval_s=0.05, seed=seed))


def overtaken_money(*, reordering_percent: int, seed: int) -> View:
    """Send 200 payments through a network that only lets them overtake, to two receivers."""
    found = {
        name: overtaken_payments(receiver, reordering=reordering_percent / 100, seed=seed)
        for name, receiver in (("takes everything", ProcessOnly()), ("filter", HighWaterMark()))
    }
    every, filtered = found.values()
    expected = every.money_expected
    return View(
        picture=money(
            {
                "takes everything": (expected, every.money_there),
                "only what is above the highest": (expected, filtered.money_there),
            },
            title=f"200 payments, {reordering_percent} % of packets may overtake",
            x="money, after 200 payments of 10",
            x_max=2_500,
        ),
        numbers={
            "dropped by the filter": len(filtered.lost),
            "processed twice": len(filtered.duplicated),
            "money expected": expected,
            "there, without a filter": every.money_there,
            "there, with the filter": filtered.money_there,
        },
        sentence=f"{reordering_percent} % may overtake and none is lost: with the filter "
        f"{filtered.money_there:,} of {expected:,} are there.",
    )
