"""The signs of a strip: what befell a process at a place, and what it came to.

Book: 07-deduplication
"""

from __future__ import annotations

from collections.abc import Callable

from ..picture import cross, disc, number, path, polyline, rect

Glyph = Callable[[float, float], list[str]]
"""Draws itself round a point."""

FAULTS = {
    "killed": "killed here",
    "crashed": "crashed here",
    "paused": "paused here, and back",
    "lost": "packet lost here",
    "none": "undisturbed",
}
"""What can befall a process at a place, and what its sign says."""

_BOLT = ((2.0, -11.0), (-6, 2), (-1, 2), (-3, 11), (6, -3), (1, -3))
_BAR = 18  # how wide money is drawn
_MARK = 5  # how far the mark of what is expected stands out, at both sides


def fault_sign(fault: str) -> Glyph:
    """Return the sign of a fault."""
    return _SIGNS[fault]


def _bolt(x: float, y: float) -> list[str]:
    return [path(polyline([(x + dx, y + dy) for dx, dy in _BOLT]) + "Z", fill="ink")]


def _pause(x: float, y: float) -> list[str]:
    bars = "".join(f"M{number(x + dx)} {number(y - 8)}h3.5v16h-3.5Z" for dx in (-5.5, 2))
    return [path(bars, fill="ink")]


def _lost(x: float, y: float) -> list[str]:
    return [path(cross(x, y), stroke="ink", width=2.5, round_ends=True)]


def _undisturbed(x: float, y: float) -> list[str]:
    return [path(disc(x, y), stroke="ink", fill="paper")]


_SIGNS: dict[str, Glyph] = {
    "killed": _bolt, "crashed": _bolt, "paused": _pause, "lost": _lost, "none": _undisturbed,
}  # fmt: skip


def verdict(x: float, y: float, *, right: bool) -> list[str]:
    """Return a tick, or a cross."""
    if right:
        tick = polyline(((x - 6, y), (x - 2, y + 5), (x + 7, y - 6)))
        return [path(tick, stroke="good", width=2.5, round_ends=True)]
    return [path(cross(x, y), stroke="fault", width=2.5, round_ends=True)]


def mark_height(most: float) -> float:
    """Return how high the mark of what is expected stands, in units.

    ``most`` is the greatest amount in the picture, as a multiple of what is expected.
    """
    return min(24.0, 60 / max(1.0, most))


def bar(x: float, foot: float, scale: float, money: int, expected: int) -> list[str]:
    """Return money as a bar that stands at ``foot``: to the mark, beyond it, or short of it.

    ``scale`` is the height of the mark.
    """
    mark = scale if expected else 0.0
    high = scale * money / (expected or 1)
    left, whole = x - _BAR / 2, min(high, mark)
    parts = []
    if whole:
        parts.append(rect(left, foot - whole, _BAR, whole, fill="good"))
    if high > mark:
        parts.append(rect(left, foot - high, _BAR, high - mark, fill="fault"))
    if high < mark:
        parts += _gap(left, foot - mark, mark - high)
    ends = ((left - _MARK, foot - mark), (left + _BAR + _MARK, foot - mark))
    return [*parts, path(polyline(ends), stroke="ink", width=2)]


def bar_legend(too_much: bool, missing: bool) -> list[tuple[Glyph, str]]:
    """Return what the parts of a bar mean, as far as they are drawn."""
    found: list[tuple[Glyph, str]] = [(_mark, "money expected")]
    if too_much:
        found.append((lambda x, y: [rect(x - 7, y - 7, 14, 14, fill="fault")], "too much"))
    if missing:
        found.append((lambda x, y: _gap(x - 7, y - 7, 14, width=14), "missing"))
    return found


def _mark(x: float, y: float) -> list[str]:
    return [path(polyline(((x - 8, y), (x + 8, y))), stroke="ink", width=2)]


def _gap(left: float, top: float, height: float, *, width: float = _BAR) -> list[str]:
    """Return a hatched box."""
    lines = []
    for start in range(5, int(width + height), 5):
        x, y = max(0.0, start - height), min(float(start), height)
        end_x, end_y = min(float(start), width), max(0.0, start - width)
        lines.append(polyline(((left + x, top + y), (left + end_x, top + end_y))))
    return [
        path("".join(lines), stroke="fault", width=1),
        rect(left, top, width, height, stroke="fault"),
    ]
