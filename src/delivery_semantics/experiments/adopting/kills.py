"""A worker of the shop that is killed at each step, or asked for while another one stands.

Both are processes of their own over one database; nothing is left to chance.

Book: idempotency-layer
"""

from __future__ import annotations

from functools import cache, partial
from typing import NamedTuple

from ...databases import empty_place
from ...show.plots import money
from ...show.strips import End, kill_strip
from ...show.view import View
from ...systems.http.client import Reply, ask
from ...systems.http.killable import Killable
from ..stripe.lab import at_once
from ..stripe.live import LEASE_S, Restartable
from .answers import client_does
from .exchange import Exchange, exchanges, said
from .lab import AMOUNT, order_of, ordered, shop_app

STEPS = ("received", "begun", "ordered", "committed", "replied")
"""Where the first worker stands: asked, in the handler, written, committed, answered."""
SECOND = {"the same order": order_of(), "another amount": order_of(amount=2 * AMOUNT)}
"""What the second worker is asked, with the same key."""


# As long as a restarted worker's clock is ahead: the killed one's claim has ended by then.
_shop = partial(shop_app, lease_s=LEASE_S)


@cache
def killed_at_each(kind: str) -> tuple[tuple[End, int], ...]:
    """Kill a worker at each step of an order, and ask again; the money, and the answer then."""
    with empty_place() as url, Restartable(partial(_shop, url=url, kind=kind)) as whole:
        whole.attempt(order_of())
        steps = list(whole.path)
    return tuple(_killed_at(step, kind) for step in steps)


def _killed_at(step: str, kind: str) -> tuple[End, int]:
    with empty_place() as url, Restartable(partial(_shop, url=url, kind=kind)) as worker:
        worker.attempt(order_of(), kill_at=lambda passed: passed == step)
        worker.restart()
        again = worker.attempt(order_of())
        assert again, "it runs, and nothing kills it any more"
        return End("killed", f"after {step}", sum(ordered(url)), AMOUNT), again.status


def kinds_view(*, kind: str, seed: int = 1) -> View:
    """Show what kills at each step come to, by what is stated about the handler's effects."""
    found = killed_at_each(kind)
    ends = [end for end, _ in found]
    doubts = sum(status == 500 for _, status in found)
    right = sum(end.money == end.expected for end in ends)
    return View(
        kill_strip({kind: ends}, title=f"{kind}: killed, and asked again with the same key"),
        {
            "kills": len(ends),
            "answered 201": sum(status == 201 for _, status in found),
            "in doubt": doubts,
            "money expected": AMOUNT * len(ends),
            "money there": sum(end.money for end in ends),
        },
        f"{kind}: right after {right} of {len(ends)} kills; in doubt after {doubts}.",
    )


class Beside(NamedTuple):
    """Two workers and one key: what both said, what the second was told, and the money."""

    log: tuple[Exchange, ...]
    told: Reply
    expected: int
    there: int


@cache
def beside(step: str, second: str) -> Beside:
    """Ask a second worker while the first stands at a step. Who came first has its order."""
    with empty_place() as url:
        make = partial(_shop, url=url)
        with Killable(make) as one, Killable(make) as two:
            log, told = _while_it_stands(step, second, one, two)
        is_first = step == STEPS[0]
        expected = 2 * AMOUNT if is_first and second == "another amount" else AMOUNT
        return Beside(tuple(log), told, expected, sum(ordered(url)))


def _while_it_stands(
    step: str, second: str, one: Killable, two: Killable
) -> tuple[list[Exchange], Reply]:
    with at_once(partial(ask, one.url, order_of())) as first:
        while one.next_step() != step:
            pass
        log = [Exchange(f"The first is asked for an order, and stands at “{step}”.")]
        with at_once(partial(ask, two.url, SECOND[second])) as other:
            _to_its_end(two)
            told = other()
        log.append(Exchange(f"The second is asked for {second}, with the same key", told))
        if step != STEPS[-1]:
            _to_its_end(one)
        log.append(Exchange("The first goes on, and says", first(), late=True))
    return log, told


def _to_its_end(worker: Killable) -> None:
    while worker.next_step() != "replied":
        pass


def beside_view(*, step: str, second: str, seed: int = 1) -> View:
    """Show what a second worker answers while the first stands at a step."""
    log, told, expected, there = beside(step, second)
    return View(
        [
            exchanges(log, title=f"The first worker stands at “{step}”"),
            money({"orders": (expected, there)}, title="The orders in the end", x="money",
                  x_max=2.0 * AMOUNT),
        ],
        {
            "the second": told.status,
            "replayed": "yes" if told.header("Idempotent-Replayed") else "no",
            "its client": client_does(told),
            "money expected": expected,
            "money there": there,
        },
        f"The first stands at “{step}”. The second, asked for {second}, says {said(told)}.",
    )  # fmt: skip
