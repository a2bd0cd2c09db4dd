from __future__ import annotations

import threading
from collections.abc import Iterator
from itertools import count

import pytest

from delivery_semantics.databases import (
    AlreadyThere,
    Connections,
    Database,
    connect,
    empty_place,
)
from delivery_semantics.databases.announced import Announced
from delivery_semantics.experiments.idempotent.bank import (
    NO_FUNDS,
    SCHEMA,
    TRANSFERRED,
    IdInUse,
    transfer_money,
)
from delivery_semantics.experiments.idempotent.banks import open_accounts
from delivery_semantics.experiments.idempotent.race import at_once
from delivery_semantics.systems.postgresql import postgresql


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with postgresql() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest) -> Iterator[Database]:
    server = request.getfixturevalue("server") if request.param == "postgresql" else ""
    with empty_place(server) as url:
        open_accounts(url, SCHEMA)
        opened = connect(url)
        try:
            yield opened
        finally:
            opened.close()


def money(database: Database) -> tuple[int, int]:
    [(a,), (b,)] = database.rows("SELECT balance FROM accounts ORDER BY name")
    return a, b


def test_a_transfer_moves_the_money_once_and_answers_every_copy_the_same(
    database: Database,
) -> None:
    replies = [transfer_money(database, "tx-1", "a", "b", 10) for _ in range(5)]
    assert replies == [TRANSFERRED] * 5
    assert money(database) == (90, 10)


def test_another_id_is_another_transfer(database: Database) -> None:
    transfer_money(database, "tx-1", "a", "b", 10)
    transfer_money(database, "tx-2", "a", "b", 10)
    assert money(database) == (80, 20)


def test_too_little_money_is_an_answer_that_stays(database: Database) -> None:
    assert transfer_money(database, "tx-1", "a", "b", 101) == NO_FUNDS
    database.change("UPDATE accounts SET balance = 500 WHERE name = 'a'")
    assert transfer_money(database, "tx-1", "a", "b", 101) == NO_FUNDS
    assert money(database) == (500, 0)
    assert transfer_money(database, "tx-2", "a", "b", 500) == TRANSFERRED


@pytest.mark.parametrize(
    "other", [("a", "b", 11), ("b", "a", 10), ("a", "c", 10)], ids=["amount", "turned", "payee"]
)
def test_an_id_with_other_parameters_is_an_error_and_moves_nothing(
    database: Database, other: tuple[str, str, int]
) -> None:
    transfer_money(database, "tx-1", "a", "b", 10)
    with pytest.raises(IdInUse, match="'tx-1', which was 10 from a to b; allowed: the same"):
        transfer_money(database, "tx-1", *other)
    assert money(database) == (90, 10)


def test_an_unknown_account_leaves_the_id_free(database: Database) -> None:
    with pytest.raises(ValueError, match="account is 'nobody'; allowed: the name of an"):
        transfer_money(database, "tx-1", "a", "nobody", 10)
    assert money(database) == (100, 0)
    assert transfer_money(database, "tx-1", "a", "b", 10) == TRANSFERRED


@pytest.mark.parametrize(
    ("id", "to", "amount", "says"),
    [
        ("", "b", 10, "transaction_id is ''; allowed: 1 to 255"),
        ("x" * 256, "b", 10, "allowed: 1 to 255 characters"),
        ("tx-1", "a", 10, "to_account is 'a'; allowed: another"),
        ("tx-1", "b", 0, "amount is 0; allowed: a whole number, 1 or more"),
        ("tx-1", "b", -10, "amount is -10"),
    ],
)
def test_bad_input_is_refused_and_leaves_nothing(
    database: Database, id: str, to: str, amount: int, says: str
) -> None:
    with pytest.raises(ValueError, match=says):
        transfer_money(database, id, "a", to, amount)
    assert money(database) == (100, 0)
    assert database.rows("SELECT id FROM transfers") == []


def test_a_refusal_in_the_middle_leaves_nothing_and_a_retry_completes_it(
    database: Database,
) -> None:
    # The credit fails: no two accounts may hold the same.
    database.rows("CREATE UNIQUE INDEX one_each ON accounts (balance)")
    database.change("INSERT INTO accounts VALUES ('c', 10)")
    with pytest.raises(AlreadyThere):
        transfer_money(database, "tx-1", "a", "b", 10)
    assert database.rows("SELECT id FROM transfers") == []
    database.change("DELETE FROM accounts WHERE name = 'c'")
    assert transfer_money(database, "tx-1", "a", "b", 10) == TRANSFERRED
    assert money(database) == (90, 10)


@pytest.mark.slow
def test_of_two_transfers_in_opposite_directions_one_may_have_to_ask_again(server: str) -> None:
    both_debited = threading.Barrier(2)
    with empty_place(server) as url:
        open_accounts(url, SCHEMA)
        connections = Connections(url, lock_timeout_s=30.0)
        connections.here().change("UPDATE accounts SET balance = 50")
        directions = iter([("tx-1", "a", "b"), ("tx-2", "b", "a")])

        def ask() -> str:
            id, payer, payee = next(directions)
            updates = count(1)

            def meet(statement: str) -> None:
                if statement == "UPDATE accounts" and next(updates) == 2:
                    both_debited.wait(60.0)

            return transfer_money(Announced(connections.here(), meet), id, payer, payee, 10)

        assert sorted(at_once(2, ask)) == ["NotSerializable", TRANSFERRED]
        for id, payer, payee in (("tx-1", "a", "b"), ("tx-2", "b", "a")):
            assert transfer_money(connections.here(), id, payer, payee, 10) == TRANSFERRED
        assert money(connections.here()) == (50, 50)
        connections.close()
