"""The outbox: messages that were committed together with an effect, sent afterwards.

Book: 08-stripe-idempotency
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from ..databases import Connections, Database

INSERT = "INSERT INTO idempotency_outbox (message_id, kind, payload) VALUES (?, ?, ?)"
Sender = Callable[[str, str, dict[str, Any]], None]


def leave_in_outbox(
    database: Database, message_id: str, kind: str, payload: Mapping[str, Any]
) -> None:
    """Leave a message in the transaction of its effect. Raises AlreadyThere for an old id."""
    database.change(INSERT, (message_id, kind, json.dumps(dict(payload))))


def deliver_outbox(connections: Connections, send: Sender, *, messages_max: int = 100) -> int:
    """Send the oldest messages, and return how many were sent.

    ``send(message_id, kind, payload)`` returns when the other system has confirmed, and raises
    if it has not: then the message stays, with those after it. A crash after ``send`` and
    before the message is deleted sends it again: at-least-once, with the same ``message_id``,
    by which the other system can tell.
    """
    database = connections.here()
    rows = database.rows(
        "SELECT id, message_id, kind, payload FROM idempotency_outbox ORDER BY id LIMIT ?",
        (messages_max,),
    )
    for row, message_id, kind, payload in rows:
        send(message_id, kind, json.loads(payload))
        database.change("DELETE FROM idempotency_outbox WHERE id = ?", (row,))
    return len(rows)
