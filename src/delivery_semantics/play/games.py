"""The games of the book, by name.

Book: playground
"""

from __future__ import annotations

from inspect import getdoc

from ..participants.receivers import (
    AckThenProcess, MarkThenProcess, ProcessOnce, ProcessThenAck, ProcessThenMark,
)  # fmt: skip
from ..participants.senders import RetryUntilAcked, payments
from ..search.exploration import Bounds
from .game import Cast, Game, Levels

LEVELS = {
    receiver.__name__: receiver
    for receiver in (
        ProcessThenAck, AckThenProcess, ProcessThenMark, MarkThenProcess, ProcessOnce,
    )
}  # fmt: skip
"""Receivers in the order of how hard they are to break; the last is the lesson."""


def about(participant: type) -> str:
    """Return the first sentence of what a class says of itself."""
    return (getdoc(participant) or "").partition("\n\n")[0].replace("\n", " ")


BANK = Levels("bank", "The bank runs", {name: about(each) for name, each in LEVELS.items()})
AT_THE_BANK = Bounds(crashable=("bank",), early_timeouts=1)


def one_payment(bank: str) -> Cast:
    """Return a shop that asks a bank to take 10 until it hears an ack."""
    return {"shop": RetryUntilAcked("bank", payments(1)), "bank": LEVELS[bank]()}


ONE_PAYMENT = Game(
    "one-payment",
    one_payment,
    AT_THE_BANK,
    settings=(BANK,),
    code="bank",
    about="A shop asks a bank to take 10 from a customer. What happens between them is up to "
    "you, and nothing moves until you say so.",
)

GAMES = {game.id: game for game in (ONE_PAYMENT,)}
"""Every game that a page can ask for; others add theirs here."""


def find(name: str) -> Game:
    """Return the game of this name. Raises ValueError for another."""
    if name not in GAMES:
        raise ValueError(f"game is {name!r}; allowed: {', '.join(GAMES)}")
    return GAMES[name]
