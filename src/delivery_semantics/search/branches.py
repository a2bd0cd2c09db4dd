"""Every way on from a world, within the bounds.

A world is a tuple of numbers: of each participant's node and of each disk, of what is in
flight, the budget of faults, of what is known of the timers, and of the clock's moment. What a
step makes of a participant is looked up in ``moves``, what it makes of the rest is arithmetic.

Book: 05-exactly-once-a-myth
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

from ..core.effects import Atomic, Effect, Mark, Now, Once, Participant, Process, Save
from ..core.script import followed
from ..core.steps import Step, Timeout
from ..core.trace import Outcome
from ..core.world import Packet, World
from .exploration import FAULTS_MAX as FIELD
from .exploration import Bounds
from .moves import Moves, What
from .position import outcome_on, times_on
from .zones import Zone, can_run_out, rearm, run_out, time_passes

Key = tuple[int, ...]
"""A world in numbers, equal for equal worlds."""

Taken = tuple[Any, ...]
"""A step without numbers of packets: ("deliver", content), ("crash", (who,), effect), …"""

Way = tuple[Taken, Key, int, int]
"""A step, where it leads, 1 if it is a choice and 0 if an effect, and the fault that it is."""

Zones = tuple[Zone, ...]
"""What can be known of the timers, which all of these have: one of them is true."""

LOSS, COPY, CRASH, EARLY, FAILURE = FAULTS = tuple(1 << 16 * n for n in range(5))
CAN_FAIL = (Process, Mark, Save, Atomic, Once)


class Branches:
    """The ways on; parameters as for ``explore``."""

    def __init__(
        self, participants: Mapping[str, Participant], stores: Mapping[str, str] | None,
        bounds: Bounds, *, automatic: bool,
    ) -> None:  # fmt: skip
        self.bounds, self._automatic = bounds, automatic
        self.moves = Moves(participants, stores)
        world, names = self.moves.bench, self.moves.names
        self._count = len(names)
        self._places = [(a + len(names), b + len(names)) for a, b in self.moves.places]
        self._shares = [world.shares_store[name] for name in names]
        self._check_names(world)
        crashable = names if bounds.crashable is None else bounds.crashable
        self._crashable = [bounds.crashes > 0 and name in crashable for name in names]
        self._groups = [self._group(name) for name in names]
        if not (automatic or bounds.failures or len(bounds.clock_s) > 1):
            alone = (n for n in range(len(names)) if not self._shares[n])
            self.moves.at_once = frozenset(n for n in alone if not self._crashable[n])
        self.ids = tuple(message.id for message in world.messages())
        self._flights: list[tuple[int, ...]] = []
        self._zones: list[Zones] = []  # the first has no timers
        self._known: dict[Hashable, int] = {}
        self._judged: dict[Key, tuple[bool, int, Outcome]] = {}
        self._number(self._zones, (Zone(),))

    def _check_names(self, world: World) -> None:
        for parameter, groups in (
            ("crashable", (self.bounds.crashable or (),)),
            ("crash_together", self.bounds.crash_together),
            ("links", self.bounds.links or ()),
        ):
            for name in (name for group in groups for name in group):
                world.check_known(parameter, name)

    def _group(self, name: str) -> tuple[int, ...]:
        names = self.moves.names
        group = next((g for g in self.bounds.crash_together if name in g), (name,))
        return tuple(names.index(each) for each in group if self._crashable[names.index(each)])

    # Numbers --------------------------------------------------------------------------

    def _number(self, table: list[Any], value: Hashable) -> int:
        number = self._known.setdefault(value, len(table))
        if number == len(table):
            table.append(value)
        return number

    def _flight(self, wires: Iterable[int]) -> int:
        """Return the number of these packets in flight, in the order that matters."""
        moves = self.moves
        link = None if self.bounds.reordering else lambda wire: moves.wires[wire][:2]
        return self._number(self._flights, tuple(sorted(wires, key=link)))

    def begin(self, world: World, after: Sequence[Step]) -> Key:
        """Return the state after these steps; the world is on the carrier of the bench."""
        moves, bench, full = self.moves, self.moves.bench, self.bounds
        bench.tasks, bench.memory, bench.timers = world.tasks, world.memory, world.timers
        bench.stores = world.stores
        zone = self._timers_after(world, after)
        nodes = [moves.node(who) for who in range(self._count)]
        disks = [moves.disk(place) for place in bench.stores]
        counts = (
            full.losses, full.duplicates, full.crashes, full.early_timeouts, full.failures,
        )  # fmt: skip
        budget = sum(int(n) * one for n, one in zip(counts, FAULTS, strict=True))
        flight = self._flight([moves.wire(packet) for packet in world.packets.values()])
        state = (*nodes, *disks, flight, budget, zone, 0)
        return self._worked(state, sorted(moves.at_once))

    def _timers_after(self, world: World, after: Sequence[Step]) -> int:
        """Take these steps, and return the number of what is then known of the timers."""
        zone, armed = 0, list[tuple[str, str]]()
        world.on_armed = lambda name, timer, _: armed.append((name, timer))
        begun: tuple[Step | None, list[str]] = (None, list(self.moves.names))
        for step, moved in chain([begun], followed(world, *after, automatic=self._automatic)):
            busy = any(world.local_effect(name) for name in self.moves.names)
            for name in moved:
                who = self.moves.names.index(name)
                gone = frozenset({"", *(timer for each, timer in armed if each == name)})
                fired, node = self._fired(zone, who, step), self.moves.node(who)
                at_work = busy or name != moved[-1]  # no time passes between them
                zone = self._timed(zone, who, fired, gone, node, at_work)
            armed.clear()
        world.on_armed = None
        return zone

    def _fired(self, zone: int, who: int, step: Step | None) -> int:
        """Return the number of the timer that this step lets run out in its time, or -1."""
        if not isinstance(step, Timeout) or step.early:
            return -1
        zones = self._zones[zone]
        timers = [timer[:2] for timer in zones[0].timers]
        number = timers.index((who, step.name))
        return number if any(can_run_out(each, number) for each in zones) else -1

    def judged(self, state: Key) -> tuple[bool, int, Outcome]:
        """Return if one was processed twice, which were processed, as bits, and the outcome."""
        disks = state[self._count : -4]
        found = self._judged.get(disks)
        if found is None:
            stores = [self.moves.disks[disk] for disk in disks]
            outcome = outcome_on(self.ids, stores)
            mask = sum(1 << bit for bit, (_, times, _) in enumerate(outcome) if times)
            twice = any(times > 1 for times in times_on(stores).values())
            found = self._judged[disks] = (twice, mask, outcome)
        return found

    def world(self, state: Key) -> World:
        """Return the world that this state stands for; it is the bench, until the next step."""
        bench, moves = self.moves.bench, self.moves
        for who in range(self._count):
            moves.put(who, state[who])
        for place, disk in zip(bench.stores, state[self._count : -4], strict=True):
            bench.stores[place] = moves.disks[disk]
        wires = self._flights[state[-4]]
        bench.packets = {n: Packet(n, *moves.wires[w]) for n, w in enumerate(wires, start=1)}
        bench.packets_sent, bench.clock_s = len(wires), self.bounds.clock_s[state[-1]]
        return bench

    # Ways on --------------------------------------------------------------------------

    def all_ways(self, state: Key) -> Iterator[Way]:
        """Yield each step, where it leads, whether it is a choice, and the fault that it is."""
        nodes = self.moves.nodes
        budget = state[-3]
        busy = [who for who in range(self._count) if nodes[state[who]].busy]
        for who in busy:
            effect = nodes[state[who]].effect
            yield ("run", who), self._moved(state, who, "run"), 0, 0
            if self._crashable[who] and (budget // CRASH) & FIELD:
                yield self._crash(state, who)
            if isinstance(effect, CAN_FAIL) and (budget // FAILURE) & FIELD:
                yield self._fail(state, who, type(effect))
            alone = not self._shares[who] and len(self._groups[who]) <= 1
            if alone and type(effect) is not Now:
                return  # its effects commute with everything else: one order stands for all
        yield from self._network_ways(state, budget)
        quiet = not busy and not self._flights[state[-4]]
        for who in range(self._count):
            if nodes[state[who]].down:
                yield ("restart", who), self._moved(state, who, "restart"), 1, 0
        for who in range(self._count):
            yield from self._participant_ways(state, who, budget, quiet=quiet)
        if state[-1] + 1 < len(self.bounds.clock_s):
            moment = float(self.bounds.clock_s[state[-1] + 1])
            yield ("tick", moment), (*state[:-1], state[-1] + 1), 1, 0

    def _network_ways(self, state: Key, budget: int) -> Iterator[Way]:
        moves, links = self.moves, self.bounds.links
        seen: set[Hashable] = set()
        for wire in self._flights[state[-4]]:
            source, target, _ = moves.wires[wire]
            content = wire if self.bounds.reordering else (source, target)
            if content in seen:
                continue
            seen.add(content)
            who = moves.targets[wire]
            if not moves.nodes[state[who]].busy:
                yield ("deliver", wire), self._moved(state, who, wire), 1, 0
            if links is not None and (source, target) not in links:
                continue
            if (budget // LOSS) & FIELD:
                yield ("lose", wire), self._flown(state, wire, LOSS), 1, LOSS
            if (budget // COPY) & FIELD:
                yield ("duplicate", wire), self._flown(state, wire, COPY), 1, COPY

    def _participant_ways(
        self, state: Key, who: int, budget: int, *, quiet: bool
    ) -> Iterator[Way]:
        node = self.moves.nodes[state[who]]
        if node.down or node.busy:
            return
        if self._crashable[who] and (budget // CRASH) & FIELD:
            yield self._crash(state, who)
        for timer in node.timers:
            if timer.name and not node.idle:
                continue
            zones = self._zones[state[-2]]
            number = next(n for n, t in enumerate(zones[0].timers) if t[:2] == timer[:2])
            known = -1
            if quiet and any(can_run_out(zone, number) for zone in zones):
                new = self._moved(state, who, ("timeout", timer.name), fired=number)
                known = new[-2]
                yield ("timeout", who, timer.name, False), new, 1, 0
            if (budget // EARLY) & FIELD:
                new = self._moved(state, who, ("timeout", timer.name), fault=EARLY)
                if new[-2] != known:  # else it is the same but for the fault
                    yield ("timeout", who, timer.name, True), new, 1, EARLY

    def _crash(self, state: Key, who: int, before: type[Effect] | None = None) -> Way:
        nodes = self.moves.nodes
        group = tuple(each for each in self._groups[who] if not nodes[state[each]].down)
        if before is not None:  # who stands at an effect goes first
            group = (who, *(each for each in group if each != who))
        new = state
        for each in group:
            new = self._moved(new, each, "crash")
        new = (*new[:-3], new[-3] - CRASH, *new[-2:])
        return ("crash", group, before), new, 1, CRASH

    def _fail(self, state: Key, who: int, effect: type[Effect]) -> Way:
        return ("fail", who, effect), self._moved(state, who, "fail", fault=FAILURE), 1, FAILURE

    # Where a step leads ---------------------------------------------------------------

    def _moved(
        self, state: Key, who: int, event: What, *, fault: int = 0, fired: int = -1
    ) -> Key:
        moves, (disk, own) = self.moves, self._places[who]
        clock_s = self.bounds.clock_s[state[-1]]
        move = moves.move(who, event, state[who], state[disk], state[own], clock_s)
        new = list(state)
        new[who], new[disk], new[own] = move.node, move.disk, move.own
        if (move.gone or fired >= 0) and (state[-2] or moves.nodes[move.node].timers):
            busy = self._busy(new[: self._count])
            new[-2] = self._timed(state[-2], who, fired, move.gone, move.node, busy)
        arrived = event if type(event) is int else -1
        if move.sent or arrived >= 0:
            new[-4] = self._flight_after(state[-4], arrived, move.sent)
        new[-3] -= fault
        return tuple(new)

    def _flown(self, state: Key, wire: int, fault: int) -> Key:
        sent = (wire, wire) if fault == COPY else ()
        flight = self._flight_after(state[-4], wire, sent)
        return (*state[:-4], flight, state[-3] - fault, *state[-2:])

    def _flight_after(self, flight: int, arrived: int, sent: tuple[int, ...]) -> int:
        key = ("flight", flight, arrived, sent)
        found = self._known.get(key)
        if found is None:
            wires = list(self._flights[flight])
            if arrived >= 0:
                place = wires.index(arrived)
                # A copy takes the place of what it was made of; what is sent comes last.
                copies = sent if arrived in sent else ()
                wires[place : place + 1] = copies
                sent = () if copies else sent
            found = self._known[key] = self._flight([*wires, *sent])
        return found

    def _busy(self, nodes: Iterable[int]) -> bool:
        """Whether somebody is at work: an effect takes no time."""
        known = self.moves.nodes
        for node in nodes:  # noqa: SIM110  # a generator takes twice as long
            if known[node].busy:
                return True
        return False

    def _timed(
        self, zone: int, who: int, fired: int, gone: frozenset[str], node: int, busy: bool
    ) -> int:  # fmt: skip
        key = ("zone", zone, who, fired, gone, node, busy)
        found = self._known.get(key)
        if found is None:
            known = self._zones[zone]
            if fired >= 0:
                known = tuple(run_out(z, fired) for z in known if can_run_out(z, fired))
            timers = self.moves.nodes[node].timers
            new = {each for one in known for each in rearm(one, who, gone, timers)}
            new = new if busy else set(map(time_passes, new))
            found = self._known[key] = self._number(self._zones, tuple(sorted(new)))
        return found

    # With effects that run by themselves ----------------------------------------------

    def settled(self, state: Key) -> Key:
        """Return where all effects lead that run by themselves."""
        return self._worked(state, range(self._count))

    def stops(self, state: Key) -> Iterator[Way]:
        """Yield the faults that a script can place before effects that run by themselves."""
        nodes, left = self.moves.nodes, state[-3]
        crash, failure = (left // CRASH) & FIELD, (left // FAILURE) & FIELD
        for who in range(self._count):
            if not nodes[state[who]].busy:
                continue
            before = self._worked(state, range(who))
            for kind in self._kinds_ahead(before, who):
                at = self._worked(self._moved(before, who, kind), range(who + 1, self._count))
                if crash and self._crashable[who]:
                    yield self._crash(at, who, kind)
                if failure and issubclass(kind, CAN_FAIL):
                    yield self._fail(at, who, kind)

    def _worked(self, state: Key, names: Iterable[int]) -> Key:
        for who in names:
            if self.moves.nodes[state[who]].busy:
                state = self._moved(state, who, "work")
        return state

    def _kinds_ahead(self, state: Key, who: int) -> list[type[Effect]]:
        kinds: dict[type[Effect], None] = {}
        while (effect := self.moves.nodes[state[who]].effect) is not None:
            kinds[type(effect)] = None
            state = self._moved(state, who, "run")
        return list(kinds)
