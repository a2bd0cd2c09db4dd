"""The code beside the picture: a participant's real handler, with the lines that just ran.

Book: playground
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from functools import lru_cache
from typing import Any

from .. import Crash
from ..core.steps import to_text
from .game import Chosen, Game
from .turn import Turn, line_of_crash, reached

HANDLERS = ("start", "receive", "timer")


def beside(game: Game, values: Chosen, turn: Turn) -> dict[str, Any] | None:
    """Return the lines of the game's ``code``: which ran, where to crash, where it crashed.

    None if the game shows none.
    """
    if not game.code:
        return None
    who, last = game.code, turn.steps[-1] if turn.steps else None
    crashed = line_of_crash(game, values, turn.steps) if _is_crash_of(last, who) else 0
    ran = {each.line for each in turn.ran if each.who == who}
    if crashed:
        before = reached(game, values, turn.steps[:-1]).ran
        ran = _until([each.line for each in before if each.who == who], crashed)
    points = {each.line: to_text(crash) for crash, each in turn.crash_points if each.who == who}
    lines = [
        {
            "text": text, "ran": number in ran, "point": points.get(number, ""),
            "crashed": 0 < number == crashed,
        }
        for number, text in handlers(type(turn.participants[who]))
    ]  # fmt: skip
    return {"who": who, "about": about(type(turn.participants[who])), "lines": lines}


def about(participant: type) -> str:
    """Return the first sentence of what a class says of itself, in plain text."""
    own = inspect.cleandoc(vars(participant).get("__doc__") or "")
    said = own.partition("\n\n")[0]
    return said.replace("\n", " ").replace("``", "")


def _is_crash_of(step: object, who: str) -> bool:
    return isinstance(step, Crash) and step.who == who


def _until(lines: list[int], end: int) -> set[int]:
    return set(lines[: lines.index(end)]) if end in lines else set(lines)


@lru_cache(maxsize=64)
def handlers(participant: type) -> tuple[tuple[int, str], ...]:
    """Return the lines of its handlers, with their numbers, without the docstrings."""
    found: list[tuple[int, str]] = []
    for name in HANDLERS:
        if name in vars(participant):
            found += [(0, "")] if found else []
            found += _lines(vars(participant)[name])
    return tuple(found)


def _lines(function: Any) -> list[tuple[int, str]]:  # noqa: ANN401  # of a class
    source, first = inspect.getsourcelines(function)
    text = textwrap.dedent("".join(source))
    body = ast.parse(text).body[0].body  # type: ignore[attr-defined]
    left_out: set[int] = set()
    if ast.get_docstring(ast.parse(text).body[0]) is not None:  # type: ignore[arg-type]
        left_out = set(range(body[0].lineno, body[0].end_lineno + 1))
    return [
        (first + number - 1, line)
        for number, line in enumerate(text.splitlines(), start=1)
        if number not in left_out
    ]
