"""Two copies on a real PostgreSQL, one statement at a time: who waits, and who is refused."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from delivery_semantics.experiments.idempotent.interleaved import (
    Interleaved,
    codes_view,
    interleaved,
    interleaved_mended,
    interleavings,
    lanes_view,
)
from delivery_semantics.experiments.idempotent.race import ON_POSTGRESQL, Variant
from delivery_semantics.systems.postgresql import postgresql

pytestmark = pytest.mark.slow  # a server is started

TWICE = (20, ("returned", "returned"))
OUTCOMES = {
    ("READ COMMITTED", "balances"): (*TWICE, 1),
    ("READ COMMITTED", "balances, unique mark"): (10, ("returned", "AlreadyThere"), 1),
    ("READ COMMITTED", "ledger"): (*TWICE, 0),
    ("REPEATABLE READ", "balances"): (10, ("returned", "NotSerializable"), 1),
    ("REPEATABLE READ", "balances, unique mark"): (10, ("returned", "NotSerializable"), 1),
    ("REPEATABLE READ", "ledger"): (*TWICE, 0),
    ("SERIALIZABLE", "balances"): (10, ("returned", "NotSerializable"), 1),
    ("SERIALIZABLE", "balances, unique mark"): (10, ("returned", "NotSerializable"), 1),
    ("SERIALIZABLE", "ledger"): (10, ("returned", "NotSerializable"), 0),
}


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with postgresql() as url:
        yield url


@pytest.fixture(scope="module")
def runs(server: str) -> dict[tuple[str, str], Interleaved]:
    return interleavings(server=server)


def test_each_level_does_what_it_does(runs: dict[tuple[str, str], Interleaved]) -> None:
    assert {how: (run.b, run.replies, run.waits) for how, run in runs.items()} == OUTCOMES


def test_a_second_recording_is_the_same(
    server: str, runs: dict[tuple[str, str], Interleaved]
) -> None:
    assert interleavings(server=server) == runs


def test_one_statement_is_let_go_at_a_time(runs: dict[tuple[str, str], Interleaved]) -> None:
    for run in runs.values():
        turns = [one.sent for one in run.statements]
        assert turns == list(range(1, len(turns) + 1))
        assert [one.copy for one in run.statements[:6]] == [0, 1, 0, 1, 0, 1]


def test_who_waits_goes_on_when_the_other_has_committed(
    runs: dict[tuple[str, str], Interleaved],
) -> None:
    run = runs["READ COMMITTED", "balances"]
    [waited] = [one for one in run.statements if one.back > one.sent]
    [commit] = [one for one in run.statements if (one.copy, one.words) == (0, "COMMIT")]
    assert (waited.copy, waited.words, waited.back) == (1, "debit", commit.sent)


def test_without_a_transaction_nobody_waits_and_both_transfer(server: str) -> None:
    run = interleaved(Variant("by themselves", "", unique=False), server=server)
    assert (run.b, run.replies, run.waits) == (*TWICE, 0)


def test_the_second_claim_waits_and_reads_the_result(server: str) -> None:
    run = interleaved_mended(server=server)
    assert (run.b, run.replies, run.waits) == (10, ("transferred", "transferred"), 1)
    [waited] = [one for one in run.statements if one.back > one.sent]
    assert (waited.copy, waited.words, waited.found) == (1, "claim", "0 rows")


def test_the_words_are_those_of_the_documents_code(server: str) -> None:
    run = interleaved(ON_POSTGRESQL[0], server=server)
    words = ["BEGIN", "check", "debit", "credit", "mark", "COMMIT"]
    assert [one.words for one in run.statements if one.copy == 0] == words


def test_a_view_says_what_came_of_it(runs: dict[tuple[str, str], Interleaved]) -> None:
    view = lanes_view(runs, level="REPEATABLE READ", tables="ledger")
    assert view.numbers == {
        "waits": 0,
        "refused": 0,
        "money expected": 10,
        "money there": 20,
    }
    assert "the money moved 2 times" in view.sentence


def test_codes_are_shown_side_by_side(runs: dict[tuple[str, str], Interleaved]) -> None:
    codes = {"looks first": runs["READ COMMITTED", "balances"]}
    view = codes_view(codes, code="looks first")
    assert (view.numbers["waits"], view.numbers["money there"]) == (1, 20)
    assert view.sentence.startswith("Code that looks first: the money moved 2 times.")
