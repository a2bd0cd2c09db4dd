"""A die for every question, instead of one stream of chance for all.

The result depends on the seed and on what is asked, never on what was asked before. So a
higher loss rate loses the same packets and some more, and one extra retry changes nothing
for the others. A shared stream would shift everything behind the first difference.

Book: 03-at-most-once
"""

from __future__ import annotations

from collections.abc import Hashable
from functools import lru_cache
from hashlib import blake2b
from math import log

from .check import at_least

DIGITS_MAX = 64  # the key of blake2b


def dice(seed: int, *question: object) -> float:
    """Return a number in [0, 1), even and independent for every (seed, question).

    ``question`` parts are told apart by their text. Equal on every platform and Python version.
    """
    cup = _cup(seed).copy()
    cup.update("\x1f".join(map(str, question)).encode())
    return (int.from_bytes(cup.digest(), "big") >> 11) * 2.0**-53


@lru_cache(maxsize=64)
def _cup(seed: int) -> blake2b:
    """Return the hash that holds the seed already, to be copied for each question."""
    return blake2b(digest_size=8, key=str(seed).encode())


class Ordinals:
    """How often each thing came, so that the third has another die than the second.

    A thing is forgotten when ``REMEMBERED`` others or more have come since; it then counts from
    1 again, and so has the dice of its first time. So a run of any length needs bounded room.
    """

    def __init__(self) -> None:
        self._recent: dict[Hashable, int] = {}
        self._older: dict[Hashable, int] = {}

    def next(self, thing: Hashable) -> int:
        """Count this thing, and return how often it has come, from 1."""
        recent = self._recent
        ordinal = 1 + (recent.get(thing) or self._older.get(thing, 0))
        recent[thing] = ordinal
        if len(recent) >= REMEMBERED:
            self._recent, self._older = {}, recent
        return ordinal


REMEMBERED = 100_000


def check_seed(seed: int) -> None:
    """Raise ValueError unless this is a seed: the hash takes so many digits."""
    at_least("seed", seed, 0)
    if seed >= 10**DIGITS_MAX:
        raise ValueError(f"seed is {seed!r}; allowed: at most {DIGITS_MAX} digits")


def exponential(mean: float, die: float) -> float:
    """Return the exponential variate with this mean at quantile ``die``; 0 for mean 0."""
    return -mean * log(1.0 - die) if mean else 0.0
