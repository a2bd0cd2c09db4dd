"""How far down each row of a diagram stands, and how far apart the life lines.

Book: 01-the-problem
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from math import inf

from .paper import fitted, text_width, wrapped
from .story import AGAIN, IN_FLIGHT, Retelling

HEADER = 34  # where life lines begin, under the boxes with the names
GUTTER = 15  # between a life line and the words beside it: marks and timers are drawn there
MARGIN_LEFT, MARGIN_RIGHT, SPAN = 104, 152, 204  # room for "1 in doubt", "process 1 again"
SPAN_MIN = 150
NAME_WIDTH_MAX = 150
DROP = 24  # how far an arrow falls at least
FRAME = 2  # between the frame round a loop and the edge of the picture
LINE = 18  # from a line of words to the next
STRETCH_MAX = 72  # the greatest distance of two rows on a time axis

# Height above and below the middle of a row, by what it shows.
BANDS = {"crashed": (13, 11), AGAIN: (18, 8)}
BAND, BAND_BARE = (10, 10), (5, 5)
ENDS_EARLY = ("lost", IN_FLIGHT)
"""What a packet has become that is not drawn all its way."""


@dataclass(frozen=True)
class Room:
    """How much room a diagram has: between its life lines, and beside and between its rows.

    ``fixed`` keeps the margins and the life lines where they are, whatever the words.
    ``band``, ``sent``, ``copied`` and ``in_flight`` are the heights of rows above and below
    their middle; ``reach`` is the part of its way that a packet in flight is drawn. ``header``
    is where the rows begin, under the boxes with the names. Words that are wider than ``wrap``
    take more than one line.
    """

    left: float = MARGIN_LEFT
    right: float = MARGIN_RIGHT
    span: float | None = None
    fixed: bool = False
    band: tuple[int, int] = BAND
    sent: tuple[int, int] = (21, 9)
    copied: tuple[int, int] = (6, 21)
    in_flight: tuple[int, int] = BAND
    header: int = HEADER
    reach: float = 0.42
    wrap: float = inf

    def drawn(self, fate: str) -> float:
        """Return the part of its way that a packet of this fate is drawn."""
        return {"lost": 0.6, IN_FLIGHT: self.reach}.get(fate, 1.0)

    def of(self, what: str, words: str) -> tuple[int, int]:
        """Return the height of a row above and below its middle."""
        if what in (IN_FLIGHT, "sent"):
            return self.in_flight if what == IN_FLIGHT else self.sent
        return BANDS.get(what, self.band if words else BAND_BARE)

    def lines(self, words: str) -> list[str]:
        """Return the lines that words take."""
        return wrapped(words, self.wrap, bold=True)


BOOK = Room()
"""The room that the diagrams of the book have."""


def half_box(name: str) -> float:
    """Return half the width of the box with a name."""
    return round(text_width(fitted(name, NAME_WIDTH_MAX), bold=True) / 2 + 10)


def heights(
    story: Retelling, time_axis: bool, room: Room = BOOK
) -> tuple[tuple[float, ...], float]:
    """Return the height of each row's middle, and of the foot of the life lines."""
    leaves = {f.ends: f.leaves for f in story.flights.values()}
    copies = {f.ends for f in story.flights.values() if f.copy and f.fate not in ENDS_EARLY}
    scale = _units_per_second(story) if time_axis else 0.0
    heights: list[float] = []
    floor, last_s = room.header + 6.0, story.rows[0].time_s if story.rows else 0.0
    for number, row in enumerate(story.rows):
        above, below = room.of(row.what, row.words)
        if number in copies:
            above, below = room.copied
        if time_axis:
            above, below = max(above, BAND[0]), max(below, BAND[1])
        below += LINE * (len(room.lines(row.words)) - 1)
        y = floor + above
        if number in leaves and leaves[number] < number:
            y = max(y, heights[leaves[number]] + DROP)
        if heights:
            y = max(y, round(heights[-1] + min(STRETCH_MAX, scale * (row.time_s - last_s))))
        heights.append(y)
        floor, last_s = y + below, row.time_s
    if story.further:
        heights.append(floor + 14)
        floor += 24
    return tuple(heights), floor + 8


def _units_per_second(story: Retelling) -> float:
    """Return the scale at which all the time there is takes as much room as all the rows."""
    span_s = story.rows[-1].time_s - story.rows[0].time_s if story.rows else 0.0
    return DROP * len(story.rows) / span_s if span_s > 0 else 0.0


def columns(story: Retelling, room: Room = BOOK) -> tuple[float, ...]:
    """Return the place of each life line, the first at 0, far enough apart for all words."""
    names = story.names
    least = room.span or (SPAN if len(names) == 2 else SPAN_MIN)
    if room.fixed:
        return tuple(least * number for number in range(len(names)))
    beside = dict.fromkeys(names, 0.0)
    for row in story.rows:
        beside[row.who] = max(beside[row.who], text_width(row.words, bold=True) + 2 * GUTTER)
    columns = [0.0]
    for one, other in pairwise(names):
        boxes = half_box(one) + half_box(other)
        columns.append(columns[-1] + round(max(least, boxes + 12, beside[one], beside[other])))
    return tuple(columns)
