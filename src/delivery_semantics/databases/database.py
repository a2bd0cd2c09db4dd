"""What every database here can do, and the common names of what it refuses.

Book: 06-idempotent-operations
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

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


class Database(ABC):
    """One connection, for one thread at a time; ``dialect`` is "sqlite" or "postgresql".

    Outside of a transaction each statement is one by itself. Every method raises a
    ``DatabaseRefused`` when the database refuses.
    """

    dialect: str
    begin = "BEGIN"

    @property
    @abstractmethod
    def in_transaction(self) -> bool:
        """Whether a transaction is open, also one that the database has already failed."""

    @property
    def is_lost(self) -> bool:
        """Whether this connection is of no more use, and another one may be."""
        return False

    @abstractmethod
    def wait_at_most(self, seconds: float) -> None:
        """From now on wait so long for a lock."""

    @abstractmethod
    def _carry_out(self, statement: str, values: Sequence[Value]) -> tuple[list[Row], int]: ...

    def rows(self, statement: str, values: Sequence[Value] = ()) -> list[Row]:
        """Carry out a statement, with one value for each ``?``, and return its rows."""
        return self._carry_out(statement, values)[0]

    def change(self, statement: str, values: Sequence[Value] = ()) -> int:
        """Carry out a statement that changes rows, and return how many it changed."""
        return self._carry_out(statement, values)[1]

    @contextmanager
    def transaction(self, begin: str = "") -> Iterator[None]:
        """Commit what the block did, all of it, or roll all of it back if it raises.

        ``begin`` is the statement that begins it; by default the one that is right for a
        transaction that writes. Raises RuntimeError within a transaction.
        """
        if self.in_transaction:
            raise RuntimeError("transaction: one is open already; allowed: one at a time")
        self.rows(begin or self.begin)
        try:
            yield
            self.rows("COMMIT")
        except BaseException:
            self._roll_back()
            raise

    def _roll_back(self) -> None:
        if self.in_transaction:  # some refusals have rolled it back already
            self.rows("ROLLBACK")

    @abstractmethod
    def close(self) -> None:
        """Give the connection back; an open transaction is rolled back."""
