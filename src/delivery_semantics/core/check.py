"""Arguments are checked where they enter, by small functions.

Each returns the value it was given, so that a check can stand inside an expression. Each raises
ValueError with the parameter's name, the value, and what is allowed - for a value of the wrong
type as well, because to a reader both are the same mistake. True and False are no numbers here.

Book: index
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from fractions import Fraction
from numbers import Integral, Real
from typing import Any, TypeVar

_Number = TypeVar("_Number", bound=float | Fraction)
_Value = TypeVar("_Value")
Thing = TypeVar("Thing")


def probability(name: str, value: _Number) -> _Number:
    """Return `value`, a number from 0 to 1 (both included); raise ValueError otherwise."""
    return _require(_is_number(value) and 0 <= value <= 1, name, value, "a number from 0 to 1")


def positive(name: str, value: _Number) -> _Number:
    """Return `value`, a finite number greater than 0; raise ValueError otherwise."""
    return _require(
        _is_number(value) and value > 0, name, value, "a finite number greater than 0"
    )


def not_negative(name: str, value: _Number) -> _Number:
    """Return `value`, a finite number that is 0 or more; raise ValueError otherwise."""
    if type(value) is float and 0.0 <= value < math.inf:  # most are
        return value
    return _require(_is_number(value) and value >= 0, name, value, "a finite number, 0 or more")


def at_least(name: str, value: int, minimum: int) -> int:
    """Return `value`, a whole number not below `minimum`; raise ValueError otherwise."""
    allowed = _is_whole(value) and value >= minimum
    return _require(allowed, name, value, f"a whole number, {minimum} or more")


def one_of(name: str, value: str, words: Iterable[str]) -> str:
    """Return `value`, which is one of these words; raise ValueError otherwise."""
    words = list(words)
    return _require(value in words, name, value, ", ".join(words))


def truth(name: str, value: bool) -> bool:
    """Return `value`, True or False; raise ValueError otherwise, for a word as well."""
    if not isinstance(value, bool):
        raise ValueError(f"{name} is {value!r}; allowed: True, False")
    return value


def of_type(
    name: str,
    value: Thing,
    *kinds: Any,  # noqa: ANN401  # of every type, Callable among them
    allowed: str = "",
) -> Thing:
    """Return `value`, which is of one of these types; raise TypeError otherwise."""
    if not isinstance(value, kinds):
        allowed = allowed or ", ".join(kind.__name__ for kind in kinds)
        raise TypeError(f"{name} is {value!r}; allowed: {allowed}")
    return value


def _is_number(value: object) -> bool:
    if isinstance(value, bool):
        return False
    # Real alone would do, but asking for it takes five times as long as for a float.
    return isinstance(value, (float, int, Real)) and math.isfinite(value)


def _is_whole(value: object) -> bool:
    return not isinstance(value, bool) and isinstance(value, Integral)


def _require(allowed: bool, name: str, value: _Value, what: str) -> _Value:
    if not allowed:
        raise ValueError(f"{name} is {value!r}; allowed: {what}")
    return value
