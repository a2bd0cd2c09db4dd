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
from delivery_semantics.experiments.takeaways.designs import (
    RECEIVERS,
    SENDERS,
    design_view,
    designed,
    pays_once,
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


def test_one_design_of_twelve_pays_once_in_every_run() -> None:
    good = [(sender, receiver) for sender in SENDERS for receiver in RECEIVERS
            if pays_once(sender, receiver)]  # fmt: skip
    assert good == [("asks until acked, one id", "marks in the transaction")]
    for sender in SENDERS:
        for receiver in RECEIVERS:
            numbers = design_view(sender=sender, receiver=receiver).numbers
            assert (numbers["money there"] == 10) == pays_once(sender, receiver)
    with pytest.raises(ValueError, match="sender is 'hopes'; allowed: asks once"):
        designed("hopes", "marks in the transaction")
