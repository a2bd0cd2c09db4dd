"""Money beside the mark of what was expected: too much is red, what is missing a hatched gap.

Book: 01-the-problem
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from ..picture import Picture, draw, path, polyline, readable, rect, text
from .canvas import WIDTH, check_words

_HEAD, _STEP, _THICK = 34, 52, 18


def money(
    rows: Mapping[str, tuple[float, float]], *, title: str, x: str, x_max: float
) -> Picture:
    """Draw for each row what was expected, and what is there: `{"row": (expected, there)}`.

    `x` says what is counted; every bar has the scale of `x_max`. Raises ValueError for no rows
    and for an amount that is negative, not finite or beyond `x_max`.
    """
    check_words("x", x)
    if not rows:
        raise ValueError("rows is empty; allowed: at least one row")
    parts, said = [text(x, 0, 14)], []
    for row, (name, amounts) in enumerate(rows.items()):
        check_words("a row's name", name)
        for amount in amounts:
            if not (math.isfinite(amount) and 0 <= amount <= x_max):
                raise ValueError(f"{name!r} is {amounts!r}; allowed: 0 to {x_max!r}")
        y = _HEAD + _STEP * row
        verdict, hue = _verdict(*amounts)
        parts += [text(name, 0, y + 4, bold=True)]
        parts += [text(verdict, WIDTH, y + 4, anchor="end", fill=hue, bold=True)]
        parts += _bar(WIDTH * amounts[0] / x_max, WIDTH * amounts[1] / x_max, y + 12)
        said.append(f"{name}: expected {readable(amounts[0])}, {verdict}.")
    height = _HEAD + _STEP * len(rows)
    description = f"{x}. {' '.join(said)}"
    return draw(*parts, width=WIDTH, height=height, title=title, description=description)


def _verdict(expected: float, there: float) -> tuple[str, str]:
    off = there - expected
    if not off:
        return f"✓ {readable(there)} there", "good"
    return f"✗ {readable(there)} there, {readable(abs(off))} {_too(off)}", "fault"


def _too(off: float) -> str:
    return "too much" if off > 0 else "missing"


def _bar(expected: float, there: float, y: float) -> list[str]:
    parts = [rect(0, y, min(expected, there), _THICK, fill="good")]
    if there > expected:
        parts.append(rect(expected, y, there - expected, _THICK, fill="fault"))
    if there < expected:
        slants = [
            polyline([(at, y + _THICK), (min(at + 8, expected), y)])
            for at in range(math.ceil(there), math.floor(expected), 8)
        ]
        parts.append(rect(there, y, expected - there, _THICK, stroke="fault"))
        parts.append(path("".join(slants), stroke="fault"))
    mark = [(expected, y - 4), (expected, y + _THICK + 4)]
    return [*parts, path(polyline(mark), stroke="ink", width=3)]
