"""Answering an exercise: what was found in the reader's code, and the hint that belongs to it.

Book: 01-the-problem
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from ..show.picture import words as escaped
from .exercise import Exercise, Judgement, paragraphs
from .exercises import EXERCISES
from .reader import defined, told

__all__ = ["Feedback", "check", "exercise", "replied"]


@dataclass(frozen=True)
class Feedback:
    """What the reader is told: passed or not, the words, a hint, the next hint, a picture.

    ``kind`` names the wrong answer, "mistake" for code that cannot be judged; ``line`` is the
    line of that mistake, 0 for none; ``picture`` is HTML, "" for none.
    """

    passed: bool
    words: str
    kind: str = ""
    hint: str = ""
    next: str = ""
    line: int = 0
    picture: str = ""

    def _repr_html_(self) -> str:
        sign = "✓" if self.passed else "✗"
        where = f"Line {self.line}: " if self.line else ""
        said = "".join(paragraphs("\n\n".join(filter(None, (self.hint, self.next)))))
        return f"<p>{sign} {escaped(where + self.words)}</p>{said}{self.picture}"


def exercise(name: str) -> Exercise:
    """Return the exercise of that name. Raises ValueError for a name that there is not."""
    if name not in EXERCISES:
        raise ValueError(f"name is {name!r}; allowed: {', '.join(EXERCISES)}")
    return EXERCISES[name]


def check(name: str, source: str, tries: int = 0) -> Feedback:
    """Judge the code that answers an exercise; ``tries`` is how many were wrong before it.

    Raises ValueError for a name that there is not. What is wrong with the code is told in the
    reply, and so is an interruption.
    """
    asked = exercise(name)
    try:
        found = asked.judge(defined(source))
    except (Exception, KeyboardInterrupt, SystemExit) as error:  # the reader's, whatever it is
        mistake = told(error)
        hint = asked.hints.get("mistake", "")
        return Feedback(False, mistake.words, "mistake", hint, line=mistake.line)
    return _reply(asked, found, tries)


def replied(name: str, source: str, tries: int = 0) -> dict[str, Any]:
    """Return the reply of `check` as JSON can say it."""
    return asdict(check(name, source, tries))


def _reply(asked: Exercise, found: Judgement, tries: int) -> Feedback:
    drawn = found.picture.inline() if found.picture else ""
    if found.passed:
        return Feedback(True, found.words, picture=drawn)
    kind = next((kind for kind in found.kinds if kind in asked.hints), "")
    further = asked.steps[: tries if kind else tries + 1]
    next_hint = further[-1] if further else ""
    hint = asked.hints.get(kind, "")
    return Feedback(False, found.words, kind, hint, next_hint, picture=drawn)
