"""A Bloom filter: a few bits for each id, at the price of messages that are lost.

It answers "surely new" or "probably seen". Used as the last word, every "probably" that is
wrong is a message that nobody will ever process. B. Bloom, "Space/Time Trade-offs in Hash
Coding with Allowable Errors", Communications of the ACM 13 (7), 1970.

Book: 07-deduplication
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from hashlib import blake2b

from ..core.check import at_least, positive
from ..theory.windows import bloom_bits, bloom_hashes
from .in_memory import moment
from .question import Id, stored_bytes


class Bloom:
    """``bits`` bits, of which each id sets ``hashes``; nothing is ever taken back.

    A copy is always recognised. An id that is new is taken for a copy with a probability that
    grows as the filter fills. Raises ValueError below 1 bit or 1 hash.
    """

    def __init__(self, *, bits: int, hashes: int) -> None:
        self.bits = at_least("bits", bits, 1)
        self.hashes = at_least("hashes", hashes, 1)
        self._bytes = bytearray((bits + 7) // 8)

    @classmethod
    def for_ids(cls, ids: int, *, error: float) -> Bloom:
        """Return a filter which, holding ``ids`` ids, takes a new one for a copy this often."""
        return cls(bits=bloom_bits(ids=ids, error=error), hashes=bloom_hashes(error=error))

    @property
    def state(self) -> int:
        """All bits, as a number; can be set."""
        return int.from_bytes(self._bytes, "big")

    @state.setter
    def state(self, state: int) -> None:
        self._bytes[:] = state.to_bytes(len(self._bytes), "big")

    @property
    def size_bytes(self) -> int:
        """What it occupies, full or empty."""
        return len(self._bytes)

    def first_time(self, id: Id, now_s: float) -> bool:
        """Return whether ``id`` is surely new, and set its bits."""
        raw = stored_bytes(id)
        moment(now_s)  # for its check: bits do not grow old
        new = raw not in self
        self.add(raw)
        return new

    def __contains__(self, raw: bytes) -> bool:
        return all(self._bytes[at >> 3] & 1 << (at & 7) for at in self._places(raw))

    def add(self, raw: bytes) -> None:
        """Set the bits of ``raw``."""
        for at in self._places(raw):
            self._bytes[at >> 3] |= 1 << (at & 7)

    def _places(self, raw: bytes) -> Iterator[int]:
        # Two hashes make all the others (Kirsch and Mitzenmacher, "Less Hashing, Same
        # Performance", 2006). The built-in hash() would differ from run to run.
        digest = blake2b(raw, digest_size=16).digest()
        at = int.from_bytes(digest[:8], "big")
        step = int.from_bytes(digest[8:], "big") | 1
        for _ in range(self.hashes):
            yield at % self.bits
            at += step


class Generations:
    """Two filters in turn, since one can neither delete nor expire.

    Every ``window_s`` seconds the older one is replaced by an empty one. So an id is remembered
    for at least ``window_s`` and less than twice that, at twice the memory. ``make`` returns an
    empty filter for the ids of one window.
    """

    def __init__(self, make: Callable[[], Bloom], *, window_s: float) -> None:
        self.window_s = positive("window_s", window_s)
        self._make = make
        self._old, self._new = make(), make()
        self._number: int | None = None

    @property
    def state(self) -> tuple[int | None, int, int]:
        """The number of the window, and the bits of both filters; can be set."""
        return self._number, self._old.state, self._new.state

    @state.setter
    def state(self, state: tuple[int | None, int, int]) -> None:
        self._number, self._old.state, self._new.state = state

    def first_time(self, id: Id, now_s: float) -> bool:
        """Return whether ``id`` is surely new to both filters, and set its bits."""
        raw = stored_bytes(id)
        self._turn(math.floor(moment(now_s) / self.window_s))
        new = raw not in self._new and raw not in self._old
        if new:  # a copy does not make its id younger
            self._new.add(raw)
        return new

    def _turn(self, number: int) -> None:
        if self._number is None:
            self._number = number
        # A clock that was moved back turns nothing. Forgetting too late repeats no message, but
        # the filter fills beyond what it was made for, and then loses more.
        turns = number - self._number
        if turns > 0:
            self._old = self._new if turns == 1 else self._make()
            self._new = self._make()
            self._number = number
