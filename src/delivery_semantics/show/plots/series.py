"""Series of a plot: measured points, and the closed forms that they stand beside.

Book: 03-at-most-once
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

Ends = tuple[float, float]
"""Where an axis begins and ends."""


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
