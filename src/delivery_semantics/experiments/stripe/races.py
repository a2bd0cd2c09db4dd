"""Copies of one request at the same moment, and none of them later than another.

Book: 08-stripe-idempotency
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from ...systems.http.client import ask
from ...systems.http.serving import serving
from .kills import SERVERS
from .live import charge, charged, store

TIMEOUT_S = 30.0


@dataclass(frozen=True)
class Together:
    """What came of ``copies`` of one request: charges, and how many answers of each status."""

    copies: int
    charges: int
    answers: dict[int, int]


@dataclass
class Meeting:
    """Brings the copies together: nobody goes on until all have come.

    A server that checks first is left alone until all have checked. One that claims first
    lets one copy through, which stands still until the others have their answers.
    """

    copies: int
    answered: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)
    only_one_left: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.places = {s: threading.Barrier(self.copies) for s in ("received", "checked")}

    def announce(self, step: str) -> None:
        """Wait at the steps where copies meet."""
        if step in self.places:
            self.places[step].wait(TIMEOUT_S)
        if step == "claimed":
            self.only_one_left.wait(TIMEOUT_S)

    def answer(self) -> None:
        """Count an answer."""
        with self.lock:
            self.answered += 1
            if self.answered == self.copies - 1:
                self.only_one_left.set()


def together(server: str, *, copies: int) -> Together:
    """Send copies of one request to a server of ``SERVERS`` at once, over real sockets."""
    meeting = Meeting(copies)

    def copy(address: str) -> int:
        status = ask(address, charge("key")).status
        meeting.answer()
        return status

    with store() as url:
        app = SERVERS[server](meeting.announce, time.time, url=url)
        with serving(app) as address, ThreadPoolExecutor(copies) as clients:
            statuses = Counter(clients.map(copy, [address] * copies))
        return Together(copies, len(charged(url)), dict(sorted(statuses.items())))
