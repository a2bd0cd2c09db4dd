"""ASGI middleware that carries out each request with an idempotency key once.

Book: 08-stripe-idempotency
"""

from __future__ import annotations

import asyncio
import hashlib
import itertools
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from urllib.parse import quote

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Receive, Scope, Send

from ..core.check import at_least
from ..databases import DatabaseRefused
from .attempt import Attempt
from .claims import Claim
from .kept import KeptAnswer
from .keys import KeyStore
from .profiles import STRIPE, Profile, Refusal
from .table import KeyName

CLAIMS_BETWEEN_SWEEPS = 50
SWEPT_AT_ONCE_MAX = 100
"""More is swept than comes, so that the table shrinks after a rush."""
HEADER = b"idempotency-key"  # ASGI gives names in lower case
REPLAYED = (("idempotent-replayed", "true"), ("cache-control", "no-store"))


class IdempotencyMiddleware:
    """Carry out each request that has an idempotency key once, and give its answer again.

    ``account(scope)`` names whose keys these are, or None if the request names nobody, which is
    refused. Two credentials that must not see each other's answers need two names: put test or
    live mode into it. The middleware stands inside authentication, which has to pass before an
    answer is given again, and outside of whatever changes the answer by the request's headers,
    such as compression.

    A handler finds its ``Claim`` in ``request.state.idempotency``, or None if the request has
    no key. It runs to its end also if the client goes away. ``request_max_bytes`` is the size
    of body that is read.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        keys: KeyStore,
        account: Callable[[Scope], str | None],
        profile: Profile = STRIPE,
        request_max_bytes: int = 1_048_576,
    ) -> None:
        self.app = app
        self.keys = keys
        self.account = account
        self.profile = profile
        self.request_max_bytes = at_least("request_max_bytes", request_max_bytes, 0)
        self._claims = itertools.count(1)
        self.running: set[asyncio.Task[None]] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request as ASGI has it."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        scope.setdefault("state", {})["idempotency"] = None
        key = self._key(scope)
        if key is None:
            await self.app(scope, receive, send)
            return
        try:
            outcome, body = await self._claim(scope, receive, key)
        except ClientDisconnect:  # before it had said what it wants
            return
        match outcome:
            case Claim():
                attempt = Attempt(self.app, self.keys, self.profile, outcome, body, send)
                await self._to_its_end(attempt, scope)
            case KeptAnswer():
                await _send(send, self.profile.restore(outcome), *REPLAYED)
            case Refusal():
                await _send(send, self.profile.refuse(outcome))

    async def _to_its_end(self, attempt: Attempt, scope: Scope) -> None:
        # A task of its own: whoever cancels this call does not cancel the handler.
        task = asyncio.create_task(attempt.carry_out(scope))
        self.running.add(task)
        task.add_done_callback(self.running.discard)
        await attempt.ended
        task.result()

    def _key(self, scope: Scope) -> str | Refusal | None:
        if scope["method"] not in self.profile.methods:
            return None
        fields = [value.strip() for name, value in scope["headers"] if name == HEADER]
        return self.profile.read_key(fields)

    async def _claim(
        self, scope: Scope, receive: Receive, key: str | Refusal
    ) -> tuple[Claim | KeptAnswer | Refusal, bytes]:
        """Do what is cheap first, and nothing in the database for who is nobody."""
        account = self.account(scope)
        if account is None:
            return Refusal.NO_ACCOUNT, b""
        if isinstance(key, Refusal):
            return key, b""
        body = await _read(receive, self.request_max_bytes)
        if body is None:
            return Refusal.REQUEST_TOO_LARGE, b""
        place = f"{scope['method']} {quote(scope['path'])}"  # databases refuse some characters
        endpoint = place if self.profile.key_per_endpoint else ""
        name = KeyName(account, endpoint, key)
        try:
            return await self._claim_key(name, fingerprint(scope, body)), body
        except DatabaseRefused:
            return Refusal.UNAVAILABLE, b""

    async def _claim_key(self, name: KeyName, digest: bytes) -> Claim | KeptAnswer | Refusal:
        if next(self._claims) % CLAIMS_BETWEEN_SWEEPS == 0:
            self.keys.threads.submit(self._try_to_sweep)
        outcome = await self.keys.claim_soon(name, digest)
        if isinstance(outcome, Claim) and outcome.broke_off and self.keys.effects == "anywhere":
            doubt = partial(self.keys.finish, in_doubt=True)
            await self.keys.in_thread(doubt, outcome, self.profile.refuse(Refusal.IN_DOUBT))
            return Refusal.IN_DOUBT
        return outcome

    def _try_to_sweep(self) -> None:
        with suppress(DatabaseRefused):  # there will be another time
            self.keys.sweep(keys_max=SWEPT_AT_ONCE_MAX)


def fingerprint(scope: Scope, body: bytes) -> bytes:
    """Return the SHA-256 of what makes a request this one: method, target and raw body.

    No header is part of it: a retry has another trace id, perhaps another token.
    """
    target = scope.get("raw_path") or quote(scope["path"]).encode()
    query = scope.get("query_string", b"")
    line = b"%b %b?%b\n" % (scope["method"].encode(), target, query)
    return hashlib.sha256(line + body).digest()


async def _read(receive: Receive, body_max_bytes: int) -> bytes | None:
    """Return the body, None if it is too large. Raises ClientDisconnect."""
    body = bytearray()  # bytes would be copied with each part
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        body += message.get("body", b"")
        if len(body) > body_max_bytes:
            return None
        if not message.get("more_body", False):
            return bytes(body)


async def _send(send: Send, answer: KeptAnswer, *headers: tuple[str, str]) -> None:
    for message in answer.messages(*headers):
        await send(message)
