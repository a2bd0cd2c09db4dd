"""ministack's SQS as a server on loopback whose clock stands still until it is told to go on.

    python -m delivery_semantics.systems.sqs.emulator

It prints its address and answers until it is ended. Nobody can wait five minutes in a test, and
no test may depend on how long it took itself. So the emulator's code is untouched and what it
is told about the time is ours: ``POST /clock`` with a number of seconds lets these pass. A
long poll that finds nothing waits for that as well. None of ministack's other services runs.

Book: 13-aws-sqs
"""

from __future__ import annotations

import importlib
import os
import signal
import sys
import time

import uvicorn
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from ..http.serving import HOST, listen, settings

CLOCK = "/clock"
SECONDS_MAX = 10**8


class ToldClock:
    """Time that stands still, but for what ``add`` puts to it. ``now_s`` is seconds of Unix."""

    def __init__(self, now_s: float) -> None:
        self._began_s, self.passed_s = now_s, 0.0

    def now_s(self) -> float:
        """Return the time."""
        return self._began_s + self.passed_s

    def add(self, seconds: float) -> None:
        """Let time pass. Raises ValueError for a number that is negative or too large."""
        if not 0 <= seconds <= SECONDS_MAX:
            raise ValueError(f"seconds is {seconds}; allowed: 0 to {SECONDS_MAX}")
        self.passed_s += seconds


def with_clock(app: ASGIApp, clock: ToldClock) -> ASGIApp:
    """Return ``app`` with the order that lets time pass; it is told of requests only."""

    async def ordered(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return  # its lifespan would start the services that nobody asks here
        if scope["path"] != CLOCK:
            await app(scope, receive, send)
            return
        answer = _moved(clock, await Request(scope, receive).body())
        await answer(scope, receive, send)

    return ordered


def _moved(clock: ToldClock, asked: bytes) -> Response:
    try:
        clock.add(float(asked))
    except ValueError as error:
        return JSONResponse({"error": str(error)}, 400)
    return JSONResponse({"passed_s": clock.passed_s})


def main() -> int:
    """Serve until ended; return the exit status."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    clock = ToldClock(time.time())
    with listen(0) as listening:
        address = f"{HOST}:{listening.getsockname()[1]}"
        os.environ |= {
            "SERVICES": "sqs", "LOG_LEVEL": "WARNING",
            "MINISTACK_HOST": HOST, "GATEWAY_PORT": address.partition(":")[2],
        }  # fmt: skip
        time.time = clock.now_s  # asyncio and sockets have another, which is not touched
        app: ASGIApp = importlib.import_module("ministack.app").app  # it reads what was set
        print(f"http://{address}", flush=True)
        uvicorn.Server(settings(with_clock(app, clock))).run(sockets=[listening])
    return 0


if __name__ == "__main__":
    sys.exit(main())
