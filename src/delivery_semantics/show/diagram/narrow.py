"""A sequence diagram for a narrow place: life lines close together, all words beside them.

Every row has its words at the right of all life lines, so a telephone shows any number of
participants with letters that can be read, and no arrow runs through a word. The names stand
like a stair: the line of the next one begins below the one before.

Book: 01-the-problem
"""

from __future__ import annotations

from dataclasses import replace

from .grid import BAND, GUTTER, HEADER, LINE, Room, half_box, heights
from .layout import Drawing, Layout, foot_of, seconds_of, time_axis_of
from .paper import Box, Text, text_width
from .story import Retelling

NARROW = 460
"""Units across that a telephone of 390 px shows with letters of 11 px."""

STAIR = 28  # from the box of a name to the one of the next
EDGE = 20  # left of the first life line: its timers
PITCH_MIN, PITCH_MAX = 26, 96
WIDTH_MIN = 320


def lay_out_narrow(
    story: Retelling, *, time_axis: bool = False, like: Retelling | None = None
) -> Drawing:
    """Place a story on narrow paper, as large as its words need, or those of ``like``."""
    plan, width = _placed(like or story, time_axis)
    plan = plan.of(story, time_axis)
    texts = (*plan.heads(), *plan.notes(), *(time_axis_of(plan) if time_axis else ()))
    return plan.above(foot_of(story, width, plan.bottom), width, texts, like or story)


def _placed(story: Retelling, time_axis: bool) -> tuple[_Narrow, float]:
    steps = len(story.names) - 1
    seconds = max((text_width(seconds_of(row)) for row in story.rows), default=0.0)
    left = EDGE + (round(seconds) if time_axis else 0)
    room = Room(header=HEADER + STAIR * steps, sent=BAND, copied=BAND)
    plan = _Narrow(story, (), 0.0, (0.0,) * (steps + 1), room=room)
    pitch = round((NARROW - left - plan.beside()) / max(1, steps))
    columns = tuple(
        float(left + min(PITCH_MAX, max(PITCH_MIN, pitch)) * step) for step in range(steps + 1)
    )
    width = min(NARROW, max(WIDTH_MIN, round(columns[-1] + plan.beside())))
    room = replace(room, wrap=width - columns[-1] - GUTTER)
    return _Narrow(story, *heights(story, time_axis, room), columns, room=room), width


class _Narrow(Layout):
    """A plan whose words all stand at the right of the last life line."""

    def beside(self) -> float:
        """Return the room that words and the last name need, from the last life line on."""
        said = (self.said(row)[0] for row in self.story.rows)
        words = max((text_width(words, bold=True) for words in said), default=0.0)
        return max(GUTTER + words + 4, self.boxes()[-1][2] - self.columns[-1] + 2)

    def notes(self) -> list[Text]:
        x = self.columns[-1] + GUTTER
        texts = []
        for row, y in zip(self.story.rows, self.heights, strict=False):
            words, style = self.said(row)
            for number, line in enumerate(filter(None, self.room.lines(words))):
                texts.append(Text(line, x, y + 5 + LINE * number, "start", style))
        if self.story.further:
            words = f"… {self.story.further} further events"
            texts.append(Text(words, x, self.heights[-1] + 5, "start", "muted"))
        return texts

    def boxes(self) -> list[Box]:
        return [
            (x - 8, top, x - 8 + 2 * half_box(name) - 4, top + 24)
            for x, top, name in zip(self.columns, self._tops(), self.names, strict=True)
        ]

    def heads(self) -> list[Text]:
        return [
            Text(name, x, top + 17, "start", "strong")
            for x, top, name in zip(self.columns, self._tops(), self.names, strict=True)
        ]

    def _tops(self) -> list[float]:
        return [8.0 + STAIR * step for step in range(len(self.names))]
