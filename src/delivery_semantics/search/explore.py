"""Every possibility is chosen, within stated bounds.

Theory of operation. The search walks all worlds from the boot, those first that take the fewest
choices. Two worlds are one if their disks, memories, suspended handlers, packets in flight,
timers and remaining fault budgets are equal. So the graph is finite, and the first world that
breaks a property is a nearest one: the path to it is a shortest counterexample.

Faults come from a budget, printed beside every verdict. Timers fire for free when nothing is
in flight, also while somebody is down: an outage may last longer than any wait. Of several
timers one fires only where times exist that let it be first, see ``zones``. Firing out of
that order, or while packets are in flight, is a fault (``early_timeouts``). A participant that
may not crash, and whose disk is its own, carries out its local effects in one go: nobody could
see the difference.

*Never more than once* breaks in a world where anything was processed twice. *At least once,
eventually* breaks in a world from which no way on, without a further fault, leads to where each
message has been processed: because nothing can happen any more, or only what has happened
before. Both are verdicts about the sender as well: with fewer attempts than the budget has
faults, or than an outage lasts, it runs out, and the search says so.

Book: 05-exactly-once-a-myth
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from types import NoneType
from typing import TypeVar

from ..core.check import at_least, of_type, truth
from ..core.effects import Participant
from ..core.perform import boot, perform
from ..core.script import follow, run_local, script
from ..core.steps import KINDS, Crash, Fail, Run, Step, Tick, Timeout, from_text
from ..core.trace import Outcome, Trace
from ..core.vet import collection_paused
from ..core.world import World
from .branches import Branches, Taken
from .exploration import Bounds, Exploration, Verdict
from .graph import Graph, Never
from .position import outcome_on, position

AtTheEnd = Mapping[str, Callable[[Outcome], bool]]


def explore(
    participants: Mapping[str, Participant],
    bounds: Bounds | None = None,
    *,
    worlds_max: int = 1_000_000,
    stores: Mapping[str, str] | None = None,
    never: Never | None = None,
    at_the_end: AtTheEnd | None = None,
    after: Sequence[Step] = (),
    automatic: bool = False,
) -> Exploration:
    """Search every run within the bounds.

    ``never`` are claims of one's own, by name: what is true of no world. ``at_the_end`` are
    those that are true of every outcome. Both are given back in ``claims``, each with a
    shortest counterexample. ``after`` is how the runs begin, the budgets count from there, and
    so do the steps of counterexamples. With ``automatic`` local effects run by themselves, as
    in a script, and the steps are the choices that a script has.
    Raises TypeError and ValueError for bad parameters, and UnboundedRun beyond ``worlds_max``
    worlds.
    """
    at_least("worlds_max", worlds_max, 1)
    truth("automatic", automatic)
    of_type("after", after, tuple, list)
    of_type("bounds", bounds, Bounds, NoneType)
    for name, claims in (("never", never), ("at_the_end", at_the_end)):
        _check_claims(name, claims)
    if twice := {*(never or {})} & {*(at_the_end or {})}:
        raise ValueError(f"at_the_end: {min(twice)!r} is in never too; allowed: another name")
    search = _Search(participants, bounds or Bounds(), stores, after, automatic)
    with collection_paused():
        return search.result(
            worlds_max, _named("never", never), _named("at_the_end", at_the_end)
        )


def _check_claims(name: str, claims: object) -> None:
    if isinstance(claims, Mapping | NoneType):
        pairs = (claims or {}).items()
        if all(isinstance(claim, str) and callable(judge) for claim, judge in pairs):
            return
    raise TypeError(f"{name} is {claims!r}; allowed: a mapping of names to predicates")


Judged = TypeVar("Judged")


def _named(
    parameter: str, claims: Mapping[str, Callable[[Judged], bool]] | None
) -> dict[str, Callable[[Judged], bool]]:
    """Return claims that say by their names where they raise, or answer neither."""

    def judged(name: str, what: Judged) -> bool:
        try:
            return truth(f"{parameter}: the answer of {name!r}", (claims or {})[name](what))
        except Exception as error:
            error.add_note(f"raised by {parameter}, {name!r}")
            raise

    return {name: partial(judged, name) for name in claims or {}}


class _Search:
    """A graph of worlds, and the way from what it found back to steps and traces."""

    def __init__(
        self, participants: Mapping[str, Participant], bounds: Bounds,
        stores: Mapping[str, str] | None, after: Sequence[Step], automatic: bool,
    ) -> None:  # fmt: skip
        self.participants, self.stores, self.automatic = participants, stores, automatic
        self.bounds, self.after = _on_time(bounds, tuple(after))
        bounds = self.bounds
        self.branches = Branches(participants, stores, bounds, automatic=automatic)
        first = self.branches.begin(self._booted(), self.after)
        self.graph = Graph(self.branches, first, automatic=automatic)

    def _booted(self) -> World:
        """Return the world before any step, on the carrier that the graph uses."""
        carry = self.branches.moves.bench.carry
        world = boot(self.participants, stores=self.stores, carry=carry)
        if not world.messages():
            raise ValueError(
                "participants: nobody has messages, so every claim would hold; "
                "allowed: at least one whose ``messages`` are to be processed"
            )
        return world

    def _world(self) -> World:
        """Return the world in which the search begins."""
        world = self._booted()
        follow(world, *self.after, automatic=self.automatic)
        return world

    def result(self, worlds_max: int, never: Never, at_the_end: AtTheEnd) -> Exploration:
        graph = self.graph
        graph.to_the_end(worlds_max, never)
        never_twice = self._verdict(Verdict.NEVER_TWICE, graph.repeated, repeated)
        number, loop = graph.missing()
        eventually = self._verdict(Verdict.EVENTUALLY, number, loop=loop)
        outcomes = graph.outcomes()
        claims = {
            name: self._verdict(f"never {name}", graph.broken.get(name), predicate)
            for name, predicate in never.items()
        }
        for name, predicate in at_the_end.items():
            against = [n for found, n in outcomes.items() if not predicate(found)]
            claims[name] = self._verdict(name, min(against, key=graph.choices, default=None))
        graph.forget()
        return Exploration(
            never_twice, eventually, graph.worlds, tuple(sorted(outcomes)), self.bounds,
            len(self.branches.ids), claims, lambda how: self._trace(self._steps(outcomes[how])),
        )  # fmt: skip

    def _verdict(
        self, claim: str, number: int | None, broken: Callable[[World], bool] | None = None,
        loop: tuple[Taken, ...] = (),
    ) -> Verdict:  # fmt: skip
        if number is None:
            return Verdict(claim, None)
        steps = self._steps(number)
        if broken is not None and not self.automatic:
            steps = self._without_idle_effects(steps, broken)
        if not loop:
            return Verdict(claim, self._trace(steps), steps)
        whole, way_in = self._concrete((*self.graph.way(number), *loop)), self._trace(steps)
        turn = whole[len(steps) :]
        return Verdict(claim, self._trace(whole), whole, turn, len(way_in.events))

    def _trace(self, steps: tuple[Step, ...]) -> Trace:
        return script(
            self.participants, *self.after, *steps, automatic=self.automatic, stores=self.stores
        )

    def _steps(self, number: int) -> tuple[Step, ...]:
        return self._concrete(self.graph.way(number))

    def _concrete(self, way: Sequence[Taken]) -> tuple[Step, ...]:
        """Return the steps of a script: with packets by their numbers, and every effect."""
        world, steps = self._world(), list[Step]()
        self._at_once(world, steps)
        for taken in way:
            stops_early = self.automatic and taken[0] in ("crash", "fail") and taken[2]
            if self.automatic and not stops_early:
                run_local(world)
            for step in self._steps_of(world, taken):
                if stops_early:
                    run_local(world, until=step)
                perform(world, step)
                steps.append(step)
            self._at_once(world, steps)
        return tuple(steps)

    def _at_once(self, world: World, steps: list[Step]) -> None:
        names = self.branches.moves.names
        for who in [names[n] for n in sorted(self.branches.moves.at_once)]:
            while world.local_effect(who) is not None:
                perform(world, Run(who))
                steps.append(Run(who))

    def _steps_of(self, world: World, taken: Taken) -> Iterator[Step]:
        names = self.branches.moves.names
        match taken:
            case ("run" | "restart") as kind, int(who):
                yield KINDS[kind](names[who])
            case "fail", int(who), effect:
                yield Fail(names[who], effect)
            case "crash", group, kind:
                for who in group:
                    standing = world.local_effect(names[who])
                    before = kind if who == group[0] else None
                    if standing is not None and not self.automatic:
                        before = type(standing)
                    yield Crash(names[who], before=before)
            case "timeout", int(who), str(name), bool(early):
                yield Timeout(names[who], early, name)
            case "tick", float(to_s):
                yield Tick(to_s)
            case str(kind), int(wire):
                number = self._number(world, wire)
                yield from_text(f"{kind}-{number}")

    def _number(self, world: World, wire: int) -> int:
        content = self.branches.moves.wires[wire]
        return next(number for number, each in world.packets.items() if each[1:] == content)

    def _without_idle_effects(
        self, steps: tuple[Step, ...], broken: Callable[[World], bool]
    ) -> tuple[Step, ...]:
        """Leave out every effect without which the run is as broken."""
        for number in reversed(range(len(steps))):
            fewer = steps[:number] + steps[number + 1 :]
            if isinstance(steps[number], Run) and self._breaks(fewer, broken):
                steps = fewer
        return steps

    def _breaks(self, steps: tuple[Step, ...], broken: Callable[[World], bool]) -> bool:
        world = self._world()
        try:
            for step in steps:
                if isinstance(step, Timeout) and not step.early and at_work(world):
                    return False  # an effect takes no time, so none waits for a timer
                follow(world, step, automatic=False)
        except ValueError:
            return False
        return broken(world)


def _on_time(bounds: Bounds, after: tuple[Step, ...]) -> tuple[Bounds, tuple[Step, ...]]:
    """Return them so that the clock goes on from where the first steps have left it."""
    now_s = max((step.to_s for step in after if isinstance(step, Tick)), default=0.0)
    moments = tuple(moment for moment in bounds.clock_s if moment >= now_s) or (now_s,)
    ahead = (Tick(moments[0]),) if moments[0] > now_s else ()
    return replace(bounds, clock_s=moments), (*after, *ahead)


def at_work(world: World) -> bool:
    """Tell whether anybody stands at a local effect."""
    return any(world.local_effect(who) is not None for who in world.participants)


def repeated(world: World) -> bool:
    """Tell whether anything was processed more than once."""
    return bool(position(world).repeated)


def outcome(world: World) -> Outcome:
    """Return how a run ended, message by message, as ``Trace.outcome`` does for its record."""
    return outcome_on([message.id for message in world.messages()], world.stores.values())
