"""A worker: it does one thing again and again, and what fails is tried again later.

Book: 15-from-the-button-to-the-ledger
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NoReturn

from ...databases import DatabaseRefused
from ..payments.card import CardInDoubt

PASSING = (DatabaseRefused, CardInDoubt, ConnectionError)
"""Nobody knows what has become of the attempt; the next one finds out."""


def work(do: Callable[[], int], rest: Callable[[], object]) -> NoReturn:
    """Call ``do`` for ever, and ``rest`` when there was nothing to do, or it failed."""
    while True:
        try:
            done = do()
        except PASSING:
            done = 0
        if not done:
            rest()
