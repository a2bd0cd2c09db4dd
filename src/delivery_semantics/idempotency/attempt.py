"""One attempt at carrying out a request: the handler, its lease, and what becomes of both.

Book: 08-stripe-idempotency
"""

from __future__ import annotations

import asyncio
import math
from contextlib import suppress
from functools import partial

from starlette.types import ASGIApp, Message, Scope, Send

from ..databases import (
    DatabaseFull, DatabaseReadOnly, DatabaseRefused, DatabaseUnreachable, Locked,
    NotSerializable,
)  # fmt: skip
from .claims import Claim, LeaseLost
from .kept import KeptAnswer
from .keys import KeyStore
from .profiles import Profile, Refusal

RENEWALS_IN_A_LEASE = 3
PASSING = (DatabaseFull, DatabaseReadOnly, DatabaseUnreachable, Locked, NotSerializable)
"""Trouble of the database, not of the request: the same request may succeed later."""


class Attempt:
    """Runs the handler to its end, whatever becomes of the client, and keeps its answer.

    ``ended`` is done when the client has its answer; cancelled: nobody waits for it any more.
    """

    def __init__(
        self, app: ASGIApp, keys: KeyStore, profile: Profile, claim: Claim, body: bytes,
        send: Send,
    ) -> None:  # fmt: skip
        self.ended = asyncio.get_running_loop().create_future()
        self._app, self._keys, self._profile, self._claim = app, keys, profile, claim
        self._body: bytes | None = body
        self._send = send
        self._reply: list[Message] = []
        self._reply_bytes = 0
        self._streams = False
        self._renewals_left = math.ceil(self._keys.attempt_max_s / self._renewal_s)
        self._renewal: asyncio.TimerHandle | asyncio.Task[None]

    async def carry_out(self, scope: Scope) -> None:
        """Run the handler and send its answer. Raises what the handler raised."""
        scope["state"]["idempotency"] = self._claim
        scope["extensions"] = {}  # the whole answer comes in messages, which can be kept
        self._renew_later()
        try:
            await self._answer(scope)
        finally:
            self._renewal.cancel()
            if not self.ended.done():
                self.ended.set_result(None)

    async def _answer(self, scope: Scope) -> None:
        """Let the handler run, see to its key, and only then reply."""
        try:
            await self._handle(scope)
        except LeaseLost:
            self._say(self._profile.refuse(Refusal.IN_PROGRESS))
        except Exception:
            await self._reply_now()
            raise
        await self._reply_now()

    async def _handle(self, scope: Scope) -> None:
        try:
            await self._app(scope, self._receive, self._take)
            if not self._reply and not self._streams:
                raise RuntimeError("the handler sent no response")
        except LeaseLost:
            raise
        except Exception as error:
            if await self._is_to_be_raised(error):
                raise
        else:
            await self._keep()

    async def _keep(self) -> None:
        """Keep the answer, or give the key back if nothing was done.

        Raises LeaseLost, and DatabaseRefused: then the client gets the answer all the same, and
        the next attempt will find that this one broke off.
        """
        if self._streams or self._claim.finished:
            return
        start, *rest = self._reply
        status = start["status"]
        if self._profile.keeps(status) or (status >= 500 and not self._in_phases):
            body = b"".join(message.get("body", b"") for message in rest)
            answer = KeptAnswer.of(status, start.get("headers", ()), body)
            await self._keys.in_thread(self._keys.finish, self._claim, answer)
        else:
            await self._release(to_any_request=status < 500)

    async def _is_to_be_raised(self, error: Exception) -> bool:
        """Decide what a handler that raised means for the key and the client."""
        profile, answer = self._profile, self._claim.row.answer
        if answer:  # it had finished
            self._say(profile.restore(answer))
        elif self._in_phases and isinstance(error, PASSING):
            await self._release()
            self._say(profile.refuse(Refusal.UNAVAILABLE))
            return False
        elif self._in_phases and not profile.keeps_failures:
            await self._release()
            self._reply = []
        else:
            await self._keep_in_doubt()
        return True

    async def _keep_in_doubt(self) -> None:
        answer = self._profile.refuse(Refusal.IN_DOUBT)
        self._say(answer)
        try:
            finish = partial(self._keys.finish, in_doubt=True)
            await self._keys.in_thread(finish, self._claim, answer)
        except LeaseLost:
            self._say(self._profile.refuse(Refusal.IN_PROGRESS))
        except DatabaseRefused:
            pass  # the lease will end, and the next attempt finds that this one broke off

    async def _release(self, *, to_any_request: bool = False) -> None:
        with suppress(DatabaseRefused):  # then the next attempt waits for the lease to end
            await self._keys.in_thread(
                lambda: self._keys.release(self._claim, to_any_request=to_any_request)
            )

    @property
    def _in_phases(self) -> bool:
        return self._keys.effects == "in phases"

    def _say(self, answer: KeptAnswer) -> None:
        """Let this be the reply, unless another one is on its way."""
        self._reply = [] if self._streams else answer.messages()

    # The handler's side of ASGI

    async def _receive(self) -> Message:
        """Give the body, then nothing more: the handler does not learn that the client left."""
        if self._body is None:
            await asyncio.get_running_loop().create_future()
        body, self._body = self._body, None
        return {"type": "http.request", "body": body, "more_body": False}

    async def _take(self, message: Message) -> None:
        """Hold the answer back until it is kept, or too large for that."""
        self._reply.append(message)
        self._reply_bytes += len(message.get("body", b""))
        if not self._streams and self._reply_bytes > self._keys.answer_max_bytes:
            if not self._claim.finished:
                fact = KeptAnswer(self._reply[0]["status"], (), None)
                await self._keys.in_thread(self._keys.finish, self._claim, fact)
            self._streams = True
        if self._streams:
            await self._reply_now()

    async def _reply_now(self) -> None:
        messages, self._reply = self._reply, []
        with suppress(OSError):  # the client has left
            for message in messages:
                if not self.ended.done():
                    await self._send(message)

    # The lease

    @property
    def _renewal_s(self) -> float:
        return self._keys.lease_s / RENEWALS_IN_A_LEASE

    def _renew_later(self) -> None:
        self._renewal = asyncio.get_running_loop().call_later(self._renewal_s, self._renew)

    def _renew(self) -> None:
        self._renewals_left -= 1
        if self._renewals_left > 0:  # a handler that hangs does not hold its key for ever
            self._renewal = asyncio.create_task(self._renew_once())

    async def _renew_once(self) -> None:
        """Renew, and only then set the next time: a slow database is asked once at a time."""
        with suppress(DatabaseRefused):  # there are more renewals in a lease
            await self._keys.in_thread(self._keys.renew, self._claim)
        self._renew_later()
