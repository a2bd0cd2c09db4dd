"""One payment, a receiver that crashes in the gap, and how often the payment is then made.

A cell is a stretch of seeds, so that it says by itself which runs it holds: whoever runs it,
wherever and how often, counts the same.

Book: a-million-runs
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import zip_longest

from ... import (
    CrashPoint, Event, Mark, Passive, ProcessThenMark, RetryUntilAcked, payments, simulate,
)  # fmt: skip

Tally = tuple[int, ...]
"""How many runs made the payment once, twice, three times, and so on."""


@dataclass(frozen=True)
class Runs:
    """``count`` runs of one payment each, with the seeds from ``first`` on.

    The receiver crashes before the effect ``before`` with probability ``crash``, each time that
    it gets there.
    """

    first: int
    count: int
    crash: float = 0.01
    receiver: type[Passive] = ProcessThenMark
    before: type = Mark


def tally(runs: Runs) -> Tally:
    """Run them all, and count how often each made the payment."""
    found = Counter(times(runs, seed) for seed in range(runs.first, runs.first + runs.count))
    return tuple(found[often] for often in range(1, max(found) + 1))


def times(runs: Runs, seed: int) -> int:
    """How often one run makes its payment, which the sender sends until it is acked."""
    made: list[Event] = []

    def listen(event: Event) -> None:
        if event.what == "processed":
            made.append(event)

    pair = {"sender": RetryUntilAcked("receiver", payments(1)), "receiver": runs.receiver()}
    crashes = (CrashPoint("receiver", runs.before, runs.crash),)
    simulate(pair, seed=seed, crashes=crashes, record=listen)
    return len(made)


def total(tallies: Iterable[Tally]) -> Tally:
    """Add up tallies."""
    return tuple(map(sum, zip_longest(*tallies, fillvalue=0)))


def more_than(tally: Tally, often: int) -> int:
    """How many runs made the payment more than ``often`` times."""
    return sum(tally[often:])


def digest(tallies: Iterable[Tally]) -> str:
    """A hash of tallies in their order; equal digests mean equal tallies."""
    text = "\n".join(map(str, tallies))
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()
