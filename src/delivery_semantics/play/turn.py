"""Where a player stands: what has happened, what just ran, and what can happen next.

Book: playground
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from .. import (
    Bounds, Crash, Deliver, Duplicate, Event, Lose, Restart, Run, Step, Tick, Timeout, Trace,
)  # fmt: skip
from ..core.effects import Effect
from ..core.perform import boot, never_waits, perform, possible
from ..core.script import follow, run_local
from ..core.world import World
from .game import Cast, Chosen, Game


@dataclass(frozen=True)
class Effected:
    """A local effect that ran by itself after the last step.

    ``line`` is the line of source at which ``who`` stood, ``event`` how many events there were
    before it.
    """

    who: str
    effect: Effect
    line: int
    event: int


@dataclass(frozen=True)
class Turn:
    """A world after the player's steps, with all that ran by itself since the last of them."""

    participants: Cast
    world: World
    trace: Trace
    ran: tuple[Effected, ...]
    steps: tuple[Step, ...]
    bounds: Bounds

    @cached_property
    def choices(self) -> tuple[Step, ...]:
        """Every step that the bounds leave to the player: packets first, then participants."""
        here = [step for step in possible(self.world) if self._offered(step)]
        here.sort(key=lambda step: not isinstance(step, Deliver | Lose | Duplicate))
        later = [s for s in self.bounds.clock_s if s > (self.world.clock_s or 0.0)]
        return (*here, *(Tick(float(s)) for s in later[:1]))

    def _offered(self, step: Step) -> bool:
        bounds = self.bounds
        match step:
            case Deliver(number):
                return bounds.reordering or number == self._first_on_link(number)
            case Lose(number) | Duplicate(number):
                _, source, target, _ = self.world.packets[number]
                most = bounds.losses if isinstance(step, Lose) else bounds.duplicates
                return most > 0 and (bounds.links is None or (source, target) in bounds.links)
            case Crash(who):
                return self.can_crash(who)
            case Timeout():
                return bounds.early_timeouts > 0 or not self.world.packets
        return isinstance(step, Restart)

    def can_crash(self, who: str) -> bool:
        """Tell if the bounds let this participant crash."""
        crashable = self.bounds.crashable
        return self.bounds.crashes > 0 and (crashable is None or who in crashable)

    def _first_on_link(self, number: int) -> int:
        link = self.world.packets[number][1:3]
        return next(n for n, each in self.world.packets.items() if each[1:3] == link)

    @cached_property
    def crash_points(self) -> tuple[tuple[Crash, Effected], ...]:
        """The crashes that can be put between what just ran by itself, and where."""
        found: dict[Crash, Effected] = {}
        for ran in self.ran:
            if self.can_crash(ran.who):
                found.setdefault(Crash(ran.who, before=type(ran.effect)), ran)
        return tuple(found.items())


def reached(game: Game, values: Chosen, steps: Sequence[Step]) -> Turn:
    """Return the turn after these steps. Raises ValueError for one that is not possible."""
    participants = game.built(values)
    events: list[Event] = []
    world = boot(participants, stores=game.stores, record=events.append)
    follow(world, *steps)
    ran = []
    for who in participants:
        left = world.effects_max
        while (effect := world.local_effect(who)) is not None:
            task = world.tasks[who]
            ran.append(Effected(who, effect, task.line if task else 0, len(events)))
            perform(world, Run(who))
            left -= 1
            if not left:
                raise never_waits(world, who)
    trace = world.trace(events)
    return Turn(participants, world, trace, tuple(ran), tuple(steps), game.bounds)


def line_of_crash(game: Game, values: Chosen, steps: Sequence[Step]) -> int:
    """Return the line at which the participant stood that the last step crashes; 0: none."""
    if not steps or not isinstance(last := steps[-1], Crash):
        return 0
    world = boot(game.built(values), stores=game.stores)
    follow(world, *steps[:-1])
    run_local(world, until=last)
    task = world.tasks[last.who]
    return task.line if task and last.before else 0
