"""What fire and forget loses, and what a network that copies packets does to it.

Rates are percentages here, because that is what a reader reads on a slider.

Book: 03-at-most-once
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from ... import (
    Faults, FireAndForget, HighWaterMark, MarkThenProcess, Message, Network, Participant,
    ProcessOnly, Trace, audit, payments, simulate,
)  # fmt: skip
from ...show.picture import Picture, draw, number, path, text
from ...show.plots import curve, lines, money, points
from ...show.view import Progress, View
from ...theory.retries import Model, count_mean_and_deviation, count_probability

PAYMENTS = 400
COPIED = 200
RATES_PERCENT = (0, 5, 10, 15, 20, 25, 30, 35, 40, 45, 50)

_COLUMNS = 40
_CELL = 11


def fire(
    messages: tuple[Message, ...],
    faults: Faults,
    *,
    receiver: Participant | None = None,
    interval_s: float = 0.0,
    seed: int = 1,
) -> Trace:
    """Send each message once into this network; the receiver is ``ProcessOnly`` by default."""
    sender = FireAndForget("receiver", messages, interval_s=interval_s)
    pair = {"sender": sender, "receiver": receiver or ProcessOnly()}
    return simulate(pair, Network(messages=faults), seed=seed)


# Loss -------------------------------------------------------------------------------------


def lost_ids(loss_percent: float, *, messages: int = PAYMENTS, seed: int = 1) -> frozenset[str]:
    """Return the ids of the messages that were sent once and never processed."""
    trace = fire(payments(messages), Faults(loss=loss_percent / 100), seed=seed)
    return frozenset(m.id for m in trace.messages) - frozenset(trace.processed())


def payments_lost(*, loss_percent: int, seed: int) -> View:
    """Send 400 payments of 10 once each; show which ones the network lost."""
    lost = lost_ids(loss_percent, seed=seed)
    expected = 10 * PAYMENTS
    there = expected - 10 * len(lost)
    mean, deviation = count_mean_and_deviation(PAYMENTS, loss_percent / 100)
    return View(
        picture=field([m.id in lost for m in payments(PAYMENTS)], loss_percent),
        numbers={
            "payments sent": PAYMENTS,
            "never processed": len(lost),
            "by formula": f"{float(mean):g} ± {deviation:.1f}",
            "money expected": expected,
            "money there": there,
        },
        sentence=f"Of {PAYMENTS} payments {len(lost)} were never processed; "
        f"{expected:,} was expected and {there:,} is there.",
    )


def field(lost: Sequence[bool], loss_percent: float) -> Picture:
    """Draw one cell for each message in the order sent, with a cross where it was lost."""
    arrived, crosses = [], []
    for index, is_lost in enumerate(lost):
        x = 4 + _CELL * (index % _COLUMNS)
        y = 38 + _CELL * (index // _COLUMNS)
        if is_lost:
            crosses.append(f"M{x} {y - 4}l8 8m0-8l-8 8")
        else:
            arrived.append(f"M{x + 2} {y}h4")
    kinds = [_dot(13, 13), text("processed", 28, 18), _cross(130, 13), text("lost", 144, 18)]
    parts = [path("".join(arrived), stroke="muted", width=4)] if arrived else []
    parts += [path("".join(crosses), stroke="fault", width=2)] if crosses else []
    rows = math.ceil(len(lost) / _COLUMNS)
    return draw(
        *kinds, *parts, width=8 + _CELL * _COLUMNS, height=34 + _CELL * rows,
        title=f"{len(lost)} payments, each sent once, at {loss_percent:g} % loss",
        description=f"One cell for each of {len(lost)} payments in the order sent; "
        f"{sum(lost)} of them carry a cross, because the network lost them.",
    )  # fmt: skip


def _dot(x: float, y: float) -> str:
    return path(f"M{number(x - 2)} {number(y)}h4", stroke="muted", width=4)


def _cross(x: float, y: float) -> str:
    return path(f"M{number(x - 4)} {number(y - 4)}l8 8m0-8l-8 8", stroke="fault", width=2)


@cache
def lost_at_each_rate(messages: int, seed: int) -> tuple[int, ...]:
    """Return how many of ``messages`` are lost, at each of ``RATES_PERCENT``."""
    return tuple(len(lost_ids(rate, messages=messages, seed=seed)) for rate in RATES_PERCENT)


def loss_curve(*, messages: int = 2000, seed: int = 1, here: float | None = None) -> Picture:
    """Plot the share of messages lost, with two standard deviations, beside P(lost) = p."""
    rates = RATES_PERCENT
    lost = lost_at_each_rate(messages, seed)
    deviations = [count_mean_and_deviation(messages, rate / 100)[1] for rate in rates]
    errors = [200 * deviation / messages for deviation in deviations]
    closed_form = [100 * float(Model(loss=rate / 100).undelivered(1)) for rate in rates]
    return lines(
        points("measured", rates, [100 * n / messages for n in lost], errors=errors),
        curve("closed form", rates, closed_form),
        title=f"Lost, of {messages:,} messages sent once; bars are two standard deviations",
        x="packets that the network loses (%)",
        y="messages never processed (%)",
        y_range=(0, 70),
        here=here,
    )


def loss_of(*, messages: int, loss_percent: int, seed: int) -> View:
    """Show what is lost at one rate of ``RATES_PERCENT``, in the curve of all of them."""
    lost = lost_at_each_rate(messages, seed)[RATES_PERCENT.index(loss_percent)]
    mean, deviation = count_mean_and_deviation(messages, loss_percent / 100)
    off = (lost - float(mean)) / deviation
    return View(
        picture=loss_curve(messages=messages, seed=seed, here=loss_percent),
        numbers={
            "lost": lost,
            "by formula": f"{float(mean):g} ± {deviation:.1f}",
            "off by, in deviations": f"{off:+.2f}",
            "money expected": 10 * messages,
            "money there": 10 * (messages - lost),
        },
        sentence=f"Of {messages:,} messages sent once {lost:,} were lost at {loss_percent} %; "
        f"the formula says {float(mean):g} ± {deviation:.1f}.",
    )


@dataclass(frozen=True)
class Spread:
    """How many messages were lost in each of many runs, beside the binomial distribution."""

    counts: tuple[int, ...]
    messages: int
    loss: float

    @property
    def mean(self) -> float:
        """The mean over the runs."""
        return sum(self.counts) / len(self.counts)

    @property
    def deviation(self) -> float:
        """The standard deviation over the runs."""
        mean = self.mean
        return math.sqrt(sum((count - mean) ** 2 for count in self.counts) / len(self.counts))

    def probability(self, lost: int) -> float:
        """Return the binomial probability that exactly this many messages are lost."""
        return float(count_probability(lost, messages=self.messages, chance=self.loss))

    def picture(self) -> Picture:
        """Plot how many runs lost 0, 1, 2, … messages beside how many should have."""
        runs = len(self.counts)
        seen = Counter(self.counts)
        width = range(max(seen) + 2)
        return lines(
            points("measured", width, [seen[lost] for lost in width]),
            curve("binomial", width, [runs * self.probability(lost) for lost in width]),
            title=f"Lost messages in each of {runs} runs of {self.messages} messages",
            x="messages lost in a run",
            y="runs",
            x_range=(0, max(70, *self.counts) + 2),
            y_range=(0, max(runs / 4, *seen.values())),
        )


def spread(
    *, runs: int = 400, messages: int = 100, loss_percent: float = 10, seed: int = 1
) -> Spread:
    """Run the same experiment with many seeds, from ``seed`` on."""
    counts = tuple(
        len(lost_ids(loss_percent, messages=messages, seed=seed + run)) for run in range(runs)
    )
    return Spread(counts, messages, loss_percent / 100)


def spread_at(*, loss_percent: int, seed: int) -> Progress:
    """Show how many of 100 messages are lost in each of 400 runs, with seeds from this one."""
    counts: list[int] = []
    for done in range(4):
        yield done / 4
        hundred = spread(runs=100, loss_percent=loss_percent, seed=seed + 100 * done)
        counts += hundred.counts
    found = Spread(tuple(counts), 100, loss_percent / 100)
    mean, deviation = count_mean_and_deviation(found.messages, found.loss)
    return View(
        picture=found.picture(),
        numbers={
            "mean": f"{found.mean:.2f}",
            "mean by formula": float(mean),
            "deviation": f"{found.deviation:.2f}",
            "deviation by formula": f"{deviation:.2f}",
            "missing in the worst run": 10 * max(counts),
            "missing in the best run": 10 * min(counts),
        },
        sentence=f"Of 100 messages {min(counts)} to {max(counts)} were lost in a run, "
        f"{found.mean:.2f} ± {found.deviation:.2f}.",
    )


# Duplicates -------------------------------------------------------------------------------

MEMORIES: Mapping[str, Participant] = {
    "no check": ProcessOnly(),
    "a mark for each id": MarkThenProcess(),
    "the highest number": HighWaterMark(),
}


def copied_by_the_network(*, duplication_percent: int, seed: int) -> View:
    """Send 200 payments of 10 once each through a network that loses none and copies some."""
    faults = Faults(duplication=duplication_percent / 100)
    there = {
        name: audit(fire(payments(COPIED), faults, receiver=receiver, seed=seed)).money_there
        for name, receiver in MEMORIES.items()
    }
    expected = 10 * COPIED
    mean, deviation = count_mean_and_deviation(COPIED, duplication_percent / 100)
    again = {
        f"processed again, {name}": (money - expected) // 10 for name, money in there.items()
    }
    return View(
        picture=money(
            {name: (expected, amount) for name, amount in there.items()},
            title="Money expected and money there, by what the receiver remembers",
            x=f"money, after {COPIED} payments of 10 sent once each",
            x_max=17 * COPIED,
        ),
        numbers={
            "packets sent": COPIED,
            "by formula": f"{float(mean):g} ± {deviation:.1f}",
            **again,
        },
        sentence=f"Each payment was sent once. Without a check {there['no check']:,} is there "
        f"instead of {expected:,}; with a mark for each id, {there['a mark for each id']:,}.",
    )
