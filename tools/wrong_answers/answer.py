"""What a wrong answer is."""

from __future__ import annotations

from delivery_semantics.play.exercise import Exercise

Wrong = tuple[str, str | tuple[str, str]]
"""The name of a hint, and the code; a pair (old, new) is the solution with a part changed."""


def source(asked: Exercise, wrong: Wrong) -> str:
    """Return the code of a wrong answer to this exercise."""
    _, code = wrong
    if code == "start":
        return asked.start
    if isinstance(code, str):
        return code
    assert code[0] in asked.solution, f"{asked.name}: {code[0]!r} is not in the solution"
    return asked.solution.replace(*code)
