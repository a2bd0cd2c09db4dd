"""PostgreSQL: a database in a process of its own, over a socket.

A transaction begins at the isolation level READ COMMITTED unless another is asked for: each of
its statements sees what others have committed in the meantime.

Book: 06-idempotent-operations
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

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

    A lock is waited for ``lock_timeout_s`` seconds. With ``synchronous`` FULL a commit survives
    a loss of power; with NORMAL or OFF the server may forget the last ones then, and only then.
    """

    dialect = "postgresql"

    def __init__(
        self, url: str, *, lock_timeout_s: float = 5.0, synchronous: str = "FULL"
    ) -> None:
        with _refusals():
            self._connection = psycopg.connect(url, autocommit=True, connect_timeout=10)
        self.rows(f"SET lock_timeout = {round(1000 * lock_timeout_s)}")
        if synchronous != "FULL":
            self.rows("SET synchronous_commit = off")

    @property
    def in_transaction(self) -> bool:
        """Whether a transaction is open, also one that the server has already failed."""
        status = self._connection.info.transaction_status
        return status in (TransactionStatus.INTRANS, TransactionStatus.INERROR)

    @property
    def is_lost(self) -> bool:
        """Whether the server has gone, which is noticed when it does not answer."""
        return self._connection.closed

    def _carry_out(self, statement: str, values: Sequence[Value]) -> tuple[list[Row], int]:
        its_style = statement.replace("%", "%%").replace("?", "%s").encode()
        with _refusals():
            cursor = self._connection.execute(its_style, values)
            return cursor.fetchall() if cursor.description else [], cursor.rowcount

    def close(self) -> None:
        """End the connection."""
        self._connection.close()


@contextmanager
def _refusals() -> Iterator[None]:
    try:
        yield
    except psycopg.Error as error:
        kind = next((ours for theirs, ours in REFUSALS if isinstance(error, theirs)), None)
        first = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise (kind or DatabaseRefused)(f"{first} (PostgreSQL)") from error
