"""A Bloom filter as the last word: how many different messages it takes for copies.

Book: 07-deduplication
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from hashlib import blake2b
from itertools import accumulate

from ...dedup import Bloom, DedupStore, InMemory
from ...show.picture import Picture
from ...show.plots import curve, lines, points
from ...show.view import View
from ...theory.windows import bloom_bits, bloom_error, bloom_hashes
from .memory import random_ids

CAPACITY = 4000
FILLS_PERCENT = (25, 50, 100, 200, 300, 400)
LEAST = 0.1
ERRORS = {"1 in 10": 0.1, "1 in 100": 0.01, "1 in 1,000": 0.001}


def lost_so_far(recognises: Callable[[bytes], bool], ids: int, *, seed: int = 1) -> list[int]:
    """Offer this many different ids; return how many were taken for copies, a running count.

    ``recognises`` says whether it has seen an id, and remembers it.
    """
    lost = [0]
    for id in random_ids(ids, seed=seed):
        lost.append(lost[-1] + recognises(id))
    return lost


@lru_cache
def filled(error: str, *, seed: int = 1) -> tuple[int, ...]:
    """Fill a filter to four times what it was made for; a running count of losses."""
    store = Bloom.for_ids(CAPACITY, error=ERRORS[error])
    return tuple(lost_so_far(lambda id: not store.first_time(id, 0.0), 4 * CAPACITY, seed=seed))


@lru_cache
def expected(error: str) -> tuple[float, ...]:
    """Return the running count of losses by formula."""
    bits, hashes = (
        bloom_bits(ids=CAPACITY, error=ERRORS[error]),
        bloom_hashes(error=ERRORS[error]),
    )
    chances = (bloom_error(bits=bits, hashes=hashes, ids=i) for i in range(4 * CAPACITY))
    return tuple(accumulate(chances, initial=0.0))


def bloom_view(*, error: str, fill_percent: int, seed: int = 1) -> View:
    """Send messages that are all different to a filter made for 4,000 of them."""
    messages = CAPACITY * fill_percent // 100
    lost, formula = filled(error, seed=seed)[messages], expected(error)[messages]
    size = Bloom.for_ids(CAPACITY, error=ERRORS[error]).size_bytes
    return View(
        _lost_plot(error, fill_percent, seed),
        {
            "messages, all different": messages,
            "lost": lost,
            "lost, by formula": round(formula, 1),
            "money expected": 10 * messages,
            "money there": 10 * (messages - lost),
            "size of the filter": f"{size:,} bytes",
        },
        f"A filter for 4,000 ids with an error of {error} was sent {messages:,} different "
        f"messages and lost {lost:,} of them; the formula says {formula:,.1f}.",
    )


def _lost_plot(error: str, fill_percent: int, seed: int) -> Picture:
    """Plot lost messages against messages sent, both as a share of what the filter is for."""
    lost, formula = filled(error, seed=seed), expected(error)
    fine = [f for f in range(5, 401, 5) if formula[CAPACITY * f // 100] >= LEAST]
    measured = [lost[CAPACITY * f // 100] for f in FILLS_PERCENT]
    return lines(
        points("lost", FILLS_PERCENT, measured, hue="fault"),
        curve("by formula", fine, [formula[CAPACITY * f // 100] for f in fine]),
        title=f"Different messages that are lost, error {error}",
        x="messages sent (% of what the filter is made for)",
        y="messages lost",
        x_range=(0, 400),
        y_range=(LEAST, 10_000),
        log_y=True,
        here=fill_percent,
    )


# Hashes instead of ids --------------------------------------------------------------------


def hashed(id: bytes, bits: int) -> bytes:
    """Return the first ``bits`` bits of a hash of 128, right-aligned in bytes."""
    digest = int.from_bytes(blake2b(id, digest_size=16).digest(), "big")
    return (digest >> (128 - bits)).to_bytes((bits + 7) // 8, "big")


def lost_by_hashes(*, ids: int, bits: int, seed: int = 1) -> int:
    """Give an exact store hashes instead of ids; return how many messages it loses."""
    store: DedupStore = InMemory()
    return lost_so_far(lambda id: not store.first_time(hashed(id, bits), 0.0), ids, seed=seed)[
        -1
    ]


HASHED = {"16 bits": (16, 1000), "24 bits": (24, 20_000), "32 bits": (32, 200_000)}
"""Small enough to run: bits of a hash, and how many messages are sent."""
