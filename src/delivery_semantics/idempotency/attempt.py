"""One attempt at carrying out a request: the handler, its answer, and what becomes of the key.

Book: 08-stripe-idempotency
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from time import monotonic

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ..databases import (
    DatabaseFull, DatabaseReadOnly, DatabaseUnreachable, Locked, NotSerializable,
)  # fmt: skip
from .claims import Claim, LeaseLost, cause_of
from .kept import NO_BODY, KeptAnswer
from .keys import KeyStore
from .profiles import Profile, Refusal

BODY_ASIDE = ("http.response.pathsend", "http.response.zerocopysend")
"""Extensions by which a body goes past the messages that can be kept."""
PASSING = (DatabaseFull, DatabaseReadOnly, DatabaseUnreachable, Locked, NotSerializable)
"""Trouble of the database, not of the request: the same request may succeed later."""


class Attempt:
    """Runs the handler between the server and the key.

    The handler sees its server: it is told when the client leaves, and what it sends is sent,
    all but the last part of the answer, which waits until the answer is kept. What it does
    after that is its own affair. ``began_s`` is when the request came.
    """

    def __init__(
        self, app: ASGIApp, keys: KeyStore, profile: Profile, claim: Claim, body: bytes,
        receive: Receive, send: Send, began_s: float,
    ) -> None:  # fmt: skip
        self.client_left = False
        self._app, self._keys, self._profile, self._claim = app, keys, profile, claim
        self._body: bytes | None = body
        self._server_receive, self._server_send = receive, send
        self._began_s = began_s
        self._start: Message | None = None
        self._length: int | None = None
        self._held: list[Message] = []
        self._parts: list[bytes] = []
        self._size = 0
        self._is_sent = False  # some of it
        self._is_over = False  # the key's part in it
        self._is_replaced = False

    async def carry_out(self, scope: Scope) -> BaseException | None:
        """Run the handler to its end; return what it raised, if the server is to see that."""
        scope["state"]["idempotency"] = self._claim
        offered = scope.get("extensions") or {}
        aside = {name: offered[name] for name in BODY_ASIDE if name in offered}
        if aside:
            scope["extensions"] = {k: v for k, v in offered.items() if k not in aside}
        error: BaseException | None = None
        with self._keys.leases.held(self._claim):
            try:
                await self._app(scope, self._receive, self._take)
            except GeneratorExit:  # there is no loop any more
                raise
            except BaseException as raised:  # the server is to judge it
                error = raised
            if not self._is_over:
                error = await self._break_off(error)
        if aside:
            scope["extensions"] = offered
        return error

    async def _break_off(self, error: BaseException | None) -> BaseException | None:
        """See to the key of an attempt that has no whole answer, and send what there is."""
        self._is_over = True
        profile, answer = self._profile, self._claim.row.answer
        in_phases = self._keys.effects == "in phases"
        cause = cause_of(error)
        failed = isinstance(cause, Exception)  # not: was cancelled, or its client has left
        if isinstance(cause, LeaseLost):
            self._tell("lease lost")
            error = self._say(self._in_use, error)
        elif answer:  # it had finished
            self._say(profile.restore(answer), error)
        elif in_phases and isinstance(cause, PASSING):
            await self._release()
            self._tell("store away", error)
            error = self._say(profile.refuse(Refusal.UNAVAILABLE), error)
        elif in_phases and not (failed and profile.keeps_failures):
            await self._release()
        else:
            self._tell("in doubt", error)
            doubt = profile.refuse(Refusal.IN_DOUBT)
            if error is not None and self._start is None:  # who retries gets the same answer
                self._say(doubt, error)
            finish = partial(self._keys.finish, self._claim, doubt, in_doubt=True)
            if await self._write(finish) is LeaseLost:
                self._say(self._in_use, error)
        await self._send_held()
        return error

    async def _keep(self) -> KeptAnswer | None:
        """Keep the answer, or give the key back; return one to send instead, if it is lost.

        If the store is away the client gets its answer all the same, and the next attempt will
        find that this one broke off. Raises RuntimeError if another answer was kept in a phase.
        """
        assert self._start is not None
        status, claim = self._start["status"], self._claim
        body = b"".join(self._parts) if self._keeps_body else None
        answer = KeptAnswer.of(status, self._start.get("headers", ()), body, claim.keeping)
        if kept := claim.row.answer:
            if not kept.is_given_by(answer):
                told = f"{answer.status}, {answer.body!r:.80}"
                raise RuntimeError(f"the answer is {told}; allowed: the one kept in the phase")
        elif self._profile.keeps(status) or (
            status >= 500 and self._keys.effects == "anywhere"
        ):
            if await self._write(partial(self._keys.finish, claim, answer)) is LeaseLost:
                if self._is_sent:  # the client shall not take it for the answer
                    raise LeaseLost("the answer is another attempt's by now")
                return self._in_use
        else:
            await self._release(to_any_request=status < 500)
        return None

    async def _release(self, *, to_any_request: bool = False) -> None:
        release = partial(self._keys.release, self._claim, to_any_request=to_any_request)
        await self._write(release)

    async def _write(self, change: Callable[..., None]) -> type[LeaseLost] | None:
        """Change the key's row; where that fails, its lease will end. Tells a lease lost."""
        try:
            await self._keys.write_soon(change)
        except LeaseLost:
            self._tell("lease lost")
            return LeaseLost
        except RuntimeError as error:  # DatabaseRefused, or the store is closed
            self._tell("store away", error)
        return None

    def _tell(self, what: str, error: BaseException | None = None) -> None:
        self._keys.tell(what, self._claim.name, monotonic() - self._began_s, error)

    def _say(self, answer: KeptAnswer, error: BaseException | None) -> BaseException | None:
        """Let this be the answer, if none has begun; otherwise return the error."""
        if self._is_sent:
            return error
        self._is_replaced = True
        self._held = answer.messages(*self._profile.echo(self._claim.name.key))
        return None

    # The handler's side of ASGI

    async def _receive(self) -> Message:
        """Give the body, and then what the server gives: that the client left."""
        if self._body is not None:
            body, self._body = self._body, None
            return {"type": "http.request", "body": body, "more_body": False}
        if self.client_left:
            return {"type": "http.disconnect"}
        return await self._server_receive()

    async def _take(self, message: Message) -> None:
        """Send a message on, when the answer need not be held back any more."""
        if self._is_replaced:
            return
        is_start = message["type"] == "http.response.start" and self._start is None
        if is_start:
            message = self._begin(message)
        self._held.append(message)
        if is_start:
            if self._length is not None or message["status"] in NO_BODY:
                return  # its body follows at once; until then another answer may take its place
        elif message["type"] == "http.response.body" and self._start and not self._is_over:
            body = message.get("body", b"")
            self._size += len(body)
            if self._keeps_body:
                self._parts.append(body)
            else:
                self._parts.clear()
            # A client that has as much as was announced has it all, whatever follows.
            if not message.get("more_body", False) or self._size == self._length:
                await self._end(self._start["status"])
        await self._send_held()

    def _begin(self, message: Message) -> Message:
        """Return the start with what each answer has; the handler may send its own again."""
        headers = list(message.get("headers", ()))
        self._start = start = {**message, "headers": headers}
        names = {name.lower(): value for name, value in headers}
        length = names.get(b"content-length", b"")
        self._length = int(length) if length.isdigit() else None
        for name, value in self._profile.echo(self._claim.name.key):
            if name.encode() not in names:
                headers.append((name.encode(), value.encode("latin-1")))
        return start

    async def _end(self, status: int) -> None:
        if self._claim.failure and status >= 500:  # who answers for errors stands inside
            await self._break_off(self._claim.failure)
            return
        instead = await self._keep()
        self._is_over = True
        self._keys.leases.let_go(self._claim)
        if instead is not None:
            self._say(instead, None)

    @property
    def _in_use(self) -> KeptAnswer:
        """The refusal once the key is another attempt's, whose lease began at any time."""
        return self._profile.refuse(Refusal.IN_PROGRESS, self._keys.lease_s)

    @property
    def _keeps_body(self) -> bool:
        return self._profile.keeps_body and self._size <= self._keys.answer_max_bytes

    async def _send_held(self) -> None:
        messages, self._held = self._held, []
        for message in messages:
            if not self.client_left:
                self._is_sent |= self._start is not None  # not: hints, which come before
                await self._server_send(message)
