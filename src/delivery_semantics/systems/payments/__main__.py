"""The payments service as a program of its own; ``--help`` says how.

Book: 08-stripe-idempotency
"""

from __future__ import annotations

import argparse
import sys
import time

from starlette.applications import Starlette

from ...databases import Connections
from ...idempotency import KeyStore
from ...idempotency.table import SCHEMA
from .app import payments_app
from .card import Card
from .charges import CHARGES
from .command import arguments, run

PROGRAM = "delivery_semantics.systems.payments"


def main() -> int:
    """Serve until SIGTERM; return the exit status."""
    parser = arguments(PROGRAM, "a payments service, with idempotency keys as Stripe has them")
    parser.add_argument("--processor", type=_card, metavar="URL", help="a card processor")
    given = parser.parse_args()

    def make(connections: Connections) -> Starlette:
        keys = KeyStore(connections, clock=time.time, effects="in phases")
        return payments_app(keys, card=given.processor)

    return run(PROGRAM, given.port, given.store, make, schemas=(CHARGES, SCHEMA))


def _card(url: str) -> Card:
    try:
        return Card(url)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


if __name__ == "__main__":
    sys.exit(main())
