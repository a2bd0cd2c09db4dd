"""A seed chooses: time passes, packets fare as the network's dice say.

The clock is a number that jumps to the next thing due, so an hour of retries takes
milliseconds and the same seed gives the same run, byte for byte.

Book: 01-the-problem
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from heapq import heappop, heappush
from itertools import count
from typing import Any

from .check import at_least, positive
from .crashes import CrashPoint, Outage
from .driver import Action, Driver, Plan
from .effects import Participant
from .network import Network
from .perform import UnboundedRun, boot, end
from .store import ShortStore
from .tasks import Carrier
from .trace import Event, Trace
from .vet import collection_paused
from .world import World

__all__ = ["CrashPoint", "Outage", "UnboundedRun", "simulate"]


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
    carry: Carrier | None = None,
) -> Trace:
    """Run until nothing more can happen, and return the trace.

    A timer fires early with probability ``early_timeouts``, at an even fraction of its time.
    With ``record``, each event is handed to it instead, and the trace has none: a long run then
    needs no memory for its past. ``stores`` and ``carry`` are as for ``World``.
    Raises TypeError and ValueError for bad parameters, UnboundedRun beyond ``time_s_max`` or
    ``steps_max``, which also bounds the effects of a handler that does not wait.
    """
    events: list[Event] = []
    record = events.append if record is None else record
    world = boot(participants, stores=stores, record=record, carry=carry, new_disk=ShortStore)
    plan, to_the_end = _plans(world, time_s_max, steps_max)
    network = Network() if network is None else network
    driver = Driver(
        world, network, plan, seed=seed, crashes=crashes, early_timeouts=early_timeouts,
    )  # fmt: skip
    with collection_paused():
        driver.begin()
        to_the_end()
    return end(world, events)


EFFECTS_MAX = 1_000
"""A handler may ask for so many effects without a wait, however few steps a run may have."""


def _plans(world: World, time_s_max: float, steps_max: int) -> tuple[Plan, Callable[[], None]]:
    """Return the function that plans, on a heap, and the one that carries all plans out."""
    positive("time_s_max", time_s_max)
    world.effects_max = max(at_least("steps_max", steps_max, 1), EFFECTS_MAX)
    plans: list[tuple[float, int, Action, Any]] = []
    serial = count(1).__next__  # so that ties have one order

    def plan(delay_s: float, action: Action, argument: object) -> None:
        heappush(plans, (world.time_s + delay_s, serial(), action, argument))

    def to_the_end() -> None:
        for _ in range(steps_max):
            if not plans:
                return
            due_s, _, action, argument = heappop(plans)
            if due_s > time_s_max:
                reached = f"time_s_max: the run goes on after {time_s_max:g} s"
                raise UnboundedRun(f"{reached}; {HINT}")
            world.time_s = due_s
            action(argument)
        if plans:
            raise UnboundedRun(f"steps_max: the run goes on after {steps_max:,} steps; {HINT}")

    return plan, to_the_end


HINT = "give the sender attempts_max or deadline_s, or raise the limit"
