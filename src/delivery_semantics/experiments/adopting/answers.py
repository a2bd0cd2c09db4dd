"""What the layer answers, and what a client does then: each answer asked for once.

Book: idempotency-layer
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

from ...databases import file_of
from ...idempotency import IETF_DRAFT
from ...show.plots import money
from ...show.view import View
from ...systems.http.client import Reply, Request, ask
from ..stripe.lab import at_once
from .exchange import Exchange, exchanges
from .lab import AMOUNT, FAILS, LEASE_S, Shop, order_of, ordered, shop

SAME = "The same order, the same key"


@dataclass
class AsksTheShop:
    """Asks a shop, and writes down what was asked and answered."""

    shop: Shop
    log: list[Exchange] = field(default_factory=list)

    def __call__(self, words: str, request: Request) -> Reply:
        """Ask, and return the answer."""
        reply = ask(self.shop.url, request)
        self.log.append(Exchange(words, reply))
        return reply

    def meanwhile(self, request: Request, second: Callable[[], object]) -> None:
        """Ask, and let the ``second`` come while this one stands still."""
        with at_once(lambda: ask(self.shop.url, request)) as first:
            self.shop.gate.wait()
            self.log.append(Exchange("An order is asked for: it has begun, and stands still."))
            second()
            self.shop.gate.open()
            self.log.append(
                Exchange("The first order goes on, and is told", first(), late=True)
            )


def _twice(asking: AsksTheShop) -> None:
    asking("An order, with a key of its own", order_of())
    asking(SAME, order_of())


def _at_once(asking: AsksTheShop) -> None:
    asking.meanwhile(order_of(), lambda: asking(SAME, order_of()))


def _lease_lost(asking: AsksTheShop) -> None:
    def second() -> None:
        asking.shop.now_s += LEASE_S + 1
        asking.log.append(Exchange("Its lease ends."))
        asking(SAME, order_of())

    asking.meanwhile(order_of(), second)


def _store_away(asking: AsksTheShop) -> None:
    path = file_of(asking.shop.store)
    with closing(sqlite3.connect(str(path), isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        asking.log.append(Exchange("Somebody else holds the whole database."))
        asking("An order", order_of())
    asking(SAME, order_of())


def _a_day_later(asking: AsksTheShop) -> None:
    asking("An order", order_of())
    asking.shop.now_s += 86_401
    asking.log.append(Exchange("A day passes, and a second."))
    asking(SAME, order_of())


def _other_amount(asking: AsksTheShop) -> None:
    asking("An order", order_of())
    asking("Another amount, the same key", order_of(amount=2 * AMOUNT))


def _broke(asking: AsksTheShop) -> None:
    asking("An order; the handler fails when it is written", order_of(amount=FAILS))
    asking(SAME, order_of(amount=FAILS))


def _second_key(asking: AsksTheShop) -> None:
    asking("An order", order_of())
    asking("Another order, another key", order_of('"order-2"'))


def _one(words: str, request: Request) -> Callable[[AsksTheShop], object]:
    return lambda asking: asking(words, request)


@dataclass(frozen=True)
class Occasion:
    """What is asked, in which order; how the shop is set; and the orders that are meant.

    ``about`` is the number of the answer that the situation is about.
    """

    asks: Callable[[AsksTheShop], object]
    settings: dict[str, Any] = field(default_factory=dict)
    meant: int = AMOUNT
    about: int = -1


SITUATIONS = {
    "the same again": Occasion(_twice),
    "while the first runs": Occasion(_at_once, {"hold_at": "begun"}, about=0),
    "another amount": Occasion(_other_amount),
    "its lease is lost": Occasion(_lease_lost, {"hold_at": "begun"}),
    "it broke off": Occasion(_broke, {"kind": "anywhere"}, FAILS),
    "its answer is not kept": Occasion(
        _twice, {"kind": "anywhere", "profile": replace(IETF_DRAFT, keeps_body=False)}
    ),
    "a day later": Occasion(_a_day_later),
    "the store is away": Occasion(_store_away, {"lock_timeout_s": 0.5}, about=0),
    "too many keys": Occasion(_second_key, {"keys_max": 1}, 2 * AMOUNT),
    "no key": Occasion(_one("An order without a key", order_of("")), meant=0),
    "no token": Occasion(_one("An order without a token", order_of(secret="")), meant=0),
    "too large": Occasion(_one("An order of 2,000 digits", order_of(amount=10**1999)), meant=0),
}
"""Each situation that has an answer of its own."""


@dataclass(frozen=True)
class Met:
    """What was asked and answered; the answer it is about; and the money of all orders."""

    log: tuple[Exchange, ...]
    told: Reply
    money: int


@cache
def met(situation: str) -> Met:
    """Come into one of ``SITUATIONS``."""
    chosen = SITUATIONS[situation]
    with shop(**chosen.settings) as running:
        asking = AsksTheShop(running)
        chosen.asks(asking)
        replies = [one.reply for one in asking.log if one.reply]
        return Met(tuple(asking.log), replies[chosen.about], sum(ordered(running.store)))


def client_does(reply: Reply) -> str:
    """Return what a client does with an answer, in two words."""
    if reply.status < 300:
        return "is done"
    if reply.header("Retry-After"):
        return "asks again"
    return "looks first" if reply.status in (410, 500) else "mends it"


def answers_view(*, situation: str, seed: int = 1) -> View:
    """Show what is asked and answered in a situation, and the orders in the end."""
    found, meant = met(situation), SITUATIONS[situation].meant
    reply = found.told
    return View(
        [
            exchanges(found.log, title=f"An order: {situation}"),
            money({"orders": (meant, found.money)}, title="The orders in the end",
                  x="money", x_max=2.0 * AMOUNT),
        ],
        {
            "answer": reply.status,
            "Retry-After": reply.header("Retry-After") or "none",
            "replayed": "yes" if reply.header("Idempotent-Replayed") else "no",
            "the client": client_does(reply),
            "money expected": meant,
            "money there": found.money,
        },
        f"An order: {situation}. Answered {reply.status}. The client {client_does(reply)}.",
    )  # fmt: skip
