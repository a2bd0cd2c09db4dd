"""Arguments that are refused, and those that pass through unchanged."""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import pytest

from delivery_semantics.core.check import at_least, not_negative, positive, probability


@pytest.mark.parametrize(
    ("check", "good", "bad", "allowed"),
    [
        (probability, [0, 1, 0.5, Fraction(1, 3)], [-1e-9, 1.0001, 2], "a number from 0 to 1"),
        (positive, [1e-9, 3, Fraction(1, 3)], [0, -1, 0.0], "a finite number greater than 0"),
        (not_negative, [0, 1e-9, 10**30], [-1e-9, -1], "a finite number, 0 or more"),
    ],
)
def test_numbers(
    check: Callable[[str, Any], object], good: list[Any], bad: list[Any], allowed: str
) -> None:
    for value in good:
        assert check("delay_s", value) is value
    for value in [*bad, math.nan, math.inf, -math.inf, True, False, None, "1", [1], 1j]:
        with pytest.raises(ValueError, match="delay_s is") as error:
            check("delay_s", value)
        assert str(error.value) == f"delay_s is {value!r}; allowed: {allowed}"


def test_whole_numbers() -> None:
    assert at_least("attempts", 3, 3) == 3
    nothing_like_it: list[Any] = [2, -1, 3.0, 3.5, math.nan, True, "3", None, Fraction(7, 2)]
    for value in nothing_like_it:
        with pytest.raises(ValueError, match="attempts is") as error:
            at_least("attempts", value, 3)
        assert str(error.value) == f"attempts is {value!r}; allowed: a whole number, 3 or more"
