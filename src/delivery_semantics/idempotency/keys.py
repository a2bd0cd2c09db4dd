"""The keys in a database: who may carry out a request, and what came of it.

Book: 08-stripe-idempotency
"""

from __future__ import annotations

import hmac
import math
import os
import threading
import time
import weakref
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Literal, get_args

from anyio import move_on_after

from ..core.check import at_least, of_type, positive
from ..databases import (
    IN_MEMORY, Connections, Database, DatabaseRefused, Locked, file_of, until,
)  # fmt: skip
from . import table
from .claims import Claim, LeaseLost
from .kept import KeptAnswer
from .lanes import Lane, Result, Values, in_lane, plain_function
from .leases import Leases
from .outcomes import Hook, KeyOutcome, tell
from .profiles import Refusal
from .table import STARTED, KeyName, KeyRow

Effects = Literal["anywhere", "in phases"]
ClaimOutcome = Claim | KeptAnswer | Refusal
SOON_S = 0.05
"""How long one waits for a thread in which others may be held up, before asking for another."""


class KeyStore:
    """Idempotency keys in the database of ``connections``, whose tables it makes.

    ``clock`` gives the time in seconds, the same for all processes that share the database.
    ``effects`` is what you state about the handlers behind these keys:

    - "anywhere": an effect may happen outside of a phase. An attempt that broke off is then in
      doubt, and the request is never carried out again.
    - "in phases": every effect is in a phase, or is harmless to repeat because it passes
      ``Claim.derived_key`` on. After an attempt that broke off the next one goes on at its
      recovery point. And claims need not be forced to the disk: if a loss of power takes one,
      nothing had been done yet, or will be done again with the same derived key.

    ``lease_s`` is how long a claim lasts when its process dies. A living one renews it, for
    ``attempt_max_s`` at most: a handler that hangs longer loses its key to the next attempt.
    A child that was forked goes on with a store of its own; claims stay its parent's.
    ``keep_s`` is how long a key is remembered from its first use on: longer than any client
    retries. ``answer_max_bytes`` is the size of body that is kept. ``keys_max`` bounds the
    live keys of an account; to count them costs time in proportion, None spares it. ``hook`` is
    called with each ``KeyOutcome``, in whatever thread; it should take no time.

    Raises TypeError, ValueError, also if a key would be forgotten during its first attempt,
    DatabaseRefused, and SchemaMismatch for tables of another version.
    """

    def __init__(
        self,
        connections: Connections,
        *,
        clock: Callable[[], float] = time.time,
        effects: Effects = "anywhere",
        lease_s: float = 60.0,
        attempt_max_s: float = 600.0,
        keep_s: float = 86_400.0,
        answer_max_bytes: int = 262_144,
        keys_max: int | None = None,
        hook: Hook | None = None,
    ) -> None:
        if effects not in get_args(Effects):
            raise ValueError(f"effects is {effects!r}; allowed: 'anywhere', 'in phases'")
        self.connections = of_type("connections", connections, Connections)
        self.clock = plain_function("clock", clock)
        self.effects = effects
        self.lease_s = positive("lease_s", lease_s)
        self.attempt_max_s = positive("attempt_max_s", attempt_max_s)
        self.keep_s = positive("keep_s", keep_s)
        _check_times(keep_s, lease_s=lease_s, attempt_max_s=attempt_max_s)
        self.answer_max_bytes = at_least("answer_max_bytes", answer_max_bytes, 0)
        self.keys_max = None if keys_max is None else at_least("keys_max", keys_max, 1)
        in_memory = file_of(connections.url) == IN_MEMORY
        forces = effects == "in phases" and connections.synchronous == "FULL"
        self._claiming = unforced(connections) if forces and not in_memory else connections
        self._is_sqlite = connections.dialect == "sqlite"
        is_unforced = in_memory or self._claiming.synchronous != "FULL"
        self.writes_at_once = self._is_sqlite and is_unforced
        self.hook = None if hook is None else plain_function("hook", hook)
        self.begin()
        _STORES.add(self)
        table.SCHEMA.ensure(connections.here())

    def begin(self) -> None:
        """Begin with nothing held, at the start and anew in a forked child.

        There no thread goes on, and what one of them held would be held for ever.
        """
        self.threads = ThreadPoolExecutor(1, "idempotency")
        self.leases = Leases(self)

    def new_lease(self) -> float:
        """Return when a lease ends that begins now."""
        return self.clock() + self.lease_s

    async def lease_left_s(self, name: KeyName) -> float:
        """Return how long a key is held if its lease is not renewed; 0 if nobody holds it."""
        with suppress(DatabaseRefused):  # it is no answer, only a part of one
            if row := await self._look_soon(name):
                return max(0.0, row.lease_until_s - self.clock())
        return 0.0

    def claim(self, name: KeyName, fingerprint: bytes, *, wait: bool = True) -> ClaimOutcome:
        """Claim a key; or return the answer that is kept, or why there is neither.

        Where ``writes_at_once`` holds, this takes some 0.05 ms; if not to ``wait``, it waits
        for no other process, and for threads of this one ``TURN_S``. Raises DatabaseRefused;
        then nothing was claimed.
        """
        # To look first decides nothing. But who only repeats then need not wait for who writes.
        return self._claim(name, fingerprint, self._look(name) if wait else None, wait=wait)

    async def claim_soon(self, name: KeyName, fingerprint: bytes) -> ClaimOutcome:
        """Do the same for an event loop, which goes on.

        Who only asks for an answer does not wait for who writes, nor for who waits for that.
        """
        # To change threads takes longer than to claim a key, if nobody writes for long.
        if self.writes_at_once:
            with suppress(Locked), until(time.monotonic()):
                return self._claim(name, fingerprint, None, wait=False)
        # One change of threads for both, if a thread is soon free: who looks waits for nobody.
        if not self._is_sqlite:
            with move_on_after(SOON_S):
                return await self._in_thread_or_not(self.claim, name, fingerprint)
        found = await self._look_soon(name)
        now_s = self.clock()
        then = found and _judge(found, self._first(fingerprint, now_s), now_s)
        if then and not isinstance(then, KeyRow):
            return then
        return await self._in_thread_or_not(self._claim, name, fingerprint, found)

    async def _in_thread_or_not(
        self, claim: Callable[[*Values], ClaimOutcome], *values: *Values
    ) -> ClaimOutcome:
        """Claim in a thread; if nobody waits for it any more, give the claim back."""
        lock, outcomes, is_over = threading.Lock(), [], False

        def carry_out() -> ClaimOutcome:
            with lock:
                if is_over:
                    raise Locked("nobody waits any more")
                outcomes.append(claim(*values))
            return outcomes[0]

        def give_back() -> None:
            nonlocal is_over
            with lock:
                is_over = True
            for one in outcomes:
                # One that broke off may have done something: its lease ends once more.
                if isinstance(one, Claim) and not one.broke_off:
                    self.release(one, to_any_request=True)

        try:
            return await self.in_thread(carry_out, lane="claim")
        except Exception:
            raise
        except BaseException:  # it was cancelled, and the thread goes on
            self.threads.submit(give_back)
            raise

    async def write_soon(self, change: Callable[..., None]) -> None:
        """Call ``finish`` or ``release`` for an event loop, which goes on."""
        if self.writes_at_once:
            with suppress(Locked), until(time.monotonic()):
                change(wait=False)
                return
        await self.in_thread(change)

    def _first(self, fingerprint: bytes, now_s: float) -> KeyRow:
        # SQLite takes four bytes less for a whole number, in the row and in the index. But a
        # float, as it will be read again: what is derived from it must be the same then.
        expires_s = float(math.ceil(now_s + self.keep_s))
        return KeyRow(fingerprint, 1, now_s + self.lease_s, expires_s)

    async def _look_soon(self, name: KeyName) -> KeyRow | None:
        if not self._is_sqlite:
            return await self.in_thread(self._look, name, lane="look")
        with suppress(Locked), until(time.monotonic()):
            return self._look(name)
        return None

    def _look(self, name: KeyName) -> KeyRow | None:
        with self._claiming.lend() as database:
            return table.find(database, name)

    def _claim(
        self, name: KeyName, fingerprint: bytes, found: KeyRow | None, *, wait: bool = True
    ) -> ClaimOutcome:
        now_s = self.clock()
        first = self._first(fingerprint, now_s)
        has_room = found is not None or self._has_room(name.account, now_s)
        if found is None and has_room and self._write(table.insert, name, first, wait=wait):
            return Claim(self, name, first)
        found = found or self._look(name)
        if found is None:  # with room: it was there, and has been swept since
            return Refusal.IN_PROGRESS if has_room else Refusal.TOO_MANY_KEYS
        then = _judge(found, first, now_s)
        if not isinstance(then, KeyRow):
            return then
        taken_over = self._write(table.take_over, name, found, then, wait=wait)
        # A lease of 0 was given back; any other one ended without a word.
        broke_off = found.lease_until_s > 0 and found.expires_s == then.expires_s
        claim = Claim(self, name, then, broke_off=broke_off)
        return claim if taken_over else Refusal.IN_PROGRESS

    def renew(self, claim: Claim) -> bool:
        """Lengthen a claim's lease; False if it is over for good. Raises DatabaseRefused."""
        row = claim.row._replace(lease_until_s=self.new_lease())
        return self._write(table.renew, claim.name, row)

    def finish(
        self, claim: Claim, answer: KeptAnswer, *, in_doubt: bool = False, wait: bool = True
    ) -> None:
        """Keep the answer of a handler that did not do so in a phase, or that it is in doubt.

        Raises LeaseLost if another attempt has taken the key over, and DatabaseRefused.
        """
        row = claim.row.finished(answer, in_doubt=in_doubt)
        kept = row.within(self.answer_max_bytes)
        if not self._write(table.advance, claim.name, claim.row, kept, wait=wait):
            raise LeaseLost(f"the claim with token {claim.token} is not the key's any more")
        claim.row = row

    def release(self, claim: Claim, *, to_any_request: bool = False, wait: bool = True) -> None:
        """Give a claim back, so that the next attempt need not wait for its lease to end.

        ``to_any_request``: the key may be used for another request, as nothing was done for
        this one. Raises DatabaseRefused; then the next attempt does wait.
        """
        row = claim.row
        if to_any_request and claim.recovery_point == STARTED:
            row = row._replace(fingerprint=b"")
        self._write(table.release, claim.name, row, wait=wait)

    async def in_thread(
        self, function: Callable[[*Values], Result], *values: *Values, lane: Lane = "hold"
    ) -> Result:
        """Wait for a call that may wait for the database; the event loop goes on."""
        return await in_lane(lane, self.connections.lock_timeout_s, function, *values)

    def way(self, *, apart: bool = False) -> Database:
        """Return the calling thread's way to the database, or one that is no thread's."""
        return self.connections.apart() if apart else self.connections.here()

    def tell(
        self, what: str, name: KeyName, took_s: float, error: BaseException | None = None
    ) -> None:
        """Log what became of a request, and tell the hook."""
        tell(self.hook, KeyOutcome(what, name, took_s, error))

    def sweep(self, *, keys_max: int) -> int:
        """Delete up to ``keys_max`` expired keys, the oldest first, and return how many.

        Raises DatabaseRefused.
        """
        return self._write(table.sweep, self.clock(), keys_max)

    def close(self) -> None:
        """Let its threads end, and close the connections that the store opened itself.

        Call it before those that it was given are closed. As they do, it opens what it needs
        anew if it is used again, by an application that is started a second time.
        """
        leases, threads = self.leases, self.threads
        self.begin()
        leases.close()
        threads.shutdown()
        if self._claiming is not self.connections:
            self._claiming.close()

    def _has_room(self, account: str, now_s: float) -> bool:
        most = self.keys_max
        if most is None:
            return True
        with self._claiming.lend() as database:
            return table.count(database, account, now_s, most) < most

    def _write(
        self, change: Callable[[Database, *Values], Result], *values: *Values, wait: bool = True
    ) -> Result:
        with (
            self._claiming.turn(wait=wait) as end_s, until(end_s),
            self._claiming.lend() as database,
        ):  # fmt: skip
            return change(database, *values)


def _check_times(keep_s: float, **shorter: float) -> None:
    for name, time_s in shorter.items():
        if time_s > keep_s:
            raise ValueError(f"keep_s is {keep_s!r}; allowed: {name} ({time_s!r}) or more")


def unforced(connections: Connections) -> Connections:
    """Return others to the same database, whose last commits a loss of power may undo."""
    return Connections(
        connections.url, lock_timeout_s=connections.lock_timeout_s, synchronous="NORMAL",
        answer_timeout_s=connections.answer_timeout_s,
        connections_max=connections.connections_max,
    )  # fmt: skip


def _judge(found: KeyRow, first: KeyRow, now_s: float) -> KeyRow | KeptAnswer | Refusal:
    """Return what the row shall be for the next attempt, or what to answer without one."""
    held = found.lease_until_s > now_s
    if found.expires_s <= now_s and not held:
        return first._replace(token=found.token + 1)
    if found.fingerprint and not hmac.compare_digest(found.fingerprint, first.fingerprint):
        return Refusal.OTHER_REQUEST
    if answer := found.answer:
        return answer
    if held:
        return Refusal.IN_PROGRESS
    return found._replace(
        fingerprint=first.fingerprint, token=found.token + 1, lease_until_s=first.lease_until_s
    )


_STORES: weakref.WeakSet[KeyStore] = weakref.WeakSet()


def _forked() -> None:
    for keys in _STORES:
        keys.begin()


os.register_at_fork(after_in_child=_forked)
