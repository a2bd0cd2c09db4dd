from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from delivery_semantics import AT_LEAST_ONCE, Bounds, audit, explore
from delivery_semantics.experiments.at_least_once.patience import (
    ACKS,
    CRASHES_S,
    LISTS,
    PAUSES,
    acked_view,
    outlasted_view,
    remembered_view,
)
from delivery_semantics.experiments.at_least_once.payment import (
    SERVERS,
    WHAT,
    asked_again_view,
    both_orders,
    limits,
    searched_view,
)
from delivery_semantics.experiments.at_least_once.retries import (
    CAUSES,
    LIMITED,
    PAYMENTS,
    Faulty,
    cause_view,
    fates,
    fates_expected,
    limited,
    measured,
    moving,
    moving_view,
    retried,
    totals,
)
from delivery_semantics.experiments.at_least_once.storms import (
    CLIENTS,
    HORIZONS_H,
    calls,
    chain,
    herd,
    never_came,
    peak_load,
    policy,
    storm,
    together,
    webhooks,
)
from delivery_semantics.show.view import View
from delivery_semantics.theory.retries import Model, amplification, count_mean_and_deviation

Experiment = Callable[..., View]
PANELS: dict[str, tuple[Experiment, dict[str, Any], dict[str, Any]]] = {
    "losses": (retried, {"loss_percent": 50, "ack_loss_percent": 40}, {"loss_percent": 0}),
    "crashes": (
        retried,
        {"crash_before_percent": 40, "crash_after_percent": 40},
        {"crash_after_percent": 10},
    ),
    "limit": (
        limited,
        {"attempts_max": 3, "loss_percent": 30},
        {"attempts_max": 8, "loss_percent": 50},
    ),
    "herd": (
        together,
        {"backoff": "full jitter", "outage_s": 10},
        {"backoff": "fixed", "outage_s": 5},
    ),
}
each_panel = pytest.mark.parametrize(
    ("experiment", "here", "there"), PANELS.values(), ids=list(PANELS)
)


def within(measured: float, mean: float, deviation: float) -> bool:
    """Four standard deviations; a right program misses them once in 16,000 seeds."""
    return abs(measured - mean) <= 4 * deviation


# Panels


@each_panel
def test_each_position_tells_the_same_numbers_of_another_run(
    experiment: Experiment, here: dict[str, Any], there: dict[str, Any]
) -> None:
    first, other = experiment(**here, seed=1), experiment(**there, seed=1)
    assert list(other.numbers) == list(first.numbers)
    assert other.pictures != first.pictures


@each_panel
def test_a_view_is_a_function_of_its_arguments_and_the_seed(
    experiment: Experiment, here: dict[str, Any], there: dict[str, Any]
) -> None:
    once = experiment(**here, seed=1)
    assert experiment(**here, seed=1) == once
    for seed in (2, 3):  # a picture refuses what does not fit
        assert experiment(**here, seed=seed) != once


# Without a limit


@pytest.mark.parametrize("cause", CAUSES)
def test_each_cause_costs_what_the_closed_form_says(cause: str) -> None:
    found = measured(Model(**{CAUSES[cause]: 0.2}), messages=400)
    assert within(found.attempts, *found.attempts_expected)
    assert within(found.again, *found.again_expected)


def test_all_four_causes_together() -> None:
    model = Model(loss=0.2, crash_before=0.1, crash_after=0.1, ack_loss=0.2)
    found = measured(model, messages=400)
    assert within(found.attempts, *found.attempts_expected)
    assert within(found.again, *found.again_expected)
    assert found.attempts_expected[0] == pytest.approx(400 / (0.8 * 0.9 * 0.9 * 0.8))


def test_message_loss_moves_no_duplicate() -> None:
    again = [measured(Model(loss=p, ack_loss=0.3), messages=150).again for p in (0, 0.3, 0.6)]
    assert len(set(again)) == 1
    assert again[0] > 0


def test_a_retried_run_is_at_least_once() -> None:
    found = audit(Faulty(Model(loss=0.3, ack_loss=0.3), 100).run())
    assert found.verdict(AT_LEAST_ONCE) == "ok"
    assert found.duplicated


def test_the_panel_counts_attempts_and_money_of_its_run() -> None:
    view = retried(loss_percent=20, ack_loss_percent=20, seed=9)
    model = Model(loss=0.2, ack_loss=0.2)
    trace = Faulty(model, PAYMENTS, seed=9).run()
    assert view.numbers["attempts"] == totals(trace, model).attempts
    assert view.numbers["money there"] == audit(trace).money_there
    attempts, _ = view.pictures
    parts = [int(n) for n in re.findall(r"(?:needed|for nothing|processed again) (\d+)",
                                        attempts.description)]  # fmt: skip
    assert sum(parts) == view.numbers["attempts"]
    assert parts[0] == PAYMENTS
    assert parts[2] == view.numbers["processed again"]


def test_a_moving_cause_names_itself_and_its_sample() -> None:
    drawn = moving("ack lost", Model(loss=0.2), messages=20)
    assert "“ack lost”" in drawn.title
    assert "20 messages a point" in drawn.title
    with pytest.raises(KeyError):
        moving("bad luck", Model(), messages=20)


# With a limit


@pytest.mark.parametrize(("attempts_max", "loss"), [(1, 0.3), (3, 0.3), (5, 0.5)])
def test_the_four_fates_are_as_frequent_as_the_closed_form_says(
    attempts_max: int, loss: float
) -> None:
    model = Model(loss=loss, ack_loss=0.2)
    counted = fates(Faulty(model, 600, attempts_max).run())
    expected = fates_expected(model, attempts_max)
    assert sum(expected.values()) == pytest.approx(1)
    assert sum(counted.values()) == 600
    for name, chance in expected.items():
        mean, deviation = count_mean_and_deviation(600, max(chance, 0.0))
        assert within(counted[name], float(mean), deviation + 1e-9), name


def test_the_fates_of_a_search_are_the_ones_that_are_counted() -> None:
    faulty = Faulty(Model(), 1, attempts_max=2)
    found = explore(faulty.pair(), Bounds(losses=2, duplicates=0, crashes=0))
    ends = {(times, knows) for ((_, times, knows),) in found.outcomes}
    assert ends == {
        (0, "in doubt"), (1, "in doubt"), (2, "in doubt"), (1, "confirmed"), (2, "confirmed"),
    }  # fmt: skip


def test_never_processed_counts_what_the_trace_shows() -> None:
    faulty = Faulty(Model(loss=0.6), 300, attempts_max=2)
    assert faulty.never_processed() == len(audit(faulty.run()).lost)
    mean, deviation = count_mean_and_deviation(300, 0.6**2)
    assert within(faulty.never_processed(), float(mean), deviation)


def test_the_panel_of_limits_shows_whole_bars() -> None:
    view = limited(attempts_max=2, loss_percent=40, seed=1)
    assert sum(int(view.numbers[name]) for name in fates_expected(Model(), 1)) == LIMITED
    assert view.numbers["never, by formula"] == pytest.approx(LIMITED * 0.4**2)
    trace = Faulty(Model(loss=0.4, ack_loss=0.2), LIMITED, attempts_max=2).run()
    assert view.numbers["money there"] == 10 * sum(trace.processed().values())


# Layers


@pytest.mark.parametrize("layers", [1, 2, 3])
@pytest.mark.parametrize("attempts_max", [1, 2, 3])
def test_layers_multiply(layers: int, attempts_max: int) -> None:
    arrived = list(calls(chain(layers, attempts_max)).values())
    assert arrived == [attempts_max**depth for depth in range(1, layers + 1)]
    assert arrived[-1] == amplification(attempts=attempts_max, layers=layers)


def test_the_storm_panel_shows_the_measured_calls() -> None:
    assert storm(layers=3, attempts_max=3, seed=1).numbers["calls at the database"] == 27
    assert "1 call to" in storm(layers=2, attempts_max=1, seed=1).sentence


# Clients that failed together


def test_only_jitter_breaks_the_step() -> None:
    peaks = {
        name: peak_load(herd(name, outage_s=10), after_s=0.0)
        for name in ("fixed", "exponential", "full jitter")
    }
    assert peaks["fixed"] == peaks["exponential"] == CLIENTS
    assert peaks["full jitter"] < CLIENTS / 2


def test_backoff_lowers_the_number_of_attempts() -> None:
    attempts = {
        name: herd(name, outage_s=20).metrics()["attempts"]
        for name in ("fixed", "exponential", "full jitter")
    }
    assert attempts["exponential"] < attempts["full jitter"] < attempts["fixed"]


@pytest.mark.parametrize("name", ["fixed", "exponential", "full jitter"])
def test_every_client_is_served_in_the_end(name: str) -> None:
    assert audit(herd(name, outage_s=5)).lost == ()


def test_an_unknown_policy_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match="name is 'hope'; allowed: fixed, exponential, full"):
        policy("hope", seed=1)


# Webhooks


def test_an_event_is_lost_when_the_outage_outlasts_the_promise() -> None:
    assert never_came(0.0, 0.001)
    assert not never_came(4.0, 2.0)
    assert never_came(4.0, 4.0)
    assert not never_came(72.0, 48.0)
    assert never_came(72.0, 72.0)


def test_longer_promises_lose_less_and_longer_outages_more() -> None:
    lost = {
        outage: [int(n) for n in list(webhooks(outage_h=outage, seed=1).numbers.values())[1:]]
        for outage in (3, 12)
    }
    assert all(len(row) == len(HORIZONS_H) for row in lost.values())
    for row in lost.values():
        assert row == sorted(row, reverse=True)
    assert all(a <= b for a, b in zip(lost[3], lost[12], strict=True))
    assert lost[12] == [12, 9, 0]  # four hours of retries reach back a little more than three


@pytest.mark.parametrize(
    ("lost", "attempts", "there"),
    list(zip(WHAT, [1, 2, 2, 2], [10, 10, 20, 20], strict=True)),
)
def test_a_payment_is_made_twice_only_if_its_ack_is_missed(
    lost: str, attempts: int, there: int
) -> None:
    plain, looked = (asked_again_view(lost=lost, looks=looks).numbers for looks in SERVERS)
    assert plain == {"attempts": attempts, "money expected": 10, "money there": there}
    assert (looked["attempts"], looked["money there"]) == (attempts, 10)


def test_each_order_of_the_two_lines_breaks_the_other_property() -> None:
    found = both_orders()
    early, late = (searched_view(found, name=f"{a}Then{b}") for a, b in (
        ("Ack", "Process"), ("Process", "Ack"),
    ))  # fmt: skip
    assert list(early.numbers.values())[:2] == ["holds", "broken"]
    assert list(late.numbers.values())[:2] == ["broken", "holds"]
    assert "in 8 steps" in early.sentence
    assert "there 0" in early.pictures[0].description
    assert "there 20" in late.pictures[0].description


def test_a_limit_to_the_attempts_loses_what_a_crash_outlasts() -> None:
    found = limits()
    limited_, patient = (searched_view(found, name=name).numbers for name in found)
    assert limited_["at least once, eventually"] == "broken"
    assert patient["at least once, eventually"] == "holds"


def test_growing_pauses_outlast_an_outage_that_fixed_ones_do_not() -> None:
    lost = {
        pauses: [
            outlasted_view(pauses=pauses, down_s=down_s).numbers["never processed"]
            for down_s in (5, 30, 60)
        ]
        for pauses in PAUSES
    }
    assert lost == {"fixed": [1, 6, 12], "growing": [0, 1, 2]}
    view = outlasted_view(pauses="fixed", down_s=30)
    assert (view.numbers["money expected"], view.numbers["money there"]) == (200, 140)


def test_a_list_on_disk_repeats_and_a_list_in_memory_forgets() -> None:
    there = {
        kept: [remembered_view(kept=kept, crash=at).numbers["money there"] for at in CRASHES_S]
        for kept in LISTS
    }
    assert there == {"on disk": [40, 40, 30], "in memory": [10, 20, 30]}


def test_an_early_ack_loses_what_a_late_one_repeats() -> None:
    early, late = (acked_view(when=when, crash_percent=10).numbers for when in ACKS)
    assert (early["acked"], early["lost though acked"], early["duplicated"]) == (200, 20, 0)
    assert (late["acked"], late["lost though acked"], late["duplicated"]) == (200, 0, 20)
    assert (early["money there"], late["money there"]) == (1800, 2230)
    unharmed = acked_view(when="has received", crash_percent=0).numbers
    assert unharmed["money there"] == unharmed["money expected"]


@pytest.mark.slow
@pytest.mark.parametrize("cause", CAUSES)
def test_a_cause_is_shown_with_its_formula_and_as_it_grows(cause: str) -> None:
    harmful = cause in ("crash after processing", "ack lost")
    alone = cause_view(cause=cause).numbers
    assert (int(alone["processed again"]) > 0) == harmful
    assert (alone["money there"] != alone["money expected"]) == harmful
    moved = moving_view(cause=cause)
    assert (float(moved.numbers["duplicates, at 50 %"]) > 0.5) == harmful
    assert ("grow as well" in moved.sentence) == harmful
