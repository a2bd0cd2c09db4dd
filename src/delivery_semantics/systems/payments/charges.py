"""Charges, as rows of a table and as what clients see of them.

Book: 08-stripe-idempotency
"""

from __future__ import annotations

import json
import re
from typing import Any

from ...databases import Database, Row, Schema
from .accounts import is_live
from .errors import missing
from .parameters import CHARGE_ID, ChargeAsked, PageAsked

CHARGES = Schema(
    "payments", 1,
    (
        """CREATE TABLE charges (
            number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, account TEXT NOT NULL,
            amount BIGINT NOT NULL, currency TEXT NOT NULL, description TEXT,
            metadata TEXT NOT NULL, status TEXT NOT NULL, created_s BIGINT NOT NULL
        )""",
        "CREATE INDEX charges_of_an_account ON charges (account, number)",
    ),
)  # fmt: skip
COLUMNS = "number, id, account, amount, currency, description, metadata, status, created_s"
BYTES_MAX = 2**18
"""Of a charge in JSON, with all that a client may put into it; 1 character takes up to 6."""
STATUSES = ("pending", "succeeded", "failed")

Object = dict[str, Any]


def insert(
    database: Database, account: str, asked: ChargeAsked, *, id: str, status: str, now_s: float
) -> None:
    """Write a new charge. Raises AlreadyThere for an id that there is."""
    database.change(
        "INSERT INTO charges (id, account, amount, currency, description, metadata, status,"
        " created_s) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (id, account, asked.amount, asked.currency, asked.description,
         json.dumps(dict(asked.metadata)), status, int(now_s)),
    )  # fmt: skip


def settle(database: Database, id: str, status: str) -> None:
    """Write what became of a pending charge."""
    database.change("UPDATE charges SET status = ? WHERE id = ?", (status, id))


def find(database: Database, account: str, id: str, *, param: str = "id") -> Object:
    """Return one of the account's own charges. Raises ApiError for any other id."""
    return _object(_row(database, account, id, param))


def page(database: Database, account: str, asked: PageAsked) -> Object:
    """Return a list object: the charges asked for, newest first, and whether there are more.

    Raises ApiError for a cursor that is none of the account's charges.
    """
    where, values = "", [account]
    if asked.after:
        where += " AND number < ?"
        values.append(_row(database, account, asked.after, "starting_after")[0])
    if asked.before:
        where += " AND number > ?"
        values.append(_row(database, account, asked.before, "ending_before")[0])
    backwards = bool(asked.before and not asked.after)
    order = "ASC" if backwards else "DESC"
    found = database.rows(
        f"SELECT {COLUMNS} FROM charges WHERE account = ?{where} ORDER BY number {order}"
        f" LIMIT {asked.limit + 1}",
        values,
    )
    rows = found[: asked.limit]
    return {
        "object": "list",
        "url": "/v1/charges",
        "has_more": len(found) > asked.limit,
        "data": [_object(row) for row in (rows[::-1] if backwards else rows)],
    }


def _row(database: Database, account: str, id: str, param: str) -> Row:
    rows = []
    if re.fullmatch(CHARGE_ID, id):  # no database need hold what else a path may hold
        rows = database.rows(
            f"SELECT {COLUMNS} FROM charges WHERE account = ? AND id = ?", (account, id)
        )
    if not rows:
        raise missing(param, id)
    return rows[0]


def _object(row: Row) -> Object:
    _, id, account, amount, currency, description, metadata, status, created_s = row
    return {
        "id": id,
        "object": "charge",
        "amount": amount,
        "amount_refunded": 0,
        "captured": status == "succeeded",
        "created": created_s,
        "currency": currency,
        "description": description,
        "livemode": is_live(account),
        "metadata": json.loads(metadata),
        "paid": status == "succeeded",
        "refunded": False,
        "status": status,
    }
