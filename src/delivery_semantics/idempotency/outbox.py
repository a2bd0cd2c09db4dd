"""The outbox: messages that were committed together with an effect, sent afterwards.

Book: 08-stripe-idempotency
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from typing import Any
from urllib.parse import quote

from ..core.check import at_least, of_type
from ..databases import IN_MEMORY, Connections, Database, Locked, connect, file_of
from .lanes import plain_function

INSERT = "INSERT INTO idempotency_outbox (message_id, kind, payload) VALUES (?, ?, ?)"
OLDEST = "SELECT id, message_id, kind, payload FROM idempotency_outbox ORDER BY id LIMIT ?"
ADVISORY = "SELECT pg_try_advisory_xact_lock('idempotency_outbox'::regclass::oid::bigint)"
_IN_MEMORY_RELAY = threading.Lock()
Sender = Callable[[str, str, dict[str, Any]], None]


def leave_in_outbox(
    database: Database, message_id: str, kind: str, payload: Mapping[str, Any]
) -> None:
    """Leave a message in the transaction of its effect. Raises AlreadyThere for an old id."""
    of_type("kind", kind, str)
    database.change(INSERT, (message_id, kind, json.dumps(dict(payload))))


def deliver_outbox(connections: Connections, send: Sender, *, messages_max: int = 100) -> int:
    """Send the oldest messages, and return how many; none while another relay is at it.

    ``send(message_id, kind, payload)`` returns when the other system has confirmed, and raises
    if it has not: then the message stays, with those after it. A crash after ``send`` and
    before the message is deleted sends it again: at-least-once, with the same ``message_id``,
    by which the other system can tell.

    Raises TypeError for a ``send`` that is async: nobody would wait for it.
    """
    plain_function("send", send)
    at_least("messages_max", messages_max, 1)
    with _the_only_relay(connections) as is_the_only_one:
        if not is_the_only_one:
            return 0
        database = connections.here()
        rows = database.rows(OLDEST, (messages_max,))
        for row, message_id, kind, payload in rows:
            send(message_id, kind, json.loads(payload))
            database.change("DELETE FROM idempotency_outbox WHERE id = ?", (row,))
        return len(rows)


@contextmanager
def _the_only_relay(connections: Connections) -> Iterator[bool]:
    """Hold a lock that goes with its process, so that nobody waits after a crash."""
    file = file_of(connections.url)
    if file == IN_MEMORY:
        is_free = _IN_MEMORY_RELAY.acquire(blocking=False)
        try:
            yield is_free
        finally:
            if is_free:
                _IN_MEMORY_RELAY.release()
    elif file is None:
        with connections.lend() as database, database.transaction():
            [(is_free,)] = database.rows(ADVISORY)
            yield is_free
    else:  # SQLite's lock on a file of its own: the one on the messages would stop all writers
        with ExitStack() as stack:
            try:
                beside = f"sqlite:///{quote(f'{file}-relay')}"
                locks = connect(beside, lock_timeout_s=0.0, synchronous="OFF")
                stack.enter_context(closing(locks))
                stack.enter_context(locks.transaction())
            except Locked:
                yield False
            else:
                yield True
