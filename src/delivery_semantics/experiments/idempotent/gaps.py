"""Gaps between two copies as a histogram on a fixed scale, beside the money that they moved.

Every gap stands at its length, and is red where the money moved twice: the red ones end at the
window, whatever the gaps are.

Book: 06-idempotent-operations
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

from ...show.picture import Picture, draw, number, path, polyline, text
from ...show.plots.canvas import WIDTH

LEAST_MS, MOST_MS = 0.1, 1_000.0
_BINS_A_DECADE = 8
_BINS = round(_BINS_A_DECADE * math.log10(MOST_MS / LEAST_MS))
_HEAD, _FLOOR, _HEIGHT = 34, 164, 208
_SHARE_MAX = 0.25


def gaps_picture(
    gaps: Sequence[tuple[float, bool]], *, window_ms: float, title: str
) -> Picture:
    """Draw each gap, in ms, and whether the money moved twice, from 0.1 ms to a second.

    The scale is by powers of ten; what lies beyond stands at the ends.

    Raises ValueError for no gaps.
    """
    if not gaps:
        raise ValueError("gaps is empty; allowed: at least one")
    twice, once = (Counter(_bin(ms) for ms, is_ in gaps if is_ is red) for red in (True, False))
    tallest = max((twice + once).values())
    unit = (_FLOOR - _HEAD) / max(tallest, _SHARE_MAX * len(gaps))
    x = _x(window_ms)
    parts = [
        text("pairs of copies, by the gap between them", 0, 14),
        path(_columns(twice, Counter(), unit), fill="fault"),
        path(_columns(once, twice, unit), fill="good"),
        path(polyline([(0, _FLOOR), (WIDTH, _FLOOR)]), stroke="muted"),
        path(polyline([(x, _HEAD), (x, _FLOOR + 6)]), stroke="ink", dash="4 4"),
        text(f"mark after {number(window_ms)} ms", x + 8, _HEAD + 10, bold=True),
        *map(_tick, (1, 10, 100)),
    ]
    moved = sum(twice.values())
    return draw(
        *parts, width=WIDTH, height=_HEIGHT, title=title,
        description=f"{len(gaps)} gaps between two copies, from 0.1 ms to 1 s. {moved} of them "
        f"moved the money twice, in red: those below the {number(window_ms)} ms from check to "
        f"mark. The others are green.",
    )  # fmt: skip


def _bin(ms: float) -> int:
    at = _BINS_A_DECADE * math.log10(max(ms, LEAST_MS) / LEAST_MS)
    return min(int(at), _BINS - 1)


def _x(ms: float) -> float:
    return WIDTH * math.log(max(ms, LEAST_MS) / LEAST_MS) / math.log(MOST_MS / LEAST_MS)


def _columns(counts: Counter[int], below: Counter[int], unit: float) -> str:
    """Return the path of all columns of a colour, each on what stands below it."""
    wide = number(WIDTH / _BINS - 2)
    return "".join(
        f"M{number(WIDTH / _BINS * index + 1)} {number(_FLOOR - unit * below[index])}"
        f"v{number(-unit * count)}h{wide}v{number(unit * count)}Z"
        for index, count in sorted(counts.items())
    )


def _tick(ms: int) -> str:
    return text(f"{ms} ms", _x(ms), _FLOOR + 22, anchor="middle", fill="muted")
