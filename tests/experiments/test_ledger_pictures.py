"""The panels of the ledger's campaigns: what is chosen is what is drawn and counted."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from delivery_semantics.experiments.ledger.actor import KILLED, PAUSED
from delivery_semantics.experiments.ledger.campaign import Campaign, Paid
from delivery_semantics.experiments.ledger.hops import PROCESSES
from delivery_semantics.experiments.ledger.lab import OneFault
from delivery_semantics.experiments.ledger.pictures import (
    IGNORES_KEYS,
    TAKES_KEYS,
    ignoring,
    missed,
    survived,
)
from delivery_semantics.experiments.ledger.without import NO_KEYS, Without

STEPS = ("received", "replying")


def paid(kind: str, where: str, step: str, *, charged: int = 1) -> Paid:
    return Paid("1", OneFault(kind, where, 1, step), True, 1, charged, ())


@pytest.fixture
def whole() -> Campaign:
    every = (paid(kind, where, step) for kind in (KILLED, PAUSED)
             for where in PROCESSES for step in STEPS)  # fmt: skip
    return Campaign(Without(), tuple(every))


@pytest.fixture
def twice() -> Campaign:
    ends = (paid(KILLED, "card", "received"), paid(KILLED, "card", "replying", charged=2))
    return Campaign(Without(NO_KEYS), ends)


def test_the_kind_of_fault_that_is_chosen_is_drawn(whole: Campaign) -> None:
    view = survived(whole)(kind=PAUSED)
    assert view.numbers["expected"] == 10 * len(PROCESSES) * len(STEPS)
    [picture] = view.pictures
    assert picture.title == "Five processes, paused at each step"
    assert "killed" not in picture.description
    lost = replace(whole.paid[0], booked=0)
    one_lost = replace(whole, paid=(lost, *whole.paid[1:]))
    assert "1 of 10 payments ended wrong" in survived(one_lost)(kind=KILLED).sentence


def test_a_letter_stands_where_what_is_missing_was_missed(
    whole: Campaign, twice: Campaign
) -> None:
    view = missed(whole, {"inbox": twice})
    assert not view(missing="nothing").pictures[0].links
    [link] = view(missing="inbox").pictures[0].links
    assert re.search("booked 1, charged 2", link.words)
    assert view(missing="inbox").numbers["wrong"] == 1


def test_both_card_processors_are_killed_in_the_same_places(
    whole: Campaign, twice: Campaign
) -> None:
    view = ignoring(whole, twice)
    money = {
        processor: view(processor=processor).numbers["from cards"]
        for processor in (TAKES_KEYS, IGNORES_KEYS)
    }
    assert money == {TAKES_KEYS: 20, IGNORES_KEYS: 30}
    assert "card, before reply" in view(processor=IGNORES_KEYS).sentence
