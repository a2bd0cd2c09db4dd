"""Who chooses a run, and what the bounds of a search leave out: the panels' frames."""

from __future__ import annotations

import pytest

from delivery_semantics.experiments.dedup.kills import ORDERS, by_chance, chance_view
from delivery_semantics.experiments.million_runs.zeros import (
    CRASHES_MAX,
    most_often,
    zeros_view,
)
from delivery_semantics.experiments.semantics.chosen import (
    CHOOSERS,
    bounds_view,
    chooser_view,
    dice_view,
)


def test_a_script_meets_one_end_and_a_search_all_of_them() -> None:
    met = {who: chooser_view(chooser=who).numbers for who in CHOOSERS}
    assert [one["ends met"] for one in met.values()] == [1, 5, 5]
    assert [one["runs"] for one in met.values()] == [1, 1000, 5]
    assert met["a search"]["money there"] == 20


def test_a_higher_loss_loses_the_same_packets_and_some_more() -> None:
    for later in range(4):
        lost = [
            int(dice_view(loss_percent=percent, later=later).numbers["of them lost"])
            for percent in (10, 20, 30, 40)
        ]
        assert lost == sorted(lost)


def test_no_loss_breaks_what_only_a_crash_breaks_and_each_fault_makes_more_worlds() -> None:
    claim = "never more than once"
    for losses in range(4):
        found = [bounds_view(losses=losses, crashes=n).numbers for n in range(3)]
        assert [one[claim] for one in found] == ["holds", "broken", "broken"]
        worlds = [int(one["worlds"]) for one in found]
        assert worlds == sorted(set(worlds))


@pytest.mark.parametrize("crashes", range(CRASHES_MAX + 1))
def test_each_crash_in_the_gap_pays_once_more_and_a_transaction_has_none(crashes: int) -> None:
    assert most_often("ProcessThenMark", crashes) == 1 + crashes
    assert most_often("ProcessOnce", crashes) == 1


@pytest.mark.slow
def test_the_dearest_run_is_drawn_beside_runs_that_have_not_seen_it() -> None:
    numbers = zeros_view(receiver="ProcessThenMark", crashes=CRASHES_MAX).numbers
    assert (numbers["runs: 5 times"], numbers["money there"]) == (0, 50)


@pytest.mark.slow
@pytest.mark.parametrize("receiver", ORDERS)
def test_what_a_killed_process_lost_or_repeated_is_its_money(receiver: str) -> None:
    run, numbers = by_chance(receiver), chance_view(receiver=receiver).numbers
    off = len(run.found.duplicated) - len(run.found.lost)
    assert numbers["kills"] == run.kills > 0
    assert (int(numbers["money there"]) - int(numbers["money expected"])) * off >= 0
    assert (numbers["money there"] == numbers["money expected"]) is (off == 0)
