"""Formulas of deduplication: windows, memory, and the messages that a clever store loses.

The surprising thing is how they add up: an id costs 16 bytes or 4, and what the 4 save is paid
in messages. Where a value is exact it is a whole number or a fraction; the others say what
they neglect. Values out of range raise ValueError.

Book: 07-deduplication
"""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction

from ..core.check import at_least, not_negative, positive, probability, truth

_STEPS_MAX = 20_000

# Windows ----------------------------------------------------------------------------------


def effects_in_window(
    *,
    retries: int,
    every_s: float | Fraction,
    window_s: float | Fraction,
    sliding: bool = False,
) -> int:
    """How often a message is processed that is sent at 0, r, 2r, … and skipped within W.

    The window begins with the last copy that was accepted: floor(n / ceil(W / r)) + 1 for n
    retries. A sliding one begins with the last copy seen: 1 if r < W, else n + 1. A copy that
    comes W later is accepted. Exact: a float is taken for the decimal that it is written as,
    so that 0.9 is three times 0.3.
    """
    at_least("retries", retries, 0)
    every = Fraction(str(positive("every_s", every_s)))
    window = Fraction(str(positive("window_s", window_s)))
    if truth("sliding", sliding):
        return 1 if every < window else retries + 1
    return retries // math.ceil(window / every) + 1


def last_attempt_s(
    *, attempts: int, timeout_s: float, pause_s: Callable[[int], float]
) -> float:
    """When the last attempt leaves, counted from the first: k - 1 timeouts and pauses.

    ``pause_s`` gives the pause after attempt number 1, 2, …. A window that is longer than this,
    and than any copy is under way, sees every attempt.
    """
    positive("timeout_s", timeout_s)
    made = range(1, at_least("attempts", attempts, 1))
    return math.fsum(timeout_s + not_negative("pause_s", pause_s(number)) for number in made)


# Memory -----------------------------------------------------------------------------------


def ids_kept(*, per_second: float, window_s: float) -> float:
    """How many ids a window holds at a steady rate: rate times window."""
    return not_negative("per_second", per_second) * not_negative("window_s", window_s)


def bloom_bits_per_id(*, error: float) -> float:
    """Bits for each id of a filter of the best shape: log2(1 / error) / ln 2 (Bloom 1970)."""
    return -math.log2(_error(error)) / math.log(2)


def bloom_bits(*, ids: int, error: float) -> int:
    """Bits of a filter for this many ids, rounded up."""
    return math.ceil(at_least("ids", ids, 1) * bloom_bits_per_id(error=error))


def bloom_hashes(*, error: float) -> int:
    """How many bits each id sets in a filter of the best shape: log2(1 / error), rounded."""
    return max(1, round(-math.log2(_error(error))))


# Messages lost ----------------------------------------------------------------------------


def bloom_error(*, bits: int, hashes: int, ids: float) -> float:
    """Chance that a filter with ``ids`` ids takes a new one for a copy: (1 - e^(-k i / m))^k.

    It neglects that the number of set bits varies, which is right for filters of more than
    some hundred bits.
    """
    at_least("bits", bits, 1)
    full = -math.expm1(-at_least("hashes", hashes, 1) * not_negative("ids", ids) / bits)
    return full**hashes


def bloom_lost(*, bits: int, hashes: int, ids: int) -> float:
    """How many of this many different messages an empty filter takes for copies, on average.

    The sum of ``bloom_error`` over all that came before: each is lost by its own chance. Beyond
    some thousand ids it is summed in steps of several, at their middles.
    """
    steps = min(at_least("ids", ids, 0), _STEPS_MAX)
    each = ids / steps if steps else 0.0
    begins = 0.0 if steps == ids else each / 2
    chances = (
        bloom_error(bits=bits, hashes=hashes, ids=begins + step * each) for step in range(steps)
    )
    return each * math.fsum(chances)


def collisions_mean(*, ids: int, bits: int) -> Fraction:
    """Pairs of different ids with one hash, on average: n (n - 1) / 2^(b + 1). Exact.

    A store that keeps the hashes loses a message for each, as long as collisions are rare.
    """
    at_least("ids", ids, 0)
    return Fraction(ids * (ids - 1), 2 ** (at_least("bits", bits, 1) + 1))


def _error(error: float) -> float:
    if not 0 < probability("error", error) < 1:
        raise ValueError(f"error is {error!r}; allowed: a number above 0 and below 1")
    return error
