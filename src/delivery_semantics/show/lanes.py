"""Two who work at the same time, each on a lane: what they did in its order, from the top down.

A frame holds what is one transaction; it is broken where that was rolled back. A dashed line is
a wait, and its arrow the moment at which it was over.

Book: 06-idempotent-operations
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

from .picture import Picture, cross, draw, path, polyline, text
from .strips.kill_strip import RunEnd, judged
from .strips.signs import bar, verdict

LEFT, LANE, APART = 3.0, 180.0, 14.0
"""Two lanes on 380 units, which a telephone shows legibly."""
HEAD, ROW, INDENT = 44.0, 22.0, 12.0
ENDS = ("COMMIT", "ROLLBACK")


class LaneStep(Protocol):
    """What one did: begun at turn ``sent``, and done or refused at turn ``back``."""

    @property
    def copy(self) -> int: ...  # noqa: D102
    @property
    def words(self) -> str: ...  # noqa: D102
    @property
    def sent(self) -> int: ...  # noqa: D102
    @property
    def back(self) -> int: ...  # noqa: D102
    @property
    def found(self) -> str: ...  # noqa: D102
    @property
    def refused(self) -> bool: ...  # noqa: D102


def lanes(
    steps: Sequence[LaneStep], heard: Sequence[str], end: RunEnd, *, title: str
) -> Picture:
    """Draw two lanes, what each caller ``heard``, and the money in the ``end``.

    Raises ValueError for no steps and for any other number of lanes than two.
    """
    if not steps or {step.copy for step in steps} - {0, 1} or len(heard) != 2:
        allowed = "allowed: steps of copies 0 and 1, and what both heard"
        raise ValueError(f"steps are {list(steps)!r}, heard {list(heard)!r}; {allowed}")
    foot = _y(max(step.back for step in steps)) + 36
    parts = []
    for copy in (0, 1):
        mine = [step for step in steps if step.copy == copy]
        x = LEFT + copy * (LANE + APART)
        parts += [text(f"copy {copy + 1}", x + INDENT, 14, bold=True), _frame(mine, x)]
        parts += [part for step in mine for part in _step(step, x + INDENT)]
        parts.append(text(f"heard: {heard[copy]}", x + INDENT, foot, fill="muted"))
    parts += _money(end, foot + 14)
    return draw(
        *parts, width=2 * (LEFT + LANE) + APART, height=foot + 74, title=title,
        description=_describe(steps, heard, end),
    )  # fmt: skip


def _y(turn: int) -> float:
    return HEAD + ROW * (turn - 1)


def _frame(steps: Sequence[LaneStep], x: float) -> str:
    top, bottom = _y(steps[0].sent) - 18, _y(steps[-1].back) + 9
    corners = ((x, top), (x + LANE, top), (x + LANE, bottom), (x, bottom))
    kept = steps[-1].words == "COMMIT" and not steps[-1].refused
    hue, dash = ("accent", "") if kept else ("fault", "5 4")
    return path(polyline(corners) + "Z", stroke=hue, width=2, dash=dash)


def _step(step: LaneStep, x: float) -> list[str]:
    """Return a step's words, its wait if there was one, and a cross if it was refused."""
    y, back = _y(step.sent), _y(step.back)
    waited = step.back > step.sent
    said = step.words if waited or step.refused or not step.found else _told(step)
    parts = [text(said, x, y, bold=step.words in ENDS)]
    if waited:
        line = polyline(((x + 6, y + 6), (x + 6, back - 6)))
        head = polyline(((x + 2, back - 11), (x + 6, back - 4), (x + 10, back - 11)))
        parts += [path(line, stroke="muted", dash="4 3"), path(head, stroke="muted")]
        parts.append(text("waits", x + 18, (y + back) / 2 + 4, fill="muted"))
        if not step.refused:
            parts.append(text(step.found or "goes on", x + 18, back))
    if step.refused:
        at = x + (18 if waited else 76)
        sign = path(cross(at + 5, back - 5), stroke="fault", width=2.5, round_ends=True)
        parts += [sign, text("refused", at + 16, back, fill="fault", bold=True)]
    return parts


def _told(step: LaneStep) -> str:
    return f"{step.words}: {step.found}"


def _money(end: RunEnd, top: float) -> list[str]:
    right = end.money == end.expected
    return [
        *bar(26, top + 50, 24, end.money, end.expected),
        text(f"{end.money:,} in b", 52, top + 36, fill="ink" if right else "fault", bold=True),
        text(f"{end.expected:,} expected{judged(end)}", 52, top + 54, fill="muted"),
        *verdict(130, top + 31, right=right),
    ]


def _describe(steps: Iterable[LaneStep], heard: Sequence[str], end: RunEnd) -> str:
    says = []
    for step in sorted(steps, key=lambda one: one.sent):
        said = f"copy {step.copy + 1}, {_told(step) if step.found else step.words}"
        waits = f", after a wait until turn {step.back}" if step.back > step.sent else ""
        says.append(f"{step.sent}: {said}{waits}.")
    callers = "; ".join(f"caller {n} hears {what}" for n, what in enumerate(heard, start=1))
    money = f"{end.money:,} in b, {end.expected:,} expected{judged(end)}"
    return f"{' '.join(says)} In the end {callers}; {money}."
