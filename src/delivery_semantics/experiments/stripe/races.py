"""Copies of one request at the same moment, and none of them later than another.

Book: 08-stripe-idempotency
"""

from __future__ import annotations

import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache

from ...databases import empty_place
from ...show.plots import bars
from ...show.view import View
from ...systems.gate import Gate
from ...systems.http.client import ask
from ...systems.http.serving import serving
from .kills import SERVERS
from .live import PAYMENT, charge, charged

COPIES = (1, 2, 8)


@dataclass(frozen=True)
class CopiesAtOnce:
    """What came of ``copies`` of one request: charges, and how many answers of each status.

    ``passed`` says how many of the copies passed each step.
    """

    copies: int
    charges: int
    answers: dict[int, int]
    passed: dict[str, int]


def together(server: str, *, copies: int) -> CopiesAtOnce:
    """Send copies of one request to a server of ``SERVERS`` at once, over real sockets.

    Nobody goes on from a gate until all have come. A server that checks first is left alone
    until all have checked. One that claims first lets one copy through, which stands still
    until the others have their answers.
    """
    gates = {step: Gate(step, opens_at=copies) for step in ("received", "checked", "claimed")}

    steps: list[str] = []

    def announce(step: str) -> None:
        steps.append(step)
        if step in gates:
            gates[step].enter()

    def copy(address: str) -> int:
        status = ask(address, charge("key")).status
        gates["claimed"].enter()
        return status

    with empty_place() as url:
        app = SERVERS[server](announce, time.time, url=url)
        with serving(app) as address, ThreadPoolExecutor(copies) as clients:
            statuses = Counter(clients.map(copy, [address] * copies))
        charges = len(charged(url))
    return CopiesAtOnce(copies, charges, dict(sorted(statuses.items())), Counter(steps))


@cache
def raced(server: str, copies: int) -> CopiesAtOnce:
    """Send the copies once."""
    return together(server, copies=copies)


def copies_view(*, server: str, copies: int, seed: int = 1) -> View:
    """Show how many copies pass each step of a server, and what is charged for them."""
    found = raced(server, copies)
    in_order = raced(server, 1).passed  # several copies announce their steps as threads run
    rows = {step: {"copies": float(found.passed[step])} for step in in_order}
    told = ", ".join(f"{count} × {status}" for status, count in found.answers.items())
    once = "once" if found.charges == 1 else f"{found.charges} times"
    return View(
        bars(rows, title=f"{server}: {copies} at once", x="copies that pass each step",
             x_max=float(COPIES[-1])),
        {
            "answered 200": found.answers.get(200, 0),
            "answered 409": found.answers.get(409, 0),
            "money expected": PAYMENT.amount,
            "money there": PAYMENT.amount * found.charges,
        },
        f"{server}, {copies} at the same moment: charged {once}. Answers: {told}.",
    )  # fmt: skip
