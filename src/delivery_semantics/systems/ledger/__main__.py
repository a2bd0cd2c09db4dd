"""Run one of the four processes; the fifth, the card processor, is another company's.

Each may be killed at any moment, and that is also how it ends.

Book: 15-from-the-button-to-the-ledger
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from functools import partial

from starlette.applications import Starlette

from ...databases import Connections, DatabaseRefused
from ...idempotency import KeyStore
from ...idempotency.table import SCHEMA
from ..payments import Card
from ..payments.command import run
from .bank import book_next, make_ledger
from .forwarder import charge_card, forward_charges
from .queue import QueueDown, open_queue
from .relay import relay_events
from .shop import PAYMENTS, shop_app
from .work import work

PROGRAM = "delivery_semantics.systems.ledger"
POLL_S = 0.2
NEEDS = {"shop": ("port",), "relay": ("queue",), "bank": ("queue",), "forwarder": ("card",)}


def main() -> int:
    """Run it; return the exit status if it cannot be started."""
    parser = argparse.ArgumentParser(prog=f"python -m {PROGRAM}")
    parser.add_argument("process", choices=NEEDS)
    parser.add_argument("--store", required=True, help="postgresql://… or sqlite:///FILE")
    parser.add_argument("--port", type=int, help="the shop's; 0 takes a free one")
    parser.add_argument("--queue", help="kafka://HOST:PORT/TOPIC or amqp://HOST:PORT/QUEUE")
    parser.add_argument("--card", help="the card processor's http://HOST:PORT")
    given = parser.parse_args()
    for name in NEEDS[given.process]:
        if getattr(given, name) is None:
            parser.error(f"the {given.process} needs --{name}")
    if given.process == "shop":
        return run(PROGRAM, given.port, given.store, _shop, schemas=(PAYMENTS, SCHEMA))
    try:
        do = _worker(given)
    except (ValueError, QueueDown, DatabaseRefused) as error:
        parser.error(str(error))
    work(partial(_telling, given.process, do), lambda: time.sleep(POLL_S))


def _shop(connections: Connections) -> Starlette:
    return shop_app(KeyStore(connections, clock=time.time, effects="in phases"))


def _worker(given: argparse.Namespace) -> Callable[[], int]:
    connections = Connections(given.store)
    if given.process == "forwarder":
        return partial(forward_charges, connections, partial(charge_card, Card(given.card)))
    queue = open_queue(given.queue)
    if given.process == "relay":
        return partial(relay_events, connections, queue)
    make_ledger(connections.here())
    return partial(book_next, connections, queue)


def _telling(process: str, do: Callable[[], int]) -> int:
    if done := do():
        print(f"{process}: {done}", flush=True)
    return done


if __name__ == "__main__":
    sys.exit(main())
