from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from delivery_semantics.databases import connect, empty_place
from delivery_semantics.databases.announced import Announced, gist
from delivery_semantics.experiments.idempotent import bank
from delivery_semantics.experiments.idempotent.banks import balances, open_accounts
from delivery_semantics.experiments.idempotent.kill_views import (
    killed_view,
    receipts_view,
    versions_view,
)
from delivery_semantics.experiments.idempotent.kills import (
    KilledTransfer,
    Transfer,
    killed_before,
    killed_everywhere,
    paid_and_got,
)
from delivery_semantics.systems.postgresql import postgresql

STATEMENTS = [
    "BEGIN", "INSERT INTO transfers", "SELECT accounts", "UPDATE accounts", "UPDATE accounts",
    "UPDATE transfers", "COMMIT", "reply",
]  # fmt: skip


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with postgresql() as url:
        yield url


@pytest.mark.slow
def test_the_first_version_loses_money_or_moves_it_twice() -> None:
    found = killed_everywhere("first")
    assert [one.step for one in found] == ["debit", "credit", "reply"]
    money = {name: [end.money for end in ends] for name, ends in paid_and_got(found).items()}
    assert money == {"a has paid": [10, 20, 20], "b has got": [10, 10, 20]}
    assert {end.expected for ends in paid_and_got(found).values() for end in ends} == {10}
    assert [one.money for one in found] == [100, 90, 100]
    assert [one.transfers for one in found] == [1, 1, 2]


@pytest.mark.slow
def test_the_second_version_loses_money_or_moves_it_twice_as_well() -> None:
    found = killed_everywhere("second")
    assert [one.step for one in found] == ["check", "debit", "credit", "mark", "reply"]
    assert [one.money for one in found] == [100, 100, 90, 100, 100]
    assert [one.transfers for one in found] == [1, 1, 1, 2, 1]


@pytest.mark.slow
@pytest.mark.parametrize("place", ["sqlite", "postgresql"])
def test_the_mended_version_survives_a_kill_before_every_statement(
    place: str, server: str
) -> None:
    found = killed_everywhere("mended", server=server if place == "postgresql" else "")
    assert [one.step for one in found] == STATEMENTS
    assert [one.left for one in found] == [{"a": 100, "b": 0}] * 7 + [{"a": 90, "b": 10}]
    assert {(one.transfers, one.money, one.reply) for one in found} == {
        (1, 100, bank.TRANSFERRED)
    }


@pytest.mark.slow
def test_a_receipt_outside_of_the_transaction_is_printed_twice() -> None:
    numbers = {
        step: number for number, step in enumerate([*STATEMENTS[:-1], "receipt", "reply"])
    }
    before, after = (killed_before(numbers[s], "receipt after") for s in ("receipt", "reply"))
    assert (before.step, before.receipts, before.transfers) == ("receipt", 1, 1)
    assert (after.step, after.receipts, after.transfers) == ("reply", 2, 1)


def killed(
    step: str, left: tuple[int, int], end: tuple[int, int], receipts: int
) -> KilledTransfer:
    a_left, b_left = left
    a_end, b_end = end
    before, after = {"a": a_left, "b": b_left}, {"a": a_end, "b": b_end}
    return KilledTransfer("second", step, before, after, "returned", receipts)


KILLED = [
    killed("check", (100, 0), (90, 10), 1),
    killed("credit", (90, 0), (80, 10), 1),
    killed("reply", (90, 10), (90, 10), 2),
]


def test_a_view_of_a_kill_shows_its_place_and_the_money_after_the_retry() -> None:
    view = killed_view(KILLED, before="credit")
    assert view.numbers == {"money expected": 10, "paid by a": 20, "there in b": 10}
    assert "a has paid 10 and b has got 0. After the retry" in view.sentence
    steps, money = view.pictures
    assert steps.description == "Done before the kill: check. Not done: credit, reply."
    assert "a has paid: expected 10, ✗ 20 there, 10 too much" in money.description


def test_a_view_of_receipts_counts_them_beside_the_money() -> None:
    assert receipts_view(KILLED, before="reply").numbers["receipts"] == 2
    assert "1 too much" in receipts_view(KILLED, before="reply").pictures[2].description


def test_a_view_of_a_version_says_how_many_kills_do_harm() -> None:
    sides = ("a has paid", "b has got")
    views = [versions_view({"second": KILLED}, version="second", side=side) for side in sides]
    assert [view.numbers["wrong in the end"] for view in views] == [1, 0]


@pytest.mark.slow
def test_kills_can_be_told_from_a_step_on() -> None:
    assert [one.step for one in killed_everywhere("first", since="credit")] == [
        "credit",
        "reply",
    ]
    with pytest.raises(ValueError, match="since is 'mark'; allowed: debit, credit, reply"):
        killed_everywhere("first", since="mark")


@pytest.mark.slow
def test_there_is_no_kill_behind_the_last_step() -> None:
    with pytest.raises(IndexError, match="number is 3; 'first' has fewer steps"):
        killed_before(3, "first")


@pytest.mark.slow
def test_a_transfers_process_is_gone_when_its_block_ends(tmp_path: Path) -> None:
    with empty_place() as url:
        open_accounts(url, bank.SCHEMA)
        with Transfer("mended", url, tmp_path / "receipts") as started:
            assert started.step == "BEGIN"
            pid = started.pid
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
        assert balances(url) == {"a": 100, "b": 0}


@pytest.mark.slow
def test_a_process_that_cannot_begin_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="ended by itself"):
        Transfer("mended", "sqlite:///no/such/folder/file", tmp_path / "receipts")


def test_each_statement_is_announced_before_it_is_carried_out() -> None:
    said: list[str] = []
    with empty_place() as url:
        open_accounts(url, bank.SCHEMA)
        database = Announced(connect(url), said.append)
        bank.transfer_money(database, "tx-1", "a", "b", 10)
        assert (database.dialect, database.in_transaction) == ("sqlite", False)
        database.close()
    assert said == STATEMENTS[:-1]


@pytest.mark.parametrize(
    ("statement", "says"),
    [
        (bank.CLAIM, "INSERT INTO transfers"),
        (bank.STORED, "SELECT transfers"),
        (bank.DEBIT, "UPDATE accounts"),
    ],
)
def test_a_statement_is_told_in_few_words(statement: str, says: str) -> None:
    assert gist(statement) == says
