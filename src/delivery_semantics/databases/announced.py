"""A database that says which statement comes next, before it carries it out.

Whoever hears it can kill the process there, and so place a crash between any two statements.

Book: 06-idempotent-operations
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from .database import Database, Row, Value


def gist(statement: str) -> str:
    """Return what a statement does to what: "UPDATE accounts", "INSERT INTO transfers"."""
    words = statement.split()
    if words[0] == "SELECT":
        return f"SELECT {words[words.index('FROM') + 1]}"
    return " ".join(words[: 3 if words[0] == "INSERT" else 2])


class Announced(Database):
    """The same database, which calls ``announce`` before each statement of a transaction.

    It is called with what ``words`` makes of the statement, and not where that is nothing.
    BEGIN and COMMIT are statements too. A roll back is no step of the work.
    """

    def __init__(
        self, database: Database, announce: Callable[[str], object],
        words: Callable[[str], str] = gist,
    ) -> None:  # fmt: skip
        self._database, self._announce, self._words = database, announce, words
        self.dialect = database.dialect

    @property
    def in_transaction(self) -> bool:
        """Whether a transaction is open."""
        return self._database.in_transaction

    def _carry_out(self, statement: str, values: Sequence[Value]) -> tuple[list[Row], int]:
        self._tell(statement)
        return self._database._carry_out(statement, values)

    @contextmanager
    def transaction(self, begin: str = "") -> Iterator[None]:
        """Announce the beginning and the commit of a transaction as well."""
        self._tell("BEGIN", begins=True)
        with self._database.transaction(begin):
            yield
            self._tell("COMMIT")

    def wait_at_most(self, seconds: float) -> None:
        """From now on wait so long for a lock."""
        self._database.wait_at_most(seconds)

    def close(self) -> None:
        """Give the connection back."""
        self._database.close()

    def _tell(self, statement: str, *, begins: bool = False) -> None:
        what = self._words(statement) if begins or self.in_transaction else ""
        if what:
            self._announce(what)
