"""The picture that is played on: the diagram so far, and the places of what can be pressed.

The diagram is the book's own, with margins that stay where they are from step to step and room
for a row of buttons at each packet in flight. Places are in per cent of the picture's width and
height, so that buttons of one size stay where they belong at any scale.

Book: playground
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from .. import Deliver, Event, Lose
from ..show.diagram.grid import HEADER, Room
from ..show.diagram.layout import Drawing, lay_out
from ..show.diagram.paper import text_width
from ..show.diagram.story import HIDDEN, IN_FLIGHT, Retelling, ToldRow, tell
from ..show.diagram.svg import parts
from ..show.picture import Picture, draw, path, polyline
from .game import Game
from .turn import Effected, Turn
from .words import capital, does, packet_names

WIDTHS = {"wide": (96, {2: 256, 3: 186}, 150), "narrow": (68, {2: 182, 3: 124}, 96)}
"""Margin at the left, and distance of the life lines by their number, else the last."""
LETTERS = 0.75
"""What an estimated width is really, in the letters of the page."""
REACH = 0.2
APART = 24
"""The distance of two crash points that share a place."""


@dataclass(frozen=True)
class Board:
    """A picture, and where things are on it."""

    picture: Picture
    drawing: Drawing
    story: Retelling
    turn: Turn

    def place(self, x: float, y: float) -> list[float]:
        """Return a place in per cent."""
        drawing = self.drawing
        return [round(100 * x / drawing.width, 2), round(100 * y / drawing.height, 2)]

    def chips(self) -> dict[int, tuple[list[float], str]]:
        """Return where each packet in flight is, and to which side it goes."""
        found = {}
        for arrow in self.drawing.arrows:
            if arrow.packet in self.turn.world.packets:
                flight = arrow.flight
                names = self.story.names
                right = names.index(flight.target) > names.index(flight.source)
                found[arrow.packet] = (self.place(*arrow.end), "right" if right else "left")
        return found

    def feet(self) -> dict[str, float]:
        """Return where each life line stands, in per cent of the width."""
        return {
            name: self.place(x, 0)[0]
            for name, x in zip(self.story.names, self.drawing.columns, strict=True)
        }

    def points(self, ran: Iterable[Effected]) -> list[list[float]]:
        """Return where a crash before each of these effects is, on the life lines."""
        rows, taken = self.drawing.rows, dict[tuple[str, int], int]()
        found = []
        for each in ran:
            row = sum(
                event.what not in HIDDEN for event in self.turn.trace.events[: each.event]
            )
            above = rows[row - 1] if row else float(HEADER)
            below = rows[row] if row < len(rows) else self.drawing.bottom
            number = taken[each.who, row] = taken.get((each.who, row), -1) + 1
            column = self.story.names.index(each.who)
            aside = APART * number * (1 if column == 0 else -1)
            found.append(self.place(self.drawing.columns[column] + aside, (above + below) / 2))
        return found

    def moved(self) -> dict[str, Any] | None:
        """Return the way of the packet that the last step moved, to be seen on its way."""
        last = self.turn.steps[-1] if self.turn.steps else None
        if not isinstance(last, Deliver | Lose):
            return None
        for arrow in self.drawing.arrows:
            if arrow.packet == last.packet and arrow.pieces:
                (x, y), (end_x, end_y) = arrow.pieces[0][0], arrow.end
                begin = (x + REACH * (end_x - x), y + REACH * (end_y - y))
                return {
                    "from": self.place(*begin), "to": self.place(*arrow.end),
                    "kind": kind(arrow.flight.kind),
                }  # fmt: skip
        return None


def kind(payload_kind: str) -> str:
    """Return "ack" or "message", by which a packet's colour is chosen."""
    return "ack" if payload_kind == "ack" else "message"


def drawn(game: Game, turn: Turn, width: str) -> Board:
    """Draw a turn for a "wide" or a "narrow" page. Raises ValueError for another width."""
    if width not in WIDTHS:
        raise ValueError(f"width is {width!r}; allowed: {', '.join(WIDTHS)}")
    story = retold(game, turn)
    drawing = lay_out(story, room=_room(game, turn, width))
    picture = draw(
        *parts(drawing),
        _ahead(drawing, turn),
        width=drawing.width,
        height=drawing.height,
        title="The run so far",
        description=" ".join(story.sentences()),
    )
    return Board(picture, drawing, story, turn)


def _room(game: Game, turn: Turn, width: str) -> Room:
    left, spans, least = WIDTHS[width]
    several = len(turn.trace.messages) > 1
    words = max(
        (f"{does(game.does, each, several)} again" for each in turn.trace.messages),
        key=len,
        default="",
    )
    right = round(text_width(words) * LETTERS) + 24
    if not getattr(next(iter(turn.participants.values())), "messages", ()):
        left = right  # its notes stand at the left of its line
    span = spans.get(len(turn.participants), least)
    units = left + right + span * (len(turn.participants) - 1)
    chip = 19 if width == "wide" or units < 360 else round(19 * units / 350)
    return Room(
        left,
        right,
        span,
        fixed=True,
        band=(26, 18),
        in_flight=(chip + 1, chip + 1),
        reach=REACH,
    )


def _ahead(drawing: Drawing, turn: Turn) -> str:
    """Return the rest of the way of what is in flight, as dots."""
    names = list(turn.participants)
    lines = []
    for arrow in drawing.arrows:
        if arrow.packet in turn.world.packets:
            x, y = arrow.end
            lines.append(
                polyline(((x, y), (drawing.columns[names.index(arrow.flight.target)], y)))
            )
    return path("".join(lines), stroke="muted", dash="1 5") if lines else ""


def retold(game: Game, turn: Turn) -> Retelling:
    """Retell what has happened in the words of the game, with each packet's own name."""
    story = tell(turn.trace, totals=False)
    names, several = packet_names(turn.trace), len(turn.trace.messages) > 1
    told = [event for event in turn.trace.events if event.what not in HIDDEN]
    rows = list(story.rows)
    for number, event in enumerate(told):
        rows[number] = _worded(game, event, several, rows[number])
    for number, row in enumerate(rows):
        if row.what == IN_FLIGHT:
            rows[number] = replace(row, words="")
    flights = {
        packet: replace(flight, label=capital(names.get(packet, flight.label)))
        for packet, flight in story.flights.items()
    }
    return replace(story, rows=tuple(rows), flights=flights)


def _worded(game: Game, event: Event, several: bool, row: ToldRow) -> ToldRow:
    """Return the row in the words of the game, where they are not the book's."""
    match event.what:
        case "processed":
            again = " again" if row.words.endswith(" again") else ""
            done = does(game.does, event.payload, several) + again
            return replace(row, words=done, sentence=f"{capital(event.who)} {done}.")
        case "confirmed":
            return replace(row, words="is told")
        case "gave_up":
            return replace(row, words="gives up")
    return row
