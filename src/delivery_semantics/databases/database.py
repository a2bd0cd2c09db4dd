"""What every database here can do, and the common names of what it refuses.

Book: 06-idempotent-operations
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Protocol

Value = None | bool | int | float | str | bytes
"""What a statement may be given."""

Row = tuple[Any, ...]
"""What a query answers, once for each line that it finds."""


class DatabaseRefused(RuntimeError):
    """A database did not carry out a statement; what it was part of has no effect."""


class Locked(DatabaseRefused):
    """Another transaction held the lock for longer than this one would wait."""


class NotSerializable(DatabaseRefused):
    """No order of the transactions one after another explains this one; run it again."""


class AlreadyThere(DatabaseRefused):
    """A unique key exists already."""


class DatabaseReadOnly(DatabaseRefused):
    """The database can be read only."""


class DatabaseFull(DatabaseRefused):
    """There is no room left to write."""


class DatabaseUnreachable(DatabaseRefused):
    """The database cannot be opened, or the connection to it is lost."""


class Database(Protocol):
    """One connection, for one thread at a time.

    Outside of a transaction each statement is one by itself. Every method raises a
    ``DatabaseRefused`` when the database refuses.
    """

    @property
    def dialect(self) -> str:
        """Either "sqlite" or "postgresql"."""

    @property
    def in_transaction(self) -> bool:
        """Whether a transaction is open."""

    def rows(self, statement: str, values: Sequence[Value] = ()) -> list[Row]:
        """Carry out a statement, with one value for each ``?``, and return its rows."""

    def change(self, statement: str, values: Sequence[Value] = ()) -> int:
        """Carry out a statement that changes rows, and return how many it changed."""

    def transaction(self, begin: str = "") -> AbstractContextManager[None]:
        """Commit what the block did, all of it, or roll all of it back if it raises.

        ``begin`` is the statement that begins it; by default the one that is right for a
        transaction that writes. Raises RuntimeError within a transaction.
        """

    def close(self) -> None:
        """Give the connection back; an open transaction is rolled back."""


class Connection(Database, Protocol):
    """A database as it was connected to."""

    @property
    def is_lost(self) -> bool:
        """Whether this connection is of no more use, and another one may be."""


@contextmanager
def transaction(database: Database, begin: str) -> Iterator[None]:
    """The one meaning of a transaction, for every database."""
    if database.in_transaction:
        raise RuntimeError("transaction: one is open already; allowed: one at a time")
    database.rows(begin)
    try:
        yield
        database.rows("COMMIT")
    except BaseException:
        _roll_back(database)
        raise


def _roll_back(database: Database) -> None:
    if database.in_transaction:  # some refusals have rolled it back already
        database.rows("ROLLBACK")
