"""The table of keys, and every statement on it.

Each decision is one statement, and the number of rows it changed is the decision. Between a
look and a write somebody may always have been faster; so what was looked at is written into
the condition of the write.

Book: 08-stripe-idempotency
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

from ..core.check import of_type
from ..databases import Database, Schema
from .kept import Headers, KeptAnswer

STARTED = "started"
FINISHED = "finished"

SCHEMA = Schema(
    "idempotency",
    1,
    (
        """
        CREATE TABLE idempotency_keys (
            account        TEXT NOT NULL,              -- whose key it is
            endpoint       TEXT NOT NULL,              -- where it counts; '' is everywhere
            key            TEXT NOT NULL,
            fingerprint    BLOB NOT NULL,              -- SHA-256 of the request; empty: of any
            token          BIGINT NOT NULL,            -- fencing token; grows with each claim
            lease_until_s  DOUBLE PRECISION NOT NULL,  -- 0: nobody holds it
            expires_s      DOUBLE PRECISION NOT NULL,
            recovery_point TEXT NOT NULL,              -- 'started', a handler's, 'finished'
            data           TEXT NOT NULL,              -- the handler's, in JSON
            status         BIGINT,                     -- of the answer
            headers        TEXT,                       -- of the answer, in JSON
            body           BLOB,                       -- of the answer; NULL: too large
            PRIMARY KEY (account, endpoint, key)
        )
        """,
        "CREATE INDEX idempotency_keys_by_expiry ON idempotency_keys (expires_s)",
        """
        CREATE TABLE idempotency_outbox (
            id             INTEGER PRIMARY KEY,
            message_id     TEXT NOT NULL UNIQUE,       -- the same, however often it is sent
            kind           TEXT NOT NULL,
            payload        TEXT NOT NULL               -- in JSON
        )
        """,
    ),
)
INSERT = """
    INSERT INTO idempotency_keys (account, endpoint, key, fingerprint, token, lease_until_s,
                                  expires_s, recovery_point, data)
    VALUES (?, ?, ?, ?, ?, ?, ?, 'started', '{}')
    ON CONFLICT DO NOTHING
"""
THE_KEY = "WHERE account = ? AND endpoint = ? AND key = ?"
SELECT = f"""
    SELECT fingerprint, token, lease_until_s, expires_s, recovery_point, data,
           status, headers, body
    FROM idempotency_keys {THE_KEY}
"""
TAKE_OVER = f"""
    UPDATE idempotency_keys
    SET token = ?, fingerprint = ?, lease_until_s = ?, expires_s = ?,
        recovery_point = ?, data = ?, status = NULL, headers = NULL, body = NULL
    {THE_KEY} AND token = ? AND lease_until_s = ? AND recovery_point = ?
"""
# With its expiry: after a sweep the same key begins again, and with it the tokens.
HELD = f"{THE_KEY} AND token = ? AND expires_s = ? AND recovery_point <> 'finished'"
RENEW = f"UPDATE idempotency_keys SET lease_until_s = ? {HELD}"
# From where the holder believes to be: if a loss of power took its claim, it may not be alone.
ADVANCE = f"""
    UPDATE idempotency_keys
    SET lease_until_s = ?, recovery_point = ?, data = ?, status = ?, headers = ?, body = ?
    {HELD} AND recovery_point = ?
"""
# The token grows here too: what may be left of this attempt can then do nothing any more.
RELEASE = f"""
    UPDATE idempotency_keys SET token = token + 1, lease_until_s = 0, fingerprint = ? {HELD}
"""
COUNT = """
    SELECT count(*) FROM (
        SELECT 1 FROM idempotency_keys
        WHERE account = ? AND (expires_s > ? OR lease_until_s > ?) LIMIT ?
    ) AS counted
"""
EXPIRED = "WHERE expires_s <= ? AND lease_until_s <= ?"
SWEEP = f"""
    DELETE FROM idempotency_keys WHERE (account, endpoint, key) IN (
        SELECT account, endpoint, key FROM idempotency_keys {EXPIRED} ORDER BY expires_s LIMIT ?
    )
"""
# A finished row has no data, unless it is in doubt. The other open ones broke off.
SEARCH = """
    SELECT account, endpoint, key, fingerprint, token, lease_until_s, expires_s, recovery_point,
           data, status, headers, body
    FROM idempotency_keys
    WHERE (? OR (recovery_point = 'finished' AND data <> '{}')
             OR (recovery_point <> 'finished' AND lease_until_s > 0 AND lease_until_s <= ?))
      AND (? OR (account = ? AND key = ?))
    ORDER BY expires_s, account, endpoint, key LIMIT ?
"""


STORED_BYTES_MAX = 800
"""Of each of a key's names: PostgreSQL's index holds some 2,700 bytes for all three."""


def storable(name: str, value: str) -> str:
    """Return text that every database can hold; raise TypeError or ValueError for others.

    What is refused is not quoted: if an account is a token by mistake, no log shall have it.
    """
    of_type(name, value, str)
    try:
        fits = len(value.encode()) <= STORED_BYTES_MAX and "\0" not in value
    except UnicodeEncodeError:  # half of a character
        fits = False
    if not fits:
        allowed = f"at most {STORED_BYTES_MAX} bytes of UTF-8, without NUL"
        raise ValueError(f"{name} is text that not every database holds; allowed: {allowed}")
    return value


class KeyName(NamedTuple):
    """Which key: whose it is, where it counts ("" is everywhere), and its characters."""

    account: str
    endpoint: str
    key: str


class KeyRow(NamedTuple):
    """The rest of a key's row, as it was read or as it shall be; in the order of SELECT."""

    fingerprint: bytes
    token: int
    lease_until_s: float
    expires_s: float
    recovery_point: str = STARTED
    data: str = "{}"
    status: int | None = None
    headers: str | None = None
    body: bytes | None = None

    @property
    def answer(self) -> KeptAnswer | None:
        """The answer that is kept, if there is one."""
        if self.status is None or self.headers is None:
            return None
        return KeptAnswer(self.status, _headers(self.headers), self.body)

    def finished(self, answer: KeptAnswer, *, in_doubt: bool = False) -> KeyRow:
        """Return the row with the answer; nobody holds it any more.

        In doubt it remembers how far it had got, for whoever settles it.
        """
        data = json.dumps([self.recovery_point, self.data]) if in_doubt else "{}"
        return self._replace(
            lease_until_s=0.0, recovery_point=FINISHED, data=data, status=answer.status,
            headers=_json(answer.headers), body=answer.body,
        )  # fmt: skip

    def within(self, body_max_bytes: int) -> KeyRow:
        """Return the row, with the fact alone of an answer whose body is too large to keep."""
        if self.body is not None and len(self.body) > body_max_bytes:
            return self._replace(headers=_json(()), body=None)
        return self

    def undecided(self) -> KeyRow:
        """Return the row as it was before it was in doubt, without an answer."""
        if self.state(0.0) != "in doubt":
            return self
        recovery_point, data = json.loads(self.data)
        return self._replace(
            recovery_point=recovery_point, data=data, status=None, headers=None, body=None
        )

    def state(self, now_s: float) -> str:
        """Return what can be seen from outside: "broke off" is a lease that has ended."""
        if self.recovery_point == FINISHED:
            return "finished" if self.data == "{}" else "in doubt"
        if self.lease_until_s == 0:
            return "released"
        return "in use" if self.lease_until_s > now_s else "broke off"


# A service's answers have few sets of headers.
_json: Callable[[Headers], str] = lru_cache(maxsize=128)(json.dumps)


@lru_cache(maxsize=128)
def _headers(text: str) -> Headers:
    return tuple((name, value) for name, value in json.loads(text))


def insert(database: Database, name: KeyName, row: KeyRow) -> bool:
    """Claim a key that is not there; False if it is."""
    values = (*name, row.fingerprint, row.token, row.lease_until_s, row.expires_s)
    return database.change(INSERT, values) == 1


def find(database: Database, name: KeyName) -> KeyRow | None:
    """Read a key's row."""
    rows = database.rows(SELECT, name)
    return KeyRow(*rows[0]) if rows else None


def take_over(database: Database, name: KeyName, seen: KeyRow, row: KeyRow) -> bool:
    """Claim a key that is there; False if it is not as it was seen any more."""
    new = (row.token, row.fingerprint, row.lease_until_s, row.expires_s, row.recovery_point)
    old = (seen.token, seen.lease_until_s, seen.recovery_point)
    return database.change(TAKE_OVER, (*new, row.data, *name, *old)) == 1


def renew(database: Database, name: KeyName, row: KeyRow) -> bool:
    """Write a lease; False if the row's token does not hold the key, or it is finished."""
    return database.change(RENEW, (row.lease_until_s, *name, row.token, row.expires_s)) == 1


def advance(database: Database, name: KeyName, seen: KeyRow, row: KeyRow) -> bool:
    """Write how far the holder got; False if it is the holder no more."""
    new = (row.lease_until_s, row.recovery_point, row.data, row.status, row.headers, row.body)
    old = (seen.token, seen.expires_s, seen.recovery_point)
    return database.change(ADVANCE, (*new, *name, *old)) == 1


def release(database: Database, name: KeyName, row: KeyRow) -> bool:
    """Give a key back, for a request with the row's fingerprint; any, if that is empty."""
    return database.change(RELEASE, (row.fingerprint, *name, row.token, row.expires_s)) == 1


def count(database: Database, account: str, now_s: float, at_most: int) -> int:
    """Count an account's live keys, no further than to ``at_most``."""
    return int(database.rows(COUNT, (account, now_s, now_s, at_most))[0][0])


def search(
    database: Database, at_most: int, *, open_at_s: float | None = None, account: str = "",
    key: str | None = None,
) -> list[tuple[KeyName, KeyRow]]:  # fmt: skip
    """Return keys, the next to expire first: all, those open then, or an account's key."""
    all_of_them = open_at_s is None
    values = (all_of_them, open_at_s or 0.0, key is None, account, key or "", at_most)
    return [(KeyName(*row[:3]), KeyRow(*row[3:])) for row in database.rows(SEARCH, values)]


def expired(database: Database, now_s: float) -> int:
    """Count what ``sweep`` would delete."""
    counted = database.rows(f"SELECT count(*) FROM idempotency_keys {EXPIRED}", (now_s, now_s))
    return int(counted[0][0])


def sweep(database: Database, now_s: float, at_most: int) -> int:
    """Delete expired keys that nobody holds, the oldest first; return how many."""
    return database.change(SWEEP, (now_s, now_s, at_most))
