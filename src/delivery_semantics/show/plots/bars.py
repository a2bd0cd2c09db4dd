"""Bars: amounts side by side, or parts of a whole.

Bars lie, so that their names stand level and fit on a telephone. Each says its own amount.

Book: 01-the-problem
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ..picture import FONT_SIZE, Picture, readable
from .canvas import (
    LETTER, TEXTURES, WIDTH, check_words, figure, hue, legend_rows, style, to_picture,
)  # fmt: skip

Rows = Mapping[str, Mapping[str, float]]

_HUES = ("message", "good", "fault", "accent", "ack")
_BAR = 22  # units from one bar to the next
_NAME = 26  # units for a row's name


def bars(
    rows: Rows,
    *,
    title: str,
    x: str,
    stacked: bool = False,
    x_max: float | None = None,
    hues: Mapping[str, str] | None = None,
) -> Picture:
    """Draw one group of bars for each row: `{"row": {"series": amount}}`.

    Every row has the same series. Side by side, each bar carries its series' name and amount,
    and the first series, what was expected, is an outline; one alone is named by `x`.
    `stacked`, the parts of a row lie end to end and a legend names them. `x` says what is
    counted, with its unit. Give `x_max` where frames of a panel must be comparable. `hues`
    gives a series a colour of `picture.COLOURS`. Raises ValueError for no rows, rows with
    different series, an amount that is negative or not finite or beyond `x_max`, and names that
    do not fit.
    """
    series = _check(rows, x)
    longest = max((sum if stacked else max)(row.values()) for row in rows.values())
    full = x_max if x_max is not None else longest or 1.0
    if not (math.isfinite(full) and full > 0 and longest <= full * (1 + 1e-9)):
        raise ValueError(f"x_max is {x_max!r}; allowed: at least the longest bar, {longest!r}")
    chosen = {name: (hues or {}).get(name, _HUES[i]) for i, name in enumerate(series)}
    with style():
        made = _draw(rows, x, chosen, full, stacked=stacked)
        return to_picture(made, title=title, description=_describe(rows, x))


def _draw(rows: Rows, x: str, hues: Mapping[str, str], full: float, *, stacked: bool) -> Figure:
    each = _NAME + _BAR * (2 if stacked else len(hues)) + 10
    head = 26 + (6 + 22 * legend_rows(list(hues))[1] if stacked else 0)
    height = head + each * len(rows)
    made = figure(height)
    made.text(0, 1 - 16 / height, x)
    axes = made.add_axes((0, 0, 1, 1 - head / height))
    axes.set_axis_off()
    axes.set_ylim(each * len(rows), 0)  # in units, downwards
    (_stacked if stacked else _grouped)(axes, rows, hues, full, each)
    if stacked:
        _name_the_parts(axes, hues)
    return made


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


def _grouped(axes: Axes, rows: Rows, hues: Mapping[str, str], full: float, step: float) -> None:
    """Draw bars side by side, and leave room for what stands beside the longest."""
    longest = f"{readable(full)} {max(hues, key=len) if len(hues) > 1 else ''}"
    room = 1 - (LETTER * FONT_SIZE * len(longest) + 12) / WIDTH
    if room < 0.25:
        raise ValueError(f"series are {tuple(hues)!r}; allowed: names that fit beside bars")
    axes.set_xlim(0, full / room)
    for index, (name, row) in enumerate(rows.items()):
        top = index * step
        axes.text(0, top + 16, name, fontweight="bold")
        for place, (key, value) in enumerate(row.items()):
            y = top + _NAME + _BAR * (place + 0.5)
            colour = hue(hues[key])
            outlined = place == 0 and len(row) > 1
            axes.barh(y, max(value, full / 400), height=_BAR - 4, facecolor="none" if outlined
                      else colour, edgecolor=colour, linewidth=1.5, clip_on=False)  # fmt: skip
            said = f"{readable(value)} {key}" if len(row) > 1 else readable(value)
            axes.annotate(said, (value, y), (8, 0), textcoords="offset points", va="center")


def _stacked(axes: Axes, rows: Rows, hues: Mapping[str, str], full: float, step: float) -> None:
    axes.set_xlim(0, full * 1.005)
    for index, (name, row) in enumerate(rows.items()):
        top, left, free = index * step, 0.0, 0.0
        axes.text(0, top + 16, f"{name}: {readable(sum(row.values()))}", fontweight="bold")
        for key, value in row.items():
            if not value:
                continue
            ends = [left, left + value]
            axes.add_line(_part(ends, [top + _NAME + _BAR / 2] * 2, hues, key, _BAR - 4))
            middle, half = left + value / 2, full * 0.012 * len(readable(value))
            if middle - half >= free:  # the amount fits beside the one before
                axes.text(middle, top + _NAME + 1.6 * _BAR, readable(value), ha="center")
                free = middle + half
            left += value


def _part(
    xs: Sequence[float], ys: Sequence[float], hues: Mapping[str, str], key: str, thick: float
) -> Line2D:
    """One part of a stacked bar: a thick line whose dashes are its texture."""
    texture = TEXTURES[list(hues).index(key)]
    return Line2D(xs, ys, color=hue(hues[key]), linestyle=texture, linewidth=thick,
                  solid_capstyle="butt", dash_capstyle="butt", label=key)  # fmt: skip


def _name_the_parts(axes: Axes, hues: Mapping[str, str]) -> None:
    columns, _ = legend_rows(list(hues))
    keys = [_part([], [], hues, key, 12) for key in hues]
    axes.legend(handles=keys, loc="lower left", bbox_to_anchor=(0, 1), ncols=columns)


def _describe(rows: Rows, x: str) -> str:
    says = [
        f"{name}: " + ", ".join(f"{key} {readable(value)}" for key, value in row.items()) + "."
        for name, row in rows.items()
    ]
    return f"{x}. " + " ".join(says)
