"""The forwarder: from the bank's outbox to the card processor, with the payment's own key.

Book: 15-from-the-button-to-the-ledger
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from ...databases import Connections
from ...dedup import InDatabase
from ...idempotency import deliver_outbox
from ..payments import Card
from ..payments.parameters import ChargeAsked
from .bank import move
from .payment import Payment

Charge = Callable[[Payment], bool]


def charge_card(card: Card, payment: Payment) -> bool:
    """Take the money; False if the card is declined. Raises CardInDoubt, ConnectionError."""
    asked = ChargeAsked(payment.amount, "usd", payment.card, None, ())
    return card.charge(asked, payment.card_key)


def forward_charges(connections: Connections, charge: Charge) -> int:
    """Ask the card processor for what is in the outbox, oldest first; return how many.

    A crash between its answer and the row's end asks again, with the same key.
    """

    def send(message_id: str, kind: str, payload: Mapping[str, Any]) -> None:
        payment = Payment(**payload)
        if not charge(payment):
            _book_back(connections, message_id, payment)

    return deliver_outbox(connections, send)


def _book_back(connections: Connections, message_id: str, payment: Payment) -> None:
    database = connections.here()
    inbox = InDatabase(database)
    with database.transaction():
        if inbox.first_time(f"declined {message_id}", time.time()):
            move(database, payment.order, -payment.amount)
