"""SQLite: a database in a file, in the process that uses it.

A transaction that will write takes the write lock when it begins (``BEGIN IMMEDIATE``). One
that begins by reading and wants to write later may find that it is too late.

Book: 06-idempotent-operations
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Sequence
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

LOOKS_AGAIN_S = 0.005


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
        try:
            self._connection = sqlite3.connect(
                path, timeout=lock_timeout_s, isolation_level=None, check_same_thread=False
            )
        except sqlite3.Error as error:
            raise _refused(error, path) from error
        self._path, self._waits_s = path, lock_timeout_s
        try:
            self._write_ahead()
            self.rows(f"PRAGMA synchronous = {synchronous}")
        except DatabaseRefused:
            self.close()
            raise

    def _write_ahead(self) -> None:
        """Let readers not wait for the writer, nor the writer for them.

        Who begins at the same time is refused, and not made to wait as elsewhere.
        """
        end_s = time.monotonic() + self._waits_s
        while True:
            try:
                self.rows("PRAGMA journal_mode = WAL")
                return
            except Locked:
                if time.monotonic() > end_s:
                    raise
                time.sleep(LOOKS_AGAIN_S)

    def wait_at_most(self, seconds: float) -> None:
        """From now on wait so long for a lock."""
        if seconds != self._waits_s:
            self.rows(f"PRAGMA busy_timeout = {round(1000 * seconds)}")
            self._waits_s = seconds

    @property
    def in_transaction(self) -> bool:
        """Whether a transaction is open."""
        return self._connection.in_transaction

    def _carry_out(self, statement: str, values: Sequence[Value]) -> tuple[list[Row], int]:
        try:
            cursor = self._connection.execute(statement, values)
            return cursor.fetchall(), cursor.rowcount
        except (sqlite3.Error, OverflowError) as error:  # a number of more than 64 bits
            raise _refused(error, self._path) from error

    def close(self) -> None:
        """Close the file."""
        self._connection.close()


def _refused(error: Exception, path: Path) -> DatabaseRefused:
    name = getattr(error, "sqlite_errorname", "")
    known = [prefix for prefix in REFUSALS if name.startswith(prefix)]
    kind = REFUSALS[max(known, key=len)] if known else DatabaseRefused
    return kind(f"{error} (SQLite, {path.name})")
