"""A queue that replays a request for days, against keys that are kept for hours.

Book: 08-stripe-idempotency
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from types import SimpleNamespace

import httpx
from starlette.types import ASGIApp

from ...databases import Connections, empty_place
from ...idempotency import KeyStore
from ...show.plots import timeline
from ...show.view import View
from ...systems.payments import payments_app
from .live import PAYMENT, charge

HOUR_S = 3600.0
HORIZON_H = 120
"""The queue replays for five days."""

NEW, AGAIN = "charged", "replayed"


@dataclass(frozen=True)
class Replays:
    """When requests with one key were sent, in hours, and whether each was a new charge."""

    hours: tuple[int, ...]
    charged: tuple[bool, ...]

    @property
    def charges(self) -> int:
        """How often the card was charged."""
        return sum(self.charged)


@cache
def replayed(*, kept_h: int, every_h: int) -> Replays:
    """Send one request every ``every_h`` hours of a clock that does not make you wait.

    The application runs in this process, without sockets, over a database in a file.
    """
    hours = tuple(range(0, HORIZON_H + 1, every_h))
    with empty_place() as url:
        connections, now = Connections(url, synchronous="OFF"), SimpleNamespace(s=0.0)
        keys = KeyStore(
            connections, clock=lambda: now.s, effects="in phases", keep_s=kept_h * HOUR_S
        )
        sending = _send(payments_app(keys), now, hours)
        with ThreadPoolExecutor(1) as thread:  # a notebook has an event loop in its own
            charged = thread.submit(asyncio.run, sending).result()
        keys.close()
        connections.close()
    return Replays(hours, charged)


async def _send(app: ASGIApp, now: SimpleNamespace, hours: tuple[int, ...]) -> tuple[bool, ...]:
    """Send the request at each hour; return whether each answer was a new one."""
    request, new = charge("order-7"), []
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
        for hour in hours:
            now.s = hour * HOUR_S
            reply = await client.post(
                request.path, content=request.body, headers=dict(request.headers)
            )
            reply.raise_for_status()
            new.append("Idempotent-Replayed" not in reply.headers)
    return tuple(new)


def expiry_view(*, kept_h: int, every_h: int, seed: int = 1) -> View:
    """Show when a request that is replayed for five days becomes a new charge."""
    found = replayed(kept_h=kept_h, every_h=every_h)
    marks = [
        (float(hour), NEW if new else AGAIN)
        for hour, new in zip(found.hours, found.charged, strict=True)
    ]
    times = "once" if found.charges == 1 else f"{found.charges} times"
    return View(
        timeline(
            {"the same request": marks},
            title=f"A request every {every_h} h, keys kept for {kept_h} h",
            x="time (h)", x_range=(0.0, float(HORIZON_H)), hues={NEW: "fault", AGAIN: "good"},
        ),
        {
            "requests": len(marks),
            "charges": found.charges,
            "money expected": PAYMENT.amount,
            "money there": PAYMENT.amount * found.charges,
        },
        f"{len(marks)} requests with one key in five days: the card was charged {times}.",
    )  # fmt: skip
