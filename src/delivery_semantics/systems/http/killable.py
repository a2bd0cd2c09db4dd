"""An application in a process of its own, which stands still at each step until told to go on.

It is a process of ``live.standing``, which can be killed with SIGKILL exactly there.

Book: 08-stripe-idempotency
"""

from __future__ import annotations

import time
from collections.abc import Callable

import uvicorn
from starlette.types import ASGIApp

from ...live.standing import Announcer, Standing
from .serving import HOST, listen, settings

Clock = Callable[[], float]
Make = Callable[[Callable[[str], object], Clock], ASGIApp]
"""Makes the application in its process. It has to be a function that can be pickled."""

LOADED_BEFORE = (
    "anyio._backends._asyncio", "delivery_semantics.databases.postgres", "uvicorn.lifespan.on",
    "uvicorn.protocols.http.h11_impl",
)  # fmt: skip
"""What a server loads late, at its start or its first request, and need not load each time."""


class Killable(Standing):
    """The application that ``make`` makes, at ``url``, until it is killed or the block ends.

    Its clock is ``ahead_s`` seconds ahead: for what would come about by waiting. ``path`` tells
    which steps it has passed or stands at. Raises Died if it does not start.
    """

    def __init__(self, make: Make, *, ahead_s: float = 0.0) -> None:
        super().__init__(_serve, make, ahead_s, load=LOADED_BEFORE)
        self.path: list[str] = []
        self.url = str(self.next())

    def next_step(self) -> str:
        """Let it go on to its next step, and return that. Raises Died, and TimeoutError."""
        self.path.append(str(self.next()))
        return self.path[-1]


def _serve(make: Make, ahead_s: float, announcer: Announcer) -> None:
    app = make(announcer.stand, lambda: time.time() + ahead_s)
    with listen(0) as listening:
        announcer.say(f"http://{HOST}:{listening.getsockname()[1]}")
        uvicorn.Server(settings(app)).run(sockets=[listening])
