from __future__ import annotations

from collections.abc import Iterator

import pytest

from delivery_semantics.databases import connect, empty_place
from delivery_semantics.experiments.idempotent import bank
from delivery_semantics.experiments.idempotent.banks import MemoryBank
from delivery_semantics.experiments.idempotent.first import Account, transfer_money
from delivery_semantics.experiments.idempotent.race import (
    ON_POSTGRESQL,
    ON_SQLITE,
    Race,
    Variant,
    at_once,
    document_race,
    in_memory,
    mended_race,
    race_view,
)
from delivery_semantics.systems.postgresql import postgresql


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with postgresql() as url:
        yield url


def found(race: Race) -> tuple[int, int, str, int]:
    assert race.a + race.b == 100
    return race.transfers, race.marks, race.refused, race.equal_replies


def test_each_copy_of_the_first_version_moves_money() -> None:
    shared = MemoryBank()
    for _ in range(3):
        transfer_money(Account(shared, "a"), Account(shared, "b"), 10)
    assert shared.balances == {"a": 70, "b": 30}


def test_the_second_version_skips_copies_that_come_later() -> None:
    assert found(in_memory(together=False)) == (1, 1, "none", 8)


@pytest.mark.parametrize("copies", [2, 8])
def test_the_second_version_lets_all_copies_pass_that_come_at_once(copies: int) -> None:
    assert found(in_memory(copies=copies)) == (copies, copies, "none", copies)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("variant", "becomes"),
    list(
        zip(
            ON_SQLITE,
            [(8, 8, "none", 8), (8, 1, "7 AlreadyThere", 1), (1, 1, "7 Locked", 1)],
            strict=True,
        )
    ),
    ids=lambda value: value.name if isinstance(value, Variant) else "",
)
def test_what_sqlite_does_to_the_documents_code(
    variant: Variant, becomes: tuple[int, int, str, int]
) -> None:
    assert found(document_race(variant)) == becomes


@pytest.mark.slow
@pytest.mark.parametrize(
    ("variant", "becomes"),
    list(
        zip(
            ON_POSTGRESQL,
            [
                (8, 8, "none", 8),
                (1, 1, "7 AlreadyThere", 1),
                (1, 1, "7 NotSerializable", 1),
                (1, 1, "7 NotSerializable", 1),
            ],
            strict=True,
        )
    ),
    ids=lambda value: value.name if isinstance(value, Variant) else "",
)
def test_what_postgresql_does_to_the_documents_code(
    variant: Variant, becomes: tuple[int, int, str, int], server: str
) -> None:
    assert found(document_race(variant, server=server)) == becomes


@pytest.mark.slow
@pytest.mark.parametrize("place", ["sqlite", "postgresql"])
def test_the_mended_code_moves_the_money_once_and_tells_all_the_same(
    place: str, server: str
) -> None:
    race = mended_race(server=server if place == "postgresql" else "")
    assert found(race) == (1, 1, "none", 8)
    assert set(race.replies) == {bank.TRANSFERRED}


@pytest.mark.slow
@pytest.mark.parametrize("place", ["sqlite", "postgresql"])
def test_of_copies_with_two_amounts_those_with_the_other_amount_are_told(
    place: str, server: str
) -> None:
    race = mended_race(server=server if place == "postgresql" else "", amounts=(10, 20))
    assert race.a + race.b == 100
    assert race.b in (10, 20)
    assert sorted(race.replies) == ["IdInUse"] * 4 + [bank.TRANSFERRED] * 4


@pytest.mark.slow
def test_a_place_on_a_server_is_gone_when_its_block_ends(server: str) -> None:
    with empty_place(server) as url:
        database = connect(url)
        database.rows("CREATE TABLE things (id TEXT)")
        [(place,)] = database.rows("SELECT current_schema()")
        database.close()
    database = connect(server)
    schemas = database.rows("SELECT nspname FROM pg_namespace")
    database.close()
    assert (place,) not in schemas
    assert ("public",) in schemas


def test_an_error_of_one_copy_is_raised_to_whoever_asked() -> None:
    def ask() -> str:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        at_once(2, ask)


def test_a_race_is_shown_with_its_money_and_what_callers_heard() -> None:
    race = Race(90, 10, 1, ("returned", *["AlreadyThere"] * 7))
    view = race_view({"one": race}, code="one")
    assert view.numbers == {
        "transfers": 1,
        "marks": 1,
        "refused": 7,
        "money expected": 10,
        "money there": 10,
    }
    assert "7 AlreadyThere" in view.sentence
    assert "the same answer 1, an error 7" in view.pictures[1].description
    twice = race_view({"two": in_memory(copies=2)}, code="two")
    assert "10 too much" in twice.pictures[0].description
