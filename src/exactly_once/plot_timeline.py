"""Timelines: what several participants did along one axis of time, and the load it made.

Made for retry storms: each client is a lane, each attempt a mark, and below them the attempts
are counted in bins, so that synchronised retries stand up as spikes.

Book: 04-at-least-once
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence

from .axes import LETTER, WIDTH, Axes, Scale, Swatch, around, check_words, label, legend, marks
from .check import positive
from .picture import Picture, draw, number, path, text

Lanes = Mapping[str, Sequence[float | tuple[float, str]]]
Known = Mapping[str, Sequence[tuple[float, str]]]

_HUES = ("message", "fault", "good", "accent", "ack")
_LOAD_HEIGHT = 90


def timeline(
    lanes: Lanes,
    *,
    title: str,
    x: str = "time (s)",
    x_range: tuple[float, float] | None = None,
    bin_s: float | None = None,
    load_max: int | None = None,
    capacity: int | None = None,
    hues: Mapping[str, str] | None = None,
    description: str = "",
) -> Picture:
    """Draw one lane for each participant: `{"client 1": [0.0, (0.1, "refused"), …]}`.

    A mark is a time, or a time and what happened then, which gives it its shape and its colour,
    or the one in `hues`. Up to 8 lanes are named. With `bin_s` all marks are counted in bins of
    that many seconds and drawn as load below, up to `load_max`, with a line at `capacity`.
    Raises ValueError for no marks, more than 40 lanes or 5 kinds, a time that is not finite or
    outside `x_range`, and a load above `load_max`.
    """
    known = _check(lanes)
    times = [at for lane in known.values() for at, _ in lane]
    chosen = _choose(known, hues or {})
    key, top = _key(chosen)
    scale = _scale(known, times, x_range)
    drawn, floor = _lanes(known, chosen, scale, top)
    parts, load = [*key, *drawn], None
    if bin_s is not None:
        load = _count(times, scale.low, positive("bin_s", bin_s), scale.high)
        parts += _load(load, bin_s, scale, floor, load_max, capacity)
        floor += _LOAD_HEIGHT + 34
    parts += Axes(scale, Scale(0, 1, floor, top)).x_axis(check_words("x", x), floor=floor)
    says = description or _describe(known, x, load, bin_s, scale.low)
    return draw(*parts, width=WIDTH, height=floor + 54, title=title, description=says)


def _check(lanes: Lanes) -> Known:
    if not 1 <= len(lanes) <= 40:
        raise ValueError(f"there are {len(lanes)} lanes; allowed: 1 to 40")
    known = {
        name: [mark if isinstance(mark, tuple) else (mark, "attempt") for mark in lane]
        for name, lane in lanes.items()
    }
    for name, lane in known.items():
        for at, _ in lane:
            if not math.isfinite(at):
                raise ValueError(f"{name} has a mark at {at!r}; allowed: finite times")
    return known


def _choose(lanes: Known, hues: Mapping[str, str]) -> dict[str, str]:
    """Give each kind of mark its colour, in the order in which the kinds are met."""
    kinds = tuple(dict.fromkeys(kind for lane in lanes.values() for _, kind in lane))
    if not 1 <= len(kinds) <= len(_HUES):
        raise ValueError(f"there are {len(kinds)} kinds of marks; allowed: 1 to {len(_HUES)}")
    return {kind: hues.get(kind, _HUES[i]) for i, kind in enumerate(kinds)}


def _scale(lanes: Known, times: Sequence[float], given: tuple[float, float] | None) -> Scale:
    low, high = given or around(times)
    outside = [at for at in times if not low <= at <= high]
    if outside:
        raise ValueError(f"a mark is at {outside[0]!r}; allowed: {low!r} to {high!r}")
    left = 12 + LETTER * max(len(name) for name in lanes) if _named(lanes) else 34
    return Scale(low, high, left, WIDTH - 12)


def _named(lanes: Known) -> bool:
    return len(lanes) <= 8


def _key(hues: Mapping[str, str]) -> tuple[list[str], float]:
    if len(hues) == 1:
        return [], 8.0
    entries = [(kind, _swatch(hue, i)) for i, (kind, hue) in enumerate(hues.items())]
    return legend(entries, top=16)


def _lanes(
    lanes: Known,
    hues: Mapping[str, str],
    scale: Scale,
    top: float,
) -> tuple[list[str], float]:
    named = _named(lanes)
    step = 24.0 if named else max(6.0, min(16.0, 200 / len(lanes)))
    radius = min(4.5, step / 2.6)
    rails: list[str] = []
    names: list[str] = []
    places: dict[str, list[tuple[float, float]]] = {kind: [] for kind in hues}
    for row, (name, lane) in enumerate(lanes.items()):
        y = top + step * (row + 0.5)
        rails.append(f"M{number(scale.start)} {number(y)}H{number(scale.stop)}")
        if named:
            names.append(text(name, scale.start - 8, y + 5, anchor="end"))
        for at, kind in lane:
            places[kind].append((scale(at), y))
    parts = [path("".join(rails), stroke="muted", width=1, opacity=0.35), *names]
    parts += [
        marks(places[kind], shape=shape, hue=hue, radius=radius)
        for shape, (kind, hue) in enumerate(hues.items())
    ]
    return parts, top + step * len(lanes) + 6


def _swatch(hue: str, shape: int) -> Swatch:
    return lambda x, y: marks([(x, y)], shape=shape, hue=hue)


def _count(times: Sequence[float], low: float, bin_s: float, high: float) -> list[int]:
    """Count the times in bins [low, low + bin_s), …; a bin's own start belongs to it."""
    bins = [0] * (math.floor((high - low) / bin_s + 1e-9) + 1)
    if len(bins) > 400:
        raise ValueError(f"bin_s is {bin_s!r}; allowed: at least {(high - low) / 400:g}")
    for at in times:
        bins[math.floor((at - low) / bin_s + 1e-9)] += 1
    return bins


def _load(
    load: Sequence[int],
    bin_s: float,
    scale: Scale,
    top: float,
    load_max: int | None,
    capacity: int | None,
) -> list[str]:
    highest = max(*load, capacity or 0)
    full = highest if load_max is None else load_max
    if full < highest:
        raise ValueError(f"load_max is {load_max!r}; allowed: {highest} or more")
    floor = top + _LOAD_HEIGHT + 34
    y = Scale(0, full, floor, top + 34)
    wide = scale(scale.low + bin_s) - scale.start
    boxes = ""
    for index, count in enumerate(load):
        if count:
            x = scale.start + index * wide
            across = max(min(wide, scale.stop - x) - 1, 1)
            boxes += f"M{number(x)} {number(floor)}V{number(y(count))}h{number(across)}"
            boxes += f"V{number(floor)}z"
    says = "" if capacity is None else f" (dashed: capacity {capacity})"
    parts = [text(f"attempts in each {label(bin_s)} s{says}", 0, top + 20)]
    parts += [text(label(v), scale.start - 8, y(v) + 5, anchor="end") for v in (0, full)]
    parts.append(path(boxes, fill="message"))
    if capacity is not None:
        at = f"M{number(scale.start)} {number(y(capacity))}H{number(scale.stop)}"
        parts.append(path(at, stroke="fault", dash="6 4"))
    return parts


def _describe(
    lanes: Known,
    x: str,
    load: Sequence[int] | None,
    bin_s: float | None,
    low: float,
) -> str:
    times = [at for lane in lanes.values() for at, _ in lane]
    first, last = label(min(times)), label(max(times))
    says = [f"{len(times)} marks of {len(lanes)} participants, {x} from {first} to {last}."]
    kinds = Counter(kind for lane in lanes.values() for _, kind in lane)
    if len(kinds) > 1:
        says.append(", ".join(f"{count} {kind}" for kind, count in kinds.items()) + ".")
    if load is not None and bin_s is not None:
        at = low + load.index(max(load)) * bin_s
        says.append(f"At most {max(load)} within {label(bin_s)} s, from {label(at)} on.")
    return " ".join(says)
