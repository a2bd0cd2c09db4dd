from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise

import pytest

from delivery_semantics import (
    AT_MOST_ONCE,
    Bounds,
    Faults,
    FireAndForget,
    HighWaterMark,
    MarkThenProcess,
    ProcessOnly,
    ProcessThenAck,
    audit,
    payments,
)
from delivery_semantics.experiments.at_most_once.edge import (
    SendThenNote,
    behind_a_proxy,
    consumers,
    sender_crashes,
)
from delivery_semantics.experiments.at_most_once.loss import (
    COPIED,
    MEMORIES,
    PAYMENTS,
    RATES_PERCENT,
    Spread,
    copied_by_the_network,
    field,
    fire,
    loss_curve,
    lost_ids,
    payments_lost,
    spread,
)
from delivery_semantics.experiments.at_most_once.uses import (
    REPORTS,
    SNAPSHOTS,
    counters,
    jumps_back,
    missing,
    missing_curve,
    overtaken_payments,
    overtaking,
    requests_each_second,
    shown,
    snapshots,
    tail_length,
    tail_share,
)
from delivery_semantics.show.view import View
from delivery_semantics.theory.retries import count_mean_and_deviation

Experiment = Callable[..., View]
PANELS: dict[str, tuple[Experiment, str, tuple[int, ...]]] = {
    "loss": (payments_lost, "loss_percent", RATES_PERCENT),
    "copies": (copied_by_the_network, "duplication_percent", RATES_PERCENT),
    "counters": (counters, "loss_percent", RATES_PERCENT),
    "snapshots": (snapshots, "reordering_percent", tuple(range(0, 101, 10))),
}
each_panel = pytest.mark.parametrize(
    ("experiment", "name", "values"), PANELS.values(), ids=list(PANELS)
)


def within(measured: float, mean: float, deviation: float) -> bool:
    """Four standard deviations; a right program misses them once in 16,000 seeds."""
    return abs(measured - mean) <= 4 * deviation


# Panels


@each_panel
def test_each_position_tells_the_same_numbers_of_another_run(
    experiment: Experiment, name: str, values: tuple[int, ...]
) -> None:
    first, *others = [experiment(**{name: value}, seed=1) for value in values[::5]]
    assert len(others) == 2
    for other in others:
        assert list(other.numbers) == list(first.numbers)
        assert other.pictures != first.pictures


@each_panel
def test_a_view_is_a_function_of_its_arguments_and_the_seed(
    experiment: Experiment, name: str, values: tuple[int, ...]
) -> None:
    once = experiment(**{name: values[5]}, seed=1)
    assert experiment(**{name: values[5]}, seed=1) == once
    assert experiment(**{name: values[5]}, seed=2) != once


@each_panel
def test_no_seed_leaves_the_axes(
    experiment: Experiment, name: str, values: tuple[int, ...]
) -> None:
    for seed in (2, 3):  # a picture refuses what does not fit
        assert experiment(**{name: values[-1]}, seed=seed).pictures


# Loss


@pytest.mark.parametrize("loss_percent", [1, 10, 30, 50])
def test_the_lost_are_as_many_as_the_binomial_says(loss_percent: int) -> None:
    mean, deviation = count_mean_and_deviation(2000, loss_percent / 100)
    assert within(len(lost_ids(loss_percent, messages=2000)), float(mean), deviation)


def test_what_is_lost_at_a_lower_rate_is_lost_at_a_higher() -> None:
    sets = [lost_ids(rate) for rate in RATES_PERCENT]
    assert sets[0] == frozenset()
    assert all(a < b for a, b in pairwise(sets))


def test_the_panel_counts_the_money_of_what_was_lost() -> None:
    view = payments_lost(loss_percent=30, seed=5)
    lost = len(lost_ids(30, seed=5))
    assert view.numbers["never processed"] == lost
    assert view.numbers["money there"] == 10 * (PAYMENTS - lost)
    trace = fire(payments(PAYMENTS), Faults(loss=0.3), seed=5)
    assert audit(trace).money_there == view.numbers["money there"]
    assert audit(trace).verdict(AT_MOST_ONCE) == "ok"


def test_the_field_has_a_cross_for_each_lost_message_and_no_other() -> None:
    drawn = field([False, True, True, False, False], 40)
    crosses = drawn.svg.count("l8 8m0-8l-8 8") - 1  # one more in the key
    assert crosses == 2
    assert "2 of them carry a cross" in drawn.description


def test_the_curve_names_its_sample() -> None:
    assert "Lost, of 50 messages" in loss_curve(messages=50).title


def test_the_spread_of_many_runs_is_the_binomials() -> None:
    runs = spread(runs=100, messages=50, loss_percent=20)
    assert within(runs.mean, 10, math.sqrt(8 / 100))
    assert within(runs.deviation, math.sqrt(8), math.sqrt(8 / 200))


def test_the_spread_computes_mean_deviation_and_probability() -> None:
    by_hand = Spread((1, 3), messages=4, loss=0.5)
    assert (by_hand.mean, by_hand.deviation) == (2, 1)
    assert [16 * by_hand.probability(lost) for lost in range(5)] == [1, 4, 6, 4, 1]
    assert "2 runs of 4 messages" in by_hand.picture().title


# Duplicates


@pytest.mark.parametrize("percent", [0, 20, 50])
def test_only_a_receiver_that_remembers_has_no_duplicates(percent: int) -> None:
    view = copied_by_the_network(duplication_percent=percent, seed=3)
    mean, deviation = count_mean_and_deviation(COPIED, percent / 100)
    again = view.numbers["processed again, no check"]
    assert isinstance(again, int)
    assert within(again, float(mean), deviation)
    assert (again > 0) == (percent > 0)
    assert view.numbers["processed again, a mark for each id"] == 0
    assert view.numbers["processed again, the highest number"] == 0
    assert len(MEMORIES) == 3


# The edge


def test_a_consumer_is_at_most_once_only_if_it_marks_before_it_processes() -> None:
    crash = consumers(Bounds(losses=0, duplicates=0, crashes=1, crashable=("consumer",)))
    loss = consumers(Bounds(losses=1, duplicates=0, crashes=0))
    once = {
        name: (crash[name].never_more_than_once.holds, loss[name].never_more_than_once.holds)
        for name in crash
    }
    assert once == {
        "ProcessThenAck": (False, False),
        "AckThenProcess": (True, False),
        "MarkThenProcess": (True, True),
    }


def test_a_proxy_that_retries_takes_the_promise_away_and_a_mark_gives_it_back() -> None:
    careless = behind_a_proxy(ProcessThenAck()).never_more_than_once
    assert careless.counterexample is not None
    assert sum(e.who == "sender" for e in careless.counterexample.of("sent")) == 1
    assert behind_a_proxy(MarkThenProcess()).never_more_than_once.holds


def test_the_order_of_note_and_send_decides_between_loss_and_duplicate() -> None:
    note_first = sender_crashes(FireAndForget("receiver", payments(2)))
    send_first = sender_crashes(SendThenNote("receiver", payments(2)))
    assert note_first.never_more_than_once.holds
    assert not note_first.at_least_once_eventually.holds
    assert not send_first.never_more_than_once.holds
    assert send_first.at_least_once_eventually.holds


# Counters


def test_without_loss_both_ways_of_counting_are_right() -> None:
    numbers = counters(loss_percent=0, seed=4).numbers
    truth = sum(requests_each_second(seed=4))
    assert (numbers["sum of deltas"], numbers["newest total"]) == (truth, truth)
    assert numbers["reports lost"] == 0


def test_deltas_fall_behind_and_totals_catch_up() -> None:
    for seed in range(1, 6):
        numbers = counters(loss_percent=40, seed=seed).numbers
        deltas, total, truth = (
            int(numbers[name]) for name in ("sum of deltas", "newest total", "true count")
        )
        assert deltas < total <= truth


@pytest.mark.parametrize("loss_percent", [10, 50])
def test_deltas_miss_p_and_totals_miss_the_tail(loss_percent: int) -> None:
    p, groups, reports = loss_percent / 100, 100, 25
    delta, total = missing(loss_percent, groups=groups, reports=reports)
    assert within(delta, p, math.sqrt(p * (1 - p) / (groups * reports)))
    tail_deviation = math.sqrt(p / groups) / (1 - p) / reports
    assert within(total, tail_share(loss_percent, reports=reports), tail_deviation)


def test_the_expected_tail_is_the_sum_of_the_powers_of_p() -> None:
    by_hand = 0.3 + 0.3**2 + 0.3**3
    assert 3 * tail_share(30, reports=3) == pytest.approx(by_hand)
    assert tail_share(0, reports=3) == 0
    assert tail_share(100, reports=3) == 1


def test_the_tail_is_what_was_lost_after_the_last_report_that_came() -> None:
    assert tail_length([True, False, True, False, False]) == 2
    assert tail_length([False, True]) == 0
    assert tail_length([False, False]) == 2


def test_a_group_that_hears_nothing_misses_everything() -> None:
    assert missing(100, groups=2, reports=3) == (1, 1)
    assert missing(0, groups=2, reports=3) == (0, 0)


def test_the_counters_curve_names_its_sample() -> None:
    assert "over 4 counters of 5 reports" in missing_curve(groups=4, reports=5).title


def test_each_second_has_5_to_14_requests_and_a_seed_chooses_them() -> None:
    counted = requests_each_second(seconds=500, seed=7)
    assert set(counted) == set(range(5, 15))
    assert counted != requests_each_second(seconds=500, seed=8)
    assert len(requests_each_second()) == REPORTS


# Snapshots


@pytest.mark.parametrize("percent", [0, 50, 100])
def test_with_the_filter_the_screen_never_jumps_back(percent: int) -> None:
    numbers = snapshots(reordering_percent=percent, seed=2).numbers
    assert numbers["jumps back with the filter"] == 0
    assert (int(numbers["jumps back without a filter"]) > 0) == (percent > 0)
    assert int(numbers["shown without a filter"]) <= SNAPSHOTS


def test_jumps_back_are_counted() -> None:
    assert jumps_back([(0.1, 1), (0.2, 3), (0.3, 2), (0.4, 4), (0.5, 1)]) == 2
    assert jumps_back([]) == 0


def test_what_the_screen_shows_is_the_traces_effects() -> None:
    trace = fire(payments(3), overtaking(0.0), interval_s=1.0)
    assert [number for _, number in shown(trace)] == [1, 2, 3]


def test_a_filter_for_snapshots_loses_payments_that_the_network_delivered() -> None:
    careful, filtered = overtaken_payments(ProcessOnly()), overtaken_payments(HighWaterMark())
    assert careful.money_there == careful.money_expected
    assert filtered.money_there == filtered.money_expected - 10 * len(filtered.lost)
    assert filtered.lost
    assert not filtered.duplicated
