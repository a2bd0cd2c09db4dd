"""The disk of the simulation in a real database: the same meaning, and undivided effects."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import pytest

from delivery_semantics import Message
from delivery_semantics.core.answers import answer
from delivery_semantics.core.effects import (
    Answer,
    Atomic,
    Confirm,
    Effect,
    GiveUp,
    IsMarked,
    Load,
    Mark,
    Once,
    Passive,
    Process,
    Save,
)
from delivery_semantics.core.perform import boot
from delivery_semantics.core.store import Store
from delivery_semantics.core.world import World
from delivery_semantics.databases import Database, SchemaMismatch, connect, empty_place
from delivery_semantics.databases.disk import SCHEMA, DatabaseStore
from delivery_semantics.systems.postgresql import postgresql

PAYMENT = Message("1", 10)
EFFECTS: list[Effect] = [
    Process(PAYMENT), Process(PAYMENT), Process(Message("2", -3)),
    IsMarked("1"), Mark("1"), IsMarked("1"), Mark("1"),
    Once("1", Process(PAYMENT)), Once("3", Process(Message("3"))),
    Once("3", Process(Message("3"))), IsMarked("3"),
    Load("newest", 7), Save("newest", 8), Load("newest", 7), Save("newest", 9),
    Save("bit", 1, durable=False), Load("bit"), Load("newest"),
    Atomic(Process(Message("4")), Save("newest", -1)), Load("newest"),
    GiveUp("1"), Confirm("1"), GiveUp("1"), GiveUp("2"),
]  # fmt: skip


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with postgresql() as url:
        yield url


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def url(request: pytest.FixtureRequest) -> Iterator[str]:
    server = request.getfixturevalue("server") if request.param == "postgresql" else ""
    with empty_place(server) as url:
        yield url


@pytest.fixture
def database(url: str) -> Iterator[Database]:
    with closing(connect(url, synchronous="OFF")) as database:
        yield database


def world_on(disk: Store | DatabaseStore) -> World:
    return boot({"receiver": Passive()}, disks={"receiver": disk})


def carried_out(world: World, effects: list[Effect]) -> list[Answer]:
    return [answer(world, "receiver", effect) for effect in effects]


def test_every_effect_has_the_same_answer_and_outcome_as_in_memory(database: Database) -> None:
    store, disk = Store(), DatabaseStore(database)
    answers = carried_out(world_on(store), EFFECTS)
    assert carried_out(world_on(disk), EFFECTS) == answers
    assert {None, True, False, 7, 8, 9, -1} <= set(answers)
    assert disk.processed() == store.processed
    assert disk.marked() == frozenset(store.marked)
    assert dict(database.rows("SELECT key, value FROM saved")) == store.saved
    assert dict(database.rows("SELECT id, outcome FROM settled")) == store.settled


def test_what_is_processed_twice_stands_there_twice(database: Database) -> None:
    disk = DatabaseStore(database)
    disk.process(PAYMENT)
    disk.process(PAYMENT)
    assert (disk.processed(), disk.money()) == ({"1": 2}, 20)


def test_an_empty_disk_has_no_money(database: Database) -> None:
    disk = DatabaseStore(database)
    assert (disk.processed(), disk.marked(), disk.money()) == ({}, frozenset(), 0)


def test_what_was_committed_is_there_for_the_next_connection(url: str) -> None:
    for money in (0, 10):
        with closing(connect(url)) as database:
            disk = DatabaseStore(database)
            assert disk.money() == money
            disk.process(PAYMENT)


class Killed(BaseException):
    """Stands in for the end of the process, which nothing can catch."""


@pytest.mark.parametrize("statement", [1, 2, 3])
def test_a_transaction_that_does_not_reach_its_commit_has_done_nothing(
    database: Database, statement: int
) -> None:
    passed: list[str] = []

    def stop_at_it(what: str) -> None:
        passed.append(what)
        if len(passed) == statement:
            raise Killed

    disk = DatabaseStore(database, stop_at_it)
    with pytest.raises(Killed):
        carried_out(world_on(disk), [Once("1", Process(PAYMENT))])
    assert passed == ["process", "mark", "commit"][:statement]
    assert (disk.processed(), disk.marked()) == ({}, frozenset())


def test_statements_are_announced_within_a_transaction_only(database: Database) -> None:
    passed: list[str] = []
    world = world_on(DatabaseStore(database, passed.append))
    carried_out(world, [Process(PAYMENT), Mark("1"), Save("newest", 1), IsMarked("1")])
    assert passed == []
    carried_out(world, [Once("1", Process(PAYMENT))])
    assert passed == ["commit"]  # it was marked: there is nothing to write
    carried_out(world, [Atomic(Process(PAYMENT), Save("newest", 2))])
    assert passed == ["commit", "process", "save", "commit"]


def test_tables_of_another_version_are_left_alone(database: Database) -> None:
    DatabaseStore(database).process(PAYMENT)
    database.change("UPDATE schema_versions SET version = ?", (SCHEMA.version + 1,))
    with pytest.raises(SchemaMismatch, match="'delivery' have version 2; allowed: version 1"):
        DatabaseStore(database)
    assert database.rows("SELECT id FROM processed") == [("1",)]
