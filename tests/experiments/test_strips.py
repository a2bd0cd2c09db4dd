"""The frame of a panel of kills: the strip, and the place that costs most."""

from __future__ import annotations

import pytest

from delivery_semantics.experiments.strips import strip_view, worst_of
from delivery_semantics.show.strips import End


def ends(*money: int) -> list[End]:
    return [
        End("killed", step, there, 10)
        for step, there in zip(("before Ack", "after Ack"), money, strict=True)
    ]


def test_the_worst_place_is_furthest_from_what_was_expected() -> None:
    assert worst_of(ends(20, 0)).money == 20
    assert worst_of(ends(10, 0)).money == 0
    assert worst_of(ends(10, 10)).money == 10


def test_the_places_that_are_wrong_are_counted_and_named() -> None:
    view = strip_view("ack last", ends(20, 10))
    assert dict(view.numbers) == {
        "places": 2, "of them wrong": 1, "money expected": 10, "there, at worst": 20,
    }  # fmt: skip
    assert "before Ack (20)" in view.sentence
    assert "right at each" in strip_view("ack last", ends(10, 10)).sentence


def test_without_an_ending_there_is_nothing_to_show() -> None:
    with pytest.raises(ValueError, match="ends is empty; allowed: "):
        strip_view("nobody", [])
