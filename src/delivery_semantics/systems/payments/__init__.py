"""A payments service that Stripe's own client can talk to, with exactly-once charges.

Charges in a table, idempotency keys in another table of the same database, and one transaction
for a charge, its receipt and the answer to its key. The surprising thing is what the service
does about retries: nothing. A retry is any request, and its key does the rest.

    python -m delivery_semantics.systems.payments --port PORT --store URL

It is no copy of Stripe: it has what this book needs, and moves no money.

Book: 08-stripe-idempotency
"""

from __future__ import annotations

from .app import payments_app
from .card import Card

__all__ = ["Card", "payments_app"]
