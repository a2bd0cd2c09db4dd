"""One line of a strip: the rail, the steps in their boxes, and the frames of commits.

Book: 07-deduplication
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from ..diagram.paper import fitted, text_width
from ..picture import Picture, path, polyline, rect, text
from .flow import LABEL_AT, NAME_WIDTH_MAX, CommitFrame, Line, Stand, frames
from .signs import Glyph
from .track import StepBox

WIDE, NARROW = 720.0, 380.0
"""Units across: as wide as the text; and so narrow that a telephone shows letters of 11 px."""

BOX_HEIGHT = 26
FRAME_HEIGHT = 42
LABEL_HEIGHT = 20  # a commit's name, above its frame


def head(line: Line, *, begun: bool) -> float:
    """Return how far above its middle a line reaches: there stand the names of commits."""
    names = frames(line)[1 if begun else 0 :]
    return FRAME_HEIGHT / 2 + (LABEL_HEIGHT if names else 2)


def rail(line: Line, y: float, *, begun: bool, goes_on: bool) -> list[str]:
    """Return a line with its middle at ``y``.

    ``begun`` says that its first commit goes on from the line above, ``goes_on`` that its last
    one does to the line below; their frames are open there.
    """
    stands = [stand for stand in line if isinstance(stand.element, StepBox)]
    ends = [line[0].x, line[-1].x + line[-1].width]
    ends += [x for stand in stands for x in (stand.x, stand.x + stand.width)]
    ends.sort()
    pairs = zip(ends[::2], ends[1::2], strict=True)
    free = "".join(polyline(((x, y), (end, y))) for x, end in pairs if end > x)
    parts = [path(free, stroke="muted")] if free else []
    top, found = y - FRAME_HEIGHT / 2, frames(line)
    for number, frame in enumerate(found):
        first, last = begun and number == 0, goes_on and number == len(found) - 1
        parts.append(path(_frame(frame, top, first, last), stroke="accent", width=2))
        if not first:
            x = frame.left + LABEL_AT
            parts.append(text(frame.name, x, top - 6, fill="accent", bold=True))
    return parts + [part for stand in stands for part in _box(stand, y)]


def _frame(frame: CommitFrame, top: float, begun: bool, goes_on: bool) -> str:
    """Return a frame's outline, without the side that is open."""
    foot = top + FRAME_HEIGHT
    left, right = frame.left, frame.right
    sides = [polyline(((left, y), (right, y))) for y in (top, foot)]
    sides += [] if begun else [polyline(((left, top), (left, foot)))]
    sides += [] if goes_on else [polyline(((right, top), (right, foot)))]
    return "".join(sides)


def responsive(drawn: Callable[[float], Picture]) -> Picture:
    """Return a picture that is drawn for a wide page, and once more where that is narrow."""
    wide, narrow = drawn(WIDE), drawn(NARROW)
    return wide if narrow.svg == wide.svg else replace(wide, narrow=narrow.svg)


def below(
    rows: Iterable[Callable[[float, float], tuple[list[str], float, float]]], limit: float
) -> tuple[list[str], float, float]:
    """Draw rows one below the other; return their parts, their foot and their right end.

    Each is called with where it begins and with ``limit``, and returns the same three.
    """
    parts: list[str] = []
    foot = right = 0.0
    for row in rows:
        more, foot, end = row(foot, limit)
        parts, right = parts + more, max(right, end)
    return parts, foot, right


def legend(
    entries: Sequence[tuple[Glyph, str]], y: float, limit: float
) -> tuple[list[str], float, float]:
    """Return signs with their words, in lines that begin at ``y``; and where they end."""
    parts: list[str] = []
    x, right = 6.0, 0.0
    for sign, words in entries:
        width = round(26 + text_width(words))
        if x > 6 and x + width > limit:
            x, y = 6.0, y + 22
        parts += [*sign(x + 9, y), text(words, x + 24, y + 5, fill="muted")]
        right = max(right, x + width)
        x += width + 14
    return parts, right, y + 14


def _box(stand: Stand, y: float) -> list[str]:
    element = stand.element
    assert isinstance(element, StepBox)
    kind = "ink" if element.commit else "muted"
    return [
        rect(stand.x, y - BOX_HEIGHT / 2, stand.width, BOX_HEIGHT, stroke=kind),
        text(fitted(element.name, NAME_WIDTH_MAX), stand.middle, y + 5, anchor="middle"),
    ]
