"""What each of the capstone's five protections costs, on a real broker and PostgreSQL.

The steps of shop, relay, bank and forwarder are taken one after the other in one process, with
a payment each, and without one of the protections in turns; the HTTP services, the database and
the broker are real. So a difference is the protection's, and not that of waiting processes.
"""

from __future__ import annotations

import itertools
import json
import statistics
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from functools import partial
from typing import Any

from delivery_semantics.databases import Connections
from delivery_semantics.dedup import SCHEMA as INBOX
from delivery_semantics.experiments.ledger.servers import Servers, servers
from delivery_semantics.experiments.ledger.without import PROTECTED, PROTECTIONS, Without
from delivery_semantics.idempotency import KeyStore
from delivery_semantics.idempotency.table import SCHEMA as KEYS
from delivery_semantics.systems.http.client import Request, ask
from delivery_semantics.systems.http.serving import serving
from delivery_semantics.systems.ledger.bank import LEDGER, book_next
from delivery_semantics.systems.ledger.forwarder import charge_card, forward_charges
from delivery_semantics.systems.ledger.payment import Payment
from delivery_semantics.systems.ledger.queue import open_queue
from delivery_semantics.systems.ledger.shop import PATH, PAYMENTS, shop_app
from delivery_semantics.systems.payments import Card
from delivery_semantics.systems.payments.processor import MOVEMENTS, processor_app

Rows = list[tuple[Any, ...]]
Table = tuple[str, tuple[str, ...], Rows]
TURNS, PAYMENTS_IN_A_TURN = 5, 40


def tables(
    *, broker: str = "Kafka", turns: int = TURNS, payments: int = PAYMENTS_IN_A_TURN
) -> Iterator[Table]:
    """Yield title, head and rows."""
    took: dict[str, list[float]] = {name: [] for name in ("", *PROTECTIONS)}
    with servers(broker) as running:
        for _, name in itertools.product(range(turns), took):
            with system(running, Without(name) if name else PROTECTED) as one:
                one.pay("0")  # warms up
                for number in range(1, payments + 1):
                    begun_s = time.perf_counter()
                    one.pay(str(number))
                    took[name].append(time.perf_counter() - begun_s)
    whole_s = statistics.median(took[""])
    rows: Rows = []
    for name, each in took.items():
        middle_s, p99_s = statistics.median(each), sorted(each)[int(0.99 * len(each))]
        ratio = f"{whole_s / middle_s:.2f}"
        label = f"without {name}" if name else "all five"
        rows.append((label, f"{1 / middle_s:.0f}", f"{1e3 * middle_s:.1f}",
                     f"{1e3 * p99_s:.1f}", ratio))  # fmt: skip
    head = ("protections", "payments/s", "p50 ms", "p99 ms", "all five / this")
    yield f"A payment from the button to the card, on {broker} ({turns} turns)", head, rows


class System:
    """The four, whose steps are taken one after the other."""

    def __init__(self, stack: ExitStack, on: Servers, variant: Without) -> None:
        self.variant = variant
        shop, bank = (
            stack.enter_context(closing(Connections(on.new_tables(*schemas))))
            for schemas in ((PAYMENTS, KEYS), (LEDGER, KEYS, INBOX))
        )
        cards = Connections(on.new_tables(MOVEMENTS, KEYS))
        keys = KeyStore(Connections(shop.url), clock=time.time, effects="in phases")
        app = shop_app(keys, variant.record(keys.connections))
        self.button = stack.enter_context(serving(app))
        card = Card(stack.enter_context(serving(processor_app(cards))))
        queue_name = stack.enter_context(on.kind.queue(on.broker.address))
        way = stack.enter_context(on.kind.network(on.broker.address))
        url = on.kind.url(way.address, queue_name)
        sending, reading = (stack.enter_context(closing(open_queue(url))) for _ in range(2))
        self.steps = (
            partial(variant.relay, shop, sending),
            partial(book_next, bank, reading, variant.book),
            partial(forward_charges, bank, partial(_charge, card, variant)),
        )

    def pay(self, order: str) -> None:
        """Take one payment through all of it."""
        headers = [("Authorization", "Bearer sk_test_book")]
        if self.variant.without != PROTECTIONS[0]:
            headers.append(("Idempotency-Key", order))
        body = json.dumps({"order": order, "amount": 10, "card": "tok_visa"}).encode()
        status = ask(self.button, Request("POST", PATH, tuple(headers), body)).status
        done = [status, *(step() for step in self.steps)]
        if done != [202, 1, 1, 1]:
            raise RuntimeError(f"steps did {done}; allowed: one payment each")


def _charge(card: Card, variant: Without, payment: Payment) -> bool:
    return charge_card(card, variant.key(payment))


@contextmanager
def system(on: Servers, variant: Without) -> Iterator[System]:
    """Run one system."""
    with ExitStack() as stack:
        yield System(stack, on, variant)
