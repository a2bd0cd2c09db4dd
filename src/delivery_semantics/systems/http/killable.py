"""An application in a process of its own, which stands still at each step until told to go on.

So it can be killed with SIGKILL exactly there, and not at a random moment that hardly ever
falls between two lines. The process is real, and nothing in it gets to clean up.

Processes are forked from one that has the modules loaded, which takes some 20 ms each.

Book: 08-stripe-idempotency
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from types import TracebackType

import uvicorn
from starlette.types import ASGIApp

from ...live.nursery import fork
from .serving import HOST, listen, settings

Announce = Callable[[str], object]
Clock = Callable[[], float]
Make = Callable[[Announce, Clock], ASGIApp]
"""Makes the application in its process. It has to be a function that can be pickled."""

TIMEOUT_S = 30.0
LOADED_BEFORE = (
    "anyio._backends._asyncio", "delivery_semantics.databases.postgres", "uvicorn.lifespan.on",
    "uvicorn.protocols.http.h11_impl",
)  # fmt: skip
"""What a server loads late, at its start or its first request, and need not load each time."""


class Died(RuntimeError):
    """The process ended by itself."""


class Killable:
    """The application that ``make`` makes, at ``url``, until it is killed or the block ends.

    Its clock is ``ahead_s`` seconds ahead: for what would come about by waiting. ``path`` tells
    which steps it has passed or stands at. Raises Died if it does not start.
    """

    def __init__(self, make: Make, *, ahead_s: float = 0.0) -> None:
        self.path: list[str] = []
        self._process = fork(_serve, make, ahead_s, load=LOADED_BEFORE)
        self._standing = False
        try:
            self.url = self._hear()
        except BaseException:
            self.kill()
            raise

    def next_step(self) -> str:
        """Let it go on to its next step, and return that. Raises Died, and TimeoutError."""
        if self._standing:
            self._process.pipe.send("go on")
        self._standing = False
        step = self._hear()
        self._standing = True
        self.path.append(step)
        return step

    def go_on_until(self, step: str) -> None:
        """Let it go on until it stands at ``step``; see ``next_step``."""
        while self.next_step() != step:
            pass

    def kill(self) -> None:
        """Kill it with SIGKILL, and wait until it is gone; or do nothing, if it is."""
        self._process.kill()

    def __enter__(self) -> Killable:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.kill()

    def _hear(self) -> str:
        if not self._process.pipe.poll(TIMEOUT_S):
            raise TimeoutError(f"the process passed no step within {TIMEOUT_S} s")
        try:
            heard: str = self._process.pipe.recv()
        except EOFError as error:
            raise Died("the process ended by itself") from error
        return heard


def _serve(make: Make, ahead_s: float, pipe: Connection) -> None:
    one_at_a_time = threading.Lock()

    def announce(step: str) -> None:
        with one_at_a_time:
            pipe.send(step)
            try:
                pipe.recv()
            except EOFError:  # nobody is there any more to let it go on
                os._exit(1)

    app = make(announce, lambda: time.time() + ahead_s)
    with listen(0) as listening:
        pipe.send(f"http://{HOST}:{listening.getsockname()[1]}")
        uvicorn.Server(settings(app)).run(sockets=[listening])
