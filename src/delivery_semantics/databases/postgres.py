"""PostgreSQL: a database in a process of its own, over a socket.

A transaction begins at the isolation level READ COMMITTED unless another is asked for: each of
its statements sees what others have committed in the meantime.

Book: 06-idempotent-operations
"""

from __future__ import annotations

import select
import time
from collections.abc import Generator, Sequence
from functools import lru_cache
from typing import Any

import psycopg
from psycopg import errors
from psycopg.pq import TransactionStatus

from .database import (
    AlreadyThere, Database, DatabaseFull, DatabaseReadOnly, DatabaseRefused,
    DatabaseUnreachable, Locked, NotSerializable, Row, Value,
)  # fmt: skip

REFUSALS: tuple[tuple[type[psycopg.Error], type[DatabaseRefused]], ...] = (
    (errors.LockNotAvailable, Locked),
    (errors.SerializationFailure, NotSerializable),
    (errors.DeadlockDetected, NotSerializable),
    (errors.UniqueViolation, AlreadyThere),
    (errors.ReadOnlySqlTransaction, DatabaseReadOnly),
    (errors.DiskFull, DatabaseFull),
    (psycopg.OperationalError, DatabaseUnreachable),
)
"""From psycopg's classes to ours; the first that fits counts."""


class PostgreSQL(Database):
    """One connection to the server and database at ``url``.

    A lock is waited for ``lock_timeout_s`` seconds, and a silent server ``answer_timeout_s``
    longer; whether what it was asked took place is then not known, as after any loss of the
    connection. With ``synchronous`` FULL a commit survives a loss of power; with NORMAL or OFF
    the server may forget the last ones then, and only then.
    """

    dialect = "postgresql"

    def __init__(
        self, url: str, *, lock_timeout_s: float = 5.0, synchronous: str = "FULL",
        answer_timeout_s: float = 10.0,
    ) -> None:  # fmt: skip
        self._answer_timeout_s, self._waits_s = answer_timeout_s, -1.0
        self._exchange_it = False
        try:
            self._connection = _Connection.connect(
                url, autocommit=True, connect_timeout=max(2, round(answer_timeout_s))
            )
        except psycopg.Error as error:
            raise _refused(error) from error
        self._cursor = self._connection.cursor()  # a new one would cost a third of a statement
        try:
            self.wait_at_most(lock_timeout_s)
            if synchronous != "FULL":
                self.rows("SET synchronous_commit = off")
        except DatabaseRefused:  # the server went meanwhile
            self.close()
            raise

    @property
    def in_transaction(self) -> bool:
        """Whether a transaction is open, also one that the server has already failed."""
        status = self._connection.pgconn.transaction_status
        return status in (TransactionStatus.INTRANS, TransactionStatus.INERROR)

    @property
    def is_lost(self) -> bool:
        """Whether the server has gone, or answers no more, or can only be read."""
        if self._exchange_it or self._connection.closed:
            return True
        unasked = select.poll()
        unasked.register(self._connection.fileno(), select.POLLIN)
        return bool(unasked.poll(0))  # its end; or a notice, which costs a new connection

    def wait_at_most(self, seconds: float) -> None:
        """From now on wait so long for a lock."""
        if seconds != self._waits_s:
            self._connection.limit_s = seconds + self._answer_timeout_s
            self.rows(f"SET lock_timeout = {max(1, round(1000 * seconds))}")  # 0 is no limit
            self._waits_s = seconds

    def _carry_out(self, statement: str, values: Sequence[Value]) -> tuple[list[Row], int]:
        try:
            cursor = self._cursor.execute(_its_style(statement), values)
            # To ask for its description costs as much as a statement.
            found = [] if cursor.rownumber is None else cursor.fetchall()
            return found, cursor.rowcount
        except psycopg.Error as error:
            if isinstance(error, errors.ConnectionTimeout):
                self._connection.close()
            # Another connection may find the server that writes.
            self._exchange_it |= isinstance(error, errors.ReadOnlySqlTransaction)
            raise _refused(error) from error

    def close(self) -> None:
        """End the connection."""
        self._connection.close()


class _Connection(psycopg.Connection[Row]):
    """Does not wait for a silent server for longer than ``limit_s``."""

    limit_s = 0.0

    def wait(self, gen: Any, *how: Any, **named: Any) -> Any:  # noqa: ANN401  # as it is there
        """Wait for what psycopg waits for."""
        return super().wait(_within(self.limit_s, gen), *how, **named)


def _within(limit_s: float, waits: Generator[Any, Any, Any]) -> Generator[Any, Any, Any]:
    """Pass on what ``waits`` asks for and is told; raise ConnectionTimeout in the end."""
    end_s = time.monotonic() + limit_s
    try:
        asked = next(waits)
        while True:
            told = yield asked
            if not told and time.monotonic() > end_s:  # nothing has come for an interval
                raise errors.ConnectionTimeout(f"no answer for {limit_s:g} s")
            asked = waits.send(told)
    except StopIteration as end:
        return end.value


@lru_cache(maxsize=256)
def _its_style(statement: str) -> bytes:
    return statement.replace("%", "%%").replace("?", "%s").encode()


def _refused(error: psycopg.Error) -> DatabaseRefused:
    kind = next((ours for theirs, ours in REFUSALS if isinstance(error, theirs)), None)
    first = str(error).splitlines()[0] if str(error) else type(error).__name__
    return (kind or DatabaseRefused)(f"{first} (PostgreSQL)")
