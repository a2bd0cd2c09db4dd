"""Who may write now, and where one waits for that: a wait for one thing holds up nothing else.

Book: 08-stripe-idempotency
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
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

_LANES: RunVar[dict[Lane, CapacityLimiter]] = RunVar("idempotency_lanes")

Result = TypeVar("Result")
Values = TypeVarTuple("Values")


class TurnToWrite:
    """A turn to write, until the block ends; where many may write at once there is no lock."""

    __slots__ = ("_end_s", "_wait_s", "_writer")

    def __init__(self, writer: threading.Lock | None, wait_s: float, end_s: float) -> None:
        self._writer, self._wait_s, self._end_s = writer, wait_s, end_s

    def __enter__(self) -> float:
        """Wait for it."""
        if self._writer and not self._writer.acquire(timeout=self._wait_s):
            raise Locked("another thread of this process is writing")
        return self._end_s

    def __exit__(self, *_: object) -> None:
        """End it."""
        if self._writer:
            self._writer.release()


class Turns:
    """Lets the threads of this process write to SQLite one after another.

    Processes can only look again after a while, which takes longer, and for some long.
    """

    def __init__(self, connections: Connections) -> None:
        self._limit_s = connections.lock_timeout_s
        self._writer = threading.Lock() if connections.dialect == "sqlite" else None

    def turn(self, *, wait: bool = True) -> TurnToWrite:
        """Wait for a turn; a block is told until when it may wait for the database then.

        If not to ``wait``, that is now, and a turn is waited for ``TURN_S``. Raises Locked.
        """
        now_s = time.monotonic()
        end_s = deadline_s(self._limit_s) if wait else now_s
        wait_s = max(0.0, end_s - now_s) if wait else TURN_S
        return TurnToWrite(self._writer, wait_s, end_s)

    async def in_thread(
        self, lane: Lane, function: Callable[[*Values], Result], *values: *Values
    ) -> Result:
        """Wait for a call in a lane; if it has to wait so long for a thread, it is refused."""
        end_s = time.monotonic() + self._limit_s

        def carry_out() -> Result:
            if lane == "end":
                return function(*values)
            if time.monotonic() > end_s:
                raise Locked("too many were waiting for the database")
            with until(end_s):
                return function(*values)

        return await run_sync(carry_out, limiter=_lanes()[lane])


def _lanes() -> dict[Lane, CapacityLimiter]:
    lanes = _LANES.get(None)
    if lanes is None:
        lanes = {name: CapacityLimiter(threads) for name, threads in LANES.items()}
        _LANES.set(lanes)
    return lanes
