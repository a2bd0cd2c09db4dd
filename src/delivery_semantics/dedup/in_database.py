"""Ids in the database that also holds the effect: the only store that can be atomic with it.

Book: 07-deduplication
"""

from __future__ import annotations

import math

from ..core.check import at_least, positive, truth
from ..databases import Database, Schema
from .in_memory import moment
from .question import Id, stored_bytes

SCHEMA = Schema(
    "dedup",
    1,
    (
        "CREATE TABLE seen_ids (id BLOB PRIMARY KEY, seen_s DOUBLE PRECISION NOT NULL)"
        " WITHOUT ROWID",
        "CREATE INDEX seen_ids_by_age ON seen_ids (seen_s)",
    ),
)
"""The table of `InDatabase`: each id, and when it was seen."""

# The unique key decides, not a look beforehand: of two copies at once, one inserts and the
# other waits, then finds the row. A row that is too old is taken over as if it were not there.
INSERT = """
INSERT INTO seen_ids (id, seen_s) VALUES (?, ?)
ON CONFLICT (id) DO UPDATE SET seen_s = excluded.seen_s WHERE ? - seen_ids.seen_s >= ?
"""

# The first condition finds old rows by their index, the second is the one that decides.
DELETE = """
DELETE FROM seen_ids WHERE id IN (
    SELECT id FROM seen_ids WHERE seen_s <= ? AND ? - seen_s >= ? ORDER BY seen_s LIMIT ?
)
"""


class InDatabase:
    """Remembers each id for ``window_s`` seconds in a table; None: for ever.

    Ask within ``with database.transaction():`` and put the effect into the same block. Then
    both happen or neither does, and a second copy waits until it is known which. Asked outside
    of a transaction, the id is remembered at once, and a crash before the effect loses the
    message. What the database refuses is raised as its ``DatabaseRefused``.
    """

    def __init__(
        self, database: Database, *, window_s: float | None = None, sliding: bool = False
    ) -> None:
        self.window_s = math.inf if window_s is None else positive("window_s", window_s)
        self.sliding = truth("sliding", sliding)
        self._database = database
        SCHEMA.ensure(database)

    def __len__(self) -> int:
        return int(self._database.rows("SELECT count(*) FROM seen_ids")[0][0])

    def first_time(self, id: Id, now_s: float) -> bool:
        """Return whether ``id`` was not accepted within the window, and remember it."""
        raw, now_s = stored_bytes(id), moment(now_s)
        if self._database.change(INSERT, (raw, now_s, now_s, self.window_s)):
            return True
        if self.sliding:
            later = "UPDATE seen_ids SET seen_s = ? WHERE id = ? AND seen_s < ?"
            self._database.change(later, (now_s, raw, now_s))
        return False

    def expire(self, now_s: float, *, ids_max: int = 1000) -> int:
        """Delete up to ``ids_max`` ids that are older than the window; return how many.

        Nothing depends on it but the size of the table. A limit keeps it from holding the lock
        for long; call it again while it returns as many as it may.
        """
        old_s = moment(now_s) - self.window_s
        values = (old_s, now_s, self.window_s, at_least("ids_max", ids_max, 1))
        return self._database.change(DELETE, values)
