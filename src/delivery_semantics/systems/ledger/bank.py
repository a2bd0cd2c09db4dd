"""The bank: it books each payment once in its ledger, and leaves word for the card processor.

A ledger has two entries for a payment, and their sum is 0: the card gives, the shop gets.

Book: 15-from-the-button-to-the-ledger
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from dataclasses import asdict

from ...databases import Connections, Database, Schema
from ...dedup import InDatabase
from ...idempotency import leave_in_outbox
from ...idempotency.table import SCHEMA as OUTBOX
from .payment import Payment
from .queue import Queue

LEDGER = Schema(
    "ledger", 1,
    ("""CREATE TABLE entries (
            number INTEGER PRIMARY KEY, account TEXT NOT NULL, order_id TEXT NOT NULL,
            amount BIGINT NOT NULL
        )""",),
)  # fmt: skip

Book = Callable[[Database, str, Payment], object]


def make_ledger(database: Database) -> None:
    """Make the bank's tables: ledger, outbox and inbox. Raises DatabaseRefused."""
    LEDGER.ensure(database)
    OUTBOX.ensure(database)
    InDatabase(database)


def book_payment(database: Database, message_id: str, payment: Payment) -> None:
    """Book a payment unless its message was seen: inbox, ledger and outbox in one commit."""
    inbox = InDatabase(database)
    with database.transaction():
        if inbox.first_time(message_id, time.time()):
            enter(database, payment)


def enter(database: Database, payment: Payment) -> None:
    """Write both entries, and what the card processor is to be asked."""
    move(database, payment.order, payment.amount)
    leave_in_outbox(database, secrets.token_hex(16), "charge", asdict(payment))


def move(database: Database, order: str, amount: int) -> None:
    """Write an amount into the ledger, from the card to the shop."""
    database.change(
        "INSERT INTO entries (account, order_id, amount) VALUES (?, ?, ?), (?, ?, ?)",
        ("card", order, -amount, "shop", order, amount),
    )


def book_next(connections: Connections, queue: Queue, book: Book = book_payment) -> int:
    """Take a message, book it, and only then ack it; return how many there were, 0 or 1."""
    delivered = queue.take()
    if delivered is None:
        return 0
    book(connections.here(), delivered.message_id, Payment.read(delivered.body))
    queue.ack(delivered)
    return 1
