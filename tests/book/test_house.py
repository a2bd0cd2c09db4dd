"""The page about the house shows what the code has, and nothing else."""

from __future__ import annotations

import re

import book_house
import pytest
from house import FACE, READING_ORDER, ROOMS, House

HOUSE = House()


def test_an_arrow_with_a_way_round_is_left_out() -> None:
    pairs = {("c", "b"), ("b", "a"), ("c", "a"), ("d", "a")}
    named = {"a": "core", "b": "participants", "c": "show", "d": "theory"}
    pairs = {(named[one], named[other]) for one, other in pairs}
    assert book_house.without_detours(pairs) == pairs - {("show", "core")}


def test_the_drawing_leads_wherever_the_code_does() -> None:
    pairs = book_house.arrows(HOUSE)
    assert pairs == {pair for pair in HOUSE.arrows() if FACE not in pair}
    reached = {room: {room} for room in ROOMS}
    for room in ROOMS:  # the lower first
        for one, other in book_house.without_detours(pairs):
            if one == room:
                reached[room] |= reached[other]
    assert [pair for pair in pairs if pair[1] not in reached[pair[0]]] == []


def test_no_arrow_runs_through_a_room() -> None:
    drawn = book_house.without_detours(book_house.arrows(HOUSE))
    hits, crossings, _ = book_house.untidiness(book_house.tidiest(drawn), drawn)
    assert hits == 0
    assert crossings <= 3
    first = book_house.placed([way[0] for way in book_house.ways_by_floor()])
    assert book_house.untidiness(first, drawn) > (0, 3, 0)


def test_the_drawing_says_every_room_and_every_arrow_in_words() -> None:
    picture = book_house.drawing(HOUSE)
    for room in ROOMS:
        lines = f"{HOUSE.lines(room):,}"
        assert f">{room}</text>" in picture.svg
        assert f">{lines}</text>" in picture.svg
        (said,) = re.findall(rf"{room}, {lines} lines, imports ([^.]*)\.", picture.description)
        named = {other for one, other in book_house.arrows(HOUSE) if one == room}
        assert set(re.findall(r"\w+", said)) - {"and", "no", "room"} == named


@pytest.mark.parametrize("room", READING_ORDER)
def test_a_room_is_counted_line_by_line(room: str) -> None:
    _, _, after = "\n".join(book_house.reading(HOUSE)).partition(f"`{room}`, **")
    total, _, listed = after.partition(" lines**:\n\n")
    counted = re.findall(r"^\d+\. `\w+`, (\d+) lines", listed.partition("\n\n")[0], re.M)
    assert len(counted) == len(READING_ORDER[room])
    own = HOUSE.modules[room].text.count("\n")
    assert f"{sum(map(int, counted)) + own:,}" == total
