"""Amounts on one scale of powers of ten, beside landmarks that the reader knows.

Amounts that differ by a factor of a million stand in one picture, and move when they change.

Book: stores-of-ids
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from ..picture import Picture, disc, draw, path, polyline, rect, text
from .canvas import WIDTH, check_words

_HEAD, _STEP, _RIGHT = 40, 44, 90


def scale(
    amounts: Mapping[str, float],
    landmarks: Mapping[str, float],
    *,
    least: float,
    most: float,
    say: Callable[[float], str],
    title: str,
) -> Picture:
    """Draw each amount as a bar from the left edge, on a scale from ``least`` to ``most``.

    ``landmarks`` are dashed lines with their names above; ``say`` words an amount. An amount
    below ``least`` has no bar. Raises ValueError for no amounts, bounds that do not grow or are
    not positive, and an amount or a landmark beyond ``most``.
    """
    _check(amounts, landmarks, least, most)

    def at(value: float) -> float:
        share = math.log(max(value, least) / least) / math.log(most / least)
        return share * (WIDTH - _RIGHT)

    height = _HEAD + _STEP * len(amounts)
    parts = []
    for index, (name, value) in enumerate(landmarks.items()):
        x, anchor = at(value), "start" if index else "end"
        parts.append(path(polyline([(x, 4), (x, height)]), stroke="muted", dash="3 4"))
        parts.append(text(name, x + (6 if index else -6), 14, anchor=anchor, fill="muted"))
    for row, (name, value) in enumerate(amounts.items()):
        parts += _bar(name, at(value), _HEAD + _STEP * row, say(value))
    said = " ".join(f"{name}: {say(value)}." for name, value in amounts.items())
    beside = ", ".join(f"{name} {say(value)}" for name, value in landmarks.items())
    description = f"{said} For comparison: {beside or 'nothing'}."
    return draw(*parts, width=WIDTH, height=height, title=title, description=description)


def _bar(name: str, x: float, y: float, says: str) -> list[str]:
    return [
        text(name, 0, y),
        rect(0, y + 7, x, 14, fill="message"),
        path(disc(x, y + 14, 7), fill="message"),
        text(says, x + 14, y + 19, bold=True),
    ]


def _check(
    amounts: Mapping[str, float], landmarks: Mapping[str, float], least: float, most: float
) -> None:
    if not (0 < least < most):
        raise ValueError(f"least is {least!r}, most is {most!r}; allowed: 0 < least < most")
    if not amounts:
        raise ValueError("amounts is empty; allowed: at least one")
    for name, value in {**amounts, **landmarks}.items():
        check_words("a name", name)
        if not 0 <= value <= most:
            raise ValueError(f"{name!r} is {value!r}; allowed: 0 to {most!r}")
