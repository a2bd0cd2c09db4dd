"""Banks for the document's ``transfer_money``: in memory, and in a real database.

Each calls ``before(step)`` before it does a step: "check", "debit", "credit" or "mark". There a
test can hold it, and a process can be killed.

Book: 06-idempotent-operations
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import closing

from ...databases import Database, Schema, connect

Before = Callable[[str], object]

A, B = "a", "b"
OPENING = {A: 100, B: 0}
AMOUNT = 10
TRANSACTION = "tx-1"


def go_on(step: str) -> None:
    """Do not stop before any step."""


class MemoryBank:
    """Balances and marks in memory. Each step is indivisible; a crash would forget all."""

    def __init__(self, before: Before = go_on) -> None:
        self._before = before
        self._lock = threading.Lock()
        self.balances = dict(OPENING)
        self.marks: list[str] = []

    def add(self, name: str, amount: int) -> None:
        """Change one balance."""
        self._before(step_of(amount))
        with self._lock:
            self.balances[name] += amount

    def already_processed(self, transaction_id: str) -> bool:
        """Look for the mark."""
        self._before("check")
        return transaction_id in self.marks

    def mark_processed(self, transaction_id: str) -> None:
        """Make the mark."""
        self._before("mark")
        self.marks.append(transaction_id)


class DatabaseBank:
    """The same in a database: every step is one statement on this thread's connection."""

    def __init__(self, database: Database, before: Before = go_on) -> None:
        self._database, self._before = database, before

    def add(self, name: str, amount: int) -> None:
        """Change one balance, where it is: the database reads and writes in one statement."""
        self._before(step_of(amount))
        self._database.change(
            "UPDATE accounts SET balance = balance + ? WHERE name = ?", (amount, name)
        )

    def already_processed(self, transaction_id: str) -> bool:
        """Look for the mark."""
        self._before("check")
        return bool(
            self._database.rows("SELECT id FROM processed WHERE id = ?", (transaction_id,))
        )

    def mark_processed(self, transaction_id: str) -> None:
        """Make the mark. Raises AlreadyThere where the table allows it only once."""
        self._before("mark")
        self._database.change("INSERT INTO processed VALUES (?)", (transaction_id,))


class LedgerBank(DatabaseBank):
    """The same, but a change of balance is a row of its own and touches no other row."""

    def add(self, name: str, amount: int) -> None:
        """Add an entry to the ledger."""
        self._before(step_of(amount))
        self._database.change("INSERT INTO entries VALUES (?, ?)", (name, amount))


def step_of(amount: int) -> str:
    """Name a change of balance."""
    return "debit" if amount < 0 else "credit"


def schema(*, unique: bool) -> Schema:
    """Return the tables of a DatabaseBank; ``unique`` allows each mark only once."""
    return Schema(
        "document's bank",
        1,
        (
            "CREATE TABLE accounts (name TEXT PRIMARY KEY, balance BIGINT NOT NULL)",
            "CREATE TABLE entries (name TEXT NOT NULL, amount BIGINT NOT NULL)",
            f"CREATE TABLE processed (id TEXT {'PRIMARY KEY' if unique else 'NOT NULL'})",
        ),
    )


def open_accounts(url: str, tables: Schema) -> None:
    """Make the tables at ``url``, and both accounts with what they hold at the opening."""
    with closing(connect(url, lock_timeout_s=30.0)) as database:
        tables.ensure(database)
        for name, balance in OPENING.items():
            database.change("INSERT INTO accounts VALUES (?, ?)", (name, balance))


def balances(url: str) -> dict[str, int]:
    """Count the money at ``url``."""
    with closing(connect(url)) as database:
        return dict(database.rows("SELECT name, balance FROM accounts ORDER BY name"))
