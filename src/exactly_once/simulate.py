"""A seed chooses: time passes, packets fare as the network's dice say.

The clock is a number that jumps to the next thing due, so an hour of retries takes
milliseconds and the same seed gives the same run, byte for byte.

Book: 01-the-problem
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import KW_ONLY, dataclass
from heapq import heappop, heappush
from typing import get_args

from .answers import READS
from .check import at_least, not_negative, positive, probability
from .dice import dice
from .effects import Effect, Participant
from .network import Network, Post
from .perform import boot, perform
from .steps import Crash, Deliver, Duplicate, Lose, Restart, Run, Step, Timeout
from .trace import Event, Trace
from .world import WAITING, World

# Before a wait, or a read that nobody notices, nothing new is lost: name what comes after it.
CAN_CRASH_BEFORE = tuple(kind for kind in get_args(Effect) if kind not in (*WAITING, *READS))


class UnboundedRun(RuntimeError):
    """A run that reached its limit of steps or of time without coming to an end."""


@dataclass(frozen=True)
class CrashPoint:
    """``who`` crashes before an effect of this kind, with this probability each time.

    It restarts ``down_s`` seconds later. Raises ValueError for a value out of range.
    """

    who: str
    before: type[Effect]
    probability: float
    _: KW_ONLY
    down_s: float = 0.1

    def __post_init__(self) -> None:
        if self.before not in CAN_CRASH_BEFORE:
            allowed = ", ".join(kind.__name__ for kind in CAN_CRASH_BEFORE)
            raise ValueError(f"before is {self.before!r}; allowed: {allowed}")
        probability("probability", self.probability)
        positive("down_s", self.down_s)


@dataclass(frozen=True)
class Outage:
    """``who`` crashes at a fixed time and restarts ``down_s`` seconds later."""

    who: str
    _: KW_ONLY
    at_s: float
    down_s: float

    def __post_init__(self) -> None:
        not_negative("at_s", self.at_s)
        positive("down_s", self.down_s)


def simulate(
    participants: Mapping[str, Participant],
    network: Network | None = None,
    *,
    seed: int = 1,
    crashes: tuple[CrashPoint | Outage, ...] = (),
    early_timeouts: float = 0.0,
    time_s_max: float = 1e7,
    steps_max: int = 1_000_000,
    stores: Mapping[str, str] | None = None,
    record: Callable[[Event], None] | None = None,
) -> Trace:
    """Run until nothing more can happen, and return the trace.

    A timer fires early with probability ``early_timeouts``, at an even fraction of its time.
    With ``record``, each event is handed to it instead, and the trace has none: a long run then
    needs no memory for its past. ``stores`` is as for ``World``.
    Raises ValueError for bad parameters, UnboundedRun beyond ``time_s_max`` or ``steps_max``.
    """
    probability("early_timeouts", early_timeouts)
    positive("time_s_max", time_s_max)
    at_least("steps_max", steps_max, 1)
    events: list[Event] = []
    world = boot(participants, stores=stores, record=record or events.append)
    for crash in crashes:
        world.check_known("crashes", crash.who)
    run = _Run(world, Post(network or Network(), seed=seed), seed, crashes, early_timeouts)
    run.to_the_end(time_s_max, steps_max)
    return Trace(tuple(participants), world.messages(), tuple(events))


class _Run:
    """The agenda: a heap of (time, serial, step), so that ties have one order."""

    def __init__(
        self, world: World, post: Post, seed: int,
        crashes: tuple[CrashPoint | Outage, ...], early_timeouts: float,
    ) -> None:  # fmt: skip
        self._world, self._post, self._seed = world, post, seed
        self._early_timeouts = early_timeouts
        self._points = [crash for crash in crashes if isinstance(crash, CrashPoint)]
        self._agenda: list[tuple[float, int, Step]] = []
        self._serial = 0
        self._timer: dict[str, int] = {}  # who -> serial of the timer that still counts
        self._restart: dict[str, tuple[float, int]] = {}  # who -> time, serial that counts
        self._outages: dict[int, Outage] = {}  # by the serial of its crash
        self._asked: dict[tuple[str, object], int] = {}
        self._runs = {who: Run(who) for who in world.participants}
        for crash in crashes:
            if isinstance(crash, Outage):
                self._plan(crash.at_s, Crash(crash.who))
                self._outages[self._serial] = crash
        for who in world.participants:
            self._work(who)

    def to_the_end(self, time_s_max: float, steps_max: int) -> None:
        world, agenda = self._world, self._agenda
        steps = 0
        while agenda:
            world.time_s, serial, step = heappop(agenda)
            steps += 1
            if world.time_s > time_s_max:
                raise UnboundedRun(
                    f"time_s_max: the run goes on after {time_s_max:g} s; {_HINT}"
                )
            if steps > steps_max:
                raise UnboundedRun(
                    f"steps_max: the run goes on after {steps_max:,} steps; {_HINT}"
                )
            if self._still_due(step, serial) and (who := perform(world, step)) is not None:
                self._work(who)

    def _still_due(self, step: Step, serial: int) -> bool:
        match step:
            case Timeout(who):
                return self._timer.get(who) == serial
            case Restart(who):
                return self._restart[who][1] == serial
            case Crash(who):
                self._stay_down(who, self._outages[serial].down_s)
                return not self._world.is_down(who)
        return True

    def _work(self, who: str) -> None:
        """Let ``who`` carry out its local effects, then arm the timer for which it waits."""
        world = self._world
        self._timer.pop(who, None)
        while (effect := world.local_effect(who)) is not None:
            if self._points and (point := self._crash_point(who, effect)):
                perform(world, Crash(who, before=type(effect)))
                self._stay_down(who, point.down_s)
                return
            sent = world.packets_sent
            perform(world, self._runs[who])
            if world.packets_sent > sent:
                self._post_packet(world.packets_sent)
        wait_s = world.timer_s(who)
        if wait_s is not None:
            self._arm(who, wait_s)

    def _post_packet(self, number: int) -> None:
        world = self._world
        packet = world.packets[number]
        fate = self._post.fate(packet.source, packet.target, packet.payload, now_s=world.time_s)
        if not fate:
            perform(world, Lose(number))
        for copy, delay_s in enumerate(fate):
            if copy:
                perform(world, Duplicate(number))
            arriving = world.packets_sent if copy else number
            self._plan(world.time_s + delay_s, Deliver(arriving))

    def _arm(self, who: str, wait_s: float) -> None:
        early = False
        if self._early_timeouts:
            name = ("timer", who, self._count(who, "timer"))
            early = dice(self._seed, "early", *name) < self._early_timeouts
            wait_s *= dice(self._seed, "fraction", *name) if early else 1.0
        self._plan(self._world.time_s + wait_s, Timeout(who, early))
        self._timer[who] = self._serial

    def _stay_down(self, who: str, down_s: float) -> None:
        """Plan the restart; where crashes overlap, the latest restart counts."""
        up_s = self._world.time_s + down_s
        if up_s >= self._restart.get(who, (0.0, 0))[0]:
            self._plan(up_s, Restart(who))
            self._restart[who] = (up_s, self._serial)

    def _crash_point(self, who: str, effect: Effect) -> CrashPoint | None:
        for number, point in enumerate(self._points):
            if point.who == who and type(effect) is point.before and point.probability:
                nth = self._count(who, effect)
                if dice(self._seed, "crash", number, who, effect, nth) < point.probability:
                    return point
        return None

    def _count(self, who: str, asked: object) -> int:
        self._asked[who, asked] = nth = self._asked.get((who, asked), 0) + 1
        return nth

    def _plan(self, time_s: float, step: Step) -> None:
        self._serial += 1
        heappush(self._agenda, (time_s, self._serial, step))


_HINT = "give the sender attempts_max or deadline_s, or raise the limit"
