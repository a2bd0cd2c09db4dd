"""SQLite: a database in a file, in the process that uses it.

A transaction that will write takes the write lock when it begins (``BEGIN IMMEDIATE``). One
that begins by reading and wants to write later may find that it is too late.

Book: 06-idempotent-operations
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from .database import (
    AlreadyThere, Database, DatabaseFull, DatabaseReadOnly, DatabaseRefused,
    DatabaseUnreachable, Locked, Row, Value,
)  # fmt: skip

REFUSALS = {
    "SQLITE_BUSY": Locked,
    "SQLITE_LOCKED": Locked,
    "SQLITE_CONSTRAINT_UNIQUE": AlreadyThere,
    "SQLITE_CONSTRAINT_PRIMARYKEY": AlreadyThere,
    "SQLITE_CONSTRAINT_ROWID": AlreadyThere,
    "SQLITE_READONLY": DatabaseReadOnly,
    "SQLITE_FULL": DatabaseFull,
    "SQLITE_IOERR": DatabaseFull,
    "SQLITE_CANTOPEN": DatabaseUnreachable,
    "SQLITE_NOTADB": DatabaseUnreachable,
}
"""From the beginning of SQLite's own name of an error to ours; the longest that fits counts."""


class SQLite(Database):
    """One connection to the file at ``path``, which is made if it is not there.

    A lock is waited for ``lock_timeout_s`` seconds. A commit survives a crash of the process in
    any case, and a loss of power with ``synchronous`` FULL; NORMAL may forget the last commits
    then, and OFF may damage the file.
    """

    dialect = "sqlite"
    begin = "BEGIN IMMEDIATE"

    def __init__(
        self, path: Path, *, lock_timeout_s: float = 5.0, synchronous: str = "FULL"
    ) -> None:
        with _refusals(path):
            self._connection = sqlite3.connect(
                path, timeout=lock_timeout_s, isolation_level=None, check_same_thread=False
            )
        self._path = path
        try:
            # Readers do not wait for the writer, nor the writer for them.
            self.rows("PRAGMA journal_mode = WAL")
            self.rows(f"PRAGMA synchronous = {synchronous}")
        except DatabaseRefused:
            self.close()
            raise

    @property
    def in_transaction(self) -> bool:
        """Whether a transaction is open."""
        return self._connection.in_transaction

    def _carry_out(self, statement: str, values: Sequence[Value]) -> tuple[list[Row], int]:
        with _refusals(self._path):
            cursor = self._connection.execute(statement, values)
            return cursor.fetchall(), cursor.rowcount

    def close(self) -> None:
        """Close the file."""
        self._connection.close()


@contextmanager
def _refusals(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        name = getattr(error, "sqlite_errorname", "")
        known = [prefix for prefix in REFUSALS if name.startswith(prefix)]
        kind = REFUSALS[max(known, key=len)] if known else DatabaseRefused
        raise kind(f"{error} (SQLite, {path.name})") from error
