"""The five takeaways, each with its condition and without: one of the two is refuted."""

from __future__ import annotations

import pytest

from delivery_semantics.experiments.takeaways.conditions import (
    CONDITION,
    TAKEAWAYS,
    condition_view,
    first_broken,
    searched,
)


@pytest.mark.parametrize("condition", CONDITION)
@pytest.mark.parametrize("takeaway", TAKEAWAYS)
def test_a_run_that_breaks_it_exists_in_one_of_the_two(takeaway: str, condition: str) -> None:
    broken = first_broken(searched(takeaway, condition))
    assert (broken is not None) == (condition == TAKEAWAYS[takeaway].breaks)
    numbers = condition_view(takeaway=takeaway, condition=condition, seed=1).numbers
    assert (numbers["there, in this run"] == 10) == (broken is None)


def test_what_is_unknown_is_named() -> None:
    with pytest.raises(ValueError, match="takeaway"):
        searched("6", CONDITION[0])
    with pytest.raises(ValueError, match="condition"):
        searched("5 keys", "perhaps")
