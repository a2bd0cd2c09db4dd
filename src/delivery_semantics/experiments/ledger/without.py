"""The same system, with one of its five protections taken out.

Book: 15-from-the-button-to-the-ledger
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any

from starlette.responses import JSONResponse, Response

from ...databases import Connections, Database
from ...idempotency import Claim, deliver_outbox, leave_in_outbox
from ...systems.ledger.bank import Book, book_payment, enter
from ...systems.ledger.payment import Payment
from ...systems.ledger.queue import Queue
from ...systems.ledger.relay import relay_events
from ...systems.ledger.shop import RecordPayment, record_payment

KEY, OUTBOX, CONFIRM, INBOX, DERIVED = PROTECTIONS = (
    "idempotency key", "outbox", "confirm", "inbox", "derived key",
)  # fmt: skip
NO_KEYS = "the processor's keys"
"""The one thing that is not ours to put in, or to take out."""


@dataclass(frozen=True)
class Without:
    """The system ``without`` one of ``PROTECTIONS`` or ``NO_KEYS``; "" has all of them."""

    without: str = ""

    def record(self, connections: Connections) -> RecordPayment:
        """Return what the shop does with a payment."""
        if self.without == OUTBOX:
            return lambda claim, payment: record_then_tell(connections, claim, payment)
        return record_payment

    @property
    def relay(self) -> Callable[[Connections, Queue], int]:
        """Return what the relay does."""
        return relay_unconfirmed if self.without == CONFIRM else relay_events

    @property
    def book(self) -> Book:
        """Return what the bank does with a message."""
        return book_again if self.without == INBOX else book_payment

    def key(self, payment: Payment) -> Payment:
        """Return a payment with the key for the card processor."""
        if self.without == DERIVED:
            return replace(payment, card_key=secrets.token_hex(32))
        return payment


PROTECTED = Without()


def record_then_tell(connections: Connections, claim: Claim, payment: Payment) -> Response:
    """Write the payment and the answer in one transaction, and the event in another one."""
    with claim.phase() as phase:
        phase.database.change(
            "INSERT INTO payments (order_id, amount) VALUES (?, ?)",
            (payment.order, payment.amount),
        )
        response = JSONResponse({"order": payment.order, "status": "accepted"}, 202)
        phase.finish(response)
    event = asdict(replace(payment, card_key=claim.derived_key("card")))
    database = connections.here()
    with database.transaction():
        leave_in_outbox(database, claim.derived_key("event"), "payment", event)
    return response


def relay_unconfirmed(connections: Connections, queue: Queue) -> int:
    """Take the rows out when a client library has the messages, and then have it send them."""
    buffer: list[tuple[str, dict[str, Any]]] = []
    deliver_outbox(connections, lambda id, kind, payload: buffer.append((id, payload)))
    for message_id, payload in buffer:
        queue.send(message_id, json.dumps(payload))
    return len(buffer)


def book_again(database: Database, message_id: str, payment: Payment) -> None:
    """Book a payment, whether or not its message was seen."""
    with database.transaction():
        enter(database, payment)
