"""The service killed at every step of a charge, and asked again.

Nothing is left to chance: the service stands still at each step, so that every kill falls where
it is meant to.

Book: 08-stripe-idempotency
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial

from ...core.check import one_of
from ...show.strips import End, kill_strip
from ...show.view import View
from ...systems.payments import Card
from ...systems.payments.card import movements
from ...systems.payments.envelope import random_id
from ...systems.payments.parameters import ChargeAsked
from .check_first import check_first
from .lab import processor
from .live import PAYMENT, MakeService, charge, charged, killable, service

SERVERS: dict[str, MakeService] = {"check, process, store": check_first, "claim first": service}


@dataclass(frozen=True)
class After:
    """What came of a charge whose service was killed at ``step``, and then asked again.

    ``down`` is how many charges there were while it was down. ``charges`` have succeeded in the
    end, and ``moved`` is how often the card processor moved money. ``status`` is the answer to
    the retry; ``same`` says that asking once more brought the same answer, byte for byte.
    """

    step: str
    down: int
    charges: int
    moved: int
    status: int
    same: bool


def killed_at_each_step(
    server: MakeService = service, *, card: Card | None = None
) -> list[After]:
    """Kill it at each step in turn, each time with an empty database, and retry."""
    make = partial(server, card=card) if card else server
    with killable(make) as (whole, _):
        whole.attempt(charge("key"))
        steps = list(whole.path)
    return [_killed_at(step, make, card) for step in steps]


def in_money(kills: Sequence[After], counted: str = "charges") -> list[End]:
    """Return what each came to in cents: what was charged here, or "moved" at the processor."""
    one_of("counted", counted, ("charges", "moved"))
    return [
        End(
            "killed",
            f"after {kill.step}",
            PAYMENT.amount * getattr(kill, counted),
            PAYMENT.amount,
        )
        for kill in kills
    ]


@cache
def at_each_step(server: str) -> tuple[After, ...]:
    """Kill one of ``SERVERS`` at each step, once."""
    return tuple(killed_at_each_step(SERVERS[server]))


def servers_view(*, server: str, seed: int = 1) -> View:
    """Show what the kills of one of ``SERVERS`` came to."""
    kills = at_each_step(server)
    return _strip(f"{server}: killed, and asked again", {server: in_money(kills)}, kills)


@dataclass(frozen=True)
class ForgetsItsKey(Card):
    """A client of the processor that makes up a key for each attempt: a control."""

    def charge(self, asked: ChargeAsked, key: str) -> bool:
        """Ask with another key than the last time."""
        return super().charge(asked, f"{key}-{random_id()}")


SENT_ALONG: dict[str, Callable[[str], Card]] = {
    "the derived key": Card,
    "a new key each time": ForgetsItsKey,
}
"""What the service sends the processor."""
TAKES = ("takes keys", "ignores keys")
AFTER_A_KILL = ("asks again", "does not ask")


@cache
def with_card(sent: str, *, keys: bool = True, ask_again: bool = True) -> tuple[After, ...]:
    """Kill the service at each step of a charge that a processor carries out.

    ``keys``: whether the processor honours them. ``ask_again`` is the card's.
    """
    with processor(keys=keys) as card:
        asks = replace(SENT_ALONG[sent](card.url), ask_again=ask_again)
        return tuple(killed_at_each_step(card=asks))


def derived_view(*, sent: str, seed: int = 1) -> View:
    """Show what a processor that honours keys moves, by what is sent along."""
    kills = with_card(sent)
    moved = {f"moved, with {sent}": in_money(kills, "moved")}
    return _strip(f"The processor is sent {sent}", moved, kills)


def where_view(*, takes: str, after: str, seed: int = 1) -> View:
    """Show what a processor moves, with or without keys, when the service asks or does not."""
    kills = with_card(
        "the derived key", keys=takes == TAKES[0], ask_again=after == AFTER_A_KILL[0]
    )
    title = f"The processor {takes}; after a kill the service {after}"
    return _strip(title, {"moved at the processor": in_money(kills, "moved")}, kills)


def _strip(title: str, rows: Mapping[str, Sequence[End]], kills: Sequence[After]) -> View:
    """Show strips, and count how the kills ended by the money of the last."""
    money = [end.money for end in list(rows.values())[-1]]
    right = money.count(PAYMENT.amount)
    doubt = sum(kill.status == 500 for kill in kills)
    return View(
        kill_strip(rows, title=title),
        {
            "kills": len(kills),
            "money expected": PAYMENT.amount * len(kills),
            "money there": sum(money),
            "in doubt": doubt,
        },
        f"{title}. Right after {right} of {len(kills)} kills; answered 500 after {doubt}.",
    )


def _killed_at(step: str, make: MakeService, card: Card | None) -> After:
    before = moved(card)
    with killable(make) as (restartable, url):
        request = charge("key", description=step)  # another request for the processor, too
        restartable.attempt(request, kill_at=lambda passed: passed == step)
        down = len(charged(url))
        restartable.restart()
        first, again = restartable.attempt(request), restartable.attempt(request)
        charges = len(charged(url))
    assert first, "it runs, and nothing kills it any more"
    same = again is not None and (again.status, again.body) == (first.status, first.body)
    return After(step, down, charges, moved(card) - before, first.status, same)


def moved(card: Card | None) -> int:
    """Return how often the processor has moved money; 0 without one."""
    return len(movements(card.url)) if card else 0
