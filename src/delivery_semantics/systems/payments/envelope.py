"""What surrounds every request: an id, the steps at both ends, and a key if it has none.

Book: 08-stripe-idempotency
"""

from __future__ import annotations

import secrets

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .charging import Announce

KEY = b"idempotency-key"


def random_id() -> str:
    """Return 24 characters that nobody can guess."""
    return secrets.token_hex(12)


class Envelope:
    """Gives each request an id, and announces the steps at both ends of a charge.

    ``keeps_failures``: whether a 500 is final, so that its client need not retry.
    """

    def __init__(self, app: ASGIApp, *, announce: Announce, keeps_failures: bool) -> None:
        self.app, self.announce, self.keeps_failures = app, announce, keeps_failures

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and its response back."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        announced = scope["method"] == "POST"
        request_id = f"req_{random_id()}"
        scope.setdefault("state", {})["request_id"] = request_id

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                if announced:
                    await run_in_threadpool(self.announce, "replying")
                headers = MutableHeaders(scope=message)
                headers["Request-Id"] = request_id
                headers["Cache-Control"] = "no-store"
                if message["status"] == 500 and self.keeps_failures:
                    headers["Stripe-Should-Retry"] = "false"
            await send(message)
            if announced and message["type"] == "http.response.body":
                await run_in_threadpool(self.announce, "replied")

        if announced:
            await run_in_threadpool(self.announce, "received")
        await self.app(scope, receive, answer)


class NewKey:
    """Gives a request without an idempotency key one that nobody else knows.

    So every charge is carried out in the same way, and one without a key is never replayed.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, with a key."""
        if scope["type"] == "http" and scope["method"] == "POST":
            headers = scope["headers"]
            if not any(name == KEY for name, _ in headers):
                key = f"unnamed_{random_id()}".encode()
                scope = {**scope, "headers": [*headers, (KEY, key)]}
        await self.app(scope, receive, send)
