"""The author chooses: each step is written down.

Book: 01-the-problem
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import get_args

from .effects import Participant
from .perform import boot, perform, possible
from .steps import Crash, Deliver, Duplicate, Lose, Run, Step, Timeout, describe
from .tasks import Carrier, running
from .trace import Event, Trace
from .world import World


def script(
    participants: Mapping[str, Participant],
    *steps: Step,
    automatic: bool = True,
    stores: Mapping[str, str] | None = None,
    carry: Carrier = running,
) -> Trace:
    """Perform these steps in this order and return the trace.

    Event times are the steps' numbers, from 0. Local effects run by themselves before each step
    and at the end, up to the effect before which a ``Crash`` stands; with ``automatic=False``
    each needs its own ``Run``. ``stores`` and ``carry`` are as for ``World``.
    Raises ValueError for a step that is not possible; it lists the possible ones.
    """
    events: list[Event] = []
    world = boot(participants, stores=stores, record=events.append, carry=carry)
    for number, step in enumerate(steps, start=1):
        if automatic:
            run_local(world, until=step)
        world.time_s = float(number)
        if type(step) not in get_args(Step):
            kinds = ", ".join(kind.__name__ for kind in get_args(Step))
            raise ValueError(f"step {number}: {step!r} is no step; allowed: {kinds}")
        if not _is_possible(world, step):
            raise ValueError(_not_possible(world, number, step))
        perform(world, step)
    if automatic:
        run_local(world)
    return Trace(tuple(participants), world.messages(), tuple(events))


def run_local(world: World, *, until: Step | None = None) -> None:
    """Carry out every local effect, but stop at the one before which ``until`` crashes."""
    for who in world.participants:
        stop = until.before if isinstance(until, Crash) and until.who == who else None
        while (effect := world.local_effect(who)) is not None and type(effect) is not stop:
            perform(world, Run(who))


def _is_possible(world: World, step: Step) -> bool:
    match step:
        case Crash(who, None):  # also in the middle of a handler: wherever it stands
            return who in world.participants and not world.is_down(who)
        case Timeout(who, _):
            step = Timeout(who)
    return step in possible(world)


def _not_possible(world: World, number: int, step: Step) -> str:
    lines = [f"step {number}: {describe(step)} is not possible; possible now:"]
    lines += [f"  {describe(other)}{_content(world, other)}" for other in possible(world)]
    return "\n".join(lines)


def _content(world: World, step: Step) -> str:
    if not isinstance(step, Deliver | Lose | Duplicate):
        return ""
    packet = world.packets[step.packet]
    return f"  # {packet.payload} to {packet.target}"
