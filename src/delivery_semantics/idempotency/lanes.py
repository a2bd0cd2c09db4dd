"""Where one waits for the database: a wait for one thing holds up nothing else.

Book: 08-stripe-idempotency
"""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable
from typing import Literal, TypeVar, TypeVarTuple

from anyio import CapacityLimiter
from anyio.lowlevel import RunVar
from anyio.to_thread import run_sync

from ..databases import Locked, until

Lane = Literal["look", "claim", "hold", "end"]
LANES: dict[Lane, int] = {"look": 4, "claim": 4, "hold": 4, "end": 4}
"""How many threads of an event loop wait at once, for whom: who asks what is kept; who wants to
begin, and may be refused; who holds a claim, and keeps an answer; and who has the turn to write
that others wait for. None of them are the server's, which handlers may fill."""
_LANES: RunVar[dict[Lane, CapacityLimiter]] = RunVar("idempotency_lanes")

Result = TypeVar("Result")
Values = TypeVarTuple("Values")
Called = TypeVar("Called")


async def in_lane(
    lane: Lane, limit_s: float, function: Callable[[*Values], Result], *values: *Values
) -> Result:
    """Wait for a call in a thread; if none is free for so long, it is refused: Locked."""
    end_s = time.monotonic() + limit_s

    def carry_out() -> Result:
        if lane == "end":
            return function(*values)
        if time.monotonic() > end_s:
            raise Locked("too many were waiting for the database")
        with until(end_s):
            return function(*values)

    return await run_sync(carry_out, limiter=_lanes()[lane])


def plain_function(name: str, value: Called) -> Called:
    """Return `value`, which can be called and is not async; raise TypeError otherwise."""
    if not callable(value):
        raise TypeError(f"{name} is {value!r}; allowed: a function")
    if is_async(value):
        raise TypeError(f"{name} is {value!r}, which is async; allowed: one that is not")
    return value


def is_async(function: Callable[..., object]) -> bool:
    """Whether who calls it is given something to wait for; also of an object with a call."""
    return any(map(inspect.iscoroutinefunction, (function, type(function).__call__)))


def _lanes() -> dict[Lane, CapacityLimiter]:
    lanes = _LANES.get(None)
    if lanes is None:
        lanes = {name: CapacityLimiter(threads) for name, threads in LANES.items()}
        _LANES.set(lanes)
    return lanes
