"""What the reader wrote: run as Python, and its mistakes told in the package's words.

Book: 01-the-problem
"""

from __future__ import annotations

import difflib
import traceback
from dataclasses import dataclass
from typing import Any

from .calls import READERS

LENGTH_MAX = 20_000


@dataclass(frozen=True)
class Mistake:
    """What is wrong with a reader's code: in words, and in which line (0: in none)."""

    words: str
    line: int = 0


class NotDefined(NameError):
    """The reader's code does not define what the exercise asks for."""


class Defined(dict[str, Any]):
    """The names that a reader's code defines. Raises NotDefined for one that it does not."""

    def __missing__(self, name: str) -> Any:  # noqa: ANN401  # of every type
        own = [each for each in self if each not in PRELUDE]
        there = ", ".join(own) or "nothing"
        raise NotDefined(f"{name} is missing: your code defines {there}; allowed: {name}")


PRELUDE: dict[str, Any] = {"__name__": "exercise"}
"""What a reader's code need not import: the public names of the package."""
exec("from delivery_semantics import *", PRELUDE)


def defined(source: str) -> Defined:
    """Run a reader's code and return what it defines.

    Raises ValueError for code that is too long, and whatever the code raises.
    """
    if len(source) > LENGTH_MAX:
        text = f"the code has {len(source):,} characters; allowed: {LENGTH_MAX:,}"
        raise ValueError(text)
    names = dict(PRELUDE)
    exec(compile(source, READERS, "exec"), names)
    return Defined(names)


def told(error: BaseException) -> Mistake:
    """Return what to say of an error that a reader's code has led to."""
    if isinstance(error, SyntaxError):
        return Mistake(f"Python cannot read this: {error.msg}", error.lineno or 0)
    frames = traceback.extract_tb(error.__traceback__)
    line = next((f.lineno for f in reversed(frames) if f.filename == READERS and f.lineno), 0)
    if isinstance(error, NotDefined):
        return Mistake(str(error))
    if isinstance(error, NameError):
        return Mistake(f"{error}{_near(error.name or '')}", line)
    if isinstance(error, KeyboardInterrupt):
        return Mistake("It was stopped: a loop in it may have no end", line)
    if isinstance(error, RecursionError):
        return Mistake("A function calls itself without an end", line)
    return Mistake(str(error) or type(error).__name__, line)


def _near(name: str) -> str:
    near = difflib.get_close_matches(name, PRELUDE, n=1)
    return f"; did you mean {near[0]}?" if near else "; allowed: what your code defines first"
