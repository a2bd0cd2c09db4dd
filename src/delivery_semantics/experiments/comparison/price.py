"""Which semantic is the cheapest: what a wrong message costs decides, not the guarantee.

Book: 09-comparison-table
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from ...core.check import at_least
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


def price(*, lost: int, repeated: int, seed: int) -> View:
    """Show what each row costs, as ``Use.cost`` has it; prices are of one message.

    Raises ValueError for a negative price.
    """
    for name, value in (("lost", lost), ("repeated", repeated)):
        at_least(name, value, 0)
    costs = {pair: use(pair, seed=seed).cost(lost=lost, repeated=repeated) for pair in ROWS}
    best = cheapest(costs)
    uses = {pair: use(pair, seed=seed) for pair in ROWS}
    return View(
        picture=bars(
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
        numbers={f"cost, {pair}": cost for pair, cost in costs.items()},
        sentence=f"Cheapest: {best}, for {ROWS[best][0].lower()} in the document.",
    )
