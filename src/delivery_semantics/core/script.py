"""The author chooses: each step is written down.

Book: 01-the-problem
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import get_args

from .check import truth
from .effects import Effect, Participant
from .perform import boot, end, perform, possible, work
from .steps import (
    KINDS, Crash, Deliver, Duplicate, Fail, Lose, Step, Tick, Timeout, describe,
)  # fmt: skip
from .tasks import Carrier
from .trace import Event, Trace
from .world import World


def script(
    participants: Mapping[str, Participant],
    *steps: Step,
    automatic: bool = True,
    stores: Mapping[str, str] | None = None,
    carry: Carrier | None = None,
) -> Trace:
    """Perform these steps in this order and return the trace.

    Event times are the steps' numbers, from 0; the clock that ``Now`` asks moves by ``Tick``.
    Local effects run by themselves before each step and at the end, up to the effect before
    which a ``Crash`` stands; with ``automatic=False`` each needs its own ``Run``. ``stores``
    and ``carry`` are as for ``World``. Raises TypeError and ValueError for bad parameters,
    ValueError for a step that is not possible; it lists the possible ones.
    """
    truth("automatic", automatic)
    events: list[Event] = []
    world = boot(participants, stores=stores, record=events.append, carry=carry)
    follow(world, *steps, automatic=automatic)
    if automatic:
        run_local(world)
    return end(world, events)


def follow(world: World, *steps: Step, automatic: bool = True) -> None:
    """Perform these steps in a world that has been booted; parameters as for ``script``."""
    for _ in followed(world, *steps, automatic=automatic):
        pass


def followed(
    world: World, *steps: Step, automatic: bool = True
) -> Iterator[tuple[Step | None, list[str]]]:
    """Do the same, and yield each step and who has moved on by it; None: the local effects."""
    world.clock_s = world.clock_s or 0.0
    for number, step in enumerate(steps, start=1):
        if type(step) not in get_args(Step):
            kinds = ", ".join(kind.__name__ for kind in KINDS.values())
            raise ValueError(f"step {number}: {step!r} is no step; allowed: {kinds}")
        if automatic:
            yield None, run_local(world, until=step)
        world.time_s = float(number)
        if not _is_possible(world, step):
            raise ValueError(_not_possible(world, number, step))
        who = perform(world, step)
        yield step, [who] if who is not None else []


def run_local(world: World, *, until: Step | None = None) -> list[str]:
    """Carry out every local effect, but stop at the one where ``until`` crashes or fails.

    Return who has moved on.
    """
    moved = [who for who in world.participants if world.local_effect(who) is not None]
    for who in world.participants:
        work(world, who, _stop(who, until))
    return moved


def _stop(who: str, until: Step | None) -> Callable[[Effect], bool] | None:
    match until:
        case Crash(whose, kind) | Fail(whose, kind) if whose == who:
            return lambda effect: type(effect) is kind
    return None


def _is_possible(world: World, step: Step) -> bool:
    match step:
        case Crash(who, None):  # also in the middle of a handler: wherever it stands
            return who in [*world.participants] and not world.is_down(who)
        case Timeout(who, _, name):
            step = Timeout(who, name=name)
        case Fail(who, effect):
            standing = who in [*world.participants] and world.local_effect(who)
            return bool(standing) and (effect is None or type(standing) is effect)
        case Tick(to_s):
            return world.clock_s is not None and to_s >= world.clock_s
    return step in possible(world)


def _not_possible(world: World, number: int, step: Step) -> str:
    lines = [f"step {number}: {describe(step)} is not possible; possible now:"]
    lines += [f"  {describe(other)}{_content(world, other)}" for other in possible(world)]
    if isinstance(step, Tick):
        lines.append(f"  Tick(…) to {world.clock_s:g} or later")
    return "\n".join(lines)


def _content(world: World, step: Step) -> str:
    if not isinstance(step, Deliver | Lose | Duplicate):
        return ""
    packet = world.packets[step.packet]
    return f"  # {packet.payload} to {packet.target}"
