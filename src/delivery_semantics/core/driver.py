"""What a simulated and a live run have in common: all but who keeps the time.

Theory of operation. A run goes on by plans: a packet that will arrive, a timer that will fire,
a crash, a restart. The driver makes the plans, asks the network and the dice about each, and
carries them out when their time has come. ``simulate`` keeps the plans on a heap and lets the
clock jump to the next one; ``live`` gives them to the event loop and waits.

Book: 03-at-most-once
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from functools import partial
from typing import Any

from .check import of_type, probability
from .crashes import Crashes, CrashPoint, Outage
from .dice import Ordinals, check_seed, dice
from .effects import Effect
from .network import Links, Network
from .perform import (
    crash, deliver, duplicate, lose, restart, timeout, work,
)  # fmt: skip
from .world import Packet, World

Action = Callable[[Any], None]
Plan = Callable[[float, Action, Any], None]
"""Call plan(delay_s, action, argument) to have action(argument) done after that time."""
Armed = tuple[str, str, bool]
"""Whose timer, its name, and whether it fires early."""


class Driver:
    """Drives a world that has been booted; call ``begin`` once.

    ``transmit`` is what is planned for each packet with its number, by default that it arrives.
    """

    def __init__(
        self, world: World, network: Network, plan: Plan, *, seed: int,
        crashes: Crashes = (), early_timeouts: float = 0.0, transmit: Action | None = None,
    ) -> None:  # fmt: skip
        check_seed(seed)
        probability("early_timeouts", early_timeouts)
        of_type("network", network, Network)
        for each in of_type("crashes", crashes, tuple, list):
            world.check_known("crashes", of_type("crashes", each, CrashPoint, Outage).who)
        self._world, self._plan, self._seed = world, plan, seed
        self._links = Links(network, seed=seed)
        self._crashes, self._early_timeouts = crashes, early_timeouts
        self._points = [each for each in crashes if isinstance(each, CrashPoint)]
        self._fragile = {point.who for point in self._points}
        self._transmit = transmit or self.deliver
        self._timers: dict[tuple[str, str], Armed] = {}  # who and name -> the one that counts
        self._due: list[tuple[str, str]] = []  # run out while their participant was busy
        self._restarts: dict[str, tuple[float, str]] = {}  # who -> the restart that counts
        self._to_come = 0  # crashes and restarts
        self._asked = Ordinals()
        world.on_sent, world.on_armed = self._send_packet, self._arm

    def begin(self) -> None:
        """Plan the outages and let everybody work up to the first wait."""
        for each in self._crashes:
            if isinstance(each, Outage):
                self._to_come += 1
                self._plan(each.at_s, self._outage, each)
        self._world.at_once = frozenset({*self._world.participants} - self._fragile)
        for who in self._world.participants:
            if (wait_s := self._world.timer_s(who)) is not None:  # since it was booted
                self._arm(who, "", wait_s)
            if who not in self._fragile:
                work(self._world, who)
            self._moved(who)

    @property
    def quiet(self) -> bool:
        """Whether nothing more can happen: no timer, no packet, no crash or restart to come."""
        world = self._world
        armed = any(world.timers.values()) or any(
            world.timer_s(who) is not None for who in world.participants
        )
        return not (armed or world.packets or self._to_come)

    def deliver(self, number: int) -> None:
        """Let packet ``number`` arrive now."""
        who = deliver(self._world, number)
        if who is not None and (self._fragile or self._due):
            self._moved(who)

    # What comes true ------------------------------------------------------------------

    def _timeout(self, timer: Armed) -> None:
        who, name, early = timer
        if self._timers[who, name] is timer:
            self._run_out(who, name, early=early)

    def _run_out(self, who: str, name: str, *, early: bool) -> None:
        world = self._world
        if name not in world.timers[who] if name else world.timer_s(who) is None:
            return
        if name and world.tasks[who] is not None:
            self._due.append((who, name))
        else:
            timeout(world, who, name, early=early)
            self._moved(who)

    def _outage(self, outage: Outage) -> None:
        self._to_come -= 1
        self._stay_down(outage.who, outage.down_s)
        if not self._world.is_down(outage.who):
            crash(self._world, outage.who)

    def _restart(self, planned: tuple[float, str]) -> None:
        self._to_come -= 1
        _, who = planned
        if self._restarts[who] is planned:
            restart(self._world, who)
            self._moved(who)

    # What is planned ------------------------------------------------------------------

    def _moved(self, who: str) -> None:
        """See that ``who``, who has moved on, comes to its next wait or to its end."""
        if who in self._fragile:
            self._work_in_danger(who)
        if self._due and self._world.tasks[who] is None:
            self._catch_up(who)

    def _catch_up(self, who: str) -> None:
        """Let the timers fire that ran out while ``who`` was busy."""
        for due in [each for each in self._due if each[0] == who]:
            if self._world.tasks[who] is None and due in self._due:
                self._due.remove(due)
                self._run_out(*due, early=False)

    def _work_in_danger(self, who: str) -> None:
        work(self._world, who, partial(self._strikes, who))
        if (effect := self._world.local_effect(who)) is not None:
            crash(self._world, who, before=type(effect))

    def _send_packet(self, packet: Packet) -> None:
        world, plan, number = self._world, self._plan, packet.number
        fate = self._links.certain or self._links.fate(
            packet.source, packet.target, packet.payload, world.time_s
        )
        if not fate:
            lose(world, number)
            return
        plan(fate[0], self._transmit, number)
        for delay_s in fate[1:]:
            duplicate(world, number)
            plan(delay_s, self._transmit, world.packets_sent)

    def _arm(self, who: str, name: str, wait_s: float) -> None:
        early = False
        if self._early_timeouts:
            asked = ("timer", who, self._count(who, "timer"))
            early = dice(self._seed, "early", *asked) < self._early_timeouts
            wait_s *= dice(self._seed, "fraction", *asked) if early else 1.0
        self._timers[who, name] = timer = (who, name, early)
        self._plan(wait_s, self._timeout, timer)

    def _stay_down(self, who: str, down_s: float) -> None:
        """Plan the restart; where crashes overlap, the latest restart counts."""
        up_s = self._world.time_s + down_s
        if who not in self._restarts or up_s >= self._restarts[who][0]:
            self._restarts[who] = planned = (up_s, who)
            self._to_come += 1
            self._plan(down_s, self._restart, planned)

    def _strikes(self, who: str, effect: Effect) -> bool:
        """Tell whether ``who`` crashes before this effect; then its restart is planned."""
        for number, point in enumerate(self._points):
            if point.who == who and type(effect) is point.before and point.probability:
                nth = self._count(who, effect)
                if dice(self._seed, "crash", number, who, effect, nth) < point.probability:
                    self._stay_down(who, point.down_s)
                    return True
        return False

    def _count(self, who: str, asked: Hashable) -> int:
        return self._asked.next((who, asked))
