"""ASGI middleware that carries out each request with an idempotency key once.

Book: 08-stripe-idempotency
"""

from __future__ import annotations

import asyncio
import contextvars
import hashlib
import itertools
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from time import monotonic
from types import NoneType
from urllib.parse import quote

from anyio import CancelScope, sleep
from starlette.requests import ClientDisconnect
from starlette.routing import compile_path
from starlette.types import ASGIApp, Receive, Scope, Send

from ..core.check import at_least, of_type
from ..databases import DatabaseRefused
from .attempt import Attempt
from .claims import Claim
from .kept import KeptAnswer
from .keys import KeyStore
from .lanes import plain_function
from .outcomes import what_became
from .profiles import STRIPE, Profile, Refusal
from .table import STORED_BYTES_MAX, KeyName, storable

CLAIMS_BETWEEN_SWEEPS = 50
SWEPT_AT_ONCE_MAX = 100
"""More is swept than comes, so that the table shrinks after a rush."""
PAUSES_S = (0.02, 0.05, 0.1, 0.2, 0.5)
"""Between two looks at a key that another request holds, where waiting is asked for."""
_CARRIED_OUT: contextvars.ContextVar[Claim | None] = contextvars.ContextVar(
    "idempotency carried out", default=None
)
"""Whose handler is running here: a scope alone is the same when it is used again."""
REPLAYED = (("idempotent-replayed", "true"), ("cache-control", "no-store"))


class IdempotencyMiddleware:
    """Carry out each request that has an idempotency key once, and give its answer again.

    ``account(scope)`` names whose keys these are, or None if the request names nobody, which is
    refused. Two credentials that must not see each other's answers need two names: put test or
    live mode into it. The name is stored in clear, as are the key and the answer: it must not
    be a token, but for example a digest of one.

    The order of middlewares, from outside: errors, CORS, compression, authentication, this
    layer, the rest. *Inside authentication*, because an answer is given again without asking
    the handler or what FastAPI's ``Depends`` asks before it. A service that authenticates in
    ``Depends`` has to let ``account`` check the credential once more, and return None for one
    that is revoked. *Inside CORS and compression*, whose headers depend on the request that is
    answered now, not on the first. ``add_middleware`` puts the last one outermost. If the layer
    is there twice, the inner one steps aside for what the outer one carries out. Who calls
    the application a second time with one scope, to try again, makes a second request.

    ``routes`` gives paths a profile of their own, or None, and then the layer steps aside.
    They are written as the application's own routes are, wherever that is mounted; the first
    that matches counts, such as ``{"/v1/tokens": None, "/files/{id}": replace(STRIPE,
    keeps_body=False)}``. A handler finds its ``Claim`` in ``request.state.idempotency``, or
    None if the request has no key. It runs to its end also if the client goes away, unless it
    asks for that. So it has a task of its own, with a copy of the context: what it sets of a
    ``ContextVar`` is set outside too, but it cannot reset one by a token made outside.
    ``request_max_bytes`` is the size of body that is read.

    Raises TypeError or ValueError for a setting that cannot be, and in a request if ``account``
    returned neither None nor text of at most 800 bytes, without NUL.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        keys: KeyStore,
        account: Callable[[Scope], str | None],
        profile: Profile = STRIPE,
        routes: Mapping[str, Profile | None] | None = None,
        request_max_bytes: int = 1_048_576,
    ) -> None:
        self.app = app
        self.keys = of_type("keys", keys, KeyStore)
        self.account = plain_function("account", account)
        self.profile = of_type("profile", profile, Profile)
        self.routes = _compiled({} if routes is None else of_type("routes", routes, Mapping))
        self.request_max_bytes = at_least("request_max_bytes", request_max_bytes, 0)
        self._claims = itertools.count(1)
        self.running: set[asyncio.Task[None]] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request as ASGI has it."""
        profile = None
        if scope["type"] == "http":
            its = scope.setdefault("state", {}).setdefault("idempotency", None)
            is_within = its is not None and its is _CARRIED_OUT.get()
            profile = None if is_within else self._profile(scope)
        if profile is None:
            await self.app(scope, receive, send)
            return
        header = profile.header_name
        fields = [value.strip() for name, value in scope["headers"] if name == header]
        key = profile.read_key(fields)
        if key is None:
            await self.app(scope, receive, send)
            return
        began_s = monotonic()
        try:
            outcome, name, body = await self._claim(scope, receive, profile, key, began_s)
        except ClientDisconnect:  # before it had said what it wants
            return
        if isinstance(outcome, Claim):
            attempt = Attempt(
                self.app, self.keys, profile, outcome, body, receive, send, began_s
            )
            await self._to_its_end(attempt, outcome, scope)
            return
        echo = profile.echo(name.key) if name else ()
        if isinstance(outcome, KeptAnswer):
            await _send(send, profile.restore(outcome), *REPLAYED, *echo)
        else:
            left_s = 0.0
            if name and outcome is Refusal.IN_PROGRESS and profile.retry_after_s == "lease":
                left_s = await self.keys.lease_left_s(name)
            await _send(send, profile.refuse(outcome, left_s), *echo)

    def _profile(self, scope: Scope) -> Profile | None:
        profile: Profile | None = self.profile
        if self.routes:
            path = _path_of_its_routes(scope)
            matching = (own for pattern, own in self.routes if pattern.match(path))
            profile = next(matching, profile)
        return profile if profile and scope["method"] in profile.methods else None

    async def _to_its_end(self, attempt: Attempt, claim: Claim, scope: Scope) -> None:
        """Let nobody who cancels this call cancel the handler; raise what it raised."""
        if not _on_asyncio():  # where only scopes cancel
            outer = _CARRIED_OUT.get()
            _CARRIED_OUT.set(claim)
            try:
                with CancelScope(shield=True):
                    error = await attempt.carry_out(scope)
            finally:
                _CARRIED_OUT.set(outer)
        else:
            context = contextvars.copy_context()
            context.run(_CARRIED_OUT.set, claim)
            told = asyncio.get_running_loop().create_future()
            task = asyncio.create_task(_tell(told, attempt, scope), context=context)
            self.running.add(task)
            task.add_done_callback(self.running.discard)
            task.add_done_callback(lambda _: told.cancel())  # if it was, before it could tell
            try:
                error = await told  # with asyncio.shield the loop would turn once more
            finally:
                attempt.client_left = not task.done()
                _take_over(context)  # what it set is set here, as if it had been called
        if error is not None:
            try:
                raise error
            finally:
                del error  # and with it the frames that it refers to

    async def _claim(
        self, scope: Scope, receive: Receive, profile: Profile, key: str | Refusal,
        began_s: float,
    ) -> tuple[Claim | KeptAnswer | Refusal, KeyName | None, bytes]:  # fmt: skip
        """Do what is cheap first, and nothing in the database for who is nobody."""
        account = self.account(scope)
        if account is None:
            return Refusal.NO_ACCOUNT, None, b""
        if not isinstance(account, str):
            raise TypeError(f"account returned {account!r}; allowed: text, or None for nobody")
        storable("what account returned", account)
        if isinstance(key, Refusal):
            return key, None, b""
        body = await _read(receive, self.request_max_bytes)
        if body is None:
            return Refusal.REQUEST_TOO_LARGE, None, b""
        place = ""
        if profile.key_per_endpoint:
            place = _place(scope)
        name = KeyName(account, place, key)
        digest = fingerprint(scope, profile.represent(scope, body))
        error: DatabaseRefused | None = None
        try:
            outcome = await self._claim_key(name, digest, profile, began_s + profile.wait_s)
        except DatabaseRefused as refused:
            outcome, error = Refusal.UNAVAILABLE, refused
        if isinstance(outcome, Claim):
            outcome.keeping = profile.keeping(scope)
        self.keys.tell(what_became(outcome), name, monotonic() - began_s, error)
        return outcome, name, body

    async def _claim_key(
        self, name: KeyName, digest: bytes, profile: Profile, until_s: float
    ) -> Claim | KeptAnswer | Refusal:
        """Claim a key; where another request holds it, ask again until then."""
        if next(self._claims) % CLAIMS_BETWEEN_SWEEPS == 0:
            self.keys.threads.submit(self._try_to_sweep)
        for pause_s in itertools.chain(PAUSES_S, itertools.repeat(PAUSES_S[-1])):
            outcome = await self.keys.claim_soon(name, digest)
            if outcome is not Refusal.IN_PROGRESS or monotonic() + pause_s > until_s:
                break
            await sleep(pause_s)
        if isinstance(outcome, Claim) and outcome.broke_off and self.keys.effects == "anywhere":
            refusal = profile.refuse(Refusal.IN_DOUBT)
            doubt = partial(self.keys.finish, outcome, refusal, in_doubt=True)
            await self.keys.write_soon(doubt)
            return Refusal.IN_DOUBT
        return outcome

    def _try_to_sweep(self) -> None:
        with suppress(DatabaseRefused):  # there will be another time
            self.keys.sweep(keys_max=SWEPT_AT_ONCE_MAX)


def _compiled(
    routes: Mapping[str, Profile | None],
) -> list[tuple[re.Pattern[str], Profile | None]]:
    for path, own in routes.items():
        if not isinstance(path, str) or not path.startswith("/"):
            raise ValueError(f"routes has {path!r}; allowed: a path, which begins with /")
        of_type(f"routes[{path!r}]", own, Profile, NoneType)
    try:
        return [(compile_path(path)[0], own) for path, own in routes.items()]
    except (AssertionError, ValueError) as error:
        raise ValueError(f"routes: {error}") from error


def _path_of_its_routes(scope: Scope) -> str:
    """Return the path as the application's own routes have it, wherever it is mounted."""
    path: str = scope["path"]
    below = path.removeprefix(scope.get("root_path", ""))
    return below if below.startswith("/") else path


def _place(scope: Scope) -> str:
    """Return method and path as every database can hold them, none longer than its index."""
    place = f"{scope['method']} {quote(scope['path'])}"
    if len(place) <= STORED_BYTES_MAX:
        return place
    return f"{place[:STORED_BYTES_MAX]}#{hashlib.sha256(place.encode()).hexdigest()}"


def _on_asyncio() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


async def _tell(
    told: asyncio.Future[BaseException | None], attempt: Attempt, scope: Scope
) -> None:
    try:
        error = await attempt.carry_out(scope)
    except Exception as raised:
        error = raised
    if not told.done():  # nobody waits any more
        told.set_result(error)


def _take_over(context: contextvars.Context) -> None:
    for variable, value in context.items():
        if variable is not _CARRIED_OUT and variable.get(context) is not value:
            variable.set(value)


def fingerprint(scope: Scope, body: bytes) -> bytes:
    """Return the SHA-256 of what makes a request this one: method, target and body.

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
