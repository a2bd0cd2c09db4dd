"""What a real Kafka does is among what the search found; the audit says which settings hold."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from delivery_semantics import EXACTLY_ONCE, audit, payments
from delivery_semantics.experiments.kafka import (
    acks,
    consumers,
    outside,
    rebalance,
    share,
    transactions,
    transfer,
)
from delivery_semantics.experiments.kafka.acks import PRODUCERS, TROUBLES, lossy, troubled
from delivery_semantics.experiments.kafka.model import producing, sharing_model
from delivery_semantics.experiments.kafka.rebalance import REVOKED, rebalanced
from delivery_semantics.experiments.kafka.share import shared
from delivery_semantics.experiments.kafka.transactions import (
    ENDS,
    IDS,
    LEVELS,
    aborted,
    frames_of_a_transaction,
    replaced,
    seen,
    some_aborted,
)
from delivery_semantics.protocols.log import read_log
from delivery_semantics.show.view import View
from delivery_semantics.systems.kafka.client import topic
from delivery_semantics.systems.kafka.defaults import java_defaults, librdkafka_defaults
from delivery_semantics.systems.kafka.mock import mocked
from delivery_semantics.systems.kafka.server import running
from delivery_semantics.systems.lab import KILLED

pytestmark = [pytest.mark.slow, pytest.mark.needs("kafka")]
ONE = payments(1)


@pytest.fixture(scope="module")
def kafka() -> Iterator[str]:
    with running() as address:
        yield address


# The way in ----------------------------------------------------------------------------------


@pytest.mark.parametrize("idempotent", [False, True])
def test_a_producer_whose_ack_is_lost_ends_as_the_search_has_it(
    kafka: str, *, idempotent: bool
) -> None:
    kind = "idempotent" if idempotent else "plain"
    real = lossy(kafka, kind, "replies", count=1, first=1)
    found = producing(idempotent=idempotent)
    assert real.trace.outcome() in found.outcomes
    assert real.copies == int(not idempotent)
    assert found.never_more_than_once.holds == idempotent


@pytest.mark.parametrize(
    ("kind", "losing", "verdict"),
    [
        ("acks=0", "requests", "broken: lost 2; lost though acked 2"),
        ("plain", "requests", "ok"),
        ("plain", "replies", "broken: duplicated 2"),
        ("idempotent", "requests", "ok"),
        ("idempotent", "replies", "ok"),
    ],
)
def test_the_audit_convicts_the_producers_that_are_unsafe_and_no_others(
    kafka: str, kind: str, losing: str, verdict: str
) -> None:
    assert audit(lossy(kafka, kind, losing).trace).verdict(EXACTLY_ONCE) == verdict


@pytest.mark.parametrize("lost", [1, 3])
def test_there_are_as_many_duplicates_as_acks_were_lost(kafka: str, lost: int) -> None:
    copies = [lossy(kafka, kind, "replies", lost=lost, count=6).copies for kind in PRODUCERS]
    assert dict(zip(PRODUCERS, copies, strict=True)) == {
        "acks=0": 0, "plain": lost, "idempotent": 0,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("trouble", "copies"), [*zip(TROUBLES, ([1, 0], [1, 0], [1, 1]), strict=True)]
)
def test_an_idempotent_producer_is_known_again_unless_its_program_starts_again(
    kafka: str, trouble: str, copies: list[int]
) -> None:
    found = [troubled(kafka, trouble, kind).copies for kind in ("plain", "idempotent")]
    assert found == copies


# The way out ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "order", "expected"),
    [
        ("commit, process", "before", {"before Process": 0}),
        ("process, commit", "after", {"before Commit": 20}),
        ("process once, commit", "with", {}),
        ("librdkafka's default", "before", {"before Process": 0}),
    ],
)
def test_a_killed_consumer_ends_as_the_search_has_it(
    kafka: str, name: str, order: str, expected: dict[str, int]
) -> None:
    ends = consumers.endings(kafka, name, KILLED)
    assert {end.step: end.money for end in ends if end.money != end.expected} == expected
    times = {outcome[0][1] for outcome in read_log(order).outcomes}
    assert {end.money // 10 for end in ends} <= times


def test_a_rebalance_costs_what_the_first_consumer_does_about_it(kafka: str) -> None:
    moves = [rebalanced(kafka, what) for what in REVOKED]
    assert [audit(move.trace).money_there for move in moves] == [80, 80, 50]
    assert [move.committed for move in moves] == [5, 3, 5]
    assert audit(moves[-1].trace).verdict(EXACTLY_ONCE) == "ok"


# Transactions --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("way", "expected"),
    [
        ("no transaction", {"before CommitOffset": 20}),
        ("offset apart", {"before CommitOffset": 20}),
        ("one transaction", {}),
    ],
)
def test_only_the_offset_inside_makes_a_transaction_exactly_once(
    kafka: str, way: str, expected: dict[str, int]
) -> None:
    ends = transfer.at_each_step(kafka, way, ONE)
    assert {end.step: end.money for end in ends if end.money != end.expected} == expected
    for end in ends:
        right = audit(end.trace).verdict(EXACTLY_ONCE) == "ok"
        assert right == (end.money == end.expected)


def test_a_zombie_is_fenced_wherever_it_was_paused(kafka: str) -> None:
    ends = transfer.at_each_step(kafka, "one transaction", ONE, fault="paused")
    assert {end.money for end in ends} == {10}
    assert [end.zombie for end in ends] == ["_FENCED"] * 4 + [""]


@pytest.mark.parametrize(
    ("ids", "generation", "money"),
    [(IDS[0], False, 10), (IDS[0], True, 10), (IDS[1], False, 20), (IDS[1], True, 10)],
)
def test_an_id_or_a_generation_fences_who_was_replaced(
    kafka: str, ids: str, *, generation: bool, money: int
) -> None:
    zombie = replaced(kafka, ids=ids, generation=generation)
    assert audit(zombie.trace).money_there == money
    assert bool(zombie.told) == (money == 10)


@pytest.mark.parametrize(
    ("end", "committed", "uncommitted"),
    [("open", (), ("1", "2")), ("committed", ("1", "2"), ("1", "2")),
     ("aborted", ("2",), ("1", "2"))],
)  # fmt: skip
def test_a_reader_sees_what_its_isolation_level_says(
    kafka: str, end: str, committed: tuple[str, ...], uncommitted: tuple[str, ...]
) -> None:
    assert end in ENDS
    assert seen(kafka, end) == dict(zip(LEVELS, (committed, uncommitted), strict=True))


def test_the_mock_cluster_is_convicted_where_kafka_is_acquitted(kafka: str) -> None:
    with topic(kafka) as there, mocked() as mock:
        verdicts = [
            audit(aborted(each, "read_committed")).verdict(EXACTLY_ONCE)
            for each in (there, mock)
        ]
    assert verdicts == ["ok", "broken: aborted read 1"]


def test_after_an_abort_who_does_not_seek_back_loses_the_payment(kafka: str) -> None:
    goes_on, seeks = (some_aborted(kafka, seeks=seeks) for seeks in (False, True))
    assert audit(goes_on.trace).lost_though_acked == ("3", "6", "9")
    assert audit(seeks.trace).verdict(EXACTLY_ONCE) == "ok"


def test_this_client_speaks_the_first_version_of_the_protocol(kafka: str) -> None:
    assert frames_of_a_transaction(kafka)["add partitions to txn"] == 1


def test_a_zombie_without_a_transaction_is_told_nothing_and_does_more_harm(
    kafka: str,
) -> None:
    ends = transfer.at_each_step(kafka, "no transaction", ONE, fault="paused")
    assert [end.money for end in ends] == [20, 20, 10]
    assert {end.zombie for end in ends} == {""}


# A queue, and outside ------------------------------------------------------------------------


def test_a_share_group_lets_go_after_its_last_delivery(kafka: str) -> None:
    run = shared(kafka, payments(3), fails={"2": 9}, deliveries_max=3)
    assert [n for id, n in run.handed if id == "2"] == [1, 2, 3]
    assert audit(run.trace).lost_though_acked == ("2",)
    alone = shared(kafka, ONE, fails={"1": 9}, deliveries_max=3)
    assert alone.trace.outcome() in sharing_model(3).outcomes


@pytest.mark.parametrize(
    ("offsets", "wrong"),
    [(outside.OFFSETS[0], ["before SendOffset", "before CommitTransaction"]),
     (outside.OFFSETS[1], [])],
)  # fmt: skip
def test_an_effect_outside_is_repeated_unless_it_holds_the_offset(
    kafka: str, offsets: str, wrong: list[str]
) -> None:
    ends = outside.sink_killed_at_each_step(kafka, offsets, ONE)
    assert [end.step for end in ends if end.money != end.expected] == wrong


def test_the_two_clients_disagree_about_what_is_on() -> None:
    names = ("enable.idempotence", "isolation.level", "acks", "auto.commit.interval.ms")
    assert list(java_defaults(names).values())[:3] == ["true", "read_uncommitted", "all"]
    assert list(librdkafka_defaults(names).values()) == [
        "false",
        "read_committed",
        "-1",
        "5000",
    ]


# In the panels ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("view", "position", "there"),
    [
        (rebalance.rebalance_view, {"revoked": "stops and commits"}, 50),
        (rebalance.rebalance_view, {"revoked": "goes on"}, 80),
        (acks.acks_view, {"kind": "acks=0", "losing": "requests"}, 10),
        (acks.trouble_view, {"trouble": "the ack is lost", "kind": "plain"}, 20),
        (acks.trouble_view, {"trouble": "the ack is lost", "kind": "idempotent"}, 10),
        (transactions.abort_view, {"then": "goes on", "every": 5}, 80),
        (transactions.abort_view, {"then": "seeks back", "every": 2}, 100),
        (transactions.fence_view, {"ids": IDS[1], "generation": "not sent"}, 20),
        (share.share_view, {"limit": 2, "fails": 1}, 30),
        (share.share_view, {"limit": 2, "fails": 2}, 20),
    ],
)
def test_a_panel_tells_the_money_of_its_run(
    kafka: str, view: Callable[..., View], position: dict[str, object], there: int
) -> None:
    assert view(kafka, **position).numbers["money there"] == there


@pytest.mark.parametrize(
    ("view", "position", "wrong", "at_worst"),
    [
        (consumers.consumer_view, {"name": "process, commit", "fault": "paused"}, 2, 20),
        (consumers.consumer_view, {"name": "process once, commit"}, 0, 10),
        (transfer.killed_view, {"way": "offset apart"}, 1, 20),
        (transfer.paused_view, {"way": "no transaction"}, 2, 20),
        (outside.sink_view, {"offsets": outside.OFFSETS[0]}, 2, 20),
    ],
)
def test_a_panel_of_kills_tells_its_places_and_the_worst_of_them(
    kafka: str, view: Callable[..., View], position: dict[str, str], wrong: int, at_worst: int
) -> None:
    numbers = view(kafka, **position).numbers
    assert (numbers["of them wrong"], numbers["there, at worst"]) == (wrong, at_worst)


def test_there_is_a_duplicate_for_each_lost_ack_of_the_plain_producer_only(kafka: str) -> None:
    numbers = acks.copies_view(kafka, lost=4).numbers
    assert (numbers["there, plain"], numbers["there, idempotent"]) == (160, 120)


def test_names_that_there_are_not_are_told(kafka: str) -> None:
    for call in (
        lambda: acks.lossy(kafka, "fast", "replies"),
        lambda: acks.lossy(kafka, "plain", "hopes"),
        lambda: consumers.endings(kafka, "process, commit", "tired"),
        lambda: transfer.at_each_step(kafka, "two transactions", ONE),
        lambda: rebalanced(kafka, "hopes"),
        lambda: troubled(kafka, "hopes", "plain"),
        lambda: transactions.abort_view(kafka, then="hopes", every=3),
        lambda: outside.sink_killed_at_each_step(kafka, "nowhere", ONE),
    ):
        with pytest.raises(ValueError, match=r" is '.*'; allowed: "):
            call()
