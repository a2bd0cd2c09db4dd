"""States and what leads from one to another, drawn from the changes that were seen.

Where all states of a frame are left by the same call for the same state, one arrow leads from
the frame, as in Harel's statecharts (Science of Computer Programming 8, 1987). Where boxes and
arrows stand is given; which arrows there are is not.

Book: 08-stripe-idempotency
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from math import hypot
from typing import NamedTuple

from ..core.check import one_of
from .diagram.paper import Box, Point, Text, uncovered
from .picture import Picture, draw, path, polyline, text

MARGIN = 22  # at the right, for arrows that run there

Transition = tuple[str, str, str]
"""A change: the state before, what was done, the state after."""


class StateBox(NamedTuple):
    """A state's box."""

    box: Box
    hue: str = "ink"


class StateFrame(NamedTuple):
    """A frame round states, with its name at a point."""

    box: Box
    members: tuple[str, ...]
    named_at: Point


class Track(NamedTuple):
    """Where an arrow runs, and where the middle of its words stands."""

    points: tuple[Point, ...]
    words_at: Point


def gather(seen: Iterable[Transition], frames: Mapping[str, Sequence[str]]) -> list[Transition]:
    """Return the changes in order, with a frame in place of all of its members.

    First where they lead, then whence; what leads from one to the same is put in one line.
    """
    leads: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
    for source, words, target in seen:
        leads[source, words].add(target)
    comes: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
    for (source, words), targets in leads.items():
        for target in _framed(targets, frames):
            comes[words, target].add(source)
    said: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
    for (words, target), sources in comes.items():
        for source in _framed(sources, frames):
            said[source, target].add(words)
    return sorted(
        (source, ", ".join(sorted(words)), target) for (source, target), words in said.items()
    )


def _framed(states: set[str], frames: Mapping[str, Sequence[str]]) -> set[str]:
    left, found = set(states), set[str]()
    for name, members in sorted(frames.items(), key=lambda each: (-len(each[1]), each[0])):
        if left.issuperset(members):
            left -= set(members)
            found.add(name)
    return left | found


def state_chart(
    seen: Iterable[Transition],
    *,
    states: Mapping[str, StateBox],
    frames: Mapping[str, StateFrame],
    ways: Mapping[tuple[str, str], Track],
    dashed: Sequence[str] = (),
    chosen: str = "",
    title: str,
) -> Picture:
    """Draw the changes that were seen; those by ``dashed`` words with dashed lines.

    A change without a way of its own is drawn straight, and in red: nobody expected it. With a
    ``chosen`` state only the arrows that lead from it are not muted.
    Raises ValueError for a change or a choice of a state that is not there.
    """
    within = {chosen, *(name for name, frame in frames.items() if chosen in frame.members)}
    gathered = gather(seen, {name: frame.members for name, frame in frames.items()})
    boxes = {name: state.box for name, state in states.items()}
    boxes |= {name: frame.box for name, frame in frames.items()}
    _check(gathered, boxes, states, chosen)
    parts = [part for name, frame in frames.items() for part in _frame(name, frame)]
    found = [(_way(ways, boxes, one, two), words) for one, words, two in gathered]
    covers = [Text(words, *way.words_at, "middle").box for way, words in found]
    for (source, words, target), (way, _) in zip(gathered, found, strict=True):
        hue = "ink" if not chosen or source in within else "muted"
        hue = hue if (source, target) in ways else "fault"
        parts += _arrow(way, words, covers, hue, dash="5 4" if words in dashed else "")
    parts += [part for name, state in states.items()
              for part in _state(name, state, chosen=name == chosen)]  # fmt: skip
    right, bottom = (max(box[side] for box in boxes.values()) for side in (2, 3))
    return draw(
        *parts, width=right + MARGIN, height=bottom + 6, title=title,
        description=" ".join([*map(_holds, frames.items()), *map(_leads, gathered)]),
    )  # fmt: skip


def _check(
    gathered: Iterable[Transition], boxes: Mapping[str, Box], states: Iterable[str], chosen: str
) -> None:
    if chosen:
        one_of("chosen", chosen, states)
    for source, words, target in gathered:
        for name in (source, target):
            if name not in boxes:
                raise ValueError(f"{words} is of {name!r}; allowed: {', '.join(boxes)}")


def _holds(named: tuple[str, StateFrame]) -> str:
    name, frame = named
    return f"{name.capitalize()} is {' or '.join(frame.members)}."


def _leads(seen: Transition) -> str:
    source, words, target = seen
    return f"From {source}, by {words}: {target}."


def _frame(name: str, frame: StateFrame) -> list[str]:
    x, y = frame.named_at
    label = text(name, x, y, anchor="middle", fill="muted")
    return [path(_outline(frame.box), stroke="muted", width=1), label]


def _state(name: str, state: StateBox, *, chosen: bool) -> list[str]:
    left, top, right, bottom = state.box
    label = text(name, (left + right) / 2, (top + bottom) / 2 + 5, anchor="middle", bold=True)
    return [path(_outline(state.box), stroke=state.hue, fill="paper",
                 width=5 if chosen else 2), label]  # fmt: skip


def _outline(box: Box) -> str:
    left, top, right, bottom = box
    return polyline(((left, top), (right, top), (right, bottom), (left, bottom))) + "Z"


def _way(
    ways: Mapping[tuple[str, str], Track], boxes: Mapping[str, Box], source: str, target: str
) -> Track:
    if way := ways.get((source, target)):
        return way
    (x, y), (end_x, end_y) = (_middle(boxes[name]) for name in (source, target))
    return Track(((x, y), (end_x, end_y)), ((x + end_x) / 2, (y + end_y) / 2 + 5))


def _middle(box: Box) -> Point:
    return (box[0] + box[2]) / 2, (box[1] + box[3]) / 2


def _arrow(way: Track, words: str, covers: Sequence[Box], hue: str, dash: str) -> list[str]:
    """Return an arrow that runs behind all words, and its own words."""
    pieces = [piece for leg in pairwise(way.points) for piece in uncovered(leg, covers)]
    (x, y), (tip_x, tip_y) = way.points[-2:]
    length = hypot(tip_x - x, tip_y - y)
    along, aside = (tip_x - x) / length, (tip_y - y) / length
    head = [
        (tip_x - 9 * along - side * aside, tip_y - 9 * aside + side * along) for side in (-4, 4)
    ]
    return [
        path("".join(map(polyline, pieces)), stroke=hue, dash=dash),
        path(polyline([head[0], (tip_x, tip_y), head[1]]) + "Z", fill=hue),
        text(words, *way.words_at, anchor="middle", fill=hue),
    ]
