"""Lines: measured points beside a closed form.

A measurement and its closed form share a colour and differ in kind: marks against a line. Marks
and dashes differ between series too, so that nothing hangs on colour alone. Without a
`description` the plot describes itself from its data: ranges, and how far the measurement is
from the closed form at worst.

Book: 03-at-most-once
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from .axes import (
    HEIGHT,
    LETTER,
    WIDTH,
    Axes,
    Scale,
    Swatch,
    around,
    check_words,
    label,
    legend,
    marks,
)
from .picture import Picture, draw, number, path, polyline

_HUES = ("message", "fault", "good", "accent", "ack")
_DASHES = ("", "7 4", "2 3", "10 3 2 3", "5 2")


@dataclass(frozen=True)
class Series:
    """One named series of a plot: make it with `points` or `curve`."""

    name: str
    xs: tuple[float, ...]
    ys: tuple[float, ...]
    errors: tuple[float, ...] = ()
    is_curve: bool = False
    hue: str = ""

    def __post_init__(self) -> None:
        if not self.xs or len(self.xs) != len(self.ys):
            raise ValueError(
                f"{self.name} has {len(self.xs)} xs and {len(self.ys)} ys; "
                "allowed: as many ys as xs, at least 1"
            )
        if self.errors and len(self.errors) != len(self.xs):
            raise ValueError(f"{self.name} has {len(self.errors)} errors for {len(self.xs)} xs")
        for value in (*self.xs, *self.ys, *self.errors):
            if not math.isfinite(value):
                raise ValueError(f"{self.name} holds {value!r}; allowed: finite numbers")


def points(
    name: str,
    xs: Sequence[float],
    ys: Sequence[float],
    *,
    errors: Sequence[float] = (),
    hue: str = "",
) -> Series:
    """Measured values, drawn as marks.

    `errors` are half the heights of error bars, in units of y; say in the name what they are.
    `hue` is a colour of `picture.COLOURS`; without it the next one is taken.
    """
    return Series(name, tuple(xs), tuple(ys), tuple(errors), hue=hue)


def curve(
    name: str,
    xs: Sequence[float],
    ys: Sequence[float] | Callable[[float], float],
    *,
    hue: str = "",
) -> Series:
    """A closed form, drawn as a line through `ys`, or through the function `ys` of `xs`.

    Raises ValueError when `xs` do not ascend.
    """
    heights = tuple(ys(x) for x in xs) if callable(ys) else tuple(ys)
    if list(xs) != sorted(xs):
        raise ValueError(f"xs of {name} is {list(xs)!r}; allowed: ascending numbers")
    return Series(name, tuple(xs), heights, is_curve=True, hue=hue)


def lines(
    *series: Series,
    title: str,
    x: str,
    y: str,
    x_range: tuple[float, float] | None = None,
    y_range: tuple[float, float] | None = None,
    log_x: bool = False,
    log_y: bool = False,
    here: float | None = None,
    description: str = "",
) -> Picture:
    """Plot series of `points` and `curve`s over common axes.

    The first points and the first curve share a colour, and so on: a measurement belongs to its
    closed form. `x` and `y` name the axes, with units. Give the ranges where the frames of a
    panel must be comparable. `here` draws an upright at one x. On a logarithmic y axis a
    measured zero is drawn hollow, on the floor. Raises ValueError for no series, numbers
    outside a range that was given, and names that do not fit.
    """
    drawn = _coloured(series)
    key, top = legend([(s.name, _swatch(s, hue, dash)) for s, hue, dash in drawn], top=38)
    y_scale = _y_scale(series, y_range, log=log_y, top=top)
    axes = Axes(_x_scale(series, x_range, y_scale, log=log_x), y_scale)
    _check_inside(series, axes)
    parts = [*axes.grid(x=check_words("x", x), y=check_words("y", y), top=16), *key]
    if here is not None:
        parts.append(_upright(axes, here))
    for s, hue, dash in drawn:
        parts += _series(s, axes, hue, dash)
    says = description or _describe(series, x, y)
    return draw(*parts, width=WIDTH, height=HEIGHT, title=title, description=says)


def _coloured(series: Sequence[Series]) -> list[tuple[Series, str, int]]:
    """Pair each series with its hue and the number that chooses its mark or dash."""
    if not series:
        raise ValueError("series is empty; allowed: at least one points() or curve()")
    seen = {True: 0, False: 0}
    result = []
    for s in series:
        index = seen[s.is_curve]
        seen[s.is_curve] += 1
        if index >= len(_HUES):
            raise ValueError(f"series are {len(series)}; allowed: {len(_HUES)} of a kind")
        result.append((s, s.hue or _HUES[index], index))
    return result


def _x_scale(
    series: Sequence[Series], given: tuple[float, float] | None, y_scale: Scale, *, log: bool
) -> Scale:
    xs = [x for s in series for x in s.xs]
    low, high = given or ((min(xs), max(xs)) if len(set(xs)) > 1 else around(xs))
    left = 10 + LETTER * max(len(label(tick)) for tick in y_scale.ticks())
    return Scale(low, high, left, WIDTH - 12, log)


def _y_scale(
    series: Sequence[Series], given: tuple[float, float] | None, *, log: bool, top: float
) -> Scale:
    ends = [y for s in series for y in s.ys]
    for s in series:
        for y, error in zip(s.ys, s.errors, strict=False):
            ends += [y - error, y + error]
    if log:
        ends = [v for v in ends if v > 0] or [1.0]
    low, high = given or around(ends, log=log)
    return Scale(low, high, HEIGHT - 54, top + 4, log)


def _check_inside(series: Sequence[Series], axes: Axes) -> None:
    for s in series:
        for name, values, scale in (("x", s.xs, axes.x), ("y", s.ys, axes.y)):
            for value in values:
                on_floor = scale.log and value == 0 and name == "y" and not s.is_curve
                slack = 1e-9 * (scale.high - scale.low)
                if not (scale.low - slack <= value <= scale.high + slack or on_floor):
                    allowed = f"{scale.low!r} to {scale.high!r}"
                    raise ValueError(f"{s.name} has {name} = {value!r}; allowed: {allowed}")


def _series(s: Series, axes: Axes, hue: str, index: int) -> list[str]:
    pairs = list(zip(s.xs, s.ys, strict=True))
    if s.is_curve:
        where = [(axes.x(x), axes.y(y)) for x, y in pairs]
        return [path(polyline(where), stroke=hue, width=2, dash=_DASHES[index])]
    zeros = [x for x, y in pairs if axes.y.log and y == 0]
    seen = [(axes.x(x), axes.y(y)) for x, y in pairs if y > 0 or not axes.y.log]
    parts = [path("".join(_error_bars(s, axes)), stroke=hue)] if s.errors else []
    parts += [marks(seen, shape=index, hue=hue)] if seen else []
    if zeros:
        starts = (f"M{number(axes.x(x) - 4.5)} {number(axes.y.start)}" for x in zeros)
        rings = "".join(start + "a4.5 4.5 0 1 0 9 0a4.5 4.5 0 1 0-9 0z" for start in starts)
        parts.append(path(rings, stroke=hue, fill="paper"))
    return parts


def _error_bars(s: Series, axes: Axes) -> list[str]:
    bars = []
    for x, y, error in zip(s.xs, s.ys, s.errors, strict=True):
        foot = max(y - error, axes.y.low)
        head = min(y + error, axes.y.high)
        if head > foot:
            at, low, high = number(axes.x(x)), number(axes.y(foot)), number(axes.y(head))
            bars.append(f"M{at} {low}V{high}m-4 0h8M{at} {low}m-4 0h8")
    return bars


def _swatch(s: Series, hue: str, index: int) -> Swatch:
    def line(x: float, y: float) -> str:
        across = f"M{number(x - 13)} {number(y)}h26"
        return path(across, stroke=hue, width=2, dash=_DASHES[index])

    def mark(x: float, y: float) -> str:
        return marks([(x, y)], shape=index, hue=hue)

    return line if s.is_curve else mark


def _upright(axes: Axes, here: float) -> str:
    if not axes.x.low <= here <= axes.x.high:
        raise ValueError(f"here is {here!r}; allowed: {axes.x.low!r} to {axes.x.high!r}")
    at = number(axes.x(here))
    line = f"M{at} {number(axes.y.stop)}V{number(axes.y.start)}"
    return path(line, stroke="ink", width=1, dash="2 3")


def _describe(series: Sequence[Series], x: str, y: str) -> str:
    """Say in words what the axes hold, each series' range, and the worst disagreement."""
    xs = [v for s in series for v in s.xs]
    says = [f"{y}, against {x} from {label(min(xs))} to {label(max(xs))}."]
    for s in series:
        low, high = min(s.ys), max(s.ys)
        if low == high:
            says.append(f"{s.name}: {label(low)} throughout.")
        else:
            at_low, at_high = s.xs[s.ys.index(low)], s.xs[s.ys.index(high)]
            lowest = f"lowest {label(low)} at {label(at_low)}"
            says.append(f"{s.name}: {lowest}, highest {label(high)} at {label(at_high)}.")
    measured = [s for s in series if not s.is_curve]
    closed = [s for s in series if s.is_curve]
    for m, c in zip(measured, closed, strict=False):
        apart = {
            abs(y - _height(c, x)): x
            for x, y in zip(m.xs, m.ys, strict=True)
            if c.xs[0] <= x <= c.xs[-1]
        }
        if apart:
            worst = max(apart)
            away = label(float(f"{worst:.3g}"))
            says.append(f"{m.name} is at most {away} from {c.name}, at {label(apart[worst])}.")
    return " ".join(says)


def _height(c: Series, at: float) -> float:
    """Return the height of a drawn curve at x, on the straight line between its samples."""
    for (x0, y0), (x1, y1) in itertools.pairwise(zip(c.xs, c.ys, strict=True)):
        if x0 <= at <= x1:
            return y0 + (y1 - y0) * (at - x0) / (x1 - x0) if x1 > x0 else y1
    return c.ys[0]
