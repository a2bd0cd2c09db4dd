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

WAITED_FOR = ("SQLITE_BUSY", "SQLITE_BUSY_RECOVERY")
LOOKS_AGAIN_S = 0.002
"""SQLite itself looks again later and later, up to 0.1 s: where many wait, some wait long. And
how long it waits is a statement of its own, for each borrower of a connection."""


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
                path, timeout=0.0, isolation_level=None, check_same_thread=False
            )
        except sqlite3.Error as error:
            raise _refused(error, path) from error
        self._path, self._waits_s = path, lock_timeout_s
        try:
            # Readers do not wait for the writer then, nor the writer for them.
            self.rows("PRAGMA journal_mode = WAL")
            self.rows(f"PRAGMA synchronous = {synchronous}")
        except DatabaseRefused:
            self.close()
            raise

    def wait_at_most(self, seconds: float) -> None:
        """From now on wait so long for a lock."""
        self._waits_s = seconds

    @property
    def in_transaction(self) -> bool:
        """Whether a transaction is open."""
        return self._connection.in_transaction

    def _carry_out(self, statement: str, values: Sequence[Value]) -> tuple[list[Row], int]:
        end_s = None
        while True:
            try:
                cursor = self._connection.execute(statement, values)
                return cursor.fetchall(), cursor.rowcount
            except (sqlite3.Error, OverflowError) as error:  # a number of more than 64 bits
                now_s = time.monotonic()
                end_s = end_s or now_s + self._waits_s
                if getattr(error, "sqlite_errorname", "") not in WAITED_FOR or now_s >= end_s:
                    raise _refused(error, self._path) from error
            time.sleep(LOOKS_AGAIN_S)

    def close(self) -> None:
        """Close the file."""
        self._connection.close()


def _refused(error: Exception, path: Path) -> DatabaseRefused:
    name = getattr(error, "sqlite_errorname", "")
    known = [prefix for prefix in REFUSALS if name.startswith(prefix)]
    kind = REFUSALS[max(known, key=len)] if known else DatabaseRefused
    return kind(f"{error} (SQLite, {path.name})")
