"""Which worlds can still come to a good end without another fault, and which go round for ever.

Book: 05-exactly-once-a-myth
"""

from __future__ import annotations

from array import array
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property


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
        is no loop. A loop is one that only a fault could leave: nobody in it is down who could
        restart, and no packet on its way could change anything.
        ``full`` has the bits of all messages, ``choices`` how far each world is.
        """
        doomed = [n for n, bits in enumerate(self._ahead(self.masks)) if bits != full]
        ends = [n for n in doomed if not self.after(n) and self.masks[n] != full]
        if ends:
            return min(ends, key=choices.__getitem__), ()
        if not doomed:
            return None, ()
        number = min(closed(doomed, self.after), key=lambda n: (choices[n], n))
        return number, self._loop(number)

    def _ahead(self, bits: Sequence[int]) -> list[int]:
        """Return the bits of each world, with those of all to which its steps can lead."""
        first, before = self._before
        found, waiting, lowest = list(bits), list(range(len(bits))), len(bits)
        while waiting:
            number = waiting.pop()
            lowest = min(lowest, number)  # below it all still wait for the first time
            for other in before[first[number] : first[number + 1]]:
                more = found[other] | found[number]
                if more != found[other]:
                    found[other] = more
                    if other >= lowest:
                        waiting.append(other)
        return found

    @cached_property
    def _before(self) -> tuple[array[int], array[int]]:
        """From where steps lead to each world, in one row, and where each begins."""
        worlds = len(self.masks)
        first = array("q", bytes(8 * (worlds + 1)))
        for other in self._to:
            first[other + 1] += 1
        for number in range(worlds):
            first[number + 1] += first[number]
        free, before = first[:], array("l", self._to)
        for number in range(worlds):
            for other in self.after(number):
                before[free[other]] = number
                free[other] += 1
        return first, before

    def _loop(self, number: int) -> tuple[tuple[int, int], ...]:
        """Return a shortest way from a world back to it, step by step."""
        came_from: dict[int, int] = {}
        queue = deque([number])
        while queue and number not in came_from:
            here = queue.popleft()
            for other in self.after(here):
                if other not in came_from:
                    came_from[other] = here
                    queue.append(other)
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
        ahead = self._ahead([1 << outcome for outcome in outcomes])
        return [n for n, outcome in enumerate(outcomes) if ahead[n] == 1 << outcome]


def closed(worlds: Sequence[int], after: Callable[[int], Iterable[int]]) -> list[int]:
    """Return the worlds to which a way leads back from everywhere ahead of them.

    ``worlds`` has whatever is ahead of any of them. From each component of these that no step
    leaves, one world is found first: no way leads from it to one that was found before it, and
    from the last no way leads to another at all.
    """
    before: dict[int, list[int]] = defaultdict(list)
    for world in worlds:
        for other in after(world):
            before[other].append(world)
    seen, met, found = set[int](), set[int](), list[int]()
    firsts = [world for world in worlds if _walk(world, before.__getitem__, seen)]
    for world in reversed(firsts):
        ahead = _walk(world, after, met)
        if not any(other not in ahead for one in ahead for other in after(one)):
            found += sorted(ahead)
    return found


def _walk(world: int, ways: Callable[[int], Iterable[int]], seen: set[int]) -> dict[int, None]:
    """Return what the ways lead to from here and was not seen; see it."""
    found, queue = dict[int, None](), [world]
    while queue:
        here = queue.pop()
        if here not in seen:
            seen.add(here)
            found[here] = None
            queue += ways(here)
    return found
