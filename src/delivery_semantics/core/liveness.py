"""Which worlds can still come to a good end without another fault, and which go round for ever.

Book: 05-exactly-once-a-myth
"""

from __future__ import annotations

from array import array
from collections import deque
from collections.abc import Iterable, Sequence


class FaultFree:
    """The steps without faults from each world, which is a number, to others.

    ``masks`` has the messages that are processed in each world, as bits.
    """

    def __init__(self) -> None:
        self.masks: list[int] = []
        self._to = array("l")
        self._first, self._last = array("q"), array("q")
        self._back = False  # whether a step leads to a world that was found earlier

    def grow(self) -> None:
        """Add a world that has no steps yet."""
        self.masks.append(0)
        self._first.append(0)
        self._last.append(0)

    def add(self, number: int, others: Iterable[int]) -> None:
        """Set where the steps of this world lead."""
        self._first[number] = len(self._to)
        self._to.extend(others)
        self._last[number] = len(self._to)
        self._back = self._back or any(other <= number for other in self.after(number))

    def after(self, number: int) -> array[int]:
        """Return where the steps of this world lead."""
        return self._to[self._first[number] : self._last[number]]

    def missing(
        self, full: int, choices: Sequence[int]
    ) -> tuple[int | None, tuple[tuple[int, int], ...]]:
        """Return a nearest world from which no way leads to all messages, and the loop there.

        A world where nothing can happen any more comes before one that goes round; then there
        is no loop. ``full`` has the bits of all messages, ``choices`` how far each world is.
        """
        doomed = self._doomed(full)
        ends = [n for n in doomed if not self.after(n) and self.masks[n] != full]
        if ends:
            return min(ends, key=choices.__getitem__), ()
        round_and_round = ((n, self._loop(n)) for n in sorted(doomed, key=choices.__getitem__))
        return next(((n, loop) for n, loop in round_and_round if loop), (None, ()))

    def _doomed(self, full: int) -> list[int]:
        """Return the worlds from which no steps lead to all messages, by going backwards."""
        good = list(self.masks)
        waiting = [n for n in range(len(good) - 1, -1, -1) if good[n] != full]
        changed = True
        while changed and waiting:
            changed = False
            for number in waiting:
                bits = good[number]
                for other in self.after(number):
                    bits |= good[other]
                if bits != good[number]:
                    good[number], changed = bits, True
            waiting = [n for n in waiting if good[n] != full]
        return waiting[::-1]

    def _loop(self, number: int) -> tuple[tuple[int, int], ...]:
        """Return a shortest way from a world back to it, step by step; () if there is none."""
        came_from: dict[int, int] = {}
        queue = deque([number])
        while queue and number not in came_from:
            here = queue.popleft()
            for other in self.after(here):
                if other not in came_from:
                    came_from[other] = here
                    queue.append(other)
        if number not in came_from:
            return ()
        loop = list[tuple[int, int]]()
        here = number
        while not loop or here != number:
            loop.append((came_from[here], here))
            here = came_from[here]
        return tuple(reversed(loop))

    def stable(self, outcomes: Sequence[int]) -> list[int]:
        """Return the worlds whose outcome no step without a fault can change any more.

        Where every run ends, those at an end are enough, and only they are returned.
        """
        if not self._back:
            return [n for n in range(len(outcomes)) if not self.after(n)]
        good = bytearray(b"\x01") * len(outcomes)
        changed = True
        while changed:
            changed = False
            for number in range(len(outcomes) - 1, -1, -1):
                if good[number] and not all(
                    good[o] and outcomes[o] == outcomes[number] for o in self.after(number)
                ):
                    good[number], changed = 0, True
        return [n for n in range(len(outcomes)) if good[n]]
