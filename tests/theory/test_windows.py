from __future__ import annotations

import math
from fractions import Fraction
from itertools import product

import pytest

from delivery_semantics.dedup import Bloom
from delivery_semantics.experiments.dedup.memory import random_ids
from delivery_semantics.theory.windows import (
    bloom_bits,
    bloom_bits_per_id,
    bloom_error,
    bloom_hashes,
    bloom_lost,
    collisions_mean,
    effects_in_window,
    ids_kept,
    last_attempt_s,
)


@pytest.mark.parametrize(
    ("error", "bits", "hashes"),
    [
        (1e-2, 9.585, 7),
        (1e-3, 14.378, 10),
        (1e-4, 19.170, 13),
        (1e-6, 28.755, 20),
        (1e-9, 43.133, 30),
    ],
)
def test_a_bloom_filter_has_the_shape_of_the_textbook(
    error: float, bits: float, hashes: int
) -> None:
    assert bloom_bits_per_id(error=error) == pytest.approx(bits, abs=5e-4)
    assert bloom_hashes(error=error) == hashes
    assert bloom_bits(ids=1000, error=error) == math.ceil(1000 * bloom_bits_per_id(error=error))


@pytest.mark.parametrize(("error", "share"), [(1e-2, 0.166), (1e-3, 0.122)])
def test_a_small_share_of_the_error_is_lost_while_filling(error: float, share: float) -> None:
    bits, hashes = bloom_bits(ids=10_000, error=error), bloom_hashes(error=error)
    lost = bloom_lost(bits=bits, hashes=hashes, ids=10_000)
    assert lost == pytest.approx(share * error * 10_000, rel=0.01)


def test_a_filled_filter_has_the_error_it_was_made_for_and_an_overfilled_one_far_more() -> None:
    bits, hashes = bloom_bits(ids=10_000, error=0.01), bloom_hashes(error=0.01)
    assert bloom_error(bits=bits, hashes=hashes, ids=10_000) == pytest.approx(0.01, rel=0.02)
    assert bloom_error(bits=bits, hashes=hashes, ids=40_000) == pytest.approx(0.68, abs=0.01)
    assert bloom_error(bits=bits, hashes=hashes, ids=0) == 0


def exact_error(*, bits: int, hashes: int, ids: int) -> float:
    """The mean of (set bits / bits)^hashes, over how many bits are set by then."""
    chances = [1.0] + [0.0] * bits
    for _ in range(hashes * ids):
        chances = [
            chances[x] * x / bits + (chances[x - 1] * (bits - x + 1) / bits if x else 0.0)
            for x in range(bits + 1)
        ]
    return math.fsum(chance * (x / bits) ** hashes for x, chance in enumerate(chances))


@pytest.mark.parametrize("ids", [10, 40, 80])
def test_the_formula_is_close_to_the_exact_error(ids: int) -> None:
    exact = exact_error(bits=400, hashes=4, ids=ids)
    assert bloom_error(bits=400, hashes=4, ids=ids) == pytest.approx(exact, rel=0.07)


@pytest.mark.slow
def test_a_large_sum_is_taken_in_steps_and_stays_the_sum() -> None:
    bits, hashes = bloom_bits(ids=50_000, error=0.01), bloom_hashes(error=0.01)
    every = math.fsum(bloom_error(bits=bits, hashes=hashes, ids=i) for i in range(50_000))
    assert bloom_lost(bits=bits, hashes=hashes, ids=50_000) == pytest.approx(every, rel=1e-3)
    assert bloom_lost(bits=100, hashes=2, ids=0) == 0


@pytest.mark.slow
@pytest.mark.parametrize("error", [0.1, 0.01])
def test_a_real_filter_loses_what_the_formula_says(error: float) -> None:
    runs, ids = 20, 1000
    bits, hashes = bloom_bits(ids=ids, error=error), bloom_hashes(error=error)
    lost = 0
    for seed in range(runs):
        store = Bloom(bits=bits, hashes=hashes)
        lost += sum(not store.first_time(id, 0) for id in random_ids(2 * ids, seed=seed))
    mean = runs * bloom_lost(bits=bits, hashes=hashes, ids=2 * ids)
    assert abs(lost - mean) < 4 * math.sqrt(mean)


@pytest.mark.parametrize(
    ("bits", "ids", "mean"),
    [(64, 10**9, 0.0271), (48, 10**9, 1776), (32, 10**6, 116), (122, 10**9, 9.4e-20)],
)
def test_collisions_are_as_many_as_pairs_over_values(bits: int, ids: int, mean: float) -> None:
    assert float(collisions_mean(ids=ids, bits=bits)) == pytest.approx(mean, rel=5e-3)


def test_collisions_are_exact_where_they_can_be_counted() -> None:
    pairs = Fraction(0)
    for first in range(4):
        for second in range(4):
            for third in range(4):
                hashes = (first, second, third)
                equal = sum(hashes[i] == hashes[j] for i in range(3) for j in range(i))
                pairs += Fraction(equal, 64)
    assert collisions_mean(ids=3, bits=2) == pairs


def test_a_window_on_floats_is_that_on_the_decimals_they_are_written_as() -> None:
    # 0.9 / 0.3 is a little more than 3 in binary, and would let a third copy through too late.
    assert effects_in_window(retries=9, every_s=0.3, window_s=0.9) == 4
    for every, window in product(range(1, 20), range(1, 100)):
        exact = effects_in_window(
            retries=50, every_s=Fraction(every, 10), window_s=Fraction(window, 10)
        )
        assert effects_in_window(retries=50, every_s=every / 10, window_s=window / 10) == exact


def test_a_window_holds_rate_times_seconds() -> None:
    assert ids_kept(per_second=1000, window_s=86_400) == 86.4e6


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: bloom_bits_per_id(error=0), "error is 0; allowed"),
        (lambda: bloom_hashes(error=1), "error is 1; allowed"),
        (lambda: bloom_bits(ids=0, error=0.1), "ids is 0"),
        (lambda: bloom_error(bits=0, hashes=1, ids=1), "bits is 0"),
        (lambda: bloom_lost(bits=8, hashes=1, ids=-1), "ids is -1"),
        (lambda: collisions_mean(ids=-2, bits=64), "ids is -2"),
        (lambda: ids_kept(per_second=-1, window_s=1), "per_second is -1"),
        (lambda: effects_in_window(retries=-1, every_s=1, window_s=1), "retries is -1"),
        (lambda: effects_in_window(retries=1, every_s=0, window_s=1), "every_s is 0"),
        (lambda: effects_in_window(retries=1, every_s=1, window_s=0), "window_s is 0"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_values_out_of_range_are_refused(call: object, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        call()  # type: ignore[operator]


def test_the_last_attempt_is_behind_all_timeouts_and_pauses_but_its_own() -> None:
    assert last_attempt_s(attempts=1, timeout_s=10.0, pause_s=lambda number: 5.0) == 0
    assert last_attempt_s(attempts=3, timeout_s=10.0, pause_s=lambda number: number) == 23
    with pytest.raises(ValueError, match="attempts is 0; allowed"):
        last_attempt_s(attempts=0, timeout_s=10.0, pause_s=lambda number: 5.0)
    with pytest.raises(ValueError, match="pause_s is -1; allowed"):
        last_attempt_s(attempts=2, timeout_s=10.0, pause_s=lambda number: -1)
