"""Who may write now, and where one waits for that: a wait for one thing holds up nothing else.

Book: 08-stripe-idempotency
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Literal, TypeVar, TypeVarTuple

from anyio import CapacityLimiter
from anyio.lowlevel import RunVar
from anyio.to_thread import run_sync

from ..databases import Connections, Locked, deadline_s, until

Lane = Literal["look", "claim", "hold", "end"]
LANES: dict[Lane, int] = {"look": 4, "claim": 4, "hold": 4, "end": 4}
"""How many threads of an event loop wait at once, for whom: who asks what is kept; who wants to
begin, and may be refused; who holds a claim, and keeps an answer; and who has the turn to write
that others wait for. None of them are the server's, which handlers may fill."""
TURN_S = 0.002
"""How long an event loop waits for its turn to write. Most turns take a fraction of it, and to
change threads costs as much as a turn."""

_LIMITERS: RunVar[dict[Lane, CapacityLimiter]] = RunVar("idempotency_lanes")

Result = TypeVar("Result")
Values = TypeVarTuple("Values")


class Turns:
    """Lets the threads of this process write to SQLite one after another.

    SQLite's own way is to look again after a while, and longer each time; so some wait long.
    """

    def __init__(self, connections: Connections) -> None:
        self._limit_s = connections.lock_timeout_s
        self._one_writes = connections.dialect == "sqlite"
        self._writer = threading.Lock()

    @contextmanager
    def turn(self, *, wait: bool = True) -> Iterator[float]:
        """Wait for a turn; yield until when one may wait for the database then.

        If not to ``wait``, that is now, and a turn is waited for ``TURN_S``. Raises Locked.
        """
        now_s = time.monotonic()
        end_s = deadline_s(self._limit_s) if wait else now_s
        wait_s = max(0.0, end_s - now_s) if wait else TURN_S
        if self._one_writes and not self._writer.acquire(timeout=wait_s):
            raise Locked("another thread of this process is writing")
        try:
            yield end_s
        finally:
            if self._one_writes:
                self._writer.release()

    async def in_thread(
        self, lane: Lane, function: Callable[[*Values], Result], *values: *Values
    ) -> Result:
        """Wait for a call in a lane; if it has to wait so long for a thread, it is refused."""
        limiters = _LIMITERS.get(None)
        if limiters is None:
            limiters = {name: CapacityLimiter(threads) for name, threads in LANES.items()}
            _LIMITERS.set(limiters)
        end_s = time.monotonic() + self._limit_s

        def carry_out() -> Result:
            if lane == "end":
                return function(*values)
            if time.monotonic() > end_s:
                raise Locked("too many were waiting for the database")
            with until(end_s):
                return function(*values)

        return await run_sync(carry_out, limiter=limiters[lane])
