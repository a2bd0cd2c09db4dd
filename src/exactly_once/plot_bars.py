"""Bars: amounts side by side, or parts of a whole.

Bars lie, so that their names stand level and fit on a telephone. Each says its own amount.

Book: 01-the-problem
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from .axes import LETTER, LINE, WIDTH, Swatch, check_words, label, legend
from .picture import Picture, draw, number, path, rect, text

Rows = Mapping[str, Mapping[str, float]]

_HUES = ("message", "good", "fault", "accent", "ack")
_TEXTURES = ("", "6 2", "2 2", "1 3", "9 2 2 2")
_THICK = 20
_LEFT, _RIGHT = 0.0, WIDTH - 2.0


def bars(
    rows: Rows,
    *,
    title: str,
    x: str,
    stacked: bool = False,
    x_max: float | None = None,
    hues: Mapping[str, str] | None = None,
    description: str = "",
) -> Picture:
    """Draw one group of bars for each row: `{"row": {"series": amount}}`.

    Every row has the same series. Side by side, each bar carries its series' name and amount;
    `stacked`, the parts of a row lie end to end and a legend names them. The first series side
    by side is drawn as an outline, what was expected, and the others are filled. `x` says what
    is counted, with its unit. Give `x_max` where frames of a panel must be comparable. `hues`
    gives a series a colour of `picture.COLOURS`.

    Raises ValueError for no rows, rows with different series, an amount that is negative or not
    finite or beyond `x_max`, and names that do not fit.
    """
    series = _check(rows, x)
    length = sum if stacked else max
    longest = max(length(row.values()) for row in rows.values())
    full = x_max if x_max is not None else longest or 1.0
    if not (math.isfinite(full) and full > 0 and longest <= full * (1 + 1e-9)):
        raise ValueError(f"x_max is {x_max!r}; allowed: at least the longest bar, {longest!r}")
    chosen = {name: (hues or {}).get(name, _HUES[i]) for i, name in enumerate(series)}
    layout = _stacked if stacked else _grouped
    parts, height = layout(rows, chosen, full)
    says = description or _describe(rows, x)
    parts = [text(x, _LEFT, 16), *parts]
    return draw(*parts, width=WIDTH, height=height, title=title, description=says)


def _check(rows: Rows, x: str) -> tuple[str, ...]:
    check_words("x", x)
    if not rows:
        raise ValueError("rows is empty; allowed: at least one row")
    series = tuple(next(iter(rows.values())))
    if not 1 <= len(series) <= len(_HUES):
        raise ValueError(f"a row has {len(series)} series; allowed: 1 to {len(_HUES)}")
    for name, row in rows.items():
        check_words("a row's name", name)
        if tuple(row) != series:
            raise ValueError(f"row {name!r} has series {tuple(row)!r}; allowed: {series!r}")
        for key, value in row.items():
            if not (math.isfinite(value) and value >= 0):
                raise ValueError(f"{name!r}, {key!r} is {value!r}; allowed: 0 or more, finite")
    return series


def _grouped(rows: Rows, hues: Mapping[str, str], full: float) -> tuple[list[str], float]:
    notes = [f"{label(v)} {name}" for row in rows.values() for name, v in row.items()]
    room = _RIGHT - _LEFT - 10 - LETTER * max(len(note) for note in notes)
    if room < WIDTH / 4:
        raise ValueError(f"names of series {tuple(hues)!r} are too long to stand beside bars")
    parts, y = [], 26.0
    for name, row in rows.items():
        parts.append(text(name, _LEFT, y + 16, bold=True))
        y += 24
        for index, (key, value) in enumerate(row.items()):
            length = room * value / full
            parts.append(_bar(y, length, hues[key], outlined=index == 0 and len(row) > 1))
            parts.append(text(f"{label(value)} {key}", _LEFT + length + 8, y + 15))
            y += _THICK + 4
        y += 8
    return parts, y


def _bar(y: float, length: float, hue: str, *, outlined: bool) -> str:
    if length == 0:
        return path(f"M{number(_LEFT)} {number(y)}v{_THICK}", stroke=hue, width=2)
    if outlined:
        return rect(_LEFT + 0.8, y + 0.8, max(length - 1.6, 0.4), _THICK - 1.6, stroke=hue)
    return rect(_LEFT, y, length, _THICK, fill=hue)


def _stacked(rows: Rows, hues: Mapping[str, str], full: float) -> tuple[list[str], float]:
    entries = [(name, _swatch(hues[name], index)) for index, name in enumerate(hues)]
    parts, y = legend(entries, top=42)
    y -= 8
    for name, row in rows.items():
        total = sum(row.values())
        parts.append(text(f"{name}: {label(total)}", _LEFT, y + 16, bold=True))
        x, y = _LEFT, y + 24
        for index, (key, value) in enumerate(row.items()):
            length = (_RIGHT - _LEFT) * value / full
            if value:
                parts.append(_part(x, y + _THICK / 2, length, _THICK, hues[key], index))
            x += length
        y += _THICK
        parts += _amounts(row, full, y + 16)
        y += LINE + 10
    return parts, y


def _part(x: float, y: float, length: float, thick: float, hue: str, index: int) -> str:
    """One part of a stacked bar. Its texture, drawn as a thick dashed line, tells it apart."""
    across = f"M{number(x)} {number(y)}h{number(max(length, 0.5))}"
    return path(across, stroke=hue, width=thick, dash=_TEXTURES[index])


def _amounts(row: Mapping[str, float], full: float, y: float) -> list[str]:
    """Write each part's amount under its middle, moved along where two would touch."""
    parts, x, free = [], _LEFT, _LEFT
    for value in row.values():
        length = (_RIGHT - _LEFT) * value / full
        wide = LETTER * len(label(value))
        start = min(max(x + length / 2 - wide / 2, free), _RIGHT - wide)
        if value and start >= free - 0.5:
            parts.append(text(label(value), start, y))
            free = start + wide + 8
        x += length
    return parts


def _swatch(hue: str, index: int) -> Swatch:
    return lambda x, y: _part(x - 13, y, 26, 12, hue, index)


def _describe(rows: Rows, x: str) -> str:
    says = [
        f"{name}: " + ", ".join(f"{key} {label(value)}" for key, value in row.items()) + "."
        for name, row in rows.items()
    ]
    return f"{x}. " + " ".join(says)
