"""What runs that did not show something say about how often it happens.

None in n runs is not never. It leaves room for every chance so small that n runs usually miss
it, and 3/n is the largest of them, near enough.

Book: a-million-runs
"""

from __future__ import annotations

import math

from ..core.check import at_least


def largest_if_none(runs: int, *, confidence: float = 0.95) -> float:
    """The largest chance at which ``runs`` runs show nothing in 1 - confidence of all cases.

    The solution of (1 - p)^n = 1 - confidence. At 95 % it is a little below 3/n, since -ln 0.05
    = 2.996: the rule of three (Hanley and Lippman-Hand, JAMA 249, 1983). Raises ValueError for
    less than one run, and a confidence that is not between 0 and 1.
    """
    at_least("runs", runs, 1)
    return -math.expm1(math.log1p(-_confidence(confidence)) / runs)


def runs_to_see(chance: float, *, confidence: float = 0.95) -> int:
    """How many runs show what has this chance at least once, with this confidence.

    The other way round: the smallest n with (1 - p)^n at most 1 - confidence. Raises ValueError
    for a chance or a confidence that is not between 0 and 1.
    """
    if not 0 < chance < 1:
        raise ValueError(f"chance is {chance!r}; allowed: a number above 0 and below 1")
    return math.ceil(math.log1p(-_confidence(confidence)) / math.log1p(-chance))


def _confidence(value: float) -> float:
    if not 0 < value < 1:
        raise ValueError(f"confidence is {value!r}; allowed: a number above 0 and below 1")
    return value
