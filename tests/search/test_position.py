"""Where a run stands that is chosen step by step."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from delivery_semantics import (
    AckThenProcess,
    Bounds,
    Crash,
    Deliver,
    Lose,
    Once,
    Participant,
    Process,
    ProcessOnce,
    ProcessThenAck,
    ProcessThenMark,
    Restart,
    RetryUntilAcked,
    Step,
    Timeout,
    explore,
    payments,
    script,
)
from delivery_semantics.core.perform import boot
from delivery_semantics.core.script import follow, run_local
from delivery_semantics.core.steps import from_text, to_text
from delivery_semantics.search.position import Position, position


def pair(receiver: Participant) -> Mapping[str, Participant]:
    return {"shop": RetryUntilAcked("bank", payments(1)), "bank": receiver}


def stands(parts: Mapping[str, Participant], *steps: Step) -> Position:
    world = boot(parts)
    follow(world, *steps)
    run_local(world)
    return position(world)


def test_the_money_and_the_promises_of_each_step() -> None:
    steps = (Deliver(1), Lose(2), Timeout("shop"), Deliver(3), Deliver(4))
    found = [stands(pair(ProcessThenAck()), *steps[:n]) for n in range(len(steps) + 1)]
    assert [each.money_there for each in found] == [0, 10, 10, 10, 20, 20]
    assert {each.money_expected for each in found} == {10}
    assert [each.broken for each in found][3:] == [(), *[("never more than once",)] * 2]
    assert [each.ended for each in found] == [False] * 5 + [True]


def test_a_message_is_missing_from_the_beginning_and_missed_at_the_end() -> None:
    steps = (Deliver(1), Crash("bank", before=Process), Deliver(2), Restart("bank"))
    found = [stands(pair(AckThenProcess()), *steps[:n]) for n in (0, 2, 3, 4)]
    assert [each.missing for each in found] == [("1",)] * 4
    assert [each.broken for each in found] == [(), (), (), ("at least once, eventually",)]


@pytest.mark.parametrize("receiver", [ProcessThenAck(), ProcessThenMark(), AckThenProcess()])
def test_a_search_from_here_goes_on_in_the_readers_own_steps(receiver: Participant) -> None:
    begun = (Deliver(1),)
    bounds = Bounds(crashable=("bank",), early_timeouts=1)
    found = explore(pair(receiver), bounds, after=begun, automatic=True)
    broken = [verdict for verdict in found.verdicts if not verdict.holds]
    assert broken
    for verdict in broken:
        assert verdict.counterexample == script(pair(receiver), *begun, *verdict.steps)
        assert [from_text(to_text(step)) for step in verdict.steps] == list(verdict.steps)


def test_where_no_way_exists_a_search_from_here_says_so() -> None:
    bounds = Bounds(crashable=("bank",), early_timeouts=1)
    assert explore(pair(ProcessOnce()), bounds, after=(Deliver(1),), automatic=True)


def test_the_players_shortest_is_no_longer_than_the_searchs_choices() -> None:
    bounds = Bounds(crashable=("bank",))
    by_hand = explore(pair(ProcessThenMark()), bounds, automatic=True).never_more_than_once
    assert [to_text(step) for step in by_hand.steps] == [
        "deliver-1", "crash-bank-before-Mark", "restart-bank", "timeout-shop", "deliver-2",
    ]  # fmt: skip
    assert by_hand.counterexample is not None
    assert by_hand.counterexample.processed() == {"1": 2}
    assert Once not in [getattr(step, "before", None) for step in by_hand.steps]
