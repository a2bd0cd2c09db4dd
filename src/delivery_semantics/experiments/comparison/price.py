"""Which semantic is the cheapest: what a wrong message costs decides, not the guarantee.

Book: 09-comparison-table
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from itertools import product

from ...core.check import at_least
from ...show.picture import Picture, draw, rect, text
from ...show.plots import bars
from ...show.view import View
from ..semantics.pairs import PAIRS, count, trace_by_chance
from .measured import PAYMENTS, PROFILES, ROWS

PROFILE = "all three"


@dataclass(frozen=True)
class Use:
    """What a run of ``PAYMENTS`` messages took, in packets and ids, and what it got wrong."""

    packets: int
    ids: int
    lost: int
    repeated: int

    def cost(self, *, lost: int, repeated: int) -> int:
        """Return the price of all, where a packet costs 1, and so does an id that is kept."""
        return self.packets + self.ids + lost * self.lost + repeated * self.repeated


@cache
def use(pair: str, *, seed: int = 1) -> Use:
    """Measure one of ``PAIRS`` under the profile "all three"."""
    participants = PAIRS[pair].participants(PAYMENTS)
    trace = trace_by_chance(participants, PROFILES[PROFILE], seed=seed)
    times = Counter(count(trace).times)
    extra = sum((n - 1) * of for n, of in times.items() if n > 1)
    return Use(len(trace.of("sent")), len(trace.of("marked")), times[0], extra)


def cheapest(costs: Mapping[str, int]) -> str:
    """Return the row that costs least; of equals, the first."""
    return min(costs, key=costs.__getitem__)


PRICES = (0, 1, 10, 100)
_NAME, _WIDE, _HEAD, _HIGH = 66, 85, 42, 34


def best(lost: int, repeated: int, *, seed: int = 1) -> str:
    """Return the row that is the cheapest at two prices."""
    return cheapest(
        {row: use(row, seed=seed).cost(lost=lost, repeated=repeated) for row in ROWS}
    )


def _map(lost: int, repeated: int, *, seed: int) -> Picture:
    """Draw the cheapest row at each pair of ``PRICES``, and where the two given ones stand."""
    parts = [text("a repeated message costs", _NAME, 14)]
    parts += [
        text(f"{price}", _NAME + _WIDE * (column + 0.5), 35, anchor="middle")
        for column, price in enumerate(PRICES)
    ]
    said = []
    for place, (n, r) in enumerate(product(PRICES, PRICES)):
        left = _NAME + _WIDE * (place % len(PRICES))
        top = _HEAD + _HIGH * (place // len(PRICES))
        here, row = (n, r) == (lost, repeated), best(n, r, seed=seed)
        hue = "accent" if here else "muted"
        name = row.removesuffix(" processing").removesuffix("-once")
        parts.append(rect(left + 2, top + 2, _WIDE - 4, _HIGH - 4, stroke=hue))
        parts.append(text(name, left + _WIDE / 2, top + 22, anchor="middle", bold=here))
        if r == PRICES[0]:
            parts.append(text(f"lost {n}", 0, top + 22))
        said.append(f"lost {n}, repeated {r}: {row}{' (here)' if here else ''}.")
    width, height = _NAME + _WIDE * len(PRICES), _HEAD + _HIGH * len(PRICES)
    title = "The cheapest row at each pair of prices: at most, at least, or exactly once"
    return draw(*parts, width=width, height=height, title=title, description=" ".join(said))


def price(*, lost: int, repeated: int, seed: int) -> View:
    """Show what each row costs, as ``Use.cost`` has it; prices are of one message.

    Raises ValueError for a negative price.
    """
    for name, value in (("lost", lost), ("repeated", repeated)):
        at_least(name, value, 0)
    costs = {pair: use(pair, seed=seed).cost(lost=lost, repeated=repeated) for pair in ROWS}
    found = cheapest(costs)
    uses = {pair: use(pair, seed=seed) for pair in ROWS}
    return View(
        picture=[
            bars(
                {
                    pair: {
                        "packets and ids": one.packets + one.ids,
                        "lost messages": lost * one.lost,
                        "repeated messages": repeated * one.repeated,
                    }
                    for pair, one in uses.items()
                },
                title=f"What {PAYMENTS:,} messages cost: lost {lost}, repeated {repeated}",
                x="cost, where one packet costs 1",
                stacked=True,
                hues={
                    "packets": "message",
                    "lost messages": "fault",
                    "repeated messages": "accent",
                },
            ),
            _map(lost, repeated, seed=seed),
        ],
        numbers={f"cost, {pair}": cost for pair, cost in costs.items()},
        sentence=f"Cheapest: {found}, for {ROWS[found][0].lower()} in the document.",
    )
