"""A crash at every place where one can fall, in turn.

The way SQLite's tests treat errors of the disk: fail at the first place, then at the second,
and so on, until a run ends in which nothing failed. Nothing is left to chance, so a window of
no width is met like any other. Source: sqlite.org/testing.html, "I/O Error Testing".

Book: 07-deduplication
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from itertools import count

from ..core.audit import audit
from ..core.check import of_type
from ..core.effects import Effect, Participant
from ..core.perform import boot, crash, deliver, restart, run, timeout
from ..core.tasks import Carrier, running
from ..core.trace import Event, Trace
from ..core.world import World
from .processes import Processes

CrashPlace = tuple[int, int]
"""At which effect, counted from 1, and before which statement within it; 0: before them all."""

STEPS_MAX = 100_000
NOWHERE = (0, 0)


@dataclass(frozen=True)
class CrashedRun:
    """A run with one crash: where it fell, and what came of it.

    ``fault`` is "killed" for a real process, else "crashed"; ``step`` is the ``place`` in
    words, say "before Mark". ``money`` and ``marked`` are what the database holds, or without
    one what the run came to.
    """

    fault: str
    step: str
    place: CrashPlace
    trace: Trace
    money: int
    marked: frozenset[str]

    @property
    def expected(self) -> int:
        """The money that is right."""
        return sum(message.amount for message in self.trace.messages)


def campaign(
    participants: Mapping[str, Participant], *, who: str = "receiver"
) -> list[CrashedRun]:
    """Crash ``who`` before each effect and after the last one, in turn, in memory.

    Packets arrive in the order sent, and timers fire when nothing else can happen.
    Raises ValueError for an unknown ``who``, RuntimeError for a run without an end.
    """
    return list(_runs(participants, who, lambda: nullcontext(running)))


def kill_campaign(
    participants: Mapping[str, Participant], stores: Iterator[str], *, who: str = "receiver"
) -> list[CrashedRun]:
    """Do the same to a real process, with SIGKILL, and within each transaction as well.

    Each run takes the next of ``stores``, URLs of empty databases. Raises as ``campaign`` does,
    and Divergence if a run, or what its database holds, differs from the model.
    """
    of_type("stores", stores, Iterator, allowed="an iterator of URLs, one for each run")

    def carrier() -> Processes:
        store = next(stores, None)
        if store is None:
            raise ValueError("stores has run out; allowed: one for each run")
        return Processes(participants, {who: store})

    return list(_runs(participants, who, carrier))


@dataclass(frozen=True)
class ManyKills:
    """One run with many crashes: how many fell at each point, and what came of it."""

    trace: Trace
    fell: Counter[str]
    money_there: int


def kill_at_each_place(
    participants: Mapping[str, Participant], store: str, places: Sequence[CrashPlace], *,
    who: str = "receiver",
) -> ManyKills:  # fmt: skip
    """Kill the process of ``who`` at each of these places for each message, in one run.

    The first copy of a message to arrive meets the kill at the first place, the second copy at
    the second, and so on, until there is none left or the handler goes another way. Places are
    counted from the arrival; they come from a campaign. Raises as ``kill_campaign`` does, and
    ValueError for a place within a transaction that has fewer statements.
    """
    copies = Counter[str]()

    def crash_at(message_id: str) -> None:
        nth = copies[message_id]
        copies[message_id] += 1
        walk.crash_at(places[nth] if nth < len(places) else NOWHERE)

    events: list[Event] = []
    with Processes(participants, {who: store}) as processes:
        walk = _Walk(boot(participants, record=events.append, carry=processes), who, crash_at)
        walk.to_the_end()
        if walk.missed:
            raise ValueError(f"places are {list(places)}; allowed: those of a campaign")
        trace = walk.world.trace(events)
        processes.check(trace)
        return ManyKills(trace, Counter(walk.points), processes.money())


OpenCarrier = Callable[[], AbstractContextManager[Carrier]]


def _runs(
    participants: Mapping[str, Participant], who: str, open_carrier: OpenCarrier
) -> Iterator[CrashedRun]:
    for effect in count(1):
        for statement in count():
            crashed = _crashed_at(participants, who, (effect, statement), open_carrier)
            if crashed is None:
                break
            yield crashed
        if statement == 0:
            return


def _crashed_at(
    participants: Mapping[str, Participant],
    who: str,
    place: CrashPlace,
    open_carrier: OpenCarrier,
) -> CrashedRun | None:
    """Crash at this place; None if there is no such."""
    events: list[Event] = []
    with open_carrier() as carry:
        walk = _Walk(boot(participants, record=events.append, carry=carry), who)
        walk.world.check_known("who", who)
        walk.crash_at(place)
        if not walk.to_the_end():
            return None
        trace = walk.world.trace(events)
        [step] = walk.points
        if isinstance(carry, Processes):
            carry.check(trace)
            return CrashedRun("killed", step, place, trace, carry.money(), carry.marked())
        money = audit(trace).money_there
        marked = frozenset(event.payload.id for event in trace.of("marked") if event.payload)
        return CrashedRun("crashed", step, place, trace, money, marked)


class _Walk:
    """A run in a fixed order of steps, with a crash at each place that is asked for.

    ``on_arrival`` is called with the id of what arrives at ``who``. ``points`` tells, in words,
    where the crashes fell; ``missed`` that a transaction had no such statement.
    """

    def __init__(
        self, world: World, who: str, on_arrival: Callable[[str], None] = lambda _: None
    ) -> None:
        self.world, self._who, self._on_arrival = world, who, on_arrival
        self.points: list[str] = []
        self._effects_to_go = self._statement = 0
        self._last: Effect | None = None
        self.missed = False

    def crash_at(self, place: CrashPlace) -> None:
        """Crash at this place, counted from now, and at no other."""
        self._effects_to_go, self._statement = place

    def to_the_end(self) -> bool:
        """Go on until nothing is left to do; return whether the last crash was met."""
        for _ in range(STEPS_MAX):
            if self.missed or not self._step():
                return self._effects_to_go <= 0 and not self.missed
        raise RuntimeError(f"the run goes on after {STEPS_MAX:,} steps; allowed: one that ends")

    def _step(self) -> bool:
        world = self.world
        for name in world.participants:
            if (effect := world.local_effect(name)) is not None:
                if name != self._who or not self._crashes(effect):
                    run(world, name)
                return True
        if self._last is not None and self._crashes(None):
            return True
        if world.packets:
            packet = next(iter(world.packets.values()))
            if packet.target == self._who and not world.is_down(self._who):
                self._on_arrival(packet.payload.id)
            deliver(world, packet.number)
            return True
        return self._restart_or_timeout()

    def _restart_or_timeout(self) -> bool:
        world = self.world
        for name in world.participants:
            if world.is_down(name):
                restart(world, name)
                return True
        for name in world.participants:
            if world.timer_s(name) is not None:
                timeout(world, name)
                return True
            for timer in world.timers[name]:
                timeout(world, name, timer)
                return True
        return False

    def _crashes(self, effect: Effect | None) -> bool:
        """Crash before this effect if it is to fall there; None is the end of a handler."""
        last, self._last = self._last, effect
        self._effects_to_go -= 1
        if self._effects_to_go:
            return False
        point = f"before {type(effect).__name__}" if effect else f"after {type(last).__name__}"
        if self._statement:
            statement = self._enter(effect)
            point = f"inside {type(effect).__name__}, before {statement}"
            self.missed = not statement
        self.points.append(point)
        crash(self.world, self._who)
        self._last = None
        return True

    def _enter(self, effect: Effect | None) -> str:
        """Go on to the statement where it is to fall; return what that is, "" if none is."""
        carry = self.world.carry
        if effect is None or not isinstance(carry, Processes):
            return ""
        return carry.enter(self._who, self._statement)
