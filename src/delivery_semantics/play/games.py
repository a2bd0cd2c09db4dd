"""The games of the book, by name.

Book: playground
"""

from __future__ import annotations

from dataclasses import dataclass

from .. import (
    Ack, Bounds, Broker, Confirm, FireAndForget, Message, Passive, Receive, Relay,
    RetryUntilAcked, Send, payments,
)  # fmt: skip
from ..core.effects import Handler
from .game import NEVER, TWICE, Cast, Game
from .incidents import INCIDENT_GAMES
from .levels import LEVELS, receivers
from .own import OWN_GAME
from .real_systems import REAL_SYSTEMS

BANK = receivers("bank", "The bank runs")
WORKERS = receivers("bank", "Both workers run", list(LEVELS)[2:])
AT_THE_BANK = Bounds(crashable=("bank",), early_timeouts=1)
FEW = Bounds(crashable=("bank",), duplicates=0, early_timeouts=1)
"""Fewer faults, for games with more participants or more payments."""


AT_A_WORKER = Bounds(crashable=("first", "second"), duplicates=0, early_timeouts=1)


def one_payment(bank: str) -> Cast:
    """Return a shop that asks a bank to take 10 until it hears an ack."""
    return {"shop": RetryUntilAcked("bank", payments(1)), "bank": LEVELS[bank]()}


def _forgets(bank: str) -> Cast:
    return {"shop": FireAndForget("bank", payments(1)), "bank": LEVELS[bank]()}


def _gives_up(bank: str) -> Cast:
    shop = RetryUntilAcked("bank", payments(1), attempts_max=2)
    return {"shop": shop, "bank": LEVELS[bank]()}


def _two_payments(bank: str) -> Cast:
    return {"shop": RetryUntilAcked("bank", payments(2)), "bank": LEVELS[bank]()}


def _relay(bank: str) -> Cast:
    return {
        "shop": RetryUntilAcked("relay", payments(1)),
        "relay": Relay("bank", timeout_s=1.0, attempts_max=2),
        "bank": LEVELS[bank](),
    }


def _broker(bank: str) -> Cast:
    return {
        "shop": RetryUntilAcked("broker", payments(1)),
        "broker": Broker("bank"),
        "bank": LEVELS[bank](),
    }


@dataclass(frozen=True)
class TakesTurns(Passive):
    """Send to one receiver, then to the next, until one of them acks: a load balancer's way."""

    receivers: tuple[str, ...]
    messages: tuple[Message, ...]

    def start(self) -> Handler:
        """Send each message in turn to each receiver."""
        for message in self.messages:
            yield from self._settle(message)

    def _settle(self, message: Message) -> Handler:
        while True:
            for receiver in self.receivers:
                yield Send(receiver, message)
                if (yield Receive(Ack(message.id), 1.0)):
                    yield Confirm(message.id)
                    return


def _workers(bank: str) -> Cast:
    return {
        "first": LEVELS[bank](),
        "shop": TakesTurns(("first", "second"), payments(1)),
        "second": LEVELS[bank](),
    }


GAMES = {
    game.id: game
    for game in (
        Game(
            "one-payment", one_payment, AT_THE_BANK, settings=(BANK,), code="bank",
            about="A shop asks a bank to take 10 from a customer. What happens between them is "
            "up to you, and nothing moves until you say so.",
        ),
        Game(
            "forget", _forgets, AT_THE_BANK, goals=(NEVER, TWICE), settings=(BANK,),
            code="bank", about="The shop sends once, and never again. It waits for no ack.",
        ),
        Game(
            "give-up", _gives_up, AT_THE_BANK, goals=(NEVER, TWICE), settings=(BANK,),
            code="bank", about="The shop tries twice, and then gives up.",
        ),
        Game(
            "two-payments", _two_payments, FEW, settings=(BANK,), code="bank",
            about="Two payments of 10, one after the other. Packets may overtake each other.",
        ),
        Game(
            "in-order", _two_payments, Bounds(
                crashable=("bank",), duplicates=1, early_timeouts=1, reordering=False
            ), settings=(BANK,), code="bank",
            about="Two payments of 10, and packets that arrive in the order in which they were "
            "sent, as in a TCP connection.",
        ),
        Game(
            "relay", _relay, FEW, settings=(BANK,), code="bank",
            about="The shop asks a relay, and the relay asks the bank. Both of them retry.",
        ),
        Game(
            "broker", _broker, Bounds(crashable=("bank", "broker"), duplicates=0), code="bank",
            settings=(BANK,), about="The shop hands its payment to a broker, which hands it to "
            "the bank until it hears an ack.",
        ),
        Game(
            "workers-apart", _workers, AT_A_WORKER, settings=(WORKERS,), code="first",
            about="Two workers, each with a store of its own. The shop asks the one, then the "
            "other.",
        ),
        Game(
            "workers", _workers, AT_A_WORKER, settings=(WORKERS,), code="first",
            stores={"first": "store", "second": "store"},
            about="The same two workers, on one store.",
        ),
        *REAL_SYSTEMS,
    )
}  # fmt: skip
"""The games that pages show; others add theirs here."""

ALL_GAMES = {**GAMES, **INCIDENT_GAMES, OWN_GAME.id: OWN_GAME}
"""Every game that a page can ask for."""


def find(name: str) -> Game:
    """Return the game of this name. Raises ValueError for another."""
    if name not in ALL_GAMES:
        raise ValueError(f"game is {name!r}; allowed: {', '.join(ALL_GAMES)}")
    return ALL_GAMES[name]
