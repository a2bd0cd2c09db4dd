"""Words and lines on paper: how wide words are, roughly, and which lines run through them.

Book: 01-the-problem
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

from ..picture import FONT_SIZE

Point = tuple[float, float]
Segment = tuple[Point, Point]
Box = tuple[float, float, float, float]  # left, top, right, bottom

CRUMB = 0.02  # the part of a line below which a piece of it says nothing

# Advance widths in ems, those of DejaVu Sans, which is wider than most.
_WIDTHS = {
    char: width
    for width, chars in {
        0.35: " ijlI.,:;'|!·",
        0.42: 'frt()[]{}-"/\\',
        0.85: "w×=+<>~_&",
        1.0: "mMW@%…—",
    }.items()
    for char in chars
}


@dataclass(frozen=True)
class Text:
    """Words whose baseline begins, ends or is centred at (x, y), by ``anchor``."""

    words: str
    x: float
    y: float
    anchor: str = "start"
    style: str = "ink"

    @property
    def box(self) -> Box:
        """The box that the words fill, on the wide side."""
        width = text_width(self.words, bold=self.style in ("strong", "alarm"))
        left = self.x - {"start": 0.0, "middle": width / 2, "end": width}[self.anchor]
        return (left, self.y - 11, left + width, self.y + 4)


def text_width(words: str, *, bold: bool = False) -> float:
    """Estimate the width of words in units, on the wide side."""
    return sum(map(_ems, words)) * FONT_SIZE * (1.12 if bold else 1.0)


def fitted(words: str, width: float) -> str:
    """Shorten words with an ellipsis until they are no wider than ``width``."""
    if text_width(words) <= width:
        return words
    while words and text_width(words + "…") > width:
        words = words[:-1]
    return words + "…"


def wrapped(words: str, width: float, *, bold: bool = False) -> list[str]:
    """Break words into lines no wider than ``width``, where a word is not."""
    lines = [""]
    for word in words.split(" "):
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and text_width(longer, bold=bold) > width:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines


def crosses(segment: Segment, box: Box) -> bool:
    """Tell whether a line runs through a box."""
    return _inside(segment, box) is not None


def uncovered(segment: Segment, boxes: Iterable[Box]) -> tuple[Segment, ...]:
    """Return the pieces of a line that no box covers, without crumbs."""
    covered = sorted(span for box in boxes if (span := _inside(segment, box)) is not None)
    pieces, begin = [], 0.0
    for enter, leave in [*covered, (1.0, 1.0)]:
        if enter - begin > CRUMB:
            pieces.append((_along(segment, begin), _along(segment, enter)))
        begin = max(begin, leave)
    return tuple(pieces)


def _along(segment: Segment, part: float) -> Point:
    (x, y), (end_x, end_y) = segment
    return (x + part * (end_x - x), y + part * (end_y - y))


def _inside(segment: Segment, box: Box) -> tuple[float, float] | None:
    """Return from which to which part of its length a line is in a box (Liang and Barsky)."""
    (x, y), (end_x, end_y) = segment
    enter, leave = 0.0, 1.0
    for start, step, low, high in (
        (x, end_x - x, box[0], box[2]),
        (y, end_y - y, box[1], box[3]),
    ):
        if step == 0:
            if not low <= start <= high:
                return None
            continue
        ends = sorted(((low - start) / step, (high - start) / step))
        enter, leave = max(enter, ends[0]), min(leave, ends[1])
    return (enter, leave) if enter < leave else None


def _ems(char: str) -> float:
    if char in _WIDTHS:
        return _WIDTHS[char]
    if unicodedata.combining(char):
        return 0.0
    if unicodedata.east_asian_width(char) in "WF":
        return 1.1
    return 0.72 if char.isupper() else 0.64
