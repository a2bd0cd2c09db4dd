from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as some

from delivery_semantics.theory.race import (
    both_pass_exponential,
    both_pass_uniform,
    transfers_at_once,
)

times = some.floats(1e-3, 1e3)


def test_an_even_gap_gives_the_share_of_the_window_exactly() -> None:
    half = both_pass_uniform(window_s=Fraction(1, 100), gap_s_max=Fraction(1, 20))
    assert half == Fraction(1, 5)
    assert both_pass_uniform(window_s=10, gap_s_max=5) == 1
    assert both_pass_uniform(window_s=0, gap_s_max=5) == 0


@given(window=times, mean=times)
def test_an_exponential_gap_gives_its_distribution_at_the_window(
    window: float, mean: float
) -> None:
    # Summed by hand: the density between 0 and the window, in small steps.
    steps = 10_000
    wide = window / steps
    density = (math.exp(-(n + 0.5) * wide / mean) / mean * wide for n in range(steps))
    found = both_pass_exponential(window_s=window, gap_s_mean=mean)
    if window / mean < 50:
        assert found == pytest.approx(math.fsum(density), rel=1e-4)
    assert 0 < found <= 1


def test_a_tiny_window_keeps_its_digits() -> None:
    assert both_pass_exponential(window_s=1e-18, gap_s_mean=1) == 1e-18


@given(copies=some.integers(1, 100), window=times)
def test_each_copy_that_begins_at_the_same_moment_makes_a_transfer(
    copies: int, window: float
) -> None:
    assert transfers_at_once(copies=copies, window_s=window) == copies
    assert transfers_at_once(copies=copies, window_s=0) == 1


@pytest.mark.parametrize(
    ("form", "values"),
    [
        (both_pass_uniform, {"window_s": -1, "gap_s_max": 1}),
        (both_pass_uniform, {"window_s": 1, "gap_s_max": 0}),
        (both_pass_exponential, {"window_s": math.nan, "gap_s_mean": 1}),
        (both_pass_exponential, {"window_s": 1, "gap_s_mean": 0}),
        (transfers_at_once, {"copies": 0, "window_s": 1}),
        (transfers_at_once, {"copies": 2, "window_s": -1}),
    ],
)
def test_what_cannot_be_is_refused(
    form: Callable[..., float], values: dict[str, float]
) -> None:
    with pytest.raises(ValueError, match="allowed:"):
        form(**values)
