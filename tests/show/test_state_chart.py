"""A chart of states has the arrows that were seen, and no others."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from delivery_semantics.show.picture import COLOURS, Picture
from delivery_semantics.show.state_chart import (
    StateBox,
    StateFrame,
    Track,
    Transition,
    gather,
    state_chart,
)

SVG = "{http://www.w3.org/2000/svg}"
STATES = {
    "asleep": StateBox((0, 0, 60, 26)),
    "idle": StateBox((100, 0, 160, 26)),
    "busy": StateBox((200, 0, 260, 26)),
}
AWAKE = {"awake": StateFrame((90, -10, 270, 36), ("idle", "busy"), (180, 50))}
WAYS = {
    ("awake", "asleep"): Track(((90, 13), (60, 13)), (75, 10)),
    ("asleep", "idle"): Track(((60, 20), (100, 20)), (80, 30)),
}
LIE_DOWN = {("idle", "lie down", "asleep"), ("busy", "lie down", "asleep")}


def chart(*seen: Transition) -> Picture:
    return state_chart(seen, states=STATES, frames=AWAKE, ways=WAYS, title="A day")


@pytest.mark.parametrize(
    ("seen", "gathered"),
    [
        (LIE_DOWN, [("awake", "lie down", "asleep")]),
        ({("idle", "lie down", "asleep")}, [("idle", "lie down", "asleep")]),
        (
            {("asleep", "rise", "idle"), ("asleep", "rise", "busy")},
            [("asleep", "rise", "awake")],
        ),
        (
            {*LIE_DOWN, ("idle", "faint", "asleep")},
            [("awake", "lie down", "asleep"), ("idle", "faint", "asleep")],
        ),
        (
            {("asleep", "rise", "idle"), ("asleep", "dream", "idle")},
            [("asleep", "dream, rise", "idle")],
        ),
    ],
)
def test_one_arrow_stands_for_all_that_a_frame_holds(
    seen: set[Transition], gathered: list[Transition]
) -> None:
    assert gather(seen, {"awake": ("idle", "busy")}) == gathered


def test_a_frame_within_a_frame_gives_way_to_the_larger() -> None:
    frames = {"some": ("a", "b"), "all": ("a", "b", "c")}
    leaves = [(state, "go", "z") for state in "abc"]
    assert gather(leaves, frames) == [("all", "go", "z")]
    assert gather(leaves[:2], frames) == [("some", "go", "z")]


def test_a_chart_says_its_frames_and_arrows_in_words() -> None:
    said = "Awake is idle or busy. From awake, by lie down: asleep."
    assert chart(*LIE_DOWN).description == said


def test_what_nobody_expected_is_red() -> None:
    red = COLOURS["fault"]
    assert red not in chart(*LIE_DOWN).svg
    assert red in chart(*LIE_DOWN, ("busy", "fall", "idle")).svg


def test_an_arrow_runs_behind_words() -> None:
    [line, *_] = (
        one.attrib["d"]
        for one in ElementTree.fromstring(chart(("asleep", "rise", "idle")).svg).iter(
            f"{SVG}path"
        )
        if one.get("stroke") == COLOURS["ink"] and "Z" not in one.attrib["d"]
    )
    assert line.startswith("M60 20L")
    assert line.endswith("L100 20")
    assert line.count("M") == 2


def test_a_state_that_is_not_there_is_named() -> None:
    with pytest.raises(ValueError, match=r"rise is of 'up'; allowed: asleep, idle, busy"):
        chart(("asleep", "rise", "up"))
