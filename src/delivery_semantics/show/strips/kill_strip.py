"""What a fault at each place came to: a sign at the place, and the money in the end under it.

Book: 07-deduplication
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from typing import NamedTuple, Protocol

from ..diagram.paper import text_width
from ..picture import Picture, draw, text
from .flow import Line, continued, flow, right_of
from .rail import FRAME_HEIGHT, below, head, legend, rail, responsive
from .signs import FAULTS, bar, bar_legend, fault_sign, mark_height, verdict
from .track import Element, Slot, elements

CELL_MIN = 34.0  # units for a sign, and for the money under it


class RunEnd(Protocol):
    """A run with one fault at one place, and the money in the end.

    ``fault`` is "killed", "crashed", "paused", "lost" (a packet), or "none"; ``step`` says
    where, as `track` reads it, and is not read where there was no fault. Money is whole.
    """

    @property
    def fault(self) -> str: ...  # noqa: D102
    @property
    def step(self) -> str: ...  # noqa: D102
    @property
    def money(self) -> int: ...  # noqa: D102
    @property
    def expected(self) -> int: ...  # noqa: D102


@dataclass(frozen=True)
class End:
    """An `RunEnd`, for a campaign that has other names for the four."""

    fault: str
    step: str
    money: int
    expected: int


class _Row(NamedTuple):
    """A row to draw: its elements, and the endings of the place with each number."""

    name: str
    elements: list[Element]
    ends: list[list[RunEnd]]


Strips = Mapping[str, Sequence[RunEnd]]


def kill_strip(rows: Strips, *, title: str, description: str = "") -> Picture:
    """Draw one strip for each row: `{"ProcessOnce": endings}`, in the order of the places.

    A row may hold several campaigns over the same places, one after the other.
    Money beyond the mark of what is expected is red, what is missing a hatched gap; a wrong
    end has a cross, a right one a tick. ``description`` is by default each place and its money.
    Raises ValueError for no rows, an empty row, an unknown fault, a step in other words, and
    money that is negative.
    """
    checked = [_row(name, ends) for name, ends in _check(rows).items()]
    everything = [end for ends in rows.values() for end in ends]
    said = description or _describe(rows)
    scale = mark_height(max(map(_share, everything)))

    def drawn(limit: float) -> Picture:
        parts, y, right = below([partial(_strip, row, scale) for row in checked], limit)
        entries = [(fault_sign(fault), FAULTS[fault]) for fault in FAULTS
                   if any(end.fault == fault for end in everything)]  # fmt: skip
        entries += bar_legend(any(e.money > e.expected for e in everything),
                              any(e.money < e.expected for e in everything))  # fmt: skip
        more, end, y = legend(entries, y + 12, limit)
        width = max(right, end)
        return draw(*parts, *more, width=width, height=y, title=title, description=said)

    return responsive(drawn)


def _check(rows: Strips) -> Strips:
    if not rows:
        raise ValueError("rows is empty; allowed: at least one row")
    for name, ends in rows.items():
        if not ends:
            raise ValueError(f"row {name!r} is empty; allowed: at least one ending")
        for end in ends:
            if end.fault not in FAULTS:
                raise ValueError(f"fault is {end.fault!r}; allowed: {', '.join(FAULTS)}")
            if end.money < 0 or end.expected < 0:
                said = f"money is {end.money!r} of {end.expected!r}"
                raise ValueError(f"{said}; allowed: 0 or more")
    return rows


def _row(name: str, ends: Sequence[RunEnd]) -> _Row:
    """Put what fell at the same place together; what had no fault stands at the end."""
    at: list[list[RunEnd]] = []
    words: list[str] = []
    disturbed = [end for end in ends if end.fault != "none"]
    for _, campaign in groupby(disturbed, key=lambda end: end.fault):
        mine = list(campaign)
        keys = _numbered([end.step for end in mine])
        known = _numbered(words)
        if known and set(keys) <= set(known):
            for key, end in zip(keys, mine, strict=True):
                at[known.index(key)].append(end)
        else:
            words += [end.step for end in mine]
            at += [[end] for end in mine]
    found = elements(words)
    undisturbed = [end for end in ends if end.fault == "none"]
    if undisturbed:
        found.append(Slot(len(at)))
        at.append(undisturbed)
    return _Row(name, found, at)


def _numbered(words: Sequence[str]) -> list[tuple[str, int]]:
    """Pair each of some words with how often they came before."""
    seen: Counter[str] = Counter()
    found = []
    for each in words:
        found.append((each, seen[each]))
        seen[each] += 1
    return found


def _strip(row: _Row, scale: float, top: float, limit: float) -> tuple[list[str], float, float]:
    """Return one row, drawn from ``top`` on; where it ends below, and at the right."""

    def width(element: Element) -> float:
        ends = row.ends[element.number] if isinstance(element, Slot) else []
        return sum(map(_cell_width, ends))

    lines = flow(row.elements, width, limit)
    expected = {end.expected for ends in row.ends for end in ends}
    name = text(row.name, 2, top + 16, bold=True)
    parts, right, y = [name], 2 + text_width(row.name, bold=True), top + 24
    if len(expected) == 1:
        said = f"expected {expected.pop():,}"
        parts.append(text(said, right + 12, top + 16, fill="muted"))
        right += 12 + text_width(said)
    for line, begun, goes_on in continued(lines):
        middle = y + head(line, begun=begun)
        parts += rail(line, middle, begun=begun, goes_on=goes_on)
        more, y = _ends(line, row, middle, scale)
        parts += more
        right = max(right, right_of(line))
    return parts, y + 4, right


def _ends(line: Line, row: _Row, middle: float, scale: float) -> tuple[list[str], float]:
    """Return the sign of each place on a line, and below it what it came to; and its foot."""
    parts: list[str] = []
    fell = [
        (stand, row.ends[stand.element.number])
        for stand in line
        if isinstance(stand.element, Slot)
    ]
    most = max([1.0, *(_share(end) for _, ends in fell for end in ends)])
    foot = middle + FRAME_HEIGHT / 2 + 8 + scale * most
    for stand, ends in fell:
        x = stand.x
        for end in ends:
            centre = x + _cell_width(end) / 2
            x += _cell_width(end)
            right = end.money == end.expected
            parts += fault_sign(end.fault)(centre, middle)
            parts += bar(centre, foot, scale, end.money, end.expected)
            parts.append(text(f"{end.money:,}", centre, foot + 16, anchor="middle",
                              fill="ink" if right else "fault", bold=not right))  # fmt: skip
            parts += verdict(centre, foot + 27, right=right)
    return parts, foot + 42


def _cell_width(end: RunEnd) -> float:
    return max(CELL_MIN, round(text_width(f"{end.money:,}", bold=True)) + 8)


def _share(end: RunEnd) -> float:
    return end.money / (end.expected or 1)


# In words ---------------------------------------------------------------------------------


def _describe(rows: Strips) -> str:
    says = []
    for name, ends in rows.items():
        expected = {end.expected for end in ends}
        one = f"{name}, {ends[0].expected:,} expected:" if len(expected) == 1 else f"{name}:"
        told = [_told(end, alone=len(expected) == 1) for end in ends]
        wrong = sum(end.money != end.expected for end in ends)
        says.append(f"{one} {'; '.join(told)}. {_counted(wrong, len(ends))}")
    return " ".join(says)


def _told(end: RunEnd, *, alone: bool) -> str:
    where = "undisturbed" if end.fault == "none" else f"{_said(end.fault)} {end.step}"
    expected = "" if alone else f" of {end.expected:,}"
    return f"{where}, {end.money:,}{expected}{judged(end)}"


def judged(end: RunEnd) -> str:
    """Say how the money is wrong; nothing where it is right."""
    off = end.money - end.expected
    return f", {abs(off):,} {'too much' if off > 0 else 'missing'}" if off else ""


def _counted(wrong: int, count: int) -> str:
    if not wrong:
        return "Right in the end." if count == 1 else f"All {count} are right."
    return "Wrong in the end." if count == 1 else f"Wrong: {wrong} of {count}."


def _said(fault: str) -> str:
    return "packet lost" if fault == "lost" else fault
