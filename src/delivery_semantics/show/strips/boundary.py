"""Which steps one commit holds, which stand outside, and what breaks at the edges.

Book: 07-deduplication
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

from ..diagram.paper import text_width
from ..picture import Link, Picture, disc, draw, path, polyline, text
from .flow import continued, flow, right_of
from .kill_strip import RunEnd, judged
from .rail import FRAME_HEIGHT, below, head, legend, rail, responsive
from .signs import Glyph
from .track import Commit, Element, Slot, StepBox, Steps, read_place, unfold

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
GAP, GAP_MARKED = 12.0, 30.0


@dataclass(frozen=True)
class Break:
    """An experiment that breaks a process at a place.

    ``step`` is the place, "before Ack"; ``words`` say what was done and what it came to;
    ``to`` is where the page shows it, "#killed-before-the-ack", or nothing.
    """

    step: str
    words: str
    to: str = ""


class _Row(NamedTuple):
    name: str
    elements: list[Element]
    marks: dict[int, str]  # the letters at the places with these numbers


def breaks_of(ends: Iterable[RunEnd], *, to: str = "") -> list[Break]:
    """Return the endings whose money is wrong, as experiments that break a process."""
    return [
        Break(end.step, f"{end.fault} {end.step}: {end.money:,} there{judged(end)}", to)
        for end in ends
        if end.money != end.expected
    ]


def boundary(
    rows: Mapping[str, Steps],
    *,
    breaks: Mapping[str, Sequence[Break]] | None = None,
    title: str,
    description: str = "",
) -> Picture:
    """Draw the steps of each row, with a frame round those that share a commit.

    ``rows`` has the steps as `track` reads them from a run; ``breaks`` has, for a row, the
    experiments that break it. Each gets a letter at its place; what the letters stand for, and
    where that is shown, is told under the picture.
    Raises ValueError for no rows, a row without steps, breaks of a row that is not there, a
    place beside no step of its row, and more breaks than letters.
    """
    found = breaks or {}
    _check(rows, found)
    every = [each for name in rows for each in found.get(name, ())]
    letters = iter(LETTERS)
    checked = [_row(name, steps, found.get(name, ()), letters) for name, steps in rows.items()]
    said = description or _describe(rows, found)
    links = tuple(Link(each.words, each.to) for each in every)

    def drawn(limit: float) -> Picture:
        parts, y, right = below([partial(_track, row) for row in checked], limit)
        entries: list[tuple[Glyph, str]] = [(_frame, "in one commit: all or nothing")]
        entries += [(_letter("A"), "an experiment that breaks it")] if every else []
        more, end, y = legend(entries, y + 10, limit)
        return draw(*parts, *more, width=max(right, end), height=y,
                    title=title, description=said, links=links)  # fmt: skip

    return responsive(drawn)


def _check(rows: Mapping[str, Steps], breaks: Mapping[str, Sequence[Break]]) -> None:
    if not rows:
        raise ValueError("rows is empty; allowed: at least one row")
    for name, steps in rows.items():
        if not unfold(steps):
            raise ValueError(f"row {name!r} has no steps; allowed: at least one")
    for name in breaks:
        if name not in rows:
            raise ValueError(f"breaks are of {name!r}; allowed: {', '.join(rows)}")
    count = sum(map(len, breaks.values()))
    if count > len(LETTERS):
        raise ValueError(f"there are {count} breaks; allowed: {len(LETTERS)}")


def _row(name: str, steps: Steps, breaks: Sequence[Break], letters: Iterable[str]) -> _Row:
    """Return a row with a place before each step and after the last, and its letters."""
    boxes = unfold(steps)
    marks: dict[int, str] = {}
    for one, letter in zip(breaks, letters, strict=False):
        number = _at(one.step, boxes)
        marks[number] = marks.get(number, "") + letter
    found: list[Element] = []
    for number, box in enumerate([*boxes, None]):
        before = boxes[number - 1].commit if number else ""
        inside = box.commit if box and box.commit == before else ""
        found.append(Slot(number, inside))
        if box:
            found.append(box)
    return _Row(name, found, marks)


def _at(words: str, boxes: Sequence[StepBox]) -> int:
    """Return the number of the place: how many steps stand before it."""
    side, step, commit = read_place(words)
    outer = [number for number, box in enumerate(boxes) if step == box.commit and not commit]
    inner = [
        number
        for number, box in enumerate(boxes)
        if box.name == step and commit in ("", box.commit)
    ]
    found = outer or inner
    if not found:
        names = dict.fromkeys(name for box in boxes for name in (box.commit, box.name) if name)
        raise ValueError(f"a break is {words!r}; allowed: before or after {', '.join(names)}")
    return found[0] if side == "before" else found[-1] + 1


def _track(row: _Row, top: float, limit: float) -> tuple[list[str], float, float]:
    """Return one row, drawn from ``top`` on; where it ends below, and at the right."""

    def width(element: Element) -> float:
        marks = row.marks.get(element.number, "") if isinstance(element, Slot) else ""
        return GAP_MARKED * len(marks) if marks else GAP

    parts = [text(row.name, 2, top + 16, bold=True)]
    right, y = 2 + text_width(row.name, bold=True), top + 24
    for line, begun, goes_on in continued(flow(row.elements, width, limit)):
        middle = y + head(line, begun=begun)
        parts += rail(line, middle, begun=begun, goes_on=goes_on)
        for stand in line:
            if isinstance(stand.element, Slot):
                for index, letter in enumerate(row.marks.get(stand.element.number, "")):
                    x = stand.x + GAP_MARKED * (index + 0.5)
                    parts += _letter(letter)(x, middle)
        y = middle + FRAME_HEIGHT / 2 + 8
        right = max(right, right_of(line))
    return parts, y + 6, right


def _letter(letter: str) -> Glyph:
    def sign(x: float, y: float) -> list[str]:
        ring = path(disc(x, y, 10), stroke="fault", fill="paper", width=2)
        return [ring, text(letter, x, y + 5, anchor="middle", fill="fault", bold=True)]

    return sign


def _frame(x: float, y: float) -> list[str]:
    box = polyline(((x - 8, y - 7), (x + 8, y - 7), (x + 8, y + 7), (x - 8, y + 7)))
    return [path(box + "Z", stroke="accent", width=2)]


def _describe(rows: Mapping[str, Steps], breaks: Mapping[str, Sequence[Break]]) -> str:
    letters = iter(LETTERS)
    says = []
    for name, steps in rows.items():
        told = [
            f"in one commit ({each.name}): {', '.join(each.steps)}"
            if isinstance(each, Commit)
            else each
            for each in steps
        ]
        says.append(f"{name}: {'; then '.join(told)}.")
        for one in breaks.get(name, ()):
            at = "" if one.step in one.words else f", {one.step}"
            says.append(f"{next(letters)}{at}: {one.words}.")
    return " ".join(says)
