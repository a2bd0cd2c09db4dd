"""Strips: each place is where the run says, and its money is what the run came to."""

from __future__ import annotations

import re
from collections.abc import Sequence
from xml.etree import ElementTree

import golden
import pytest

from delivery_semantics import (
    Atomic,
    Mark,
    MarkThenProcess,
    Message,
    ProcessOnce,
    ProcessThenMark,
    RetryUntilAcked,
    Save,
    payments,
)
from delivery_semantics.live.campaign import CrashedRun, campaign
from delivery_semantics.show.panel_html import frame
from delivery_semantics.show.picture import Picture
from delivery_semantics.show.strips import (
    Break,
    Commit,
    End,
    boundary,
    breaks_of,
    kill_strip,
    track,
)
from delivery_semantics.show.strips.rail import NARROW, WIDE
from delivery_semantics.show.strips.track import Slot, StepBox, elements
from delivery_semantics.show.view import View

SVG = "{http://www.w3.org/2000/svg}"
ONE = Message("1")
LETTER_MIN_PX = 11
PHONE_PX = 303  # what a telephone of 390 px leaves to a picture in a panel
STATEMENTS = ("BEGIN", "INSERT INTO transfers", "UPDATE accounts", "COMMIT", "reply")


def crashed(receiver: ProcessThenMark | MarkThenProcess | ProcessOnce) -> list[CrashedRun]:
    sender = RetryUntilAcked("receiver", payments(1), attempts_max=3)
    return campaign({"sender": sender, "receiver": receiver})


ROWS = {
    "ProcessThenMark": crashed(ProcessThenMark()),
    "MarkThenProcess": crashed(MarkThenProcess()),
    "ProcessOnce": crashed(ProcessOnce()),
}
EVERY_FAULT = {
    "consumer": [
        End("killed", "before BEGIN", 2000, 2000),
        End("killed", "inside Once, before mark", 0, 2000),
        End("killed", "after COMMIT", 6000, 2000),
        End("paused", "before BEGIN", 900, 2000),
        End("lost", "after COMMIT", 2000, 2000),
        End("none", "", 0, 0),
    ]
}


def picture() -> Picture:
    return kill_strip(ROWS, title="One crash, at each place")


def texts(svg: str) -> list[tuple[str, float]]:
    """The words of a drawing, and how far from the left they are placed."""
    found = ElementTree.fromstring(svg).iter(f"{SVG}text")
    return [(text.text or "", float(text.attrib["x"])) for text in found]


def drawn(svg: str, colour: str, shape: str = "rect") -> int:
    """How many shapes are filled or outlined in a colour."""
    found = ElementTree.fromstring(svg).iter(f"{SVG}{shape}")
    return sum(f"--eo-{colour}" in f"{one.get('fill')}{one.get('stroke')}" for one in found)


# The steps of a run


@pytest.mark.parametrize(
    ("run", "steps"),
    [
        (["before Process", "before Mark", "after Mark"], ("Process", "Mark")),
        (
            ["before Once", "inside Once, before mark", "after Ack"],
            (Commit("Once", ("mark",)), "Ack"),
        ),
        (STATEMENTS, (Commit("transaction", STATEMENTS[:4]), "reply")),
        (
            [Atomic(Mark("1"), Save("n", 1)), *ProcessOnce().receive("sender", ONE)],
            (Commit("Atomic", ("Mark", "Save")), Commit("Once", ("Process", "Mark")), "Ack"),
        ),
        (["before Process", "before Process"], ("Process", "Process")),
    ],
    ids=["places", "inside a commit", "statements", "effects", "two rounds"],
)  # fmt: skip
def test_a_run_tells_its_steps_and_its_commits(
    run: Sequence[str], steps: tuple[str | Commit, ...]
) -> None:
    assert track(run) == steps


def test_a_place_stands_before_or_after_its_step_and_inside_its_commit() -> None:
    places = ["before Once", "inside Once, before mark", "after Once", "before Ack"]
    assert elements(places[:2]) == [Slot(0), Slot(1, "Once"), StepBox("mark", "Once")]
    assert elements(["before the first", "before Ack"]) == [Slot(0), Slot(1), StepBox("Ack")]
    assert elements([places[3], "after Ack"]) == [Slot(0), StepBox("Ack"), Slot(1)]


def test_the_steps_drawn_are_those_of_the_run() -> None:
    words = [words for words, _ in texts(kill_strip(EVERY_FAULT, title="t").svg)]
    named = [each for each in words if each in ("BEGIN", "mark", "COMMIT", "Once")]
    assert named == ["Once", "BEGIN", "mark", "COMMIT"]  # the frame's name, then the boxes


# Kill strips


def test_the_money_of_each_place_stands_under_it_and_is_told_in_words() -> None:
    strip = picture()
    amounts = [f"{end.money:,}" for ends in ROWS.values() for end in ends]
    assert [words for words, _ in texts(strip.svg) if re.fullmatch(r"[\d,]+", words)] == amounts
    for ends in ROWS.values():
        for end in ends:
            assert f"crashed {end.step}, {end.money}" in strip.description
    assert "crashed before Mark, 20, 10 too much" in strip.description
    assert "crashed before Process, 0, 10 missing" in strip.description
    assert "All 3 are right." in strip.description


def test_too_much_is_red_beyond_the_mark_and_missing_money_is_a_hatched_gap() -> None:
    right = kill_strip({"a": [End("killed", "before X", 10, 10)]}, title="t").svg
    more = kill_strip({"a": [End("killed", "before X", 30, 10)]}, title="t").svg
    less = kill_strip({"a": [End("killed", "before X", 4, 10)]}, title="t").svg
    assert (drawn(right, "fault"), drawn(right, "good")) == (0, 1)
    assert (drawn(more, "fault"), drawn(more, "good")) == (2, 1)  # one is the legend's
    assert (drawn(less, "fault"), drawn(less, "good")) == (2, 1)
    assert drawn(right, "fault", "path") == 0  # the cross is a sign of its own
    assert drawn(more, "fault", "path") == 1
    assert ["too much" in svg and "missing" not in svg for svg in (right, more, less)] == [
        False,
        True,
        False,
    ]


def test_places_keep_their_order_whatever_befell_them() -> None:
    ends = [
        End("lost", "after Call", 1, 1),
        End("killed", "before Process", 1, 1),
        End("lost", "after Reply", 1, 1),
    ]
    words = [words for words, _ in texts(kill_strip({"a": ends}, title="t").svg)]
    boxes = [each for each in words if each in ("Call", "Process", "Reply")]
    assert boxes == ["Call", "Process", "Reply"]


def test_two_campaigns_over_the_same_places_share_them() -> None:
    killed = [End("killed", f"before {step}", 1, 1) for step in "AB"]
    paused = [End("paused", f"before {step}", 2, 1) for step in "AB"]
    both = texts(kill_strip({"a": killed + paused}, title="t").svg)
    words = [words for words, _ in both]
    assert words.count("A") == words.count("B") == 1
    amounts = sorted((x, each) for each, x in both if each in ("1", "2"))
    assert [each for _, each in amounts] == ["1", "2", "1", "2"]
    other = [End("paused", "before C", 2, 1)]
    words = [words for words, _ in texts(kill_strip({"a": killed + other}, title="t").svg)]
    assert [each for each in words if each in "ABC"] == ["A", "B", "C"]


@pytest.mark.parametrize("rows", [ROWS, EVERY_FAULT], ids=["receivers", "faults"])
def test_on_a_telephone_no_letter_is_small_and_nothing_is_cut_off(
    rows: dict[str, Sequence[End]],
) -> None:
    strip = kill_strip(rows, title="t")
    for svg, limit in ((strip.svg, WIDE), (strip.narrow or strip.svg, NARROW)):
        root = ElementTree.fromstring(svg)
        width, height = map(float, root.attrib["viewBox"].split()[2:])
        assert width <= limit
        assert not root.findall(".//*[@font-size]")
        assert all(float(text.attrib["y"]) < height for text in root.iter(f"{SVG}text"))
    assert 14 * PHONE_PX / NARROW >= LETTER_MIN_PX


def test_the_narrow_drawing_is_one_more_of_the_same_and_has_the_words_of_the_wide() -> None:
    strip = picture()
    assert strip.narrow
    assert [words for words, _ in texts(strip.svg)] == [
        words for words, _ in texts(strip.narrow)
    ]
    html = strip._repr_html_()
    ids = re.findall(r' id="([^"]+)"', html)
    assert len(ids) == len(set(ids)) == 2
    assert html.count(f'aria-labelledby="{" ".join(ids)}"') == 2
    assert html.count("display: none") == 1
    shown = frame(View(strip, {}, "One sentence."), "eo-7")
    assert shown.count("panel-picture picture-") == 2
    ids = re.findall(r' id="(eo-7[^"]+)"', shown)
    assert shown.count(f'aria-labelledby="{" ".join(ids)}"') == len(ids) == 2


def test_a_kill_strip_is_drawn_as_it_was() -> None:
    strip = kill_strip(EVERY_FAULT, title="Every fault")
    golden.check("kill_strip.svg", f"{strip.svg}\n{strip.narrow}\n")


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ({}, "rows is empty; allowed: at least one row"),
        ({"a": []}, "row 'a' is empty; allowed: at least one ending"),
        ({"a": [End("eaten", "before X", 1, 1)]}, "fault is 'eaten'; allowed: killed, "),
        ({"a": [End("killed", "at X", 1, 1)]}, "step is 'at X'; allowed: before STEP, "),
        ({"a": [End("killed", "before X", -1, 1)]}, "money is -1 of 1; allowed: 0 or more"),
    ],
)
def test_what_cannot_be_drawn_is_refused(rows: dict[str, list[End]], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        kill_strip(rows, title="t")


# Boundaries


def bounds() -> Picture:
    steps = {name: track(end.step for end in ends) for name, ends in ROWS.items()}
    found = {name: breaks_of(ends, to=f"#{name}") for name, ends in ROWS.items()}
    once = {"effects": track(ProcessOnce().receive("sender", ONE))}
    return boundary(steps | once, breaks=found, title="What one commit holds")


def test_a_boundary_holds_what_the_commit_holds_and_names_what_breaks_the_rest() -> None:
    described = bounds().description
    assert "effects: in one commit (Once): Process, Mark; then Ack." in described
    assert "A: crashed before Mark: 20 there, 10 too much." in described
    assert "B: crashed before Process: 0 there, 10 missing." in described
    words = dict(texts(bounds().svg))
    assert {"A", "B", "Once"} <= set(words)
    assert "C" not in words


def test_a_letter_stands_at_its_place() -> None:
    steps = {"row": ("Process", Commit("Once", ("Mark", "Save")), "Ack")}
    for step, left, right in (
        ("before Process", "", "Process"),
        ("after Process", "Process", "Mark"),
        ("before Once", "Process", "Mark"),
        ("inside Once, after Mark", "Mark", "Save"),
        ("after Once", "Save", "Ack"),
        ("after Ack", "Ack", ""),
    ):
        found = boundary(steps, breaks={"row": [Break(step, "broken")]}, title="t")
        at = dict(reversed(texts(found.svg)))  # the legend has an A as well, further down
        assert at.get(left, 0) < at["A"] < at.get(right, WIDE), step


def test_what_a_letter_stands_for_is_a_link_that_a_keyboard_reaches() -> None:
    html = bounds()._repr_html_()
    assert '<ol type="A" class="picture-links">' in html
    assert '<li><a href="#ProcessThenMark">crashed before Mark: 20 there, 10 too much' in html
    assert "<a " not in bounds().svg  # within an image nobody would hear of it
    assert '<a href="#ProcessThenMark">' in frame(View(bounds(), {}, "One sentence."), "eo-7")
    unlinked = boundary({"a": ["X"]}, breaks={"a": [Break("before X", "lost")]}, title="t")
    assert "<li>lost</li>" in unlinked._repr_html_()


def test_a_boundary_is_drawn_as_it_was() -> None:
    golden.check("boundary.svg", f"{bounds().svg}\n")


@pytest.mark.parametrize(
    ("rows", "breaks", "message"),
    [
        ({}, {}, "rows is empty; allowed: at least one row"),
        ({"a": ()}, {}, "row 'a' has no steps; allowed: at least one"),
        ({"a": ("X",)}, {"b": []}, "breaks are of 'b'; allowed: a"),
        (
            {"a": (Commit("Once", ("X",)),)},
            {"a": [Break("before Y", "w")]},
            "a break is 'before Y'; allowed: before or after Once, X",
        ),
        (
            {"a": ("X",)},
            {"a": [Break("after X", "w")] * 27},
            "there are 27 breaks; allowed: 26",
        ),
    ],
)
def test_a_boundary_of_nothing_is_refused(
    rows: dict[str, tuple[str, ...]], breaks: dict[str, list[Break]], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        boundary(rows, breaks=breaks, title="t")


def test_a_run_of_something_else_is_refused() -> None:
    with pytest.raises(TypeError, match="run holds 7; allowed: effects, and steps in words"):
        track([7])  # type: ignore[list-item]
