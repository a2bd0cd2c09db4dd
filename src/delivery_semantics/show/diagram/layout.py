"""Where each line and word of a sequence diagram goes.

Theory of operation. Every row owns a band of the picture's height, and bands do not overlap:
so no two words can collide, whatever the trace. Notes stand beside the life line they belong
to. A packet is named above the start of its arrow; where another arrow would run through one
of a participant's names, all of them move to the other side of its line. A line that still
meets a word is interrupted there. Widths of words are estimated, never measured: no font
decides what a picture's bytes are.

Book: 01-the-problem
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Self

from .grid import (
    BANDS, BOOK, ENDS_EARLY, FRAME, GUTTER, HEADER, NAME_WIDTH_MAX, Room, columns, half_box,
    heights,
)  # fmt: skip
from .paper import Box, Point, Segment, Text, crosses, fitted, text_width, uncovered, wrapped
from .story import AGAIN, IN_FLIGHT, Flight, Retelling, ToldRow


@dataclass(frozen=True)
class Arrow:
    """The flight of a packet on paper, in pieces where words interrupt it."""

    packet: int
    flight: Flight
    end: Point
    pieces: tuple[Segment, ...]


@dataclass(frozen=True)
class Sign:
    """A sign on a life line, by kind of event, on its ``side`` -1 or 1.

    ``since`` is the height at which a timer was set.
    """

    what: str
    x: float
    y: float
    side: int
    since: float


@dataclass(frozen=True)
class Drawing:
    """Everything to draw, in units of the picture. ``down`` is where nobody is at home.

    ``frames`` are drawn round what repeats. ``rows`` are the heights of the story's rows,
    ``columns`` the places of the life lines, and ``bottom`` is their foot.
    """

    width: float
    height: float
    names: tuple[Box, ...]
    lines: tuple[Segment, ...]
    down: tuple[Segment, ...]
    arrows: tuple[Arrow, ...]
    signs: tuple[Sign, ...]
    texts: tuple[Text, ...]
    frames: tuple[Box, ...] = ()
    rows: tuple[float, ...] = ()
    columns: tuple[float, ...] = ()
    bottom: float = 0.0


def lay_out(
    story: Retelling,
    *,
    time_axis: bool = False,
    room: Room = BOOK,
    like: Retelling | None = None,
) -> Drawing:
    """Place a story on paper as large as the story ``like`` needs, which begins like it."""
    plan, width = _placed(like or story, time_axis, room)
    plan = plan.of(story, time_axis)
    seconds = time_axis_of(plan) if time_axis else []
    texts = (*plan.heads(), *plan.labels(), *plan.notes(), *seconds)
    return plan.above(foot_of(story, width, plan.bottom), width, texts, like or story)


def _placed(story: Retelling, time_axis: bool, room: Room) -> tuple[Layout, float]:
    """Return the plan of a story, and how wide its paper is."""
    plan = Layout(story, *heights(story, time_axis, room), columns(story, room), room=room)
    plan = replace(plan, moved=frozenset(plan.crowded()))
    left, right = room.left, room.right if len(plan.columns) > 1 or room.fixed else 0.0
    if not room.fixed:
        words = [*plan.labels(), *plan.notes()]
        seconds = time_axis_of(plan) if time_axis else []
        left = max(
            left,
            text_width(plan.names[0], bold=True) / 2 + 14,
            *(4 - text.box[0] for text in words),
        )
        left += max((text_width(text.words) + 8 for text in seconds), default=0)
        right = max(
            right,
            text_width(plan.names[-1], bold=True) / 2 + 14,
            *(text.box[2] + 4 - plan.columns[-1] for text in words),
        )
    plan = plan.shifted(round(left))
    width = plan.columns[-1] + round(right)
    return plan, max([width, *(round(text_width(w, bold=True)) + 12 for w in story.totals)])


@dataclass(frozen=True)
class Layout:
    """A story with the height of each row and the place of each life line.

    What it puts on paper stands about the life lines; a plan of another kind may put it
    elsewhere.
    """

    story: Retelling
    heights: tuple[float, ...]
    bottom: float
    columns: tuple[float, ...]
    moved: frozenset[str] = frozenset()  # who has the names of its packets beside its line
    room: Room = BOOK

    @property
    def names(self) -> tuple[str, ...]:
        """The names as they stand in their boxes."""
        return tuple(fitted(name, NAME_WIDTH_MAX) for name in self.story.names)

    def of(self, story: Retelling, time_axis: bool) -> Self:
        """Return the plan for another story, with the life lines where they are, as long."""
        rows, bottom = heights(story, time_axis, self.room)
        return replace(self, story=story, heights=rows, bottom=max(bottom, self.bottom))

    def above(
        self, foot: Sequence[Text], width: float, texts: Iterable[Text], whole: Retelling
    ) -> Drawing:
        """Return what stands above its ``foot``, with room for the foot of the ``whole``."""
        lines = max(len(foot), len(foot_of(whole, width, self.bottom)))
        return self.drawing(width, self.bottom + 6 + 20 * lines, (*texts, *foot))

    def shifted(self, left: float) -> Layout:
        """Return the plan, moved to the right."""
        return replace(self, columns=tuple(x + left for x in self.columns))

    def at(self, who: str) -> float:
        """Return the place of a participant's life line."""
        return self.columns[self.story.names.index(who)]

    def side(self, who: str) -> int:
        """Return on which side of its line the notes of ``who`` stand."""
        return -1 if who == self.story.names[0] else 1

    def segment(self, flight: Flight) -> Segment:
        """Return the line of a packet, as far as it is drawn."""
        x, y = self.at(flight.source), self.heights[flight.leaves]
        reach = self.room.drawn(flight.fate)
        return (x, y), (x + reach * (self.at(flight.target) - x), self.heights[flight.ends])

    def crowded(self) -> list[str]:
        """Return who has a name above an arrow through which another arrow runs."""
        flights = self.story.flights.items()
        found = []
        for packet, flight in flights:
            if flight.copy:
                continue
            others = (f for p, f in flights if p != packet and f.leaves != flight.leaves)
            box = self._label(flight).box
            if any(crosses(self.segment(other), box) for other in others):
                found.append(flight.source)
        return found

    def labels(self) -> list[Text]:
        """Return the names of the packets."""
        return [self._label(f) for f in self.story.flights.values() if not f.copy]

    def _label(self, flight: Flight) -> Text:
        x, y = self.segment(flight)[0]
        side = -1 if self.at(flight.target) < x else 1
        if flight.source in self.moved:
            return Text(flight.label, x - side * GUTTER, y + 5, _anchor(-side))
        return Text(flight.label, x + side * 10, y - 7, _anchor(side))

    def notes(self) -> list[Text]:
        """Return the words of the rows."""
        pairs = zip(self.story.rows, self.heights, strict=False)
        texts = [text for row, y in pairs if (text := self._note(row, y)) is not None]
        if self.story.further:
            words = f"… {self.story.further} further events"
            middle = (self.columns[0] + self.columns[-1]) / 2
            texts.append(Text(words, middle, self.heights[-1] + 5, "middle", "muted"))
        return texts

    def said(self, row: ToldRow) -> tuple[str, str]:
        """Return the words that stand in a row, or "", and their style."""
        flight = self.story.flights.get(row.packet)
        if row.what == IN_FLIGHT and not row.words:
            return "", "muted"
        copy = flight is not None and flight.copy and row.what != "sent"
        again = row.what == "processed" and row.words.endswith(" again")
        words = f"copy {row.words}".rstrip() if copy else row.words
        return words, "alarm" if again else _STYLES.get(row.what, "ink")

    def _note(self, row: ToldRow, y: float) -> Text | None:
        flight = self.story.flights.get(row.packet)
        words, style = self.said(row)
        if row.what == "sent" or not words:
            return None
        if row.what == AGAIN:
            return Text(words, self.at(row.who) + GUTTER, y + 5, "start", style)
        if flight is None or (row.what not in ENDS_EARLY and not flight.copy):
            side = self.side(row.who)
            x = self.at(row.who) + side * GUTTER
            return Text(words, x, y + 5, _anchor(side), style)
        (x, _), (end, _) = self.segment(flight)
        side = -1 if end < x else 1
        if row.what in ENDS_EARLY:
            return Text(words, end + side * 10, y + 5, _anchor(side), style)
        return Text(words, end - side * 12, y + 17, _anchor(-side), style)

    def boxes(self) -> list[Box]:
        """Return the boxes in which the names stand, above their life lines."""
        halves = map(half_box, self.names)
        return [
            (x - half, 8.0, x + half, float(HEADER))
            for x, half in zip(self.columns, halves, strict=True)
        ]

    def heads(self) -> list[Text]:
        """Return the names of the participants."""
        return [
            Text(name, x, 26, "middle", "strong")
            for name, x in zip(self.names, self.columns, strict=True)
        ]

    def signs(self) -> list[Sign]:
        """Return the signs on the life lines."""
        signs, sent = [], dict.fromkeys(self.story.names, 0.0)
        for row, y in zip(self.story.rows, self.heights, strict=False):
            if row.what == "sent":
                sent[row.who] = y
            again = row.what == "processed" and row.words.endswith(" again")
            what = "processed again" if again else row.what
            signs.append(Sign(what, self.at(row.who), y, self.side(row.who), sent[row.who]))
        return signs

    def lives(self) -> tuple[list[Segment], list[Segment]]:
        """Return when each participant is up, and when it is down."""
        up: list[Segment] = []
        down: list[Segment] = []
        for name, box, x in zip(self.story.names, self.boxes(), self.columns, strict=True):
            since, is_up = box[3], True
            for row, y in zip(self.story.rows, self.heights, strict=False):
                if row.who == name and row.what in ("crashed", "restarted"):
                    (up if is_up else down).append(((x, since), (x, y)))
                    since, is_up = y, row.what == "restarted"
            (up if is_up else down).append(((x, since), (x, self.bottom)))
        return up, down

    def frames(self, width: float) -> tuple[Box, ...]:
        """Return the frame round what repeats, down to the last row."""
        above = BANDS[AGAIN][0]
        return tuple(
            (FRAME, y - above, width - FRAME, self.bottom - FRAME)
            for row, y in zip(self.story.rows, self.heights, strict=False)
            if row.what == AGAIN
        )

    def drawing(self, width: float, height: float, texts: tuple[Text, ...]) -> Drawing:
        """Put everything on paper of this size."""
        covers = [text.box for text in texts]
        paths = [(n, f, self.segment(f)) for n, f in self.story.flights.items()]
        arrows = [Arrow(n, f, path[1], uncovered(path, covers)) for n, f, path in paths]
        up, down = self.lives()
        names, signs = tuple(self.boxes()), tuple(self.signs())
        return Drawing(
            width, height, names, tuple(up), tuple(down), tuple(arrows), signs, texts,
            self.frames(width), self.heights, self.columns, self.bottom,
        )  # fmt: skip


_STYLES = {
    "crashed": "alarm", "lost": "alarm", "gave_up": "strong", IN_FLIGHT: "muted",
    AGAIN: "strong",
}  # fmt: skip


def _anchor(side: int) -> str:
    """Return the anchor of words on this side of a point."""
    return "end" if side < 0 else "start"


def seconds_of(row: ToldRow) -> str:
    """Return when something happened, as it stands at the left edge."""
    return f"{row.time_s:.3f}".rstrip("0").rstrip(".") + " s"


def time_axis_of(plan: Layout) -> list[Text]:
    """Return the seconds at the left edge, where they change."""
    texts, last = [], ""
    for row, y in zip(plan.story.rows, plan.heights, strict=False):
        words = seconds_of(row)
        if words != last:
            texts.append(Text(words, 4, y + 5, "start", "muted"))
        last = words
    return texts


def foot_of(story: Retelling, width: float, bottom: float) -> list[Text]:
    """Return the totals on one line, or on as many as they need."""
    style, room = "strong" if story.just_once else "alarm", width - 8
    one = " · ".join(story.totals)
    lines = [one]
    if text_width(one, bold=True) > room:
        lines = [line for total in story.totals for line in wrapped(total, room, bold=True)]
    return [
        Text(line, width / 2, bottom + 20 * number, "middle", style)
        for number, line in enumerate(filter(None, lines), start=1)
    ]
