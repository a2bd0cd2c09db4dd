"""SQLite: a database in a file, in the process that uses it.

A transaction that will write takes the write lock when it begins (``BEGIN IMMEDIATE``). One
that begins by reading and wants to write later may find that it is too late.

Book: 06-idempotent-operations
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from .database import (
    AlreadyThere,
    DatabaseFull,
    DatabaseReadOnly,
    DatabaseRefused,
    DatabaseUnreachable,
    Locked,
    Row,
    Value,
    transaction,
)

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


class SQLite:
    """One connection to the file at ``path``, which is made if it is not there.

    A lock is waited for ``lock_timeout_s`` seconds. A commit survives a crash of the process in
    any case, and a loss of power with ``synchronous`` FULL; NORMAL may forget the last commits
    then, and OFF may damage the file.
    """

    dialect = "sqlite"

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

    @property
    def is_lost(self) -> bool:
        """A file is not lost."""
        return False

    def rows(self, statement: str, values: Sequence[Value] = ()) -> list[Row]:
        """Carry out a statement and return its rows."""
        with _refusals(self._path):
            return self._connection.execute(statement, values).fetchall()

    def change(self, statement: str, values: Sequence[Value] = ()) -> int:
        """Carry out a statement that changes rows, and return how many it changed."""
        with _refusals(self._path):
            return self._connection.execute(statement, values).rowcount

    def transaction(self, begin: str = "") -> AbstractContextManager[None]:
        """Commit or roll back the block; by default it begins with the write lock."""
        return transaction(self, begin or "BEGIN IMMEDIATE")

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
