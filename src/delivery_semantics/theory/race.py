"""Formulas of the race between a check and its mark.

Two copies of a request both pass the check if, and only if, the second one looks before the
first has marked: if the gap between them is shorter than the window from check to mark. So
the chance of a double transfer is the chance of a short gap, and nothing else. The surprising
thing is that a shorter window helps in proportion and never to zero, however long the gaps are
on average: there is always some chance of a short one.

Book: 06-idempotent-operations
"""

from __future__ import annotations

import math

from ..core.check import at_least, not_negative, positive
from .retries import Number


def both_pass_uniform(*, window_s: Number, gap_s_max: Number) -> Number:
    """Chance that two copies pass, the gap being even between 0 and ``gap_s_max``: τ / T.

    Exact for fractions. Raises ValueError for a negative window or a ``gap_s_max`` of 0.
    """
    share = not_negative("window_s", window_s) / positive("gap_s_max", gap_s_max)
    return min(share, 1)


def both_pass_exponential(*, window_s: float, gap_s_mean: float) -> float:
    """Chance that two copies pass, the gap being exponential with this mean: 1 - exp(-τ / m).

    Raises ValueError for a negative window or a mean of 0.
    """
    return -math.expm1(-not_negative("window_s", window_s) / positive("gap_s_mean", gap_s_mean))


def transfers_at_once(*, copies: int, window_s: float) -> int:
    """Transfers made by copies that begin at the same moment: each, if there is a window."""
    at_least("copies", copies, 1)
    return copies if not_negative("window_s", window_s) else 1
