"""Ids in memory, for a time and up to a number: fast, and gone when the process is.

Book: 07-deduplication
"""

from __future__ import annotations

import math
from collections import OrderedDict

from ..core.check import at_least, one_of, positive, truth
from .question import Id, StoreFull, stored_bytes

WHEN_FULL = ("forget", "refuse")


class InMemory:
    """Remembers each id for ``window_s`` seconds, and ``capacity`` ids at most; None: no limit.

    The window begins with the copy that was accepted; ``sliding`` restarts it with every copy
    that is skipped. A copy that comes ``window_s`` later or after counts as new. When it is
    full it has to choose: "forget" the oldest id, whose next copy is then processed again, or
    "refuse" the message with StoreFull, which is lost if its sender gives up. A clock that is
    set forward forgets too early, one that is set back too late. One thread at a
    time. Raises ValueError for a value out of range.
    """

    def __init__(
        self,
        *,
        window_s: float | None = None,
        capacity: int | None = None,
        when_full: str = "forget",
        sliding: bool = False,
    ) -> None:
        one_of("when_full", when_full, WHEN_FULL)
        self.window_s = math.inf if window_s is None else positive("window_s", window_s)
        self.capacity = None if capacity is None else at_least("capacity", capacity, 1)
        self.when_full = when_full
        self.sliding = truth("sliding", sliding)
        self._seen_s: OrderedDict[bytes, float] = OrderedDict()  # the oldest first

    def __len__(self) -> int:
        return len(self._seen_s)

    @property
    def state(self) -> tuple[tuple[str, float], ...]:
        """Each id, a letter for a byte, and when it was seen, the oldest first; can be set."""
        return tuple((raw.decode("latin-1"), seen_s) for raw, seen_s in self._seen_s.items())

    @state.setter
    def state(self, state: tuple[tuple[str, float], ...]) -> None:
        self._seen_s = OrderedDict((id.encode("latin-1"), seen_s) for id, seen_s in state)

    def first_time(self, id: Id, now_s: float) -> bool:
        """Return whether ``id`` was not accepted within the window, and remember it."""
        raw, now_s = stored_bytes(id), moment(now_s)
        self._expire(now_s)
        seen_s = self._seen_s.get(raw)
        if seen_s is not None and now_s - seen_s < self.window_s:
            if self.sliding:
                self._remember(raw, max(now_s, seen_s))
            return False
        if seen_s is None:
            self._make_room()
        self._remember(raw, now_s)
        return True

    def forget(self, id: Id) -> None:
        """Take back an id whose message was not processed after all."""
        self._seen_s.pop(stored_bytes(id), None)

    def _remember(self, raw: bytes, now_s: float) -> None:
        self._seen_s[raw] = now_s
        self._seen_s.move_to_end(raw)

    def _expire(self, now_s: float) -> None:
        # Only from the oldest on. After a clock was set back, ids of the "future" hold this up;
        # that costs memory and decides nothing, since the age of the id asked for decides.
        while self._seen_s:
            oldest = next(iter(self._seen_s))
            if now_s - self._seen_s[oldest] < self.window_s:
                return
            del self._seen_s[oldest]

    def _make_room(self) -> None:
        if self.capacity is None or len(self._seen_s) < self.capacity:
            return
        if self.when_full == "refuse":
            raise StoreFull(f"{self.capacity} ids are remembered; allowed: no more than that")
        self._seen_s.popitem(last=False)


def moment(now_s: float) -> float:
    """Return a time that can be compared. Raises ValueError for one that is not finite."""
    if isinstance(now_s, bool) or not isinstance(now_s, int | float):
        raise ValueError(f"now_s is {now_s!r}; allowed: a finite number of seconds")
    if not math.isfinite(now_s):
        raise ValueError(f"now_s is {now_s!r}; allowed: a finite number of seconds")
    return float(now_s)
