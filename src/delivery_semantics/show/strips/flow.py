"""Steps and places in lines, as words are: what finds no room begins the next line.

Book: 07-deduplication
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import groupby, pairwise
from typing import NamedTuple

from ..diagram.paper import fitted, text_width
from .track import Element, StepBox

MARGIN = 9  # on both sides of a line
PAD = 8  # between a step's name and the edge of its box
FRAME = 6  # between a commit's frame and what it holds
NAME_WIDTH_MAX = 170
LABEL_AT = 6  # where a commit's name begins, from its frame's left


class Stand(NamedTuple):
    """An element on paper: from ``x`` on, ``width`` units wide."""

    element: Element
    x: float
    width: float

    @property
    def middle(self) -> float:
        """Half way through it."""
        return self.x + self.width / 2


class CommitFrame(NamedTuple):
    """The frame of a commit on one line, from ``left`` to ``right``."""

    name: str
    left: float
    right: float


Line = list[Stand]


def box_width(name: str) -> float:
    """Return the width of a step's box."""
    return round(text_width(fitted(name, NAME_WIDTH_MAX))) + 2 * PAD


def flow(
    elements: Sequence[Element], gap_width: Callable[[Element], float], limit: float
) -> list[Line]:
    """Return the elements in lines of at most ``limit`` units."""
    lines: list[Line] = [[]]
    for element in elements:
        width = box_width(element.name) if isinstance(element, StepBox) else gap_width(element)
        x = _next_x(lines[-1], element.commit)
        end = FRAME if element.commit else 0
        if lines[-1] and x + width + end > limit - MARGIN:
            lines.append([])
            x = _next_x([], element.commit)
        lines[-1].append(Stand(element, x, width))
    return lines


def continued(lines: Sequence[Line]) -> Iterator[tuple[Line, bool, bool]]:
    """Yield each line, and whether a commit goes on from the line before, or to the next."""
    cut = [
        one[-1].element.commit == other[0].element.commit != ""
        for one, other in pairwise(lines)
    ]
    yield from zip(lines, [False, *cut], [*cut, False], strict=True)


def frames(line: Line) -> list[CommitFrame]:
    """Return a frame round each stretch of one commit, wide enough for its name."""
    found = []
    for name, group in groupby(line, key=lambda stand: stand.element.commit):
        stands = list(group)
        if name:
            left = stands[0].x - FRAME
            least = left + text_width(name, bold=True) + 2 * LABEL_AT
            found.append(
                CommitFrame(name, left, max(stands[-1].x + stands[-1].width + FRAME, least))
            )
    return found


def right_of(line: Line) -> float:
    """Return where a line ends."""
    ends = [stand.x + stand.width for stand in line] + [frame.right for frame in frames(line)]
    return max(ends, default=0.0) + MARGIN


def _next_x(line: Line, commit: str) -> float:
    """Return where the next element of a line begins."""
    if not line:
        return MARGIN + (FRAME if commit else 0)
    last = line[-1]
    if last.element.commit == commit:
        return last.x + last.width
    begin = frames(line)[-1].right if last.element.commit else last.x + last.width
    return round(begin + 2 + (FRAME if commit else 0), 1)
