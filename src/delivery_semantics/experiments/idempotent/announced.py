"""A database that says which statement comes next, before it carries it out.

Whoever hears it can kill the process there, and so place a crash between any two statements.

Book: 06-idempotent-operations
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from ...databases import Database, Row, Value

Announce = Callable[[str], object]


class Announced:
    """The same database, which calls ``announce`` before each statement with its first words.

    ``COMMIT`` is a statement too. A roll back is not announced: it is no step of the work.
    """

    def __init__(self, database: Database, announce: Announce) -> None:
        self._database, self._announce = database, announce

    @property
    def dialect(self) -> str:
        """Either "sqlite" or "postgresql"."""
        return self._database.dialect

    @property
    def in_transaction(self) -> bool:
        """Whether a transaction is open."""
        return self._database.in_transaction

    def rows(self, statement: str, values: Sequence[Value] = ()) -> list[Row]:
        """Announce a statement, carry it out, and return its rows."""
        self._announce(gist(statement))
        return self._database.rows(statement, values)

    def change(self, statement: str, values: Sequence[Value] = ()) -> int:
        """Announce a statement, carry it out, and return how many rows it changed."""
        self._announce(gist(statement))
        return self._database.change(statement, values)

    @contextmanager
    def transaction(self, begin: str = "") -> Iterator[None]:
        """Announce the beginning and the commit of a transaction as well."""
        self._announce("BEGIN")
        with self._database.transaction(begin):
            yield
            self._announce("COMMIT")

    def close(self) -> None:
        """Give the connection back."""
        self._database.close()


def gist(statement: str) -> str:
    """Return what a statement does to what: "UPDATE accounts", "INSERT INTO transfers"."""
    words = statement.split()
    if words[0] == "SELECT":
        return f"SELECT {words[words.index('FROM') + 1]}"
    return " ".join(words[: 3 if words[0] == "INSERT" else 2])
