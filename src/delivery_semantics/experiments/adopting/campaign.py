"""Orders under load while the workers are killed: each is there once, whatever happened.

Book: idempotency-layer
"""

from __future__ import annotations

import itertools
import json
import random
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field

from ...systems.http.client import NoAnswer, NotSent, Request, ask
from .workers import Workers

CLIENTS = 8
AGAIN_S, PATIENCE_S = 0.02, 120.0
TOKEN = "Bearer tok_alice"


@dataclass
class UnderKills:
    """What came of a campaign: orders that were answered, and those that are there."""

    requests: int = 0
    kills: int = 0
    answered: list[int] = field(default_factory=list)
    there: Counter[int] = field(default_factory=Counter)

    @property
    def lost(self) -> int:
        """How many orders were answered as done, and are not there."""
        return sum(not self.there[number] for number in self.answered)

    @property
    def twice(self) -> int:
        """How many orders are there more than once."""
        return sum(times > 1 for times in self.there.values())


def order(number: int) -> Request:
    """Return the request for an order, whose key is made before its first attempt."""
    headers = (
        ("Authorization", TOKEN),
        ("Content-Type", "application/json"),
        ("Idempotency-Key", f'"order-{number}"'),
    )
    body = json.dumps({"number": number, "amount": 1000}).encode()
    return Request("POST", "/orders", headers, body)


def under_kills(
    workers: Workers, *, seed: int, orders_max: int, kills_max: int, between: tuple[int, int],
    seconds: float = float("inf"),
) -> UnderKills:  # fmt: skip
    """Let clients order, each order until it is answered, and kill workers meanwhile.

    A kill comes when ``between`` so many orders have been answered since the last one; no new
    order is begun after ``seconds``. ``workers`` runs.
    """
    found, dice, numbers = UnderKills(), random.Random(seed), itertools.count()
    end_s = time.monotonic() + seconds
    changed = threading.Condition()

    def client() -> None:
        while (number := next(numbers)) < orders_max and time.monotonic() < end_s:
            asked = _until_done(workers.url, order(number))
            with changed:
                found.requests += asked
                found.answered.append(number)
                changed.notify()

    with ThreadPoolExecutor(CLIENTS) as threads:
        clients = [threads.submit(client) for _ in range(CLIENTS)]
        due = dice.randint(*between)
        while not all(one.done() for one in clients):
            with changed:
                changed.wait(0.1)
            if len(found.answered) >= due and found.kills < kills_max:
                workers.kill(dice)
                found.kills += 1
                due = len(found.answered) + dice.randint(*between)
    for one in clients:
        one.result()
    found.there = _orders(workers.url)
    return found


def _orders(url: str) -> Counter[int]:
    listed = ask(url, Request("GET", "/orders", (("Authorization", TOKEN),)))
    return Counter(one["number"] for one in listed.json())


def _until_done(url: str, request: Request) -> int:
    """Ask until the order is answered as done; return how many requests that took."""
    end_s = time.monotonic() + PATIENCE_S
    for asked in itertools.count(1):
        with suppress(NoAnswer, NotSent):
            reply = ask(url, request)
            if reply.status == 201:
                return asked
            if reply.status not in (409, 503):
                raise RuntimeError(f"answered {reply.status}: {reply.body[:200]!r}")
        if time.monotonic() > end_s:
            raise TimeoutError(f"{request.key}: not done in {PATIENCE_S:g} s")
        time.sleep(AGAIN_S)
    raise AssertionError("the count has no end")
