"""A consumer is killed before every statement in turn; another one takes over its queue."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from itertools import count
from typing import Any

import pytest

from delivery_semantics.databases import Connections, Database, Schema, connect, pool
from delivery_semantics.databases.announced import Announced, gist
from delivery_semantics.idempotency import (
    Claim,
    KeyRefused,
    KeyStore,
    OncePerKey,
    Phase,
)
from delivery_semantics.live.standing import Announcer, Standing

TABLES = ("CREATE TABLE booked (id TEXT)", "CREATE TABLE receipts (id TEXT)")
BOOKED = Schema("booked", 1, TABLES)
BOOK, RECEIPT = "INSERT INTO booked VALUES (?)", "INSERT INTO receipts VALUES (?)"
MESSAGES = 3
LEASE_S = 60.0
DONE = "done"
LATE = ("delivery_semantics.databases.postgres", "anyio._backends._asyncio")

LOOK, TAKE = "SELECT idempotency_keys", "INSERT INTO idempotency_keys"
ADVANCE, ACKNOWLEDGE = "UPDATE idempotency_keys", "acknowledge"
IN_PHASES = [
    LOOK, TAKE,
    "BEGIN", "INSERT INTO booked", ADVANCE, "COMMIT",
    "BEGIN", "INSERT INTO receipts", ADVANCE, "COMMIT",
    ACKNOWLEDGE,
]  # fmt: skip
ANYWHERE = [LOOK, TAKE, "INSERT INTO booked", ADVANCE, ACKNOWLEDGE]


class EachAnnounced(Announced):
    """Announces also the statements that are transactions by themselves."""

    def _tell(self, statement: str, *, begins: bool = False) -> None:
        self._announce(gist(statement))


class Consumer:
    """Books payments and then their receipts, in each way that a function can be called."""

    def __init__(self, url: str, effects: Any, now_s: float) -> None:  # noqa: ANN401
        self.connections = Connections(url)
        BOOKED.ensure(self.connections.here())
        self.keys = KeyStore(
            self.connections, clock=lambda: now_s, effects=effects, lease_s=LEASE_S
        )
        self.once = OncePerKey(self.keys, "book")
        wrap = self.once(key=lambda id: id)
        self.decorated, self.decorated_async = wrap(self._book), wrap(self._book_async)

    def block(self, id: str) -> object:
        with self.once.claimed(id) as claim:
            if not claim.finished:
                self._book(id, claim=claim)
        return claim.result

    async def block_async(self, id: str) -> object:
        async with self.once.claimed(id) as claim:
            if not claim.finished:
                await self._book_async(id, claim=claim)
        return claim.result

    def anywhere(self, id: str) -> object:
        with self.once.claimed(id) as claim:
            if not claim.finished:
                self.connections.here().change(BOOK, (id,))
                claim.finish(f"booked {id}")
        return claim.result

    def consume(
        self, way: str, ids: list[str], acknowledge: Callable[[], object] = int
    ) -> list[object]:
        call, told = getattr(self, way), []
        with asyncio.Runner() as runner:
            for id in ids:
                result = call(id)
                told.append(runner.run(result) if asyncio.iscoroutine(result) else result)
                acknowledge()
        return told

    def _book(self, id: str, *, claim: Claim) -> None:
        if claim.recovery_point == "started":
            with claim.phase() as phase:
                _to_booked(phase.database, phase, id)
        with claim.phase() as phase:
            _to_receipts(phase.database, phase, id)

    async def _book_async(self, id: str, *, claim: Claim) -> None:
        if claim.recovery_point == "started":
            async with claim.phase() as phase:
                await phase.run_sync(_to_booked, phase, id)
        async with claim.phase() as phase:
            await phase.run_sync(_to_receipts, phase, id)


def _to_booked(database: Database, phase: Phase, id: str) -> None:
    database.change(BOOK, (id,))
    phase.recover_at("booked")


def _to_receipts(database: Database, phase: Phase, id: str) -> None:
    database.change(RECEIPT, (id,))
    phase.finish(f"booked {id}")


@contextmanager
def consumer(url: str, effects: str, now_s: float) -> Iterator[Consumer]:
    made = Consumer(url, effects, now_s)
    with closing(made.connections), closing(made.keys):
        yield made


def live(url: str, effects: str, way: str, ids: list[str], announcer: Announcer) -> None:
    """Consume in a process of its own, which stands before each statement."""
    with consumer(url, effects, now_s=0.0) as consuming:
        consuming.connections.close()  # what is opened from now on is announced
        consuming.keys._claiming.close()

        def announced(*given: Any, **named: Any) -> Database:  # noqa: ANN401
            return EachAnnounced(connect(*given, **named), announcer.stand)

        vars(pool)["connect"] = announced
        consuming.consume(way, ids, lambda: announcer.stand(ACKNOWLEDGE))
    announcer.say(DONE)


def killed(url: str, effects: str, way: str, take_over: Callable[[list[str]], None]) -> str:
    """Kill one at each place in turn, and let its queue be taken over; return the places."""
    places: list[str] = []
    for place in count(1):
        ids = [f"{place}-{number}" for number in range(MESSAGES)]
        with Standing(live, url, effects, way, ids, load=LATE) as process:
            for _ in range(place):
                if (word := process.next()) == DONE:
                    return ", ".join(places)
        places.append(word)
        take_over(ids)
    raise AssertionError


@pytest.mark.parametrize("way", ["decorated", "decorated_async", "block", "block_async"])
def test_wherever_one_is_killed_each_effect_in_phases_happens_once(url: str, way: str) -> None:
    with consumer(url, "in phases", now_s=LEASE_S) as other:

        def take_over(ids: list[str]) -> None:
            assert other.consume(way, ids) == [f"booked {id}" for id in ids]
            assert times(other, "booked", ids) == times(other, "receipts", ids) == [1] * 3

        assert killed(url, "in phases", way, take_over) == ", ".join(IN_PHASES * MESSAGES)


def test_wherever_one_is_killed_an_effect_elsewhere_is_never_repeated(url: str) -> None:
    in_doubt = Counter[int]()
    with consumer(url, "anywhere", now_s=LEASE_S) as other:

        def take_over(ids: list[str]) -> None:
            for id in ids:
                told = None
                with suppress(KeyRefused):
                    told = other.consume("anywhere", [id])
                [effects] = times(other, "booked", [id])
                if told is None:
                    in_doubt[effects] += 1
                else:
                    assert (told, effects) == ([f"booked {id}"], 1)

        places = killed(url, "anywhere", "anywhere", take_over)
    assert places == ", ".join(ANYWHERE * MESSAGES)
    assert in_doubt == {0: MESSAGES, 1: MESSAGES}  # before its effect, and after it


def times(consumer: Consumer, table: str, ids: list[str]) -> list[int]:
    rows = consumer.connections.here().rows(f"SELECT id FROM {table}")
    found = Counter(id for (id,) in rows)
    return [found[id] for id in ids]
