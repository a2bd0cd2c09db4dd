"""What none in n runs leaves room for: exact, and against the binomial count itself."""

from __future__ import annotations

import math

import pytest

from delivery_semantics.theory.samples import largest_if_none, runs_to_see


@pytest.mark.parametrize("runs", [1, 2, 30, 1000, 10**7])
def test_the_largest_chance_is_missed_by_one_sample_in_twenty(runs: int) -> None:
    assert math.isclose((1 - largest_if_none(runs)) ** runs, 0.05, rel_tol=1e-6)
    assert math.isclose((1 - largest_if_none(runs, confidence=0.5)) ** runs, 0.5, rel_tol=1e-6)


@pytest.mark.parametrize("runs", [1, 30, 1000, 10**7])
def test_the_rule_of_three_leaves_a_little_more_room(runs: int) -> None:
    assert largest_if_none(runs) < 3 / runs
    if runs >= 30:
        assert largest_if_none(runs) > 2.8 / runs


@pytest.mark.parametrize("chance", [0.5, 0.01, 1e-6])
def test_runs_to_see_are_the_fewest_that_do(chance: float) -> None:
    runs = runs_to_see(chance)
    assert (1 - chance) ** runs <= 0.05 < (1 - chance) ** (runs - 1)


@pytest.mark.parametrize("value", [0, 1, -0.1, 2, math.nan])
def test_a_share_that_is_none_is_named(value: float) -> None:
    allowed = "; allowed: a number above 0 and below 1"
    with pytest.raises(ValueError, match="confidence is ") as error:
        largest_if_none(10, confidence=value)
    assert str(error.value) == f"confidence is {value!r}{allowed}"
    with pytest.raises(ValueError, match="chance is ") as error:
        runs_to_see(value)
    assert str(error.value) == f"chance is {value!r}{allowed}"


def test_no_run_at_all_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^runs is 0; allowed: a whole number, 1 or more$"):
        largest_if_none(0)
