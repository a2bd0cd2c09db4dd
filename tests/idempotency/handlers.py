"""Random handlers, asked over a real server with a key and without one, and compared.

Run as a program it compares as many as it is told::

    python -m tests.idempotency.handlers 50000

Nothing here measures time. A handler waits in the middle of its answer until its client has
what was sent so far, and after the answer until its client has all of it. If the layer held
anything back for longer than the server does, both would wait for ever, and that is found.
"""

from __future__ import annotations

import asyncio
import logging
import random
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, closing
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from typing import Any

import uvicorn
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from delivery_semantics.databases import Connections
from delivery_semantics.idempotency import (
    IETF_DRAFT,
    STRIPE,
    IdempotencyMiddleware,
    KeyStore,
)
from delivery_semantics.systems.http.serving import HOST, listen, settings

PATIENCE_S = 30.0
"""Only what hangs is waited for so long."""
RAISED: tuple[type[BaseException], ...] = (
    ValueError, OSError, SystemExit, KeyboardInterrupt, asyncio.CancelledError,
)  # fmt: skip
STATUSES = (200, 200, 200, 201, 202, 204, 302, 304, 400, 402, 404, 409, 422, 429, 500, 503)
SEEN: ContextVar[int] = ContextVar("SEEN", default=0)


@dataclass(frozen=True)
class Handler:
    """What a handler does: ``fails_at`` says before which of its messages, -1 is never."""

    status: int
    headers: tuple[tuple[bytes, bytes], ...]
    parts: tuple[bytes, ...]
    last_is_empty: bool
    waits: bool
    reads: bool
    leaves_after: int
    fails_at: int
    error: type[BaseException]
    works_on: bool

    @classmethod
    def drawn(cls, dice: random.Random) -> Handler:
        """Draw one."""
        sizes = [dice.choice((0, 1, 20, 20, 3_000, 70_000)) for _ in range(dice.randint(0, 4))]
        if dice.random() < 0.01:
            sizes.append(300_000)  # more than is kept
        status = dice.choice(STATUSES)
        parts = () if status in (204, 304) else tuple(dice.randbytes(size) for size in sizes)
        headers = [(b"x-number", b"%d" % dice.randint(0, 99)), (b"set-cookie", b"a=b")]
        if dice.random() < 0.5 and status not in (204, 304):
            headers.append((b"content-length", b"%d" % sum(map(len, parts))))
        return cls(
            status, tuple(headers), parts, dice.random() < 0.5, dice.random() < 0.3,
            dice.random() < 0.5, dice.choice((0, 0, 0, 0, 1)),
            dice.choice((-1, -1, -1, *range(len(parts) + 3))), dice.choice(RAISED),
            dice.random() < 0.3,
        )  # fmt: skip

    def messages(self) -> list[Message]:
        """Return what it sends."""
        bodies = [*self.parts, b""] if self.last_is_empty or not self.parts else [*self.parts]
        last = len(bodies) - 1
        return [
            {"type": "http.response.start", "status": self.status, "headers": [*self.headers]},
            *(
                {"type": "http.response.body", "body": body, "more_body": number < last}
                for number, body in enumerate(bodies)
            ),
        ]


@dataclass
class Run:
    """One request: what the handler saw, and what the client has."""

    handler: Handler
    received: bytearray = field(default_factory=bytearray)
    arrived: asyncio.Condition = field(default_factory=asyncio.Condition)
    seen: list[str] = field(default_factory=list)
    done: asyncio.Event = field(default_factory=asyncio.Event)
    left: bool = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Be the handler."""
        handler, sent = self.handler, 0
        SEEN.set(SEEN.get() + 1)
        if handler.reads:
            self.seen.append(repr((await receive())["body"]))
        messages = handler.messages()
        for number, message in enumerate(messages):
            if handler.fails_at == number:
                raise handler.error("here")
            await send(message)
            sent += len(message.get("body", b""))
            if handler.leaves_after and message.get("body") and message["more_body"]:
                if not handler.reads:
                    await receive()
                self.seen.append((await receive())["type"])  # an endless stream ends so
                return
            if handler.waits and message.get("body"):
                await self.has_arrived(sent)
        if handler.works_on:  # in the background
            await self.has_arrived(sent)
        if handler.fails_at == len(messages):
            raise handler.error("afterwards")
        self.seen.append("ended")

    async def has_arrived(self, size: int) -> None:
        """Wait until the client has so much of the body."""
        async with self.arrived:
            await self.arrived.wait_for(lambda: self.left or self.body_bytes() >= size)

    def body_bytes(self) -> int:
        """Count what has come of the body, without what frames it."""
        head, _, body = bytes(self.received).partition(b"\r\n\r\n")
        if b"transfer-encoding: chunked" not in head:
            return len(body)
        size = 0
        while body:
            line, _, body = body.partition(b"\r\n")
            size += min(int(line or b"0", 16), len(body))
            body = body[int(line or b"0", 16) + 2 :]
        return size

    async def ask(self, port: int, path: str, key: str) -> None:
        """Be the client."""
        reader, writer = await asyncio.open_connection(HOST, port)
        named = f"Idempotency-Key: {key}\r\n" if key else ""
        head = f"POST {path} HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n{named}"
        writer.write(f"{head}Content-Length: 4\r\n\r\nbody".encode())
        try:
            while more := await reader.read(65_536):
                async with self.arrived:
                    self.received += more
                    self.arrived.notify_all()
                if self.handler.leaves_after and self.body_bytes():
                    break
        finally:
            writer.close()
            async with self.arrived:
                self.left = True
                self.arrived.notify_all()


@dataclass
class Bench:
    """The server, with two layers that declare different things."""

    port: int
    runs: dict[str, Run]
    contexts: dict[str, int]

    async def compare(self, seed: int) -> str:
        """Return what differs between a request with a key and one without; "" is nothing."""
        handler = Handler.drawn(random.Random(seed))
        told: list[list[Any]] = []
        for key in ("", f'"k{seed}"' if seed % 2 else f"k{seed}"):
            path = f"/{seed % 2}/{seed}/{bool(key)}"
            run = self.runs[path] = Run(handler)
            try:
                async with asyncio.timeout(PATIENCE_S):
                    await run.ask(self.port, path, key)
                    await run.done.wait()
            except TimeoutError:
                run.seen.append("hangs")
            del self.runs[path]
            told.append([self.answer(run), run.seen, self.contexts.pop(path, None)])
        without, with_key = told
        if (
            handler.fails_at == 0 and without[0][:12] == with_key[0][:12]
        ):  # in doubt is said in words
            without[0] = with_key[0] = b""
        return "" if without == with_key else f"{handler}: {without} is {with_key} with a key"

    def answer(self, run: Run) -> bytes:
        """Return what came; of one that was left, its head."""
        received = bytes(run.received)
        head, blank, body = received.partition(b"\r\n\r\n")
        lines = [line for line in head.split(b"\r\n") if not line.startswith(b"idempotency-")]
        return b"\r\n".join(lines) + (b"" if run.handler.leaves_after else blank + body)


@asynccontextmanager
async def bench(folder: str) -> AsyncIterator[Bench]:
    """Yield a server in this event loop, and the handlers that it is to call."""
    with closing(Connections(f"sqlite:///{folder}/keys.db", synchronous="OFF")) as connections:
        stores = [
            KeyStore(connections, clock=time.time),
            KeyStore(connections, clock=time.time, effects="in phases"),
        ]
        runs: dict[str, Run] = {}
        contexts: dict[str, int] = {}

        async def handle(scope: Scope, receive: Receive, send: Send) -> None:
            await runs[scope["path"]](scope, receive, send)

        profiles = (STRIPE, replace(IETF_DRAFT, key_required=False))
        layers: list[ASGIApp] = [
            IdempotencyMiddleware(handle, keys=keys, profile=profile, account=lambda _: "a")
            for keys, profile in zip(stores, profiles, strict=True)
        ]

        async def outermost(scope: Scope, receive: Receive, send: Send) -> None:
            SEEN.set(0)
            path, run = scope["path"], runs[scope["path"]]
            try:
                await layers[int(path[1])](scope, receive, send)
            finally:
                contexts[path] = SEEN.get()
                run.done.set()

        with closing(listen(0)) as listening:
            server = uvicorn.Server(replace_lifespan(settings(outermost)))
            serving = asyncio.create_task(server.serve([listening]))
            try:
                while not server.started:
                    await asyncio.sleep(0)
                yield Bench(listening.getsockname()[1], runs, contexts)
            finally:
                server.should_exit = True
                await serving
                for keys in stores:
                    keys.close()


def replace_lifespan(config: uvicorn.Config) -> uvicorn.Config:
    """Return the server's settings for an application without a beginning and an end."""
    config.lifespan = "off"
    return config


async def differences(seeds: Sequence[int], *, at_once: int = 8) -> list[str]:
    """Return what differs, and whether tasks are left or the server is dead."""
    found: list[str] = []
    left = iter(seeds)
    with tempfile.TemporaryDirectory() as folder:
        async with bench(folder) as server:
            before = asyncio.all_tasks()

            async def compare_some() -> None:
                for seed in left:
                    if told := await server.compare(seed):
                        found.append(f"seed {seed}: {told:.2000}")

            await asyncio.gather(*(compare_some() for _ in range(at_once)))
            for _ in range(100):  # what has been told to end needs a turn or two
                await asyncio.sleep(0)
            tasks = asyncio.all_tasks() - before
            found += [f"left behind: {task}" for task in tasks]
    return found


def main() -> int:
    """Compare, and say what differs."""
    logging.disable(logging.CRITICAL)
    count = int(sys.argv[1])
    found = asyncio.run(differences(range(count)))
    print(*found[:20], sep="\n")
    print(f"{count} random handlers: {len(found)} differ with a key")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
