"""Timelines: what several participants did along one axis of time, and the load it made.

Made for retry storms: each client is a lane, each attempt a mark, and below them the attempts
are counted in bins, so that synchronised retries stand up as spikes.

Book: 04-at-least-once
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ...core.check import positive
from ..picture import FONT_SIZE, Picture, how_many, readable
from .canvas import (
    DASHES, HUES, LETTER, MARKERS, WIDTH, check_words, dress, figure, hue, legend_rows, style,
    to_picture,
)  # fmt: skip
from .series import Ends

Lanes = Mapping[str, Sequence[float | tuple[float, str]]]
Known = Mapping[str, Sequence[tuple[float, str]]]

_LOAD = 92  # units for the load, from its axis to its top
_NAMED = 8  # lanes at most that have a name


def timeline(
    lanes: Lanes,
    *,
    title: str,
    x: str = "time (s)",
    x_range: Ends | None = None,
    bin_s: float | None = None,
    load_max: int | None = None,
    capacity: int | None = None,
    hues: Mapping[str, str] | None = None,
) -> Picture:
    """Draw one lane for each participant: `{"client 1": [0.0, (0.1, "refused"), …]}`.

    A mark is a time, or a time and what happened then, which gives it its shape and its colour,
    or the one in `hues`. Up to 8 lanes are named. With `bin_s` all marks are counted in bins of
    that many seconds and drawn as load below, up to `load_max`, with a line at `capacity`.
    Raises ValueError for no marks, more than 40 lanes or 5 kinds, a time that is not finite or
    outside `x_range`, and a load above `load_max`.
    """
    known = _check(lanes)
    chosen = _choose(known, hues or {})
    times = [at for lane in known.values() for at, _ in lane]
    ends = _ends(times, x_range, bin_s)
    load = None if bin_s is None else _count(times, ends, bin_s, load_max, capacity)
    said = _describe(known, check_words("x", x), load, ends)
    with style():
        made, upper, lower = _axes(known, chosen, load)
        _lanes(upper, known, chosen)
        _load(lower, load, ends, x)
        upper.set_xlim(*ends)
        lower.set_xlim(*ends)
        return to_picture(made, title=title, description=said)


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
    if not 1 <= len(kinds) <= len(HUES):
        raise ValueError(f"there are {len(kinds)} kinds of marks; allowed: 1 to {len(HUES)}")
    return {kind: hues.get(kind, HUES[i]) for i, kind in enumerate(kinds)}


def _ends(times: Sequence[float], given: Ends | None, bin_s: float | None) -> Ends:
    """Return the ends of the axis: from 0 to the last mark, or to the end of its bin."""
    low, high = given or (min(0.0, *times), max(times))
    if given is None and bin_s is not None:
        high = low + positive("bin_s", bin_s) * (math.floor((high - low) / bin_s + 1e-9) + 1)
    outside = [at for at in times if not low <= at <= high]
    if outside:
        raise ValueError(f"a mark is at {outside[0]!r}; allowed: {low!r} to {high!r}")
    return low, high if high > low else low + 1.0


@dataclass(frozen=True)
class Bins:
    """Marks of all lanes in each bin of `bin_s` seconds."""

    counts: Sequence[int]
    bin_s: float
    max: int
    capacity: int | None


def _count(
    times: Sequence[float], ends: Ends, bin_s: float, most: int | None, capacity: int | None
) -> Bins:
    """Count the times in bins [low, low + bin_s), …; a bin's own start belongs to it."""
    low, high = ends
    counts = [0] * (math.floor((high - low) / positive("bin_s", bin_s) + 1e-9) + 1)
    if len(counts) > 400:
        raise ValueError(f"bin_s is {bin_s!r}; allowed: at least {(high - low) / 400:g}")
    for at in times:
        counts[math.floor((at - low) / bin_s + 1e-9)] += 1
    highest = max(*counts, capacity or 0)
    if most is not None and most < highest:
        raise ValueError(f"load_max is {most!r}; allowed: {highest} or more")
    return Bins(counts, bin_s, most or highest, capacity)


def _axes(
    lanes: Known, hues: Mapping[str, str], load: Bins | None
) -> tuple[Figure, Axes, Axes]:
    """Return a figure with axes for the lanes and for the load, which may be the same."""
    head = 24 * legend_rows(list(hues))[1] if len(hues) > 1 else 8
    named = len(lanes) <= _NAMED
    tall = 24 * len(lanes) if named else max(120, 7 * len(lanes))
    below = 54 if load is None else _LOAD + 94
    height = head + tall + below
    letters = max(map(len, lanes)) if named else 1
    letters = max(letters, len(readable(load.max)) if load else 1)
    left = (LETTER * FONT_SIZE * letters + 14) / WIDTH
    made = figure(height)
    upper = made.add_axes((left, below / height, 0.97 - left, tall / height))
    if load is None:
        return made, upper, upper
    upper.xaxis.set_visible(False)
    upper.spines["bottom"].set_visible(False)
    return made, upper, made.add_axes((left, 54 / height, 0.97 - left, _LOAD / height))


def _lanes(axes: Axes, lanes: Known, hues: Mapping[str, str]) -> None:
    rows = range(len(lanes))
    named = len(lanes) <= _NAMED
    axes.set_ylim(len(lanes) - 0.5, -0.5)
    across = axes.get_yaxis_transform()  # x as a share of the width, y as data
    axes.hlines(rows, 0, 1, transform=across, color=hue("muted"), linewidth=1, alpha=0.35)
    for index, (kind, colour) in enumerate(hues.items()):
        marks = [(at, row) for row, lane in enumerate(lanes.values())
                 for at, what in lane if what == kind]  # fmt: skip
        axes.plot(*zip(*marks, strict=True), MARKERS[index], color=hue(colour), label=kind,
                  markersize=9 if named else 5, clip_on=False)  # fmt: skip
    axes.set_yticks(rows if named else [], list(lanes) if named else [])
    if len(hues) > 1:
        columns, _ = legend_rows(list(hues))
        axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=columns, handletextpad=0.2)


def _load(axes: Axes, load: Bins | None, ends: Ends, x: str) -> None:
    if load is None:
        dress(axes, x=x, grid=False)
        return
    low, high = ends
    least = (high - low) / 200  # a bin that begins where the axis ends is still seen
    filled = [(low + i * load.bin_s, count) for i, count in enumerate(load.counts) if count]
    widths = [max(min(0.9 * load.bin_s, high - at), least) for at, _ in filled]
    starts, counts = zip(*filled, strict=True)
    axes.bar(starts, counts, width=widths, align="edge", color=hue("message"))
    axes.set_ylim(0, load.max)
    dashed = ""
    if load.capacity is not None:
        axes.axhline(load.capacity, color=hue("fault"), linestyle=DASHES[1])
        dashed = f" (dashed: capacity {load.capacity})"
    dress(axes, x=x, y=f"attempts in each {readable(load.bin_s)} s{dashed}", whole=True)


def _describe(lanes: Known, x: str, load: Bins | None, ends: Ends) -> str:
    times = [at for lane in lanes.values() for at, _ in lane]
    first, last = readable(min(times)), readable(max(times))
    says = [
        f"{how_many(len(times), 'mark')} of {how_many(len(lanes), 'participant')}, "
        f"{x} from {first} to {last}."
    ]
    kinds = Counter(kind for lane in lanes.values() for _, kind in lane)
    if len(kinds) > 1:
        says.append(", ".join(f"{count} {kind}" for kind, count in kinds.items()) + ".")
    if load is not None:
        most = max(load.counts)
        at = readable(ends[0] + load.counts.index(most) * load.bin_s)
        says.append(f"At most {most} within {readable(load.bin_s)} s, from {at} on.")
    return " ".join(says)
