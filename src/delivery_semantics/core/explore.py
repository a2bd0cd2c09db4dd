"""Every possibility is chosen, within stated bounds.

Theory of operation. The search walks all worlds breadth first from the boot. Two worlds are one
if their disks, memories, suspended handlers, packets in flight and remaining fault budgets are
equal. So the graph is finite, and the first world that breaks a property is a nearest one: the
path to it is a shortest counterexample.

Faults come from a budget, printed beside every verdict. Timers fire for free when nothing else
can happen; firing while packets are in flight is a fault (``early_timeouts``). A participant
that may not crash, and whose store is its own, carries out its local effects in one go: nobody
could see the difference.

*Never more than once* breaks in a world where anything was processed twice. *At least once,
eventually* breaks in a world where nothing but a fault can happen any more and a message was
not processed.
Both are verdicts about the sender as well: with fewer attempts than the budget has faults, it
runs out, and the search says so.

Book: 05-exactly-once-a-myth
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Hashable, Iterator, Mapping
from typing import Any, NamedTuple

from . import collector
from .check import at_least
from .effects import Participant
from .exploration import Bounds, Exploration, Verdict
from .perform import boot, perform
from .script import script
from .simulate import UnboundedRun
from .steps import Crash, Deliver, Duplicate, Lose, Restart, Run, Step, Timeout
from .tasks import suspending
from .trace import Outcome
from .world import Packet, World


def explore(
    participants: Mapping[str, Participant],
    bounds: Bounds | None = None,
    *,
    worlds_max: int = 1_000_000,
    stores: Mapping[str, str] | None = None,
) -> Exploration:
    """Search every run within the bounds.

    Raises ValueError for bad parameters, and UnboundedRun beyond ``worlds_max`` worlds.
    """
    at_least("worlds_max", worlds_max, 1)
    search = _Search(participants, bounds or Bounds(), stores)
    with collector.paused():
        search.to_the_end(worlds_max)
    return search.result()


def outcome(world: World) -> Outcome:
    """Return how a run ended, message by message, as ``Trace.outcome`` does for its record."""
    found = []
    for message in world.messages():
        processed = sum(s.processed.get(message.id, 0) for s in world.stores.values())
        settled = [s.settled.get(message.id) for s in world.stores.values()]
        knows = next((known for known in ("confirmed", "in doubt") if known in settled), "")
        found.append((message.id, processed, knows))
    return tuple(found)


class _Budget(NamedTuple):
    """Faults left."""

    losses: int
    duplicates: int
    crashes: int
    early: int


def _crash(world: World, who: str) -> Crash:
    effect = world.local_effect(who)
    return Crash(who, before=type(effect) if effect else None)


class _Search:
    def __init__(
        self, participants: Mapping[str, Participant], bounds: Bounds,
        stores: Mapping[str, str] | None,
    ) -> None:  # fmt: skip
        self.participants, self.bounds, self.stores = participants, bounds, stores
        self.root = boot(participants, stores=stores, carry=suspending())
        for name in bounds.crashable or ():
            self.root.check_known("crashable", name)
        crashable = participants if bounds.crashable is None else bounds.crashable
        self.crashable = {
            name: bounds.crashes > 0 and name in crashable for name in participants
        }
        self.ids = tuple(message.id for message in self.root.messages())
        if not self.ids:
            raise ValueError(
                "participants: nobody has messages, so every claim would hold; "
                "allowed: at least one whose ``messages`` are to be processed"
            )
        self.wires: dict[tuple[str, str, Any], int] = {}
        self.paths: list[tuple[int, tuple[Step, ...]]] = []
        self.repeated: int | None = None  # the first world where one is processed twice
        self.missing: int | None = None  # the first end where one is not processed
        self.ends: dict[Outcome, None] = {}

    def to_the_end(self, worlds_max: int) -> None:
        full = self.bounds
        budget = _Budget(full.losses, full.duplicates, full.crashes, full.early_timeouts)
        self.paths.append((-1, self._settle(self.root)))
        known: set[Hashable] = {self._key(self.root, budget)}
        queue = deque([(0, self.root, budget)])
        while queue:
            number, world, budget = queue.popleft()
            choices = list(self._choices(world, budget))
            ended = all(left is not budget for _, left in choices)  # no fault must happen
            self._judge(number, world, ended=ended)
            for step, left in choices:
                twin = world.copy()
                perform(twin, step)
                path = (step, *self._settle(twin))
                key = self._key(twin, left)
                if key not in known:
                    known.add(key)
                    queue.append((len(self.paths), twin, left))
                    self.paths.append((number, path))
            if len(known) > worlds_max:
                raise UnboundedRun(
                    f"worlds_max: more than {worlds_max:,} worlds within {self.bounds}; "
                    "give the sender attempts_max, lower the bounds, or raise the limit"
                )

    def _settle(self, world: World) -> tuple[Step, ...]:
        """Carry out every local effect that nobody could notice as a step of its own."""
        steps: list[Step] = []
        for who in world.participants:
            if world.shares_store[who] or self.crashable[who]:
                continue
            while world.local_effect(who) is not None:
                perform(world, Run(who))
                steps.append(Run(who))
        return tuple(steps)

    def _choices(self, world: World, budget: _Budget) -> Iterator[tuple[Step, _Budget]]:
        busy = [who for who in world.participants if world.local_effect(who) is not None]
        for who in busy:
            yield Run(who), budget
            if budget.crashes and self.crashable[who]:
                yield _crash(world, who), budget._replace(crashes=budget.crashes - 1)
            if not world.shares_store[who]:
                return  # its effects commute with everything else: one order stands for all
        yield from self._network_choices(world, budget)
        yield from self._participant_choices(world, budget, quiet=not (busy or world.packets))

    def _network_choices(self, world: World, budget: _Budget) -> Iterator[tuple[Step, _Budget]]:
        seen: set[Hashable] = set()
        for packet in world.packets.values():
            content = packet[1:3] if not self.bounds.reordering else self._wire(packet)
            if content in seen:
                continue
            seen.add(content)
            if world.local_effect(packet.target) is None:
                yield Deliver(packet.number), budget
            if budget.losses:
                yield Lose(packet.number), budget._replace(losses=budget.losses - 1)
            if budget.duplicates:
                yield (
                    Duplicate(packet.number),
                    budget._replace(duplicates=budget.duplicates - 1),
                )

    def _participant_choices(
        self, world: World, budget: _Budget, *, quiet: bool
    ) -> Iterator[tuple[Step, _Budget]]:
        all_up = not any(world.is_down(who) for who in world.participants)
        for who in world.participants:
            if world.is_down(who):
                yield Restart(who), budget
                continue
            if world.local_effect(who) is not None:
                continue
            if budget.crashes and self.crashable[who]:
                yield Crash(who), budget._replace(crashes=budget.crashes - 1)
            if world.timer_s(who) is not None:
                if quiet and all_up:
                    yield Timeout(who), budget
                elif budget.early:
                    yield Timeout(who, early=True), budget._replace(early=budget.early - 1)

    def _judge(self, number: int, world: World, *, ended: bool) -> None:
        effects = Counter[str]()
        for store in world.stores.values():
            effects.update(store.processed)
        if self.repeated is None and any(times > 1 for times in effects.values()):
            self.repeated = number
        if ended:
            self.ends[outcome(world)] = None
            if self.missing is None and not all(effects[message_id] for message_id in self.ids):
                self.missing = number

    def _key(self, world: World, budget: _Budget) -> Hashable:
        wires = [self._wire(packet) for packet in world.packets.values()]
        if self.bounds.reordering:
            wires.sort()
        return (
            tuple(world.tasks.values()),
            tuple(store.key() for store in world.stores.values()),
            tuple(frozenset(saved.items()) for saved in world.memory.values()),
            tuple(wires),
            budget,
        )

    def _wire(self, packet: Packet) -> int:
        content = packet[1:]
        return self.wires.setdefault(content, len(self.wires))

    # The result -----------------------------------------------------------------------

    def result(self) -> Exploration:
        return Exploration(
            self._verdict("never more than once", self.repeated),
            self._verdict("at least once, eventually", self.missing),
            len(self.paths),
            tuple(sorted(self.ends)),
            self.bounds,
            len(self.ids),
        )

    def _verdict(self, claim: str, world: int | None) -> Verdict:
        if world is None:
            return Verdict(claim, None)
        path: list[Step] = []
        while world >= 0:
            world, steps = self.paths[world]
            path[:0] = steps
        trace = script(self.participants, *path, automatic=False, stores=self.stores)
        return Verdict(claim, trace, tuple(path))
