"""What survives a crash, in a real database.

The effects have the same meaning as on the disk in memory; what differs is that a process can
be killed between any two statements, and that the database keeps what was committed.

Book: 07-deduplication
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager

from ..core.effects import Kept, Message
from . import Database, Schema
from .announced import Announced

SCHEMA = Schema(
    "delivery",
    1,
    (
        # No unique key: a payment that is processed twice shall stand here twice.
        "CREATE TABLE processed (number INTEGER PRIMARY KEY, id TEXT NOT NULL, amount BIGINT)",
        "CREATE TABLE marked (id TEXT PRIMARY KEY)",
        "CREATE TABLE saved (key TEXT PRIMARY KEY, value BIGINT NOT NULL)",
        "CREATE TABLE settled (id TEXT PRIMARY KEY, outcome TEXT NOT NULL)",
    ),
)
PROCESS = "INSERT INTO processed (id, amount) VALUES (?, ?)"
MARK = "INSERT INTO marked (id) VALUES (?) ON CONFLICT DO NOTHING"
SAVE = """
    INSERT INTO saved (key, value) VALUES (?, ?)
    ON CONFLICT (key) DO UPDATE SET value = excluded.value
"""
SETTLE = """
    INSERT INTO settled (id, outcome) VALUES (?, ?)
    ON CONFLICT (id) DO UPDATE SET outcome = excluded.outcome
    WHERE settled.outcome <> 'confirmed'
"""

_NAMES = {PROCESS: "process", MARK: "mark", SAVE: "save", SETTLE: "settle", "COMMIT": "commit"}
"""What is announced, and how: the statements that write."""


class DatabaseStore:
    """A disk whose methods are statements on ``database``; it makes its tables.

    ``announce`` is called within a transaction with what comes next: "process", "mark", "save",
    "settle" or "commit". Raises DatabaseRefused, and SchemaMismatch for tables of another
    version.
    """

    def __init__(
        self, database: Database, announce: Callable[[str], object] | None = None
    ) -> None:
        SCHEMA.ensure(database)
        self._database = database
        if announce:
            self._database = Announced(database, announce, lambda each: _NAMES.get(each, ""))

    def process(self, message: Message) -> None:
        """Apply the message once more."""
        self._database.change(PROCESS, (message.id, message.amount))

    def mark(self, message_id: str) -> None:
        """Remember that the message was seen."""
        self._database.change(MARK, (message_id,))

    def is_marked(self, message_id: str) -> bool:
        """Tell whether the message was seen."""
        return bool(self._database.rows("SELECT 1 FROM marked WHERE id = ?", (message_id,)))

    def save(self, key: str, value: Kept) -> None:
        """Keep a value. Raises TypeError for one that is no whole number."""
        if not isinstance(value, int):
            raise TypeError(f"value of {key!r} is {value!r}; allowed here: a whole number")
        self._database.change(SAVE, (key, value))

    def load(self, key: str, default: Kept) -> Kept:
        """Return the value that was kept, or ``default``."""
        rows = self._database.rows("SELECT value FROM saved WHERE key = ?", (key,))
        return int(rows[0][0]) if rows else default

    def settle(self, message_id: str, outcome: str) -> None:
        """Remember what the sender knows; an ack once heard is not put in doubt later."""
        self._database.change(SETTLE, (message_id, outcome))

    def transaction(self) -> AbstractContextManager[None]:
        """Commit what the block does, or nothing of it."""
        return self._database.transaction()

    # What an auditor reads ------------------------------------------------------------

    def processed(self) -> Counter[str]:
        """Return how often each message id was processed; absent means never."""
        rows = self._database.rows("SELECT id, count(*) FROM processed GROUP BY id ORDER BY id")
        return Counter({str(message_id): int(times) for message_id, times in rows})

    def marked(self) -> frozenset[str]:
        """Return the ids that are marked."""
        return frozenset(str(row[0]) for row in self._database.rows("SELECT id FROM marked"))

    def money(self) -> int:
        """Return the sum of all that was processed."""
        return int(self._database.rows("SELECT coalesce(sum(amount), 0) FROM processed")[0][0])
