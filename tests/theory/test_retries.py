"""The closed forms against a tree of every outcome, in exact fractions."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable
from fractions import Fraction as F
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from delivery_semantics.theory.retries import (
    Expected,
    Model,
    amplification,
    any_of,
    count_mean_and_deviation,
    count_probability,
    mark_then_process,
    process_once,
    process_then_mark,
    sends_mean_with_early_timer,
    share_error,
)

Outcomes = dict[tuple[int, int, bool], F]  # (sends, deliveries, acked): probability


def every_outcome(model: Model, attempts: int) -> Outcomes:
    """Throw the four dice of each attempt, one by one, as the model's description tells it."""
    done: defaultdict[tuple[int, int, bool], F] = defaultdict(F)
    lost, before = F(model.loss), F(model.crash_before)
    behind, unheard = F(model.crash_after), F(model.ack_loss)
    going = {0: F(1)}
    for sends in range(1, attempts + 1):
        after: defaultdict[int, F] = defaultdict(F)
        for deliveries, weight in going.items():
            arrives = weight * (1 - lost)
            after[deliveries] += weight * lost + arrives * before
            processed = arrives * (1 - before)
            after[deliveries + 1] += processed * behind
            answered = processed * (1 - behind)
            after[deliveries + 1] += answered * unheard
            done[sends, deliveries + 1, True] += answered * (1 - unheard)
        going = after
    for deliveries, weight in going.items():
        done[attempts, deliveries, False] += weight
    return done


def mean(outcomes: Outcomes, of: Callable[[int, int, bool], int]) -> F:
    return sum((weight * of(*outcome) for outcome, weight in outcomes.items()), F(0))


GRID = [
    Model(loss=F(p, 10), crash_before=F(b, 10), crash_after=F(c, 10), ack_loss=F(q, 10))
    for p in (0, 1, 7, 10)
    for b in (0, 2)
    for c in (0, 3)
    for q in (0, 1, 10)
]


@pytest.mark.parametrize("attempts", [1, 2, 3, 6])
def test_each_formula_is_the_exact_sum_over_every_outcome(attempts: int) -> None:
    for model in GRID:
        outcomes = every_outcome(model, attempts)
        assert sum(outcomes.values()) == 1
        expected = {
            "attempts_mean": mean(outcomes, lambda sends, *_: sends),
            "undelivered": mean(outcomes, lambda _, d, __: d == 0),
            "delivered": mean(outcomes, lambda _, d, __: d > 0),
            "in_doubt": mean(outcomes, lambda _, __, acked: not acked),
            "delivered_in_doubt": mean(outcomes, lambda _, d, acked: d > 0 and not acked),
            "deliveries_mean": mean(outcomes, lambda _, d, __: d),
            "duplicates_mean": mean(outcomes, lambda _, d, __: max(0, d - 1)),
            "any_duplicate": mean(outcomes, lambda _, d, __: d > 1),
            "once_and_confirmed": mean(outcomes, lambda _, d, acked: d == 1 and acked),
            "wasted_attempts_mean": mean(outcomes, lambda sends, *_: sends)
            * model.nothing_happened,
        }
        assert {name: getattr(model, name)(attempts) for name in expected} == expected
        for deliveries in range(attempts + 2):
            exactly = sum(w for (_, d, __), w in outcomes.items() if d == deliveries)
            assert model.deliveries_probability(deliveries, attempts) == exactly


def test_wasted_attempts_are_counted_attempt_by_attempt() -> None:
    model = Model(loss=F(1, 3), crash_before=F(1, 5), ack_loss=F(1, 4))
    # An attempt is made with probability f^i, whatever its own dice then say.
    wasted = sum(model.attempt_fails**i * model.nothing_happened for i in range(4))
    assert model.wasted_attempts_mean(4) == wasted


@pytest.mark.parametrize("model", [m for m in GRID if m.attempt_fails < 1])
def test_no_limit_is_the_limit_of_many_attempts(model: Model) -> None:
    floats = Model(
        loss=float(model.loss),
        crash_before=float(model.crash_before),
        crash_after=float(model.crash_after),
        ack_loss=float(model.ack_loss),
    )
    for name in (
        "attempts_mean", "wasted_attempts_mean", "undelivered", "delivered", "in_doubt",
        "delivered_in_doubt", "deliveries_mean", "duplicates_mean", "any_duplicate",
        "once_and_confirmed",
    ):  # fmt: skip
        formula = getattr(floats, name)
        assert formula() == pytest.approx(formula(2000), abs=1e-12)
    for deliveries in range(6):
        never_gives_up = floats.deliveries_probability(deliveries)
        assert never_gives_up == pytest.approx(
            floats.deliveries_probability(deliveries, 2000), abs=1e-12
        )


def test_variances_are_those_of_the_distributions() -> None:
    model = Model(loss=F(1, 10), crash_after=F(1, 20), ack_loss=F(1, 5))
    outcomes = every_outcome(model, 80)
    for of, variance in (
        (lambda sends, *_: sends, model.attempts_variance()),
        (lambda _, d, __: d, model.deliveries_variance()),
    ):
        measured = mean(outcomes, lambda *o, of=of: of(*o) ** 2) - mean(outcomes, of) ** 2
        assert float(measured) == pytest.approx(float(variance), rel=1e-9)


def test_duplicates_do_not_depend_on_message_loss() -> None:
    for loss in range(10):
        assert Model(loss=F(loss, 10), ack_loss=F(1, 10)).duplicates_mean() == F(1, 9)


def test_the_welcome_case_has_the_known_values() -> None:
    model = Model(loss=F(1, 10), ack_loss=F(1, 10))
    assert model.attempts_mean() == F(100, 81)
    assert model.deliveries_mean() == F(10, 9)
    assert model.undelivered(1) == F(1, 10)
    assert model.undelivered(3) == F(1, 1000)


def test_a_dead_network_and_a_deaf_sender() -> None:
    dead, deaf = Model(loss=1), Model(ack_loss=1)
    assert (dead.attempts_mean(), dead.attempts_mean(7)) == (math.inf, 7)
    assert (dead.deliveries_mean(), dead.duplicates_mean(), dead.undelivered()) == (0, 0, 1)
    assert (dead.deliveries_probability(0), dead.deliveries_probability(1)) == (1, 0)
    assert (dead.any_duplicate(), dead.deliveries_variance()) == (0, 0)
    assert (deaf.deliveries_mean(), deaf.deliveries_mean(7)) == (math.inf, 7)
    assert (deaf.duplicates_mean(), deaf.in_doubt()) == (math.inf, 1)
    assert deaf.attempts_variance() == deaf.deliveries_variance() == math.inf
    assert Model().wasted_attempts_mean() == 0
    assert dead.wasted_attempts_mean() == math.inf


@pytest.mark.parametrize("target", [F(1, 2), F(1, 10), F(1, 1000), F(1, 10**9)])
@pytest.mark.parametrize("loss", [F(1, 10), F(1, 2), F(9, 10)])
def test_attempts_needed_is_the_first_that_reaches_the_target(loss: F, target: F) -> None:
    model = Model(loss=loss, ack_loss=F(1, 10))
    for name, formula in (("undelivered", model.undelivered), ("in_doubt", model.in_doubt)):
        needed = model.attempts_needed(**{name: target})
        assert formula(needed) <= target
        assert needed == 1 or formula(needed - 1) > target


def test_attempts_needed_on_floats_is_not_fooled_by_rounding() -> None:
    # ln(0.001) / ln(0.1) is 2.9999999999999996, and 0.1**3 is a little more than 0.001.
    needed = [Model(loss=0.1).attempts_needed(undelivered=10.0**-n) for n in (3, 6, 9)]
    assert needed == [3, 6, 9]
    for percent, digits in product(range(1, 100), range(1, 13)):
        floats, exact = Model(loss=percent / 100), Model(loss=F(percent, 100))
        expected = exact.attempts_needed(undelivered=F(1, 10**digits))
        assert floats.attempts_needed(undelivered=10.0**-digits) == expected
        assert floats.attempts_needed(in_doubt=float(f"1e-{digits}")) == expected
    for odds, attempts in product(range(2, 30), range(1, 12)):
        for loss in (F(1, odds), 1 / odds):
            assert Model(loss=loss).attempts_needed(undelivered=loss**attempts) == attempts
    assert Model(loss=F(1, 10)).attempts_needed(undelivered=F(1, 1000) - F(1, 10**30)) == 4


def test_counts_and_shares_are_those_of_the_binomial_distribution() -> None:
    chances = [count_probability(n, messages=7, chance=F(2, 5)) for n in range(9)]
    assert sum(chances) == 1
    assert chances[-1] == 0
    mean = sum(n * chance for n, chance in enumerate(chances))
    assert mean == count_mean_and_deviation(7, F(2, 5))[0]
    assert share_error(0.2, messages=1600) == pytest.approx(1.96 * 0.01)
    assert share_error(F(1), messages=3) == 0


def remembering(receiver: str, loss: F, crash: F, attempts: int) -> dict[int, F]:
    """Effects of a receiver that has an effect and a mark, and may crash between them."""
    states = {(0, False): F(1)}
    for _ in range(attempts):
        after: defaultdict[tuple[int, bool], F] = defaultdict(F)
        for (effects, marked), weight in states.items():
            if marked:
                after[effects, True] += weight
                continue
            half = {
                "process_then_mark": (effects + 1, False),
                "mark_then_process": (effects, True),
                "process_once": (effects, False),
            }[receiver]
            after[effects, False] += weight * loss
            after[half] += weight * (1 - loss) * crash
            after[effects + 1, True] += weight * (1 - loss) * (1 - crash)
        states = after
    total: defaultdict[int, F] = defaultdict(F)
    for (effects, _), weight in states.items():
        total[effects] += weight
    return total


@pytest.mark.parametrize("receiver", [process_then_mark, mark_then_process, process_once])
@pytest.mark.parametrize("attempts", [1, 2, 5])
def test_receivers_that_remember_ids(receiver: Callable[..., Expected], attempts: int) -> None:
    for loss in (F(0), F(1, 10), F(1, 2), F(1)):
        for crash in (F(0), F(1, 20), F(1, 3)):
            total = remembering(receiver.__name__, loss, crash, attempts)
            effects = receiver(loss=loss, crash=crash, attempts=attempts)
            assert effects.mean == sum(n * weight for n, weight in total.items())
            assert effects.none == total[0]
            assert effects.several == sum(weight for n, weight in total.items() if n > 1)


def test_receivers_that_remember_ids_without_a_limit() -> None:
    loss, crash = F(1, 10), F(1, 20)
    assert process_then_mark(loss=loss, crash=crash) == (F(20, 19), 0, F(1, 20))
    assert mark_then_process(loss=loss, crash=crash) == (F(19, 20), F(1, 20), 0)
    assert process_once(loss=loss, crash=crash) == (1, 0, 0)


@pytest.mark.parametrize(
    ("ratio", "sends"), [(0.5, 1.88677), (1, 1.42019), (2, 1.13782), (3, 1.04991)]
)
def test_an_early_timer_sends_again_though_nothing_is_lost(ratio: float, sends: float) -> None:
    formula = sends_mean_with_early_timer(timeout_s=ratio * 0.2, round_trip_s_mean=0.2)
    assert formula == pytest.approx(sends, abs=5e-6)
    # Send j + 1 leaves if none of the first j round trips, started at 0, T, 2T, …, is over.
    directly = sum(math.prod(math.exp(-ratio * (j - i)) for i in range(j)) for j in range(30))
    assert formula == pytest.approx(directly, rel=1e-12)


def test_many_messages_and_many_hops() -> None:
    assert any_of(1000, 0.001) == pytest.approx(0.6323, abs=5e-5)
    assert any_of(100, 0.01) == pytest.approx(0.6340, abs=5e-5)
    assert any_of(3, F(1, 10)) == F(271, 1000)
    assert any_of(0, F(1, 10)) == 0
    assert any_of(5, 1e-20) == pytest.approx(5e-20)  # the subtraction would say 0
    assert [amplification(attempts=k, layers=n) for k, n in ((3, 3), (4, 3), (3, 4))] == [
        27, 64, 81,
    ]  # fmt: skip
    assert amplification(attempts=3, layers=0) == 1
    assert count_mean_and_deviation(10_000, 0.1) == pytest.approx((1000, 30))
    assert count_mean_and_deviation(0, 0.1) == (0, 0)


probabilities = st.fractions(0, 1, max_denominator=50)
few = st.integers(1, 12)
models = st.builds(
    Model,
    loss=probabilities,
    crash_before=probabilities,
    crash_after=probabilities,
    ack_loss=probabilities,
)


@settings(derandomize=True, max_examples=60, deadline=None)
@given(models, few)
def test_one_more_attempt_never_loses_more_and_never_repeats_less(model: Model, k: int) -> None:
    assert model.undelivered(k + 1) <= model.undelivered(k)
    assert model.in_doubt(k + 1) <= model.in_doubt(k)
    assert model.duplicates_mean(k + 1) >= model.duplicates_mean(k)
    assert model.any_duplicate(k + 1) >= model.any_duplicate(k)
    assert model.attempts_mean(k) >= model.deliveries_mean(k) >= model.delivered(k)
    assert sum(model.deliveries_probability(d, k) for d in range(k + 1)) == 1


@settings(derandomize=True, max_examples=60, deadline=None)
@given(models, few)
def test_floats_give_what_fractions_give(model: Model, k: int) -> None:
    names = ("loss", "crash_before", "crash_after", "ack_loss")
    floats = Model(**{name: float(getattr(model, name)) for name in names})
    for name in ("attempts_mean", "in_doubt", "delivered", "deliveries_mean", "any_duplicate"):
        exact, rounded = getattr(model, name)(k), getattr(floats, name)(k)
        assert isinstance(exact, F | int)
        assert rounded == pytest.approx(float(exact), rel=1e-9, abs=1e-12)
    assert floats.duplicates_mean(k) >= 0
    assert floats.delivered_in_doubt(k) >= 0


CHANCE, TIMES = "a number from 0 to 1", "a whole number, 1 or more"
BAD: dict[str, Callable[[], object]] = {
    f"loss is 1.1; allowed: {CHANCE}": lambda: Model(loss=1.1),
    f"ack_loss is -0.1; allowed: {CHANCE}": lambda: Model(ack_loss=-0.1),
    f"crash_after is nan; allowed: {CHANCE}": lambda: Model(crash_after=math.nan),
    f"crash_before is True; allowed: {CHANCE}": lambda: Model(crash_before=True),
    f"attempts is 0; allowed: {TIMES}": lambda: Model().undelivered(0),
    f"attempts is -1; allowed: {TIMES}": lambda: Model().any_duplicate(-1),
    f"attempts is -2; allowed: {TIMES}": lambda: Model().attempts_mean(-2),
    f"attempts is -3; allowed: {TIMES}": lambda: amplification(attempts=-3, layers=3),
    "deliveries is -1; allowed: a whole number, 0 or more": (
        lambda: Model().deliveries_probability(-1)
    ),
    "undelivered is None, in_doubt is None; allowed: one target": (
        lambda: Model().attempts_needed()
    ),
    "undelivered is 0.5; allowed: what more attempts can reach": (
        lambda: Model(loss=1).attempts_needed(undelivered=0.5)
    ),
    "in_doubt is 0; allowed: what more attempts can reach": (
        lambda: Model(loss=0.5).attempts_needed(in_doubt=0)
    ),
    f"loss is 2; allowed: {CHANCE}": lambda: process_once(loss=2, crash=0),
    f"crash is 2; allowed: {CHANCE}": lambda: mark_then_process(loss=0, crash=2),
    "messages is -1; allowed: a whole number, 0 or more": lambda: any_of(-1, 0.5),
    f"chance is 2; allowed: {CHANCE}": lambda: count_mean_and_deviation(5, 2),
    "timeout_s is 0; allowed: a finite number greater than 0": (
        lambda: sends_mean_with_early_timer(timeout_s=0, round_trip_s_mean=1)
    ),
    "timeout_s is 1e-09; allowed: 1e-06 or more": (
        lambda: sends_mean_with_early_timer(timeout_s=1e-9, round_trip_s_mean=1)
    ),
}


@pytest.mark.parametrize("text", BAD)
def test_a_bad_argument_is_named_with_its_value_and_what_is_allowed(text: str) -> None:
    with pytest.raises(ValueError, match="allowed") as error:
        BAD[text]()
    assert str(error.value) == text
