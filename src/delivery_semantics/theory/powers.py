"""Powers and sums of powers that are exact on fractions and keep every digit on floats.

An exponent of None means without end. `1 - x**n` is never computed by subtracting: for a tiny
chance that difference is mostly rounding, and for x = 1 its quotient is no number at all.

Book: 04-at-least-once
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import TypeAlias

from ..core.check import at_least, probability

Number: TypeAlias = float | Fraction


def powers(ratio: Number, terms: int | None) -> Number:
    """1 + ratio + ratio² + …, by doubling: exact at ratio 1, and never a small difference."""
    if terms is None:
        return math.inf if ratio == 1 else 1 / (1 - ratio)
    if at_least("attempts", terms, 1) == 1:
        return 1
    if terms % 2:
        return 1 + ratio * powers(ratio, terms - 1)
    half = terms // 2
    return powers(ratio, half) * (1 + ratio**half)


def power(base: Number, exponent: int | None) -> Number:
    """base^exponent; without a limit 0, or 1 when the base is 1."""
    if exponent is None:
        return 1 if base == 1 else 0
    return base ** at_least("attempts", exponent, 1)


def at_least_one(chance: Number, miss: Number, attempts: int | None) -> Number:
    """1 - miss^attempts, where miss = 1 - chance, keeping every digit of a tiny chance."""
    if attempts is None:
        return 1 if chance else 0
    return chance * powers(miss, attempts)


def smallest_power(base: Number, name: str, target: Number) -> int:
    """Return the smallest k >= 1 with base^k <= target: two logarithms, then made exact."""
    if base <= probability(name, target):
        return 1
    if base == 1 or target == 0:
        raise ValueError(f"{name} is {target!r}; allowed: what more attempts can reach")
    needed = max(1, math.ceil(math.log(target) / math.log(base)))
    while base**needed > target:
        needed += 1
    while base ** (needed - 1) <= target:
        needed -= 1
    return needed
