"""The service killed at every step of a charge, and again at every step of what follows.

Nothing is left to chance: the service stands still at each step, so that every kill falls where
it is meant to, and all sequences of a few kills can be gone through.

Book: 08-stripe-idempotency
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial

from ...databases import connect
from ...systems.http.client import Reply
from ...systems.payments import Card
from ...systems.payments.card import movements
from .check_first import check_first
from .live import MakeService, Restartable, charge, charged, killable, service

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


def _killed_at(step: str, make: MakeService, card: Card | None) -> After:
    before = moved(card)
    with killable(make) as (restartable, url):
        request = charge("key", description=step)  # another request for the processor, too
        restartable.attempt(request, kill_at=lambda passed: passed == step)
        down = len(charged(url))
        restartable.restart()
        replies = [restartable.attempt(request), restartable.attempt(request)]
        status = replies[0].status if replies[0] else 0
        charges = len(charged(url))
    return After(step, down, charges, moved(card) - before, status, _same(replies))


def moved(card: Card | None) -> int:
    """Return how often the processor has moved money; 0 without one."""
    return len(movements(card.url)) if card else 0


def _same(replies: list[Reply | None]) -> bool:
    return None not in replies and len({(r.status, r.body) for r in replies if r}) == 1


# Several kills of one charge --------------------------------------------------------------


@dataclass(frozen=True)
class Sequences:
    """What came of many payments: one for each sequence of kills.

    ``lost`` and ``repeated`` payments, ``changed`` ones whose answers differed, and how many
    kills fell at each step.
    """

    payments: int
    kills: int
    lost: int
    repeated: int
    changed: int
    fell: Counter[str]


def killed_in_sequences(
    url: str,
    *,
    kills_max: int,
    server: MakeService = service,
    card: Card | None = None,
    further: Iterable[tuple[int, ...]] = (),
    name: str = "sequence",
) -> Sequences:
    """Go through all sequences of up to ``kills_max`` kills, with a payment for each.

    A sequence says at how many steps each life of the service is killed; ``further`` ones may
    be longer. After each kill the service is started again and asked with the same key. All
    payments share the database at ``url``; in it, ``name`` has not been used before.
    """
    make = partial(server, card=card) if card else server
    fell: Counter[str] = Counter()
    payments, changed, before = 0, 0, moved(card)
    with Restartable(partial(make, url=url)) as restartable:
        for replies in _sequences(restartable, kills_max, list(further), fell, name):
            payments += 1
            changed += not _same(replies)
        kills = restartable.kills
    times = _charges_of_each(url, name)
    lost = payments - len(times)
    repeated = sum(count > 1 for count in times.values())
    if card:  # what counts is where the money moves
        repeated = max(repeated, moved(card) - before - payments)
    return Sequences(payments, kills, lost, repeated, changed, fell)


def long_sequences(count: int, *, seed: int) -> list[tuple[int, ...]]:
    """Return sequences of four to nine kills, drawn by chance."""
    dice = random.Random(seed)
    return [tuple(dice.choices(range(10), k=dice.randint(4, 9))) for _ in range(count)]


def _sequences(
    restartable: Restartable,
    kills_max: int,
    further: list[tuple[int, ...]],
    fell: Counter[str],
    name: str,
) -> Iterator[list[Reply | None]]:
    """Carry out a payment for each sequence of kills; yield its last two answers."""
    plans: list[tuple[int, ...]] = [*further, ()]
    while plans:
        plan = plans.pop()
        words = "-".join(map(str, (name, *plan)))
        request = charge(words, description=words)
        for steps in plan:
            kills = restartable.kills
            restartable.attempt(request, kill_at=_after(steps, restartable.path))
            if restartable.kills > kills:  # not where there were fewer steps
                fell[restartable.path[-1]] += 1
                restartable.restart()
        begun = len(restartable.path)
        replies = [restartable.attempt(request)]
        steps_left = len(restartable.path) - begun
        yield [*replies, restartable.attempt(request)]
        if len(plan) < kills_max:
            plans += [(*plan, steps) for steps in range(steps_left)]


def _after(steps: int, path: list[str]) -> Callable[[str], bool]:
    """Return what tells that so many more steps have been passed, and one is reached."""
    at = len(path) + steps + 1
    return lambda _: len(path) == at


def _charges_of_each(url: str, name: str) -> Counter[str]:
    database = connect(url)
    try:
        rows = database.rows("SELECT description FROM charges WHERE status = 'succeeded'")
    finally:
        database.close()
    return Counter(words for (words,) in rows if words.startswith(f"{name}-") or words == name)
