"""Copies of one request at the same moment, and none of them later than another.

Book: 08-stripe-idempotency
"""

from __future__ import annotations

import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from ...databases import empty_place
from ...systems.gate import Gate
from ...systems.http.client import ask
from ...systems.http.serving import serving
from .kills import SERVERS
from .live import charge, charged


@dataclass(frozen=True)
class CopiesAtOnce:
    """What came of ``copies`` of one request: charges, and how many answers of each status."""

    copies: int
    charges: int
    answers: dict[int, int]


def together(server: str, *, copies: int) -> CopiesAtOnce:
    """Send copies of one request to a server of ``SERVERS`` at once, over real sockets.

    Nobody goes on from a gate until all have come. A server that checks first is left alone
    until all have checked. One that claims first lets one copy through, which stands still
    until the others have their answers.
    """
    gates = {step: Gate(step, opens_at=copies) for step in ("received", "checked", "claimed")}

    def announce(step: str) -> None:
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
        return CopiesAtOnce(copies, len(charged(url)), dict(sorted(statuses.items())))
