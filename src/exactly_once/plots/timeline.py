"""Timelines: what several participants did along one axis of time, and the load it made.

Made for retry storms: each client is a lane, each attempt a mark, and below them the attempts
are counted in bins, so that synchronised retries stand up as spikes.

Book: 04-at-least-once
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from ..check import positive
from ..picture import Picture, readable
from .canvas import (
    DASHES,
    HUES,
    MARKERS,
    check_words,
    dress,
    figure,
    hue,
    legend_rows,
    style,
    to_picture,
)  # fmt: skip

Lanes = Mapping[str, Sequence[float | tuple[float, str]]]
Known = Mapping[str, Sequence[tuple[float, str]]]

_LOAD = 92  # units for the load, from its axis to its top


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

    A mark is a time, or a time and what happened then; marks that differ in that have different
    shapes and colours (`hues` chooses) and a legend. Lanes are named where there are at most 8.
    With `bin_s` the marks of all lanes are counted in bins of that many seconds and drawn as
    load below, up to `load_max`, with a line at `capacity` marks a bin.

    Raises ValueError for no lanes or no marks, more than 40 lanes or 5 kinds, a time that is
    not finite or outside `x_range`, and a load above `load_max`.
    """
    known = _check(lanes)
    kinds = tuple(dict.fromkeys(kind for lane in known.values() for _, kind in lane))
    times = [at for lane in known.values() for at, _ in lane]
    if not 1 <= len(kinds) <= len(HUES):
        raise ValueError(f"there are {len(kinds)} kinds of marks; allowed: 1 to {len(HUES)}")
    low, high = x_range or (min(0.0, *times), max(times) or 1.0)
    outside = [at for at in times if not low <= at <= high]
    if outside:
        raise ValueError(f"a mark is at {outside[0]!r}; allowed: {low!r} to {high!r}")
    load = None if bin_s is None else _count(times, low, positive("bin_s", bin_s), high)
    chosen = {kind: (hues or {}).get(kind, HUES[i]) for i, kind in enumerate(kinds)}
    said = description or _describe(known, x, load, bin_s, low)
    with style():
        head = 24 * legend_rows(list(kinds))[1] if len(kinds) > 1 else 8
        tall = 24 * len(known) if len(known) <= 8 else max(120, 7 * len(known))
        below = 54 if load is None else _LOAD + 94
        height = head + tall + below
        made = figure(height)
        left = 0.12 if len(known) > 8 else 0.04 + 0.02 * max(map(len, known))
        upper = made.add_axes((left, below / height, 0.97 - left, tall / height))
        _lanes(upper, known, chosen)
        lower = upper
        if load is not None and bin_s is not None:
            lower = made.add_axes((left, 54 / height, 0.97 - left, _LOAD / height))
            _load(lower, load, bin_s, low, load_max, capacity)
        for axes in (upper, lower):
            axes.set_xlim(low, high)
        _dress(upper, lower, x, bin_s)
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


def _lanes(axes: Axes, lanes: Known, hues: Mapping[str, str]) -> None:
    rows = range(len(lanes))
    axes.set_ylim(len(lanes) - 0.5, -0.5)
    axes.hlines(rows, 0, 1, transform=axes.get_yaxis_transform(), color=hue("muted"),
                linewidth=1, alpha=0.35)  # fmt: skip
    size = 9 if len(lanes) <= 8 else 5
    for index, (kind, colour) in enumerate(hues.items()):
        marks = [(at, row) for row, lane in enumerate(lanes.values())
                 for at, what in lane if what == kind]  # fmt: skip
        axes.plot(*zip(*marks, strict=True), MARKERS[index], color=hue(colour), markersize=size,
                  label=kind, clip_on=False)  # fmt: skip
    axes.set_yticks(rows if len(lanes) <= 8 else [], list(lanes) if len(lanes) <= 8 else [])
    if len(hues) > 1:
        axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=legend_rows(list(hues))[0],
                    handletextpad=0.2)  # fmt: skip


def _count(times: Sequence[float], low: float, bin_s: float, high: float) -> list[int]:
    """Count the times in bins [low, low + bin_s), …; a bin's own start belongs to it."""
    bins = [0] * (math.floor((high - low) / bin_s + 1e-9) + 1)
    if len(bins) > 400:
        raise ValueError(f"bin_s is {bin_s!r}; allowed: at least {(high - low) / 400:g}")
    for at in times:
        bins[math.floor((at - low) / bin_s + 1e-9)] += 1
    return bins


def _load(
    axes: Axes,
    load: Sequence[int],
    bin_s: float,
    low: float,
    load_max: int | None,
    capacity: int | None,
) -> None:
    highest = max(*load, capacity or 0)
    if load_max is not None and load_max < highest:
        raise ValueError(f"load_max is {load_max!r}; allowed: {highest} or more")
    filled = [index for index, count in enumerate(load) if count]
    starts, counts = [low + i * bin_s for i in filled], [load[i] for i in filled]
    axes.bar(starts, counts, width=0.9 * bin_s, align="edge", color=hue("message"))
    axes.set_ylim(0, load_max or highest)
    if capacity is not None:
        axes.axhline(capacity, color=hue("fault"), linestyle=DASHES[1])
        edge = axes.get_yaxis_transform()  # x as a share of the width, y as data
        axes.text(
            1,
            capacity + 0.06 * (load_max or highest),
            f"capacity {capacity}",
            ha="right",
            transform=edge,
        )


def _dress(upper: Axes, lower: Axes, x: str, bin_s: float | None) -> None:
    if lower is upper:
        upper.xaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))
        upper.set_xlabel(check_words("x", x))
        return
    upper.xaxis.set_visible(False)
    upper.spines["bottom"].set_visible(False)
    dress(lower, x=check_words("x", x), y=f"attempts in each {readable(bin_s or 0)} s")


def _describe(
    lanes: Known,
    x: str,
    load: Sequence[int] | None,
    bin_s: float | None,
    low: float,
) -> str:
    times = [at for lane in lanes.values() for at, _ in lane]
    first, last = readable(min(times)), readable(max(times))
    says = [f"{len(times)} marks of {len(lanes)} participants, {x} from {first} to {last}."]
    kinds = Counter(kind for lane in lanes.values() for _, kind in lane)
    if len(kinds) > 1:
        says.append(", ".join(f"{count} {kind}" for kind, count in kinds.items()) + ".")
    if load is not None and bin_s is not None:
        at = low + load.index(max(load)) * bin_s
        says.append(f"At most {max(load)} within {readable(bin_s)} s, from {readable(at)} on.")
    return " ".join(says)
