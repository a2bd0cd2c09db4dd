"""Lines: measured points beside a closed form.

A measurement and its closed form share a colour and differ in kind: marks against a line.
Without a `description` the plot describes itself from its data: ranges, and how far the
measurement is from the closed form at worst.

Book: 03-at-most-once
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from ..picture import FONT_SIZE, Picture, readable
from .canvas import (
    DASHES, HUES, LETTER, MARKERS, WIDTH, check_words, dress, figure, hue, legend_rows, style,
    to_picture,
)  # fmt: skip
from .series import Ends, Series


def lines(
    *series: Series,
    title: str,
    x: str,
    y: str,
    x_range: Ends | None = None,
    y_range: Ends | None = None,
    log_y: bool = False,
    here: float | None = None,
    description: str = "",
) -> Picture:
    """Plot series of `points` and of `curve` over common axes.

    The first points and the first curve share a colour, and so on: a measurement belongs to its
    closed form. `x` and `y` name the axes, with units. Give the ranges where the frames of a
    panel must be comparable. `here` draws an upright at one x. On a logarithmic y axis a
    measured zero is drawn hollow, on the floor. Raises ValueError for no series, numbers out of
    a given range, and names that do not fit.
    """
    _check(series, x_range, y_range, here, log_y=log_y)
    columns, rows = legend_rows([s.name for s in series])
    with style():
        made = figure(height := 262 + 21 * rows)
        axes = made.add_axes((0, 52 / height, 1, 176 / height))
        axes.set(yscale="log" if log_y else "linear")
        _limits(axes, series, x_range, y_range, log_y=log_y)
        dress(axes, x=check_words("x", x), y=check_words("y", y))
        _leave_room(axes)
        for s, index in _numbered(series):
            _draw(axes, s, hue(s.hue or HUES[index]), index, log_y=log_y)
        if here is not None:
            axes.axvline(here, color=hue("ink"), linewidth=1, linestyle=DASHES[2])
        made.legend(loc="upper left", bbox_to_anchor=(0, 1), ncols=columns)
        return to_picture(made, title=title, description=description or _describe(series, x, y))


def _check(
    series: Sequence[Series],
    x_range: Ends | None,
    y_range: Ends | None,
    here: float | None,
    *,
    log_y: bool,
) -> None:
    if not series:
        raise ValueError("series is empty; allowed: at least one points() or curve()")
    for name, ends, log in (("x_range", x_range, False), ("y_range", y_range, log_y)):
        if ends is not None and not (0 if log else -math.inf) < ends[0] < ends[1] < math.inf:
            above = "0 < low" if log else "low"
            raise ValueError(f"{name} is {ends!r}; allowed: two numbers, {above} < high")
    for s in series:
        _check_inside(s, "x", s.xs, x_range)
        on_floor = log_y and not s.is_curve
        _check_inside(s, "y", [v for v in s.ys if v or not on_floor], y_range)
        if log_y and (min(s.ys) < 0 or (s.is_curve and min(s.ys) == 0)):
            raise ValueError(f"{s.name} has y = {min(s.ys)!r}; allowed: above 0 on this axis")
    xs = [v for s in series for v in s.xs]
    low, high = x_range or (min(xs), max(xs))
    if here is not None and not low <= here <= high:
        raise ValueError(f"here is {here!r}; allowed: {low!r} to {high!r}")


def _numbered(series: Sequence[Series]) -> list[tuple[Series, int]]:
    """Pair each series with the number that chooses its hue, and its mark or dash."""
    seen = {True: 0, False: 0}
    result = []
    for s in series:
        if seen[s.is_curve] >= len(HUES):
            raise ValueError(f"series are {len(series)}; allowed: {len(HUES)} of a kind")
        result.append((s, seen[s.is_curve]))
        seen[s.is_curve] += 1
    return result


def _check_inside(s: Series, name: str, values: Sequence[float], given: Ends | None) -> None:
    low, high = given or (-math.inf, math.inf)
    slack = 1e-9 * (high - low) if given else 0.0
    for value in values:
        if not low - slack <= value <= high + slack:
            raise ValueError(f"{s.name} has {name} = {value!r}; allowed: {low!r} to {high!r}")


def _limits(
    axes: Axes,
    series: Sequence[Series],
    x_range: Ends | None,
    y_range: Ends | None,
    *,
    log_y: bool,
) -> None:
    xs = [v for s in series for v in s.xs]
    if x_range or min(xs) < max(xs):
        axes.set_xlim(*(x_range or (min(xs), max(xs))))
    ys = [v for s in series for v in s.ys]
    tops = [y + e for s in series for y, e in zip(s.ys, s.errors, strict=False)]
    if y_range:
        axes.set_ylim(*y_range)
    elif log_y:
        seen = [v for v in ys if v > 0] or [1.0]
        low, high = math.floor(math.log10(min(seen))), math.ceil(math.log10(max(seen)))
        axes.set_ylim(10.0**low, 10.0 ** max(high, low + 1))
    elif min(ys) >= 0:
        axes.set_ylim(0, 1.08 * (max(*ys, *tops, 0.0) or 1.0))


def _leave_room(axes: Axes) -> None:
    """Begin the axes where the longest label of y ends."""
    low, high = axes.get_ylim()
    letters = max(len(readable(tick)) for tick in axes.get_yticks() if low <= tick <= high)
    left = (LETTER * FONT_SIZE * letters + 10) / WIDTH
    at = axes.get_position()
    axes.set_position((left, at.y0, 0.97 - left, at.height))


def _draw(axes: Axes, s: Series, colour: str, index: int, *, log_y: bool) -> None:
    if s.is_curve:
        axes.plot(s.xs, s.ys, color=colour, linestyle=DASHES[index], linewidth=2, label=s.name,
                  clip_on=False)  # fmt: skip
        return
    floor = axes.get_ylim()[0]
    xs, ys = np.array(s.xs), np.array(s.ys, dtype=float)
    zero = (ys == 0) & log_y
    if s.errors:
        half = np.array(s.errors)[~zero]
        below = np.minimum(half, ys[~zero] - floor)
        axes.errorbar(xs[~zero], ys[~zero], yerr=[np.maximum(below, 0), half], fmt="none",
                      ecolor=colour, elinewidth=1.5, capsize=4, clip_on=False)  # fmt: skip
    axes.plot(xs[~zero], ys[~zero], MARKERS[index], color=colour, markersize=8, label=s.name,
              clip_on=False)  # fmt: skip
    if zero.any():
        hollow = np.full(zero.sum(), floor)
        axes.plot(
            xs[zero], hollow, "o", color=colour, markersize=9, fillstyle="none", clip_on=False
        )


def _describe(series: Sequence[Series], x: str, y: str) -> str:
    """Say in words what the axes hold, each series' range, and the worst disagreement."""
    xs = [v for s in series for v in s.xs]
    says = [f"{y}, against {x} from {readable(min(xs))} to {readable(max(xs))}."]
    for s in series:
        low, high = min(s.ys), max(s.ys)
        if low == high:
            says.append(f"{s.name}: {readable(low)} throughout.")
        else:
            at_low, at_high = s.xs[s.ys.index(low)], s.xs[s.ys.index(high)]
            lowest = f"lowest {readable(low)} at {readable(at_low)}"
            says.append(f"{s.name}: {lowest}, highest {readable(high)} at {readable(at_high)}.")
    measured = [s for s in series if not s.is_curve]
    closed = [s for s in series if s.is_curve]
    for m, c in zip(measured, closed, strict=False):
        apart = {
            abs(y - float(np.interp(x, c.xs, c.ys))): x
            for x, y in zip(m.xs, m.ys, strict=True)
            if c.xs[0] <= x <= c.xs[-1]
        }
        if apart:
            worst = max(apart)
            away = readable(float(f"{worst:.3g}"))
            says.append(
                f"{m.name} is at most {away} from {c.name}, at {readable(apart[worst])}."
            )
    return " ".join(says)
