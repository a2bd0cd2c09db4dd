"""Both laws, drawn as they were tried: the state before, without the copy, and with it.

Book: 06-idempotent-operations
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...show.picture import Picture, draw, path, polyline, rect, text
from ...show.strips.signs import verdict
from ...show.view import View
from .laws import Findings, Mended
from .operations import Finding

WHENS = ("at once", "late, after a change", "late, after a deletion")
CARRIES = ("nothing more", "a version")

_WIDTH, _HEIGHT = 380.0, 236.0
_NAMES, _LEFT, _BOX, _REPLIES = 0.0, 112.0, 150.0, 272.0
_TOPS = (0.0, 102.0, 204.0)  # of the three states
_ROW = 32.0


def law_view(found: Findings, *, operation: str, seed: int = 0) -> View:
    """Show an operation and a copy of it, side by side, in the state that tells most."""
    return _view(found[operation], operation, "a copy of it", "f(f(x)) = f(x)")


def late_view(
    undone: Findings, refused: Findings, *, pair: str, carries: str, seed: int = 0
) -> View:
    """Show two requests and a late copy of the first; each may carry one of ``CARRIES``.

    ``undone`` and ``refused`` have the same pairs in the same order; ``pair`` is of the first.
    """
    if carries == CARRIES[0]:
        name, one = pair, undone[pair]
    else:
        name, one = list(refused.items())[list(undone).index(pair)]
    return _view(one, name, "a late copy of the first", "late copy harmless")


def way_view(ways: Mapping[str, Mended], *, way: str, when: str, seed: int = 0) -> View:
    """Show what a copy does to an operation that was mended, by when it comes: ``WHENS``."""
    index = WHENS.index(when)
    one, law = ways[way][index], "copy harmless"
    if one is None:
        return View(
            draw(text("There is no request that deletes it.", _NAMES, 21),
                 width=_WIDTH, height=_HEIGHT, title=f"{way}: nothing to delete",
                 description="There is no request that deletes it."),
            {"states tried": 0, law: "–"},
            f"{way}: there is nothing to delete, so no copy can come after a deletion.",
        )  # fmt: skip
    meanwhile = ("", ", then somebody changes it", ", then somebody deletes it")[index]
    return _view(one, way + meanwhile, f"a copy {when.removeprefix('late, ')}", law)


def _view(one: Finding[Any], done: str, copy: str, law: str) -> View:
    holds = "holds" if one.holds else "broken"
    before, without, with_it = map(state_text, (one.state, one.expected, one.found))
    came = f"leaves {with_it}" if one.holds else f"makes it {with_it}"
    return View(
        law_picture(one, done=done, copy=copy),
        {"states tried": one.states, law: holds},
        f"{done}. From {before} it leads to {without}; {copy} {came}. "
        f"Tried in {one.states} states: the law {'holds in all' if one.holds else 'breaks'}.",
    )


def law_picture(one: Finding[Any], *, done: str, copy: str) -> Picture:
    """Draw three states from the top down, with what was ``done`` between, and the replies."""
    states = [state_text(state) for state in (one.state, one.expected, one.found)]
    names = ("before", "without the copy", "with it")
    replies = [f"reply: {reply}" if reply is not None else "" for reply in one.replies]
    steps = (done.split(", then "), [copy])
    parts = []
    for index, (name, state, top) in enumerate(zip(names, states, _TOPS, strict=True)):
        hue = "ink" if index < 2 else "good" if one.holds else "fault"
        parts.append(text(name, _NAMES, top + 21, fill="muted"))
        parts.append(rect(_LEFT, top + 1, _BOX, _ROW - 2, stroke=hue))
        parts.append(text(state, _LEFT + _BOX / 2, top + 21, anchor="middle", bold=True))
    for lines, reply, top in zip(steps, replies, _TOPS[:-1], strict=True):
        parts += [*_arrow(top + _ROW), *_lines(lines, top + _ROW + 39)]
        parts.append(text(reply, _WIDTH, top + _ROW + 58, anchor="end", fill="muted"))
    parts += verdict(_LEFT + _BOX + 20, _TOPS[2] + 16, right=one.holds)
    said = ", ".join(f"{name}: {state}" for name, state in zip(names, states, strict=True))
    return draw(
        *parts, width=_WIDTH, height=_HEIGHT, title=f"{done}, and {copy}",
        description=f"{said}. {'; '.join(filter(None, replies))}",
    )  # fmt: skip


def _arrow(top: float) -> list[str]:
    x, foot = _LEFT + 12, top + 66
    head = polyline(((x - 4, foot - 7), (x, foot), (x + 4, foot - 7)))
    return [path(polyline(((x, top + 4), (x, foot))) + head, stroke="message")]


def _lines(lines: list[str], y: float) -> list[str]:
    first = y - 10 * (len(lines) - 1)
    words = [lines[0], *(f"then {line}" for line in lines[1:])]
    return [text(line, _LEFT + 26, first + 20 * n) for n, line in enumerate(words)]


def state_text(state: object) -> str:
    """Write a state in few words: 7; Ada, Eve; 2 × salt; nothing."""
    match state:
        case ():
            return "nothing"
        case (first, *rest) if rest and all(one == first for one in rest):
            each = f"({state_text(first)})" if isinstance(first, tuple) else state_text(first)
            return f"{len(rest) + 1} × {each}"
        case tuple():
            return ", ".join(state_text(part) for part in state)
        case "":
            return "no user"
    return str(state)
