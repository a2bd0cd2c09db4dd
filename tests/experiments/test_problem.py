"""The faults one by one, and the measurements of chapter 1 against their closed forms."""

from __future__ import annotations

import math
from fractions import Fraction

import pytest

from delivery_semantics import (
    AT_LEAST_ONCE,
    Deliver,
    Faults,
    Lose,
    Network,
    ProcessThenAck,
    RetryUntilAcked,
    Timeout,
    audit,
    payments,
    script,
    simulate,
)
from delivery_semantics.experiments.problem import faults as problem
from delivery_semantics.experiments.problem import timer as problem_timer
from delivery_semantics.show.view import View, finish
from delivery_semantics.theory.retries import (
    count_mean_and_deviation,
    sends_mean_in_order,
    sends_mean_with_early_timer,
)

# The reader is the network


def numbers(view: View) -> tuple[object, ...]:
    return tuple(view.numbers.values())


@pytest.mark.parametrize(
    ("message", "ack", "expected"),
    [  # attempts, packets lost, processed, money expected, money there
        ("arrives", "arrives", (1, 0, 1, 10, 10)),
        ("is lost", "arrives", (2, 1, 1, 10, 10)),
        ("arrives", "is lost", (2, 1, 2, 10, 20)),
        ("is lost", "is lost", (3, 2, 2, 10, 20)),
        ("arrives", "is late", (2, 0, 2, 10, 20)),
        ("is late", "arrives", (2, 0, 2, 10, 20)),
        ("arrives twice", "arrives", (1, 0, 2, 10, 20)),
        ("arrives", "arrives twice", (1, 0, 1, 10, 10)),
    ],
)
def test_a_placed_fate_does_what_it_says(
    message: str, ack: str, expected: tuple[int, ...]
) -> None:
    view = problem.placed(message=message, ack=ack, seed=1)
    assert numbers(view) == expected
    assert f"{expected[-1]} there" in view.sentence


def test_an_unknown_fate_is_named() -> None:
    with pytest.raises(ValueError, match="ack is 'eaten'; allowed: arrives, is lost"):
        problem.placed(message="arrives", ack="eaten", seed=1)


# The document's trace


def test_the_documents_trace_has_the_documents_fates() -> None:
    pair = {"sender": RetryUntilAcked("receiver", payments(1)), "receiver": ProcessThenAck()}
    trace = script(
        pair, Lose(1), Timeout("sender"), Deliver(2), Lose(3), Timeout("sender"), Deliver(4)
    )
    assert problem.packet_fates(trace) == {"1": problem.DOCUMENT}
    assert audit(trace).verdict(AT_LEAST_ONCE) == "unknown: nothing was acked"


def test_its_probability_is_a_product_of_four() -> None:
    assert problem.document_probability(loss=0.1, ack_loss=0.1) == pytest.approx(0.0081)
    exact = Fraction(1, 5) * Fraction(4, 5) * Fraction(3, 10) * Fraction(4, 5)
    assert problem.document_probability(loss=0.2, ack_loss=0.3) == pytest.approx(float(exact))


@pytest.mark.parametrize(("loss", "ack_loss"), [(0.1, 0.1), (0.2, 0.3), (0.5, 0.5)])
def test_its_share_is_within_four_deviations(loss: float, ack_loss: float) -> None:
    share = problem.document_share(loss=loss, ack_loss=ack_loss, messages=1000, seed=1)
    chance = problem.document_probability(loss=loss, ack_loss=ack_loss)
    mean, deviation = count_mean_and_deviation(1000, chance)
    assert (share.expected, share.deviation) == (mean, deviation)
    assert share.count > 0
    assert abs(share.deviations) < 4


def test_without_loss_the_documents_trace_never_happens() -> None:
    share = problem.document_share(loss=0, ack_loss=0.5, messages=100, seed=1)
    assert share.count == 0


# Money


@pytest.mark.parametrize("loss", [0, 10, 30, 50])
def test_money_is_within_four_deviations_of_the_closed_forms(loss: int) -> None:
    once, form_once, again, form_again = problem.money(loss=loss, seed=1).numbers.values()
    p = loss / 100
    assert form_once == round(2000 * (1 - p))
    assert form_again == round(2000 / (1 - p))
    assert abs(int(once) - 2000 * (1 - p)) <= 4 * 10 * math.sqrt(200 * p * (1 - p))
    assert abs(int(again) - 2000 / (1 - p)) <= 4 * 10 * math.sqrt(200 * p) / (1 - p)


def test_more_loss_never_brings_more_sent_once_nor_less_sent_until_acked() -> None:
    views = [problem.money(loss=loss, seed=1).numbers for loss in range(0, 51, 10)]
    once = [int(view["sent once: there"]) for view in views]
    again = [int(view["until acked: there"]) for view in views]
    assert once == sorted(once, reverse=True)
    assert again == sorted(again)
    assert once[0] == again[0] == 2000
    assert once[-1] < 2000 < again[-1]


@pytest.mark.parametrize("loss", [-1, 100])
def test_a_loss_that_is_no_percentage_is_named(loss: int) -> None:
    with pytest.raises(ValueError, match=f"loss is {loss}; allowed: 0 or more and below 100"):
        problem.money(loss=loss, seed=1)


# Delay and reordering


@pytest.mark.parametrize("delay", [0.0, 0.5, 1.0, 2.0, 50.0])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_queue_never_reorders_however_slow_it_is(delay: float, seed: int) -> None:
    view = problem.order(delay=delay, link="a queue", seed=seed)
    assert view.numbers["processed"] == "1 2 3 4"
    assert view.numbers["overtaken"] == 0


def test_the_same_delays_reorder_where_packets_may_overtake() -> None:
    view = problem.order(delay=1.0, link="free for all", seed=1)
    assert view.numbers["processed"] != "1 2 3 4"
    assert int(view.numbers["overtaken"]) > 0


def test_equal_delays_never_reorder() -> None:
    assert problem.order(delay=0.0, link="free for all", seed=1).numbers["overtaken"] == 0


def test_overtaken_counts_who_came_after_a_later_one() -> None:
    pair = {"sender": RetryUntilAcked("receiver", payments(1)), "receiver": ProcessThenAck()}
    late = Network(placed={("message", 1): (1.5,)}, messages=Faults())
    assert problem.overtaken(simulate(pair, late)) == 1


def test_an_unknown_link_is_named() -> None:
    with pytest.raises(ValueError, match="link is 'a rope'; allowed: a queue, free for all"):
        problem.order(delay=1.0, link="a rope", seed=1)


# The timer


def deviation_of_sends(ratio: float, *, in_order: bool) -> float:
    """From P(more than j sends): exp(-ratio j) over a queue, else exp(-ratio j (j + 1) / 2)."""
    more = [
        math.exp(-ratio * (j if in_order else j * (j + 1) / 2)) for j in range(int(80 / ratio))
    ]
    mean = math.fsum(more)
    square = math.fsum((2 * j + 1) * chance for j, chance in enumerate(more))
    return math.sqrt(square - mean**2)


@pytest.mark.parametrize("in_order", [True, False])
@pytest.mark.parametrize("ratio", [0.5, 1.0, 2.0])
def test_duplicates_without_loss_follow_the_closed_form(ratio: float, in_order: bool) -> None:
    found = problem_timer.measured(ratio=ratio, in_order=in_order, payments=400, seed=3)
    mean = 1 + problem_timer.duplicates_by_formula(ratio, in_order=in_order)
    deviation = deviation_of_sends(ratio, in_order=in_order)
    assert abs(found.mean - mean) < 4 * deviation / math.sqrt(400)
    assert found.error == pytest.approx(1.96 * deviation / math.sqrt(400), rel=0.3)


def test_the_closed_forms() -> None:
    for ratio, sends in ((0.5, 1.88677), (1, 1.42019), (2, 1.13782), (3, 1.04991)):
        free = sends_mean_with_early_timer(timeout_s=ratio, round_trip_s_mean=1)
        queue = sends_mean_in_order(timeout_s=ratio, round_trip_s_mean=1)
        assert free == pytest.approx(sends, abs=5e-6)
        assert queue == pytest.approx(math.fsum(math.exp(-ratio * j) for j in range(200)))
        assert queue > free
    in_minutes = sends_mean_in_order(timeout_s=120, round_trip_s_mean=60)
    assert in_minutes == sends_mean_in_order(timeout_s=2, round_trip_s_mean=1)


@pytest.mark.slow  # measures every point of the plot
def test_the_panel_shows_what_was_measured() -> None:
    shares = list(problem_timer.impatience(ratio=1.0, seed=1))
    assert shares == sorted(shares)
    assert 0 <= shares[0] < shares[-1] < 1
    view = finish(problem_timer.impatience(ratio=1.0, seed=1))
    found = problem_timer.measured(ratio=1.0, in_order=True, seed=1)
    there = int(view.numbers["a queue: there"])
    assert there == round(2000 * found.mean) > int(view.numbers["money expected"])
    assert view.numbers["a queue: by formula"] == round(2000 / (1 - math.exp(-1)))
    assert f"{there:,} are there over a queue" in view.sentence


@pytest.mark.parametrize("ratio", [0.0, -1.0, math.inf])
def test_a_timer_that_is_none_is_named(ratio: float) -> None:
    with pytest.raises(ValueError, match="ratio"):
        problem_timer.measured(ratio=ratio, in_order=True)
