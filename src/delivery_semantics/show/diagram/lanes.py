"""A sequence diagram for a narrow place: life lines close together, all words beside them.

Every row has its words at the right of all life lines, so a telephone shows any number of
participants with letters that can be read, and no arrow runs through a word. The names stand
like a stair: the line of the next one begins below the one before.

Book: 01-the-problem
"""

from __future__ import annotations

from dataclasses import replace

from .grid import GUTTER, HEADER, Room, half_box, heights
from .layout import Drawing, Plan, foot_of, times
from .paper import Box, Text, fitted, text_width
from .story import Retelling, ToldRow

NARROW = 460
"""Units across that a telephone of 390 px shows with letters of 11 px."""

STAIR = 28  # from the box of a name to the one of the next
EDGE = 20  # left of the first life line: its timers
PITCH_MIN, PITCH_MAX = 26, 96


def lanes(story: Retelling, *, time_axis: bool = False) -> Drawing:
    """Place a story on narrow paper."""
    steps = len(story.names) - 1
    room = Room(header=HEADER + STAIR * steps, sent=(10, 10), copied=(10, 10))
    plan = _Lanes(story, *heights(story, time_axis, room), (0.0,), room=room)
    seconds = times(plan) if time_axis else []
    left = EDGE + max((round(text_width(text.words)) for text in seconds), default=0)
    free = NARROW - left - GUTTER - 4
    pitch = (free - max(map(plan.width, story.rows), default=0)) / max(1, steps)
    pitch = round(min(PITCH_MAX, max(PITCH_MIN, pitch)))
    plan = replace(plan, columns=tuple(left + pitch * step for step in range(steps + 1)))
    foot = foot_of(story, NARROW, plan.bottom)
    texts = (*plan.heads(), *plan.notes(), *seconds, *foot)
    return plan.drawing(NARROW, plan.bottom + 6 + 20 * len(foot), texts)


class _Lanes(Plan):
    """A plan whose words all stand at the right of the last life line."""

    def width(self, row: ToldRow) -> float:
        """Return the width of the words in a row."""
        words, style = self.said(row)
        return text_width(words, bold=style in ("strong", "alarm"))

    def notes(self) -> list[Text]:
        x = self.columns[-1] + GUTTER
        texts = []
        for row, y in zip(self.story.rows, self.heights, strict=False):
            words, style = self.said(row)
            if words:
                texts.append(Text(fitted(words, NARROW - x), x, y + 5, "start", style))
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
