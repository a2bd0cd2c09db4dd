"""What each guarantee costs on real systems, measured once and kept beside this module.

``python benchmarks/run.py prices`` measures again. The numbers are one machine's; what can be
carried elsewhere is the ratio of kinds that were measured in turns.

Book: 16-which-guarantee
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from ...show.plots import bars
from ...show.view import View

FILE = Path(__file__).with_name("prices.json")


class Price(NamedTuple):
    """One kind: messages per second one after the other, and microseconds for each.

    ``times`` is how long it took, as a multiple of the first kind of the same system.
    """

    system: str
    guarantee: str
    per_second: int
    median_us: int
    p99_us: int
    times: float


def write(prices: Sequence[Price]) -> None:
    """Store prices, a line for each."""
    lines = ",\n".join(json.dumps(price._asdict()) for price in prices)
    FILE.write_text(f"[\n{lines}\n]\n", encoding="utf-8", newline="\n")


def read() -> list[Price]:
    """Return the stored prices."""
    return [Price(**price) for price in json.loads(FILE.read_text(encoding="utf-8"))]


def systems() -> list[str]:
    """Return the systems that were measured."""
    return list(dict.fromkeys(price.system for price in read()))


def price_view(*, system: str, seed: int = 1) -> View:
    """Show what the guarantees of one system cost."""
    mine = [price for price in read() if price.system == system]
    dearest = max(mine[1:], key=lambda price: price.times)
    return View(
        bars(
            {price.guarantee: {"mean": round(1e6 / price.per_second)} for price in mine},
            title=f"{system}: time for one message", x="microseconds, mean", stacked=True,
        ),
        {
            "per second, the first": mine[0].per_second,
            "per second, the dearest": dearest.per_second,
            "p99, the first": f"{mine[0].p99_us:,} µs",
            "p99, the dearest": f"{dearest.p99_us:,} µs",
            "times as long": f"{dearest.times:.2f}",
        },
        f"{system}: the dearest, {dearest.guarantee}, takes {dearest.times:g} times as long as "
        f"the first, {mine[0].guarantee}.",
    )  # fmt: skip
