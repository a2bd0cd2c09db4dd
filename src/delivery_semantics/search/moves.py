"""What a participant does next, worked out once for each condition that it can be in.

What a handler does depends on where it stands, on its memory and its disks, and on what happens
to it: on nothing else in the world. So a search need not carry out the same step again for
every world that differs elsewhere. It is carried out once, by ``perform``, in a world that
serves as a workbench; afterwards a step is looked up.

Book: 05-exactly-once-a-myth
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import NamedTuple

from ..core.effects import Effect, Kept, Participant, Payload
from ..core.frames import value_of
from ..core.perform import boot, perform, work
from ..core.steps import KINDS, Deliver, Timeout
from ..core.store import Store
from ..core.tasks import Task
from ..core.world import DOWN, Packet, World
from .histories import Histories
from .zones import Timer, nanoseconds

What = int | str | tuple[str, str] | type[Effect]
"""What happens to one: a content arrives, "run", ("timeout", name), runs until an effect."""

Wire = tuple[str, str, Payload]
"""The content of a packet: source, target, payload."""

EFFECTS_MAX = 2_000
"""Each effect of a handler costs as many steps as came before it, so one that never waits has
to be found soon."""


class Node:
    """A participant at one moment: its handler, its memory, its timers, and what follows."""

    def __init__(
        self, who: int, task: Task | None, memory: dict[str, Kept], world: World
    ) -> None:
        name = tuple(world.participants)[who]
        self.who = who
        self.task, self.memory, self.armed = task, memory, world.timers[name]
        self.down = task is DOWN
        self.effect: Effect | None = world.local_effect(name)
        self.busy = self.effect is not None
        self.idle = task is None
        wait_s = world.timer_s(name)
        waits = () if wait_s is None else (Timer(who, "", nanoseconds(wait_s)),)
        named = tuple(
            Timer(who, timer, nanoseconds(delay_s), not self.idle)
            for timer, delay_s in self.armed.items()
        )
        self.timers: tuple[Timer, ...] = () if self.down else (*waits, *named)


class Move(NamedTuple):
    """What a step makes of one participant: its node, its disks, what it sent and armed."""

    node: int
    disk: int
    own: int
    sent: tuple[int, ...]
    gone: frozenset[str]


class Moves:
    """Nodes, disks and contents of packets, each with a number, and the steps between them.

    ``at_once`` names those whose local effects are carried out together with what set them off,
    because nobody could notice the difference. Parameters are otherwise as for ``World``.
    """

    def __init__(
        self, participants: Mapping[str, Participant], stores: Mapping[str, str] | None
    ) -> None:
        self.bench = boot(participants, stores=stores, carry=Histories())
        self.bench.effects_max = EFFECTS_MAX
        self.names = tuple(participants)
        self.at_once: frozenset[int] = frozenset()
        self.nodes: list[Node] = []
        self.disks: list[Store] = []
        self.wires: list[Wire] = []
        self.targets: list[int] = []
        self._node_numbers: dict[Hashable, int] = {}
        self._disk_numbers: dict[Hashable, int] = {}
        self._wire_numbers: dict[Hashable, int] = {}
        self._moves: dict[Hashable, Move] = {}
        places = {name: number for number, name in enumerate(self.bench.stores)}
        self.places = tuple(
            (places[self.bench.store_names[name]], places[name]) for name in self.names
        )

    # Numbers for what is equal ----------------------------------------------------------

    def node(self, who: int) -> int:
        """Return the number of what ``who`` is on the bench now."""
        name = self.names[who]
        task, memory = self.bench.tasks[name], self.bench.memory[name]
        kept = frozenset((key, value_of(value)) for key, value in memory.items())
        key = (who, task, kept, frozenset(self.bench.timers[name].items()))
        number = self._node_numbers.setdefault(key, len(self.nodes))
        if number == len(self.nodes):
            self.nodes.append(Node(who, task, memory, self.bench))
        return number

    def disk(self, place: str) -> int:
        """Return the number of what is on this disk of the bench now."""
        store = self.bench.stores[place]
        number = self._disk_numbers.setdefault(store.key(), len(self.disks))
        if number == len(self.disks):
            self.disks.append(store.copy())
        return number

    def wire(self, packet: Packet) -> int:
        """Return the number of what this packet carries, from where to where."""
        number = self._wire_numbers.setdefault(value_of(packet[1:]), len(self.wires))
        if number == len(self.wires):
            self.wires.append(packet[1:])
            self.targets.append(self.names.index(packet.target))
        return number

    # Steps ----------------------------------------------------------------------------

    def move(
        self, who: int, event: What, node: int, disk: int, own: int, clock_s: float
    ) -> Move:
        """Return what this event makes of ``who``; see ``_carry_out`` for events."""
        key = (who, event, node, disk, own, clock_s)
        found = self._moves.get(key)
        if found is None:
            found = self._moves[key] = self._work_out(who, event, node, disk, own, clock_s)
        return found

    def _work_out(
        self, who: int, event: What, node: int, disk: int, own: int, clock_s: float
    ) -> Move:
        bench, name = self.bench, self.names[who]
        self.put(who, node)
        armed: list[str] = []
        bench.on_armed = lambda _, timer, __: armed.append(timer)
        bench.clock_s = clock_s
        used, mine = bench.store_names[name], name
        bench.stores[mine] = self.disks[own].copy()
        bench.stores[used] = self.disks[disk].copy()
        bench.packets, bench.packets_sent = {}, 0
        before = dict(bench.timers[name])
        moved = self._carry_out(who, event)
        if who in self.at_once:
            work(bench, name)
        gone = {timer for timer in before if timer not in bench.timers[name]} | set(armed)
        sent = tuple(self.wire(packet) for packet in bench.packets.values())
        gone |= {""} if moved else set()
        return Move(self.node(who), self.disk(used), self.disk(mine), sent, frozenset(gone))

    def _carry_out(self, who: int, event: What) -> bool:
        """Carry out one event on the bench: a content that arrives, or a step by its name.

        Return whether ``who`` has moved on.
        """
        bench, name = self.bench, self.names[who]
        match event:
            case int():
                bench.packets, bench.packets_sent = {1: Packet(1, *self.wires[event])}, 1
                return perform(bench, Deliver(1)) is not None
            case "work":
                work(bench, name)
            case type():
                work(bench, name, lambda effect: type(effect) is event)
            case ("timeout", str(timer)):
                perform(bench, Timeout(name, name=timer))
            case str():
                perform(bench, KINDS[event](name))
        return True

    def put(self, who: int, node: int) -> None:
        """Put ``who`` on the bench as it is in this node."""
        name, found = self.names[who], self.nodes[node]
        self.bench.tasks[name] = found.task
        self.bench.memory[name], self.bench.timers[name] = found.memory, found.armed
