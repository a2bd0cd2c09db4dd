"""Axes for plots: scales, round ticks, grid and legend, in SVG.

A plot is 440 by 280 units with letters of 14, so that it reads on a telephone, where it is
shown about 320 pixels wide. Words stand level: the name of the vertical axis is at its top.
Width of text is estimated, never measured: no font decides what a picture's bytes are.

Book: 03-at-most-once
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from .picture import number, path, text

WIDTH = 440
HEIGHT = 280
LETTER = 8.2  # mean width of a letter of 14 units, in the widest of the usual system fonts
LINE = 20
_SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


@dataclass(frozen=True)
class Scale:
    """A map from values `low` to `high` onto units `start` to `stop`, straight or logarithmic.

    Raises ValueError when the range is empty, or not positive on a logarithmic scale.
    """

    low: float
    high: float
    start: float
    stop: float
    log: bool = False

    def __post_init__(self) -> None:
        if not (math.isfinite(self.low) and math.isfinite(self.high) and self.low < self.high):
            raise ValueError(
                f"range is {(self.low, self.high)!r}; allowed: two finite numbers, low < high"
            )
        if self.log and self.low <= 0:
            raise ValueError(f"range of a logarithmic axis is from {self.low!r}; allowed: > 0")

    def __call__(self, value: float) -> float:
        """Return where `value` is drawn."""
        if self.log:
            share = math.log(value / self.low) / math.log(self.high / self.low)
        else:
            share = (value - self.low) / (self.high - self.low)
        return self.start + share * (self.stop - self.start)

    def ticks(self) -> tuple[float, ...]:
        """Return 3 to 8 round values within the range."""
        if self.log:
            return _decades(self.low, self.high)
        step = _step(self.low, self.high)
        first, last = math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9)
        return tuple(round(i * step, 12) for i in range(first, last + 1))


def _step(low: float, high: float) -> float:
    """Return 1, 2 or 5 times a power of ten that cuts the range into at most 6 parts."""
    rough = (high - low) / 6
    power = 10.0 ** math.floor(math.log10(rough))
    return next(power * nice for nice in (1, 2, 5, 10) if power * nice >= rough * (1 - 1e-9))


def _decades(low: float, high: float) -> tuple[float, ...]:
    first, last = math.ceil(math.log10(low) - 1e-9), math.floor(math.log10(high) + 1e-9)
    if last - first < 2:
        within = (m * 10.0**e for e in range(first - 1, last + 1) for m in (1, 2, 5))
        return tuple(v for v in within if low * (1 - 1e-9) <= v <= high * (1 + 1e-9))
    every = math.ceil((last - first) / 6)
    return tuple(10.0**exponent for exponent in range(first, last + 1, every))


def around(values: Sequence[float], *, log: bool = False) -> tuple[float, float]:
    """Return a range that holds all values and ends on ticks; from 0 where that is near."""
    low, high = min(values), max(values)
    if log:
        low, high = 10.0 ** math.floor(math.log10(low)), 10.0 ** math.ceil(math.log10(high))
        return (low, high) if low < high else (low, low * 10)
    if 0 < low <= 0.6 * high:
        low = 0.0
    if low == high:
        low, high = (min(low, 0.0), max(high, 0.0)) if low else (0.0, 1.0)
    while True:
        step = _step(low, high)
        low = round(math.floor(low / step + 1e-9) * step, 12)
        high = round(math.ceil(high / step - 1e-9) * step, 12)
        if _step(low, high) == step:  # a wider range may need wider steps
            return low, high


def label(value: float) -> str:
    """Format a value for a tick or a sentence: 0.25, 1,000, 10⁻⁶."""
    if value and not 1e-4 <= abs(value) < 1e7:
        mantissa, exponent = f"{value:.3g}".split("e") if "e" in f"{value:.3g}" else ("", "")
        if exponent:
            power = "10" + str(int(exponent)).translate(_SUPERSCRIPT)
            return power if mantissa == "1" else f"{mantissa}×{power}"
    if value == int(value):
        return f"{int(value):,}"
    return f"{value:,.4g}" if abs(value) < 1000 else f"{value:,.0f}"


@dataclass(frozen=True)
class Axes:
    """A plotting area with a horizontal and a vertical scale, ready to draw itself."""

    x: Scale
    y: Scale

    def grid(self, *, x: str, y: str, top: float) -> list[str]:
        """Return grid, ticks' labels and the axes' names, y's with its foot at `top`."""
        left, right, floor = self.x.start, self.x.stop, self.y.start
        heights = [(label(v), self.y(v)) for v in self.y.ticks()]
        across = "".join(f"M{number(left)} {number(at)}H{number(right)}" for _, at in heights)
        return [
            path(across, stroke="muted", width=1, opacity=0.35),
            *(text(tick, left - 8, at + 5, anchor="end") for tick, at in heights),
            *self.x_axis(x, floor=floor),
            text(y, 0, top),
        ]

    def x_axis(self, name: str, *, floor: float) -> list[str]:
        """Return the horizontal axis at the height `floor`: line, ticks, labels, name."""
        left, right = number(self.x.start), number(self.x.stop)
        ticks = _apart(self.x.ticks(), self.x)
        line = f"M{left} {number(floor)}H{right}"
        line += "".join(f"M{number(self.x(v))} {number(floor)}v5" for v in ticks)
        labels = [text(label(v), self.x(v), floor + 21, anchor="middle") for v in ticks]
        middle = (self.x.start + self.x.stop) / 2
        return [
            path(line, stroke="muted", width=1),
            *labels,
            text(name, middle, floor + 44, anchor="middle"),
        ]


def _apart(ticks: Sequence[float], scale: Scale) -> Sequence[float]:
    """Leave out every other tick until the labels do not touch."""
    while len(ticks) > 2:
        widest = max(len(label(v)) for v in ticks) * LETTER + 10
        gap = min(scale(b) - scale(a) for a, b in itertools.pairwise(ticks))
        if gap >= widest:
            break
        ticks = ticks[::2]
    return ticks


Swatch = Callable[[float, float], str]  # draws an entry's mark, line or texture at a centre


def legend(entries: Sequence[tuple[str, Swatch]], *, top: float) -> tuple[list[str], float]:
    """Return a legend of named swatches, in as many lines as it needs, and where it ends."""
    parts: list[str] = []
    x, y = 0.0, top
    for name, swatch in entries:
        width = 34 + len(name) * LETTER
        if x > 0 and x + width > WIDTH:
            x, y = 0.0, y + LINE
        parts += [swatch(x + 13, y - 5), text(name, x + 32, y)]
        x += width + 14
    return parts, y + LINE


def marks(
    where: Sequence[tuple[float, float]], *, shape: int, hue: str, radius: float = 4.5
) -> str:
    """Return one path with a mark at each place: dot, cross, square, triangle or diamond."""
    places = [f"M{number(x)} {number(y)}" for x, y in where]
    if shape == 0:  # a point with round ends is a dot, in the fewest bytes
        d = "".join(place + "h0" for place in places)
        return path(d, stroke=hue, width=2 * radius, round_ends=True)
    r, whole = number(radius), number(2 * radius)
    outline = (
        f"m-{r}-{r}l{whole} {whole}m0-{whole}l-{whole} {whole}",
        f"m-{r}-{r}h{whole}v{whole}h-{whole}z",
        f"m0-{r}l{r} {whole}h-{whole}z",
        f"m0-{r}l{r} {r}-{r} {r}-{r}-{r}z",
    )[shape - 1]
    return path("".join(place + outline for place in places), stroke=hue, fill=hue, width=1.5)


def check_words(name: str, words: str, *, width: float = WIDTH) -> str:
    """Return `words` if they fit into `width` units on one line; raise ValueError if not."""
    room = int(width / LETTER)
    if not 0 < len(words) <= room:
        raise ValueError(f"{name} is {words!r}; allowed: 1 to {room} characters")
    return words
