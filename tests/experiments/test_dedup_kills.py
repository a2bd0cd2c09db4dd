"""Three orders of process and mark: searched, simulated and killed, and they agree."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

import pytest

from delivery_semantics import EXACTLY_ONCE, audit
from delivery_semantics.experiments.dedup.kills import (
    ORDERS,
    KilledByChance,
    ThreeWays,
    counterexample,
    killed_by_chance,
    killed_everywhere,
    kills_view,
    replayed,
    three_ways,
)
from delivery_semantics.systems.postgresql import postgresql

pytestmark = pytest.mark.slow
each_order = pytest.mark.parametrize("receiver", ORDERS)
BROKEN = {"ProcessThenMark": 20, "MarkThenProcess": 0}
"""The money that the shortest counterexample leaves, of 10."""


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with postgresql() as url:
        yield url


def convicted(ways: ThreeWays) -> dict[str, int]:
    """The points at which a kill costs money or makes some, and how much is there then."""
    return {shot.step: shot.money for shot in ways.killed if shot.money != 10}


@each_order
def test_search_simulation_and_killed_processes_agree(receiver: str) -> None:
    ways = three_ways(receiver)
    assert ways.agree
    assert convicted(ways) == {
        "ProcessThenMark": {"before Mark": 20},
        "MarkThenProcess": {"before Process": 0},
        "ProcessOnce": {},
    }[receiver]  # fmt: skip


def test_the_panel_of_kills_shows_where_the_money_is_wrong() -> None:
    views = [kills_view(receiver=receiver) for receiver in ORDERS]
    assert [view.numbers["money there"] for view in views] == [50, 30, 60]
    assert [view.numbers["money expected"] for view in views] == [40, 40, 60]
    assert "killed before Mark." in views[0].sentence


@each_order
def test_on_postgresql_every_point_ends_as_on_sqlite(receiver: str, server: str) -> None:
    assert three_ways(receiver, server=server).killed == three_ways(receiver).killed


def test_agreement_is_no_matter_of_course() -> None:
    ways, others = three_ways("ProcessThenMark"), three_ways("ProcessOnce")
    shuffled = tuple(
        replace(shot, trace=other.trace)
        for shot, other in zip(ways.killed, reversed(ways.killed), strict=True)
    )
    assert not replace(ways, killed=shuffled).agree
    assert not replace(ways, searched=others.searched).agree


@pytest.mark.parametrize("receiver", BROKEN)
def test_the_shortest_counterexample_happens_to_a_real_process(receiver: str) -> None:
    trace, money = replayed(receiver)
    broken = counterexample(three_ways(receiver).searched)
    assert broken is not None
    assert trace == broken.counterexample
    assert money == audit(trace).money_there == BROKEN[receiver]


def test_what_the_search_does_not_break_has_nothing_to_replay() -> None:
    with pytest.raises(ValueError, match="'ProcessOnce'; allowed: one that the search breaks"):
        replayed("ProcessOnce")


def judge(killed: KilledByChance) -> None:
    """Hold the counts against theory, within four standard deviations."""
    messages = len(killed.found.sent)
    for share, expected in (
        (killed.never, killed.expected.none),
        (killed.several, killed.expected.several),
    ):
        sigma = math.sqrt(expected * (1 - expected) / messages)
        assert abs(share - expected) <= 4 * sigma
    assert killed.money_there == killed.found.money_there
    assert killed.kills > 0


@each_order
@pytest.mark.parametrize("crash", [0.1, 0.4])
def test_the_shares_are_those_of_theory(receiver: str, crash: float) -> None:
    judge(killed_by_chance(receiver, crash=crash))


@each_order
def test_the_shares_are_those_of_theory_on_postgresql_too(receiver: str, server: str) -> None:
    found = killed_by_chance(receiver, crash=0.3, messages=60, server=server)
    judge(found)
    assert found == killed_by_chance(receiver, crash=0.3, messages=60)


def test_a_thousand_kills_lose_and_repeat_nothing_with_the_mended_receiver() -> None:
    killed = killed_everywhere("ProcessOnce", messages=200)
    found = audit(killed.trace)
    assert killed.fell == dict.fromkeys(killed.fell, 200)
    assert (len(killed.fell), killed.fell.total()) == (6, 1200)
    assert found.verdict(EXACTLY_ONCE) == "ok"
    assert (found.lost, found.duplicated) == ((), ())
    assert killed.money_there == found.money_expected == 2000


def test_a_hundred_kills_lose_and_repeat_nothing_on_postgresql(server: str) -> None:
    killed = killed_everywhere("ProcessOnce", messages=20, server=server)
    assert killed.fell.total() == 120
    assert audit(killed.trace).verdict(EXACTLY_ONCE) == "ok"
    assert killed.money_there == 200


def test_the_broken_receivers_pay_each_time_that_they_are_killed_in_their_window() -> None:
    for receiver, money in BROKEN.items():
        assert killed_everywhere(receiver, messages=20).money_there == 20 * money


@pytest.mark.parametrize(("crash", "loss"), [(1, 0.2), (0.2, 1)])
def test_where_no_message_gets_through_is_refused(crash: float, loss: float) -> None:
    with pytest.raises(ValueError, match="is 1; allowed: below 1, or no message gets through"):
        killed_by_chance("ProcessOnce", crash=crash, loss=loss)
