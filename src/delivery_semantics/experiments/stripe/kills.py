"""The service killed at every step of a charge, and asked again.

Nothing is left to chance: the service stands still at each step, so that every kill falls where
it is meant to.

Book: 08-stripe-idempotency
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from ...core.check import one_of
from ...show.strips import End
from ...systems.payments import Card
from ...systems.payments.card import movements
from .check_first import check_first
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
