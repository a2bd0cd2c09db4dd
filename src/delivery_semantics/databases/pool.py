"""A bounded number of connections to one database, lent for a statement or a transaction.

Book: 06-idempotent-operations
"""

from __future__ import annotations

import math
import os
import threading
import time
import weakref
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from ..core.check import at_least, not_negative, one_of, positive
from .connect import IN_MEMORY, SYNCHRONOUS, connect, file_of
from .database import Database, Locked, Row, Value

CLOSE_TO_THE_LIMIT = 0.9
"""Of the time to wait for a lock: whoever has so much of it left is not worth a statement."""

TURN_S = 0.002
"""How long an event loop waits for its turn to write. Most turns take a fraction of it, and to
change threads costs as much as a turn."""

_HERE = threading.local()


class Limit:
    """Limits this thread's waits in the block, or before ``lift``.

    This and ``Loan`` stand around every statement: as generators they would take longer.
    """

    __slots__ = ("_before_s", "_end_s")

    def __init__(self, end_s: float) -> None:
        self._end_s = end_s
        self._before_s: float | None = None

    def __enter__(self) -> Limit:
        """Begin, within the limit of whoever called."""
        self._before_s = getattr(_HERE, "end_s", math.inf)
        _HERE.end_s = min(self._end_s, self._before_s)
        return self

    def lift(self) -> None:
        """Let the rest of the block wait as if there were no block, and end in any thread."""
        if self._before_s is not None:
            _HERE.end_s, self._before_s = self._before_s, None

    def __exit__(self, *_: object) -> None:
        """End it."""
        self.lift()


def until(end_s: float) -> Limit:
    """Let this thread wait until then (``time.monotonic()``) for what it borrows meanwhile."""
    return Limit(end_s)


def deadline_s(limit_s: float) -> float:
    """Return when a wait of this thread ends that begins now."""
    return min(time.monotonic() + limit_s, getattr(_HERE, "end_s", math.inf))


class TurnToWrite:
    """A turn to write, until the block ends; where many may write at once there is no lock."""

    __slots__ = ("_end_s", "_wait_s", "_writer")

    def __init__(self, writer: threading.Lock | None, wait_s: float, end_s: float) -> None:
        self._writer, self._wait_s, self._end_s = writer, wait_s, end_s

    def __enter__(self) -> float:
        """Wait for it; return until when the block may wait for the database then."""
        if self._writer and not self._writer.acquire(timeout=self._wait_s):
            raise Locked("another thread of this process is writing")
        return self._end_s

    def __exit__(self, *_: object) -> None:
        """End it."""
        if self._writer:
            self._writer.release()


class Connections:
    """At most ``connections_max`` connections to ``url``; other parameters as for ``connect``.

    Any thread may borrow one. Those that write to SQLite, in a ``transaction``, do so one after
    another, whichever pool they have: the next is woken, where the file would have to be looked
    at again after a while. A child that was forked opens its own; fork while no thread is in
    a transaction, as SQLite takes the locks of its parent's for held in the child, for ever.
    ``sqlite:///:memory:`` is one connection and one process's database, for tests.
    """

    def __init__(
        self, url: str, *, lock_timeout_s: float = 5.0, synchronous: str = "FULL",
        answer_timeout_s: float = 10.0, connections_max: int = 20,
    ) -> None:  # fmt: skip
        self.dialect = "sqlite" if file_of(url) else "postgresql"  # with its check of the URL
        self.url = url
        self.lock_timeout_s = not_negative("lock_timeout_s", lock_timeout_s)
        self.synchronous = one_of("synchronous", synchronous, SYNCHRONOUS)
        self.answer_timeout_s = positive("answer_timeout_s", answer_timeout_s)
        self.connections_max = at_least("connections_max", connections_max, 1)
        self._file = file_of(url)
        if self._file == IN_MEMORY:
            self.connections_max = 1
        self._of_parents: list[object] = []
        self._begin()
        _POOLS.add(self)

    def _begin(self) -> None:
        self._idle: deque[Database] = deque()
        self._room = threading.Semaphore(self.connections_max)
        self._own = threading.local()
        self._writer = _writer_of(self._file)

    def leave_to_parent(self) -> None:
        """Begin anew in a forked child; to close what is its parent's would end it there."""
        self._of_parents += [self._idle, self._own]
        self._begin()

    def lend(self) -> Loan:
        """Lend a connection; to wait for one, and for locks then, has the same limit.

        Raises Locked if none is free until then, and DatabaseUnreachable.
        """
        return Loan(self)

    def turn(self, *, wait: bool = True) -> TurnToWrite:
        """Wait for a turn to write; a block is told until when it may wait for locks then.

        If not to ``wait``, that is now, and a turn is waited for ``TURN_S``. Raises Locked.
        """
        now_s = time.monotonic()
        end_s = deadline_s(self.lock_timeout_s) if wait else now_s
        wait_s = max(0.0, end_s - now_s) if wait else TURN_S
        return TurnToWrite(self._writer, wait_s, end_s)

    def _take(self, room: threading.Semaphore) -> Database:
        limit_s = self.lock_timeout_s
        wait_s = max(0.0, deadline_s(limit_s) - time.monotonic())
        if not room.acquire(timeout=wait_s):
            most = f"all {self.connections_max} connections (connections_max) were in use"
            raise Locked(f"{most} for {wait_s:g} s")
        try:
            database = self._find_or_open()
            close = wait_s > CLOSE_TO_THE_LIMIT * limit_s
            try:
                database.wait_at_most(limit_s if close else wait_s)
            except BaseException:
                database.close()
                raise
        except BaseException:
            room.release()
            raise
        return database

    def _take_back(
        self, database: Database, room: threading.Semaphore, idle: deque[Database]
    ) -> None:
        try:
            if room is not self._room:  # in a child that was forked meanwhile
                self._of_parents.append(database)
            elif idle is not self._idle or database.in_transaction:
                database.close()
            else:
                idle.append(database)
        finally:
            room.release()

    def _find_or_open(self) -> Database:
        with suppress(IndexError):  # the last one that was used: others may be closed for long
            while (database := self._idle.pop()).is_lost:
                database.close()
            return database
        return connect(
            self.url, lock_timeout_s=self.lock_timeout_s, synchronous=self.synchronous,
            answer_timeout_s=self.answer_timeout_s,
        )  # fmt: skip

    def here(self) -> Database:
        """Return the calling thread's way to the pool; it holds none between transactions."""
        database: Database | None = getattr(self._own, "database", None)
        if database is None:
            database = self._own.database = self.apart()
        return database

    def apart(self) -> Database:
        """Return a way to the pool that is no thread's, for one transaction."""
        return _Lent(self)

    def close(self) -> None:
        """Close all that nobody uses, and the others when they are given back."""
        closed, self._idle = self._idle, deque()
        for database in closed:
            database.close()


class Loan:
    """One connection of a pool, until the block ends."""

    __slots__ = ("_database", "_idle", "_pool", "_room")

    def __init__(self, pool: Connections) -> None:
        self._pool = pool

    def __enter__(self) -> Database:
        """Take it; see ``Connections.lend``."""
        self._room, self._idle = self._pool._room, self._pool._idle
        self._database = self._pool._take(self._room)
        return self._database

    def __exit__(self, *_: object) -> None:
        """Give it back."""
        self._pool._take_back(self._database, self._room, self._idle)


class _Lent(Database):
    """Borrows for each statement by itself, or for a transaction."""

    def __init__(self, pool: Connections) -> None:
        self._pool = pool
        self._held: Database | None = None
        self.dialect = pool.dialect

    @property
    def in_transaction(self) -> bool:
        """Whether a transaction is open."""
        return self._held is not None and self._held.in_transaction

    def _carry_out(self, statement: str, values: Sequence[Value]) -> tuple[list[Row], int]:
        if self._held is not None:
            return self._held._carry_out(statement, values)
        with self._pool.lend() as database:
            return database._carry_out(statement, values)

    @contextmanager
    def transaction(self, begin: str = "") -> Iterator[None]:
        """Hold one connection for the transaction."""
        if self._held is not None:
            raise RuntimeError("transaction: one is open already; allowed: one at a time")
        turn = TurnToWrite(None, 0.0, math.inf) if begin else self._pool.turn()
        with (
            turn as end_s, until(end_s) as beginning, self._pool.lend() as database,
            database.transaction(begin),
        ):  # fmt: skip
            beginning.lift()
            self._held = database
            try:
                yield
            finally:
                self._held = None

    def wait_at_most(self, seconds: float) -> None:
        """Do nothing: the pool says how long."""

    def close(self) -> None:
        """Do nothing: the connections are the pool's."""


_POOLS: weakref.WeakSet[Connections] = weakref.WeakSet()
_WRITERS: weakref.WeakValueDictionary[Path, threading.Lock] = weakref.WeakValueDictionary()


def _writer_of(file: Path | None) -> threading.Lock | None:
    """Return the lock of a SQLite file, one in this process; None for PostgreSQL."""
    if file is None:
        return None
    lock = threading.Lock()
    return lock if file == IN_MEMORY else _WRITERS.setdefault(file.resolve(), lock)


def _forked() -> None:
    _WRITERS.clear()  # what a thread held that is not here would be held for ever
    for pool in _POOLS:
        pool.leave_to_parent()


os.register_at_fork(after_in_child=_forked)
