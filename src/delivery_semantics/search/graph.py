"""The worlds within the bounds as a graph, walked from the first to the last.

Book: 05-exactly-once-a-myth
"""

from __future__ import annotations

from array import array
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from itertools import chain

from ..core.perform import UnboundedRun
from ..core.trace import Outcome
from ..core.world import World
from .branches import Branches, Key, Taken, Way
from .histories import Suspended
from .liveness import FaultFree

LONG = 50
"""So many effects of one handler look as if it had no end."""

Never = Mapping[str, Callable[[World], bool]]


class Graph:
    """All worlds that can be reached from the first, each with a number.

    With ``automatic`` effects run by themselves before each step, as in a script.
    """

    def __init__(self, branches: Branches, first: Key, *, automatic: bool) -> None:
        self._branches, self._automatic = branches, automatic
        self.repeated: int | None = None  # the first world where one is processed twice
        self.broken: dict[str, int] = {}  # the first world where a claim of one's own is
        self._ways = FaultFree()
        self._numbers: dict[Key, int] = {}
        self._states: list[Key] = []
        self._parents, self._taken, self._choices = array("q"), array("l"), array("l")
        self._steps: dict[Taken, int] = {}
        self._discover(first, -1, 0, 0)

    # The walk -------------------------------------------------------------------------

    @property
    def worlds(self) -> int:
        """How many worlds there are."""
        return len(self._parents)

    def to_the_end(self, worlds_max: int, never: Never) -> None:
        """Find every world, and judge it; those that take fewer choices first."""
        now, later, done = deque([0]), deque[int](), bytearray()
        while now or later:
            if not now:
                now, later = later, now
            number = now.popleft()
            done.extend(bytes(len(self._parents) - len(done)))
            if done[number]:
                continue
            done[number] = 1
            free = []
            for taken, state, cost, fault in self._judge(number, never):
                other = self._reach(state, number, taken, cost, now if cost == 0 else later)
                if not fault:
                    free.append(other)
            self._ways.add(number, free)
            if len(self._parents) > worlds_max:
                raise UnboundedRun(self._too_many(worlds_max))

    def _judge(self, number: int, never: Never) -> Iterator[Way]:
        state = self._states[number]
        settled = self._settled(state)
        twice, mask, _ = self._branches.judged(settled)
        self._ways.masks[number] = mask
        if twice and self.repeated is None:
            self.repeated = number
        for name, predicate in never.items():
            if name not in self.broken and predicate(self._branches.world(settled)):
                self.broken[name] = number
        ways = self._branches.all_ways(settled)
        return chain(self._branches.stops(state), ways) if self._automatic else ways

    def _reach(
        self, state: Key, number: int, taken: Taken, cost: int, queue: deque[int]
    ) -> int:
        choices = self._choices[number] + cost
        other = self._numbers.get(state)
        if other is None:
            other = self._discover(state, number, self._step(taken), choices)
            queue.append(other)
        elif choices < self._choices[other]:
            self._parents[other], self._taken[other] = number, self._step(taken)
            self._choices[other] = choices
            queue.append(other)
        return other

    def _step(self, taken: Taken) -> int:
        return self._steps.setdefault(taken, len(self._steps))

    def _discover(self, state: Key, parent: int, step: int, choices: int) -> int:
        number = self._numbers[state] = len(self._parents)
        self._states.append(state)
        self._parents.append(parent)
        self._taken.append(step)
        self._choices.append(choices)
        self._ways.grow()
        return number

    def _settled(self, state: Key) -> Key:
        return self._branches.settled(state) if self._automatic else state

    def _too_many(self, worlds_max: int) -> str:
        moves = self._branches.moves
        longest, name = max(
            (len(node.task.effects), moves.names[node.who])
            for node in moves.nodes if isinstance(node.task, Suspended)
        )  # fmt: skip
        hint = "or give senders fewer messages"
        if longest > LONG:
            hint = (
                f"or let {name} come to where it has been: a handler of it has gone on for "
                f"{longest:,} effects and was in no condition twice; give a sender "
                "attempts_max, and count only what something depends on"
            )
        bounds = self._branches.bounds
        return (
            f"worlds_max: more than {worlds_max:,} worlds within {bounds}; lower the bounds, "
            f"raise the limit, {hint}"
        )

    # What was found -------------------------------------------------------------------

    def way(self, number: int) -> tuple[Taken, ...]:
        """Return the steps that lead to this world."""
        steps, way = list(self._steps), list[Taken]()
        while (parent := self._parents[number]) >= 0:
            way.append(steps[self._taken[number]])
            number = parent
        return tuple(reversed(way))

    def choices(self, number: int) -> int:
        """Return how many choices lead to this world."""
        return self._choices[number]

    def missing(self) -> tuple[int | None, tuple[Taken, ...]]:
        """Return a nearest end without one of the messages; or the way into a loop, and it."""
        number, loop = self._ways.missing((1 << len(self._branches.ids)) - 1, self._choices)
        return number, tuple(self._between(a, b) for a, b in loop)

    def _between(self, number: int, other: int) -> Taken:
        """Return a step without a fault from one world to another."""
        state = self._states[number]
        settled = self._settled(state)
        return next(
            taken for taken, found, _, fault in self._branches.all_ways(settled)
            if not fault and self._numbers[found] == other
        )  # fmt: skip

    def outcomes(self) -> dict[Outcome, int]:
        """Return each way to end, and a nearest world that does; see ``FaultFree.stable``."""
        kinds: dict[Outcome, int] = {}
        settled = map(self._settled, self._states)
        found = array(
            "l", (kinds.setdefault(self._branches.judged(s)[2], len(kinds)) for s in settled)
        )
        names = list(kinds)
        ends: dict[Outcome, int] = {}
        for number in self._ways.stable(found):
            outcome = names[found[number]]
            if outcome not in ends or self._choices[number] < self._choices[ends[outcome]]:
                ends[outcome] = number
        return ends

    def forget(self) -> None:
        """Let go of what only the walk needs."""
        self._numbers, self._states, self._ways = {}, [], FaultFree()
