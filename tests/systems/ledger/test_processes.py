"""Shop, bank and forwarder by themselves, on SQLite, with a card processor over HTTP."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from functools import partial

import pytest

from delivery_semantics.databases import Connections, empty_place
from delivery_semantics.experiments.ledger.size import code_lines
from delivery_semantics.idempotency import KeyStore
from delivery_semantics.systems.http.client import Request, ask
from delivery_semantics.systems.http.serving import serving
from delivery_semantics.systems.ledger.bank import book_payment, make_ledger
from delivery_semantics.systems.ledger.forwarder import charge_card, forward_charges
from delivery_semantics.systems.ledger.payment import Payment
from delivery_semantics.systems.ledger.shop import PATH, shop_app
from delivery_semantics.systems.payments import Card
from delivery_semantics.systems.payments.card import movements
from delivery_semantics.systems.payments.parameters import DECLINED
from delivery_semantics.systems.payments.processor import processor_app

COFFEE = Payment("7", 350, "tok_visa", "key")
ENTRIES = "SELECT account, amount FROM entries ORDER BY number"


@pytest.fixture
def place() -> Iterator[Connections]:
    with empty_place() as url, closing(Connections(url)) as connections:
        yield connections


@pytest.fixture
def card() -> Iterator[Card]:
    with empty_place() as url, serving(processor_app(Connections(url))) as address:
        yield Card(address)


def pay(address: str, body: str, key: str = "") -> int:
    headers = [("Authorization", "Bearer sk_test_book"), ("Idempotency-Key", key)]
    return ask(
        address, Request("POST", PATH, tuple(headers[: 1 + bool(key)]), body.encode())
    ).status


def test_a_key_makes_one_payment_of_two_requests_and_one_event(place: Connections) -> None:
    keys = KeyStore(place, clock=lambda: 0.0, effects="in phases")
    body = json.dumps({"order": "7", "amount": 350, "card": "tok_visa"})
    with serving(shop_app(keys)) as address:
        answers = [pay(address, body, key) for key in ("k", "k", "", "")]
        rows = place.here().rows("SELECT order_id, amount FROM payments")
        events = place.here().rows("SELECT payload FROM idempotency_outbox")
    assert answers == [202] * 4
    assert rows == [("7", 350)] * 3
    assert len({Payment.read(payload).card_key for (payload,) in events}) == len(events) == 3


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("", "Expecting value"),
        ("[]", "allowed: an object"),
        ('{"order": "7"}', "allowed: an object"),
        ('{"order": "", "amount": 1, "card": "tok_a"}', "order is ''"),
        ('{"order": "7", "amount": 1.5, "card": "tok_a"}', "amount is 1.5"),
        ('{"order": "7", "amount": true, "card": "tok_a"}', "amount is True"),
        ('{"order": "7", "amount": 0, "card": "tok_a"}', "amount is 0"),
        ('{"order": "7", "amount": 1, "card": "4242"}', "card is '4242'"),
    ],
)
def test_what_is_no_payment_is_refused(body: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Payment.read(body)


def test_a_message_is_booked_once_and_its_entries_sum_to_nothing(place: Connections) -> None:
    make_ledger(place.here())
    for _ in range(3):
        book_payment(place.here(), "event 1", COFFEE)
    assert place.here().rows(ENTRIES) == [("card", -350), ("shop", 350)]
    assert len(place.here().rows("SELECT 1 FROM idempotency_outbox")) == 1


def test_the_card_is_charged_with_the_key_that_came(place: Connections, card: Card) -> None:
    make_ledger(place.here())
    for message_id in ("event 1", "event 2"):  # two messages, one key
        book_payment(place.here(), message_id, COFFEE)
    assert forward_charges(place, partial(charge_card, card)) == 2
    assert [move["amount"] for move in movements(card.url)] == [350]


def test_a_declined_card_is_booked_back_once(place: Connections, card: Card) -> None:
    make_ledger(place.here())
    book_payment(place.here(), "event 1", Payment("7", 350, DECLINED, "key"))
    crashes = iter([True, False])

    def charge(payment: Payment) -> bool:
        moved = charge_card(card, payment)
        if next(crashes):
            raise ConnectionError("crashed when the card had been declined")
        return moved

    with pytest.raises(ConnectionError):
        forward_charges(place, charge)
    assert forward_charges(place, charge) == 1
    assert place.here().rows(ENTRIES) == [
        ("card", -350), ("shop", 350), ("card", 350), ("shop", -350),
    ]  # fmt: skip


def test_it_is_as_short_as_the_chapter_says() -> None:
    lines = code_lines()
    assert sum(lines.values()) < 330
