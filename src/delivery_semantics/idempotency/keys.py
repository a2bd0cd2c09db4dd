"""The keys in a database: who may carry out a request, and what came of it.

Book: 08-stripe-idempotency
"""

from __future__ import annotations

import asyncio
import hmac
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Literal, TypeVar, TypeVarTuple, get_args

from ..core.check import at_least, positive
from ..databases import Connections, Database, Locked, file_of
from . import table
from .claims import Claim, LeaseLost
from .kept import KeptAnswer
from .profiles import Refusal
from .table import STARTED, KeyName, KeyRow

TURN_S = 0.002
"""How long an event loop waits for its turn to write. Most turns take a fraction of it, and to
change threads costs as much as a turn."""
THREADS = 4
"""Of the store's own, so that handlers which fill the server's threads cannot keep a lease from
being renewed."""
Effects = Literal["anywhere", "in phases"]

Result = TypeVar("Result")
Values = TypeVarTuple("Values")


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
    ``keep_s`` is how long a key is remembered from its first use on: longer than any client
    retries. ``answer_max_bytes`` is the size of body that is kept. ``keys_max`` bounds the
    live keys of an account; to count them costs time in proportion, None spares it.

    Raises ValueError, DatabaseRefused, and SchemaMismatch for tables of another version.
    """

    def __init__(
        self,
        connections: Connections,
        *,
        clock: Callable[[], float],
        effects: Effects = "anywhere",
        lease_s: float = 60.0,
        attempt_max_s: float = 600.0,
        keep_s: float = 86_400.0,
        answer_max_bytes: int = 262_144,
        keys_max: int | None = None,
    ) -> None:
        if effects not in get_args(Effects):
            raise ValueError(f"effects is {effects!r}; allowed: 'anywhere', 'in phases'")
        self.connections = connections
        self.clock = clock
        self.effects = effects
        self.lease_s = positive("lease_s", lease_s)
        self.attempt_max_s = positive("attempt_max_s", attempt_max_s)
        self.keep_s = positive("keep_s", keep_s)
        self.answer_max_bytes = at_least("answer_max_bytes", answer_max_bytes, 0)
        self.keys_max = None if keys_max is None else at_least("keys_max", keys_max, 1)
        self._claiming = self._at_once = connections
        if effects == "in phases":
            self._claiming = _unforced(connections, connections.lock_timeout_s)
            self._at_once = _unforced(connections, 0.0)
        self._is_sqlite = file_of(connections.url) is not None
        self.claims_at_once = self._is_sqlite and effects == "in phases"
        self.threads = ThreadPoolExecutor(THREADS, "idempotency")
        self._writer = threading.RLock()
        table.SCHEMA.ensure(connections.here())

    def new_lease(self) -> float:
        """Return when a lease ends that begins now."""
        return self.clock() + self.lease_s

    def claim(
        self, name: KeyName, fingerprint: bytes, *, wait: bool = True
    ) -> Claim | KeptAnswer | Refusal:
        """Claim a key; or return the answer that is kept, or why there is neither.

        Where ``claims_at_once`` holds, this takes some 0.05 ms; if not to ``wait``, it waits
        for no other process, and for threads of this one ``TURN_S``. Raises DatabaseRefused;
        then nothing was claimed.
        """
        database = (self._claiming if wait else self._at_once).here()
        now_s = self.clock()
        first = KeyRow(fingerprint, 1, now_s + self.lease_s, now_s + self.keep_s)
        # To look first decides nothing. But who only repeats then need not wait for who writes.
        found = table.find(database, name) if wait else None
        has_room = found is not None or self._has_room(database, name.account, now_s)
        if found is None and has_room:
            with self._turn(wait=wait):
                inserted = table.insert(database, name, first)
            if inserted:
                return Claim(self, name, first)
        found = found or table.find(database, name)
        if found is None:  # with room: it was there, and has been swept since
            return Refusal.IN_PROGRESS if has_room else Refusal.TOO_MANY_KEYS
        then = _judge(found, first, now_s)
        if not isinstance(then, KeyRow):
            return then
        with self._turn(wait=wait):
            taken_over = table.take_over(database, name, found, then)
        # A lease of 0 was given back; any other one ended without a word.
        broke_off = found.lease_until_s > 0 and found.expires_s == then.expires_s
        claim = Claim(self, name, then, broke_off=broke_off)
        return claim if taken_over else Refusal.IN_PROGRESS

    def renew(self, claim: Claim) -> bool:
        """Lengthen a claim's lease; False if it is over for good. Raises DatabaseRefused."""
        row = claim.row._replace(lease_until_s=self.new_lease())
        with self._turn():
            return table.renew(self._claiming.here(), claim.name, row)

    def finish(self, claim: Claim, answer: KeptAnswer, *, in_doubt: bool = False) -> None:
        """Keep the answer of a handler that did not do so in a phase, or that it is in doubt.

        Raises LeaseLost if another attempt has taken the key over, and DatabaseRefused.
        """
        row = claim.row.finished(answer.within(self.answer_max_bytes), in_doubt=in_doubt)
        with self._turn():
            advanced = table.advance(self._claiming.here(), claim.name, claim.row, row)
        if not advanced:
            raise LeaseLost(f"the claim with token {claim.token} is not the key's any more")
        claim.row = row

    def release(self, claim: Claim, *, to_any_request: bool = False) -> None:
        """Give a claim back, so that the next attempt need not wait for its lease to end.

        ``to_any_request``: the key may be used for another request, as nothing was done for
        this one. Raises DatabaseRefused; then the next attempt does wait.
        """
        row = claim.row
        if to_any_request and claim.recovery_point == STARTED:
            row = row._replace(fingerprint=b"")
        with self._turn():
            table.release(self._claiming.here(), claim.name, row)

    async def in_thread(
        self, function: Callable[[*Values], Result], *values: *Values
    ) -> Result:
        """Wait for a call that may wait for the database; the event loop goes on."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self.threads, function, *values)

    @contextmanager
    def writing(self) -> Iterator[Database]:
        """Open a transaction on the calling thread's connection."""
        database = self.connections.here()
        with self._turn(), database.transaction():
            yield database

    def sweep(self, *, keys_max: int) -> int:
        """Delete up to ``keys_max`` expired keys, the oldest first, and return how many.

        Raises DatabaseRefused.
        """
        with self._turn():
            return table.sweep(self._claiming.here(), self.clock(), keys_max)

    def close(self) -> None:
        """Let its threads end, and close the connections that the store opened itself.

        Call it before those that it was given are closed.
        """
        self.threads.shutdown()
        for opened in (self._claiming, self._at_once):
            if opened is not self.connections:
                opened.close()

    def _has_room(self, database: Database, account: str, now_s: float) -> bool:
        most = self.keys_max
        return most is None or table.count(database, account, now_s, most) < most

    @contextmanager
    def _turn(self, *, wait: bool = True) -> Iterator[None]:
        """Let the threads of this process write to SQLite one after another.

        Its own way is to look again after a while, and longer each time; so some wait long.
        Raises Locked.
        """
        if not self._is_sqlite:
            yield
            return
        wait_s = self.connections.lock_timeout_s if wait else TURN_S
        if not self._writer.acquire(timeout=wait_s):
            raise Locked("another thread of this process is writing")
        try:
            yield
        finally:
            self._writer.release()


def _unforced(connections: Connections, lock_timeout_s: float) -> Connections:
    """Return others to the same database, whose last commits a loss of power may undo."""
    return Connections(connections.url, lock_timeout_s=lock_timeout_s, synchronous="NORMAL")


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
