"""Random systems, and a search of them that shares nothing with the one it is held against.

A program is a tuple of statements. It is carried out in two ways: as the generator that the
package runs, and as a machine whose state is what is left to do, for the naive search. Time is
searched in whole seconds: as every length is whole, an order of timers that is possible at all
is possible at whole seconds.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable, Iterator, Mapping
from copy import copy
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

from delivery_semantics import (
    Ack,
    Arm,
    Atomic,
    Bounds,
    Confirm,
    Crash,
    Deliver,
    Disarm,
    Duplicate,
    Fail,
    GiveUp,
    IsMarked,
    Load,
    Lose,
    Mark,
    Message,
    Now,
    Once,
    Participant,
    Process,
    Receive,
    ReceiveAny,
    Restart,
    Run,
    Save,
    Send,
    Step,
    Tick,
    Timeout,
    Wait,
    payments,
)
from delivery_semantics.core.effects import Effect, Handler, Payload
from delivery_semantics.core.perform import boot, perform, possible
from delivery_semantics.core.tasks import Begin, Origin
from delivery_semantics.core.trace import Outcome
from delivery_semantics.core.world import World
from delivery_semantics.search.branches import CAN_FAIL
from delivery_semantics.search.explore import outcome

Block = tuple[Any, ...]
"""Statements: ("do", what), ("if", what, then, else), ("loop", times, body), "break", "end"."""

Env = tuple[str, Payload]
"""Whom a handler answers, and what it was told."""

FOREVER = 1 << 30


def effect_of(what: Any, env: Env) -> Effect:  # noqa: ANN401  # an effect, or the word for one
    """Return the effect that is meant where this source has sent this payload."""
    source, payload = env
    message = payload if isinstance(payload, Message) else Message(payload.id)
    match what:
        case "process":
            return Process(message)
        case "once":
            return Once(message.id, Process(message))
        case "mark":
            return Mark(message.id)
        case "marked":
            return IsMarked(message.id)
        case "ack":
            return Send(source, Ack(message.id))
        case "confirm":
            return Confirm(message.id)
        case ("forward", str(to)):
            return Send(to, message)
    assert not isinstance(what, str)
    return what  # type: ignore[no-any-return]


@dataclass(frozen=True)
class Program:
    """A participant: what it does at boot, for each packet, and for each timer."""

    first: str
    boot: Block = ()
    packet: Block = ()
    timers: tuple[tuple[str, Block], ...] = ()
    messages: tuple[Message, ...] = ()

    def begun_by(self, origin: tuple[Any, ...]) -> tuple[Block, Env]:
        """Return what is done, and whom it answers."""
        env = (self.first, Message("1"))
        match origin:
            case ("start",):
                return self.boot, env
            case ("timer", str(name)):
                return dict(self.timers).get(name, ()), env
        return self.packet, (origin[0], origin[1])

    def start(self) -> Handler:
        """What is done at boot."""
        yield from carried_out(*self.begun_by(("start",)))

    def receive(self, source: str, payload: Payload) -> Handler:
        """What is done for each packet."""
        yield from carried_out(*self.begun_by((source, payload)))

    def timer(self, name: str) -> Handler:
        """What is done for a timer."""
        yield from carried_out(*self.begun_by(("timer", name)))


def carried_out(block: Block, env: Env) -> Any:  # noqa: ANN401  # a generator that returns a word
    """Carry out a block as a generator; it returns "break" or "end" if it was left by that."""
    for statement in block:
        match statement:
            case ("do", what):
                yield effect_of(what, env)
            case ("if", what, then, otherwise):
                answer = yield effect_of(what, env)
                inner = answer if isinstance(answer, tuple) else env
                if left := (yield from carried_out(then if answer else otherwise, inner)):
                    return left
            case ("loop", int(times), body):
                left = yield from repeated(times, body, env)
                if left == "end":
                    return left
            case word:
                return word
    return ""


def repeated(times: int, body: Block, env: Env) -> Any:  # noqa: ANN401
    """Carry out a body so often, or for ever."""
    if times < FOREVER:
        for _ in range(times):
            if left := (yield from carried_out(body, env)):
                return left
        return ""
    while True:
        if left := (yield from carried_out(body, env)):
            return left


# The same as a machine ----------------------------------------------------------------------

Rest = tuple[tuple[Any, ...], ...]
"""What is left to do, innermost last: (statement, …, env) blocks, and loops."""


@dataclass(frozen=True)
class Machine:
    """A handler as a value: where it stands is what is left to do."""

    effect: Effect | None
    rest: Rest = ()
    line: int = field(default=0, compare=False)

    def resume(self, answer: Any) -> Machine:  # noqa: ANN401
        """Go on to the next effect."""
        if not self.rest:
            return ENDED
        *outer, (statements, env) = self.rest
        statement, *more = statements
        outer.append((tuple(more), env))
        if statement[0] == "if":
            inner = answer if isinstance(answer, tuple) else env
            outer.append((statement[2] if answer else statement[3], inner))
        return advance(tuple(outer))

    def fail(self) -> Machine:
        """End: these programs catch nothing."""
        return ENDED


ENDED = Machine(None)


def advance(rest: Rest) -> Machine:
    """Return the machine at the next effect."""
    stack = list(rest)
    while stack:
        statements, env = stack.pop()
        if not statements:
            continue
        statement, more = statements[0], statements[1:]
        match statement:
            case "end":
                return ENDED
            case "break":
                while not (stack[-1][0] and stack[-1][0][0][0] == "again"):
                    stack.pop()
                loop, outside = stack.pop()
                stack.append((loop[1:], outside))
            case ("loop", times, body):
                stack.append(((("again", times, body), *more), env))
            case ("again", 0, _):
                stack.append((more, env))
            case ("again", times, body):
                left = times if times == FOREVER else times - 1
                stack += [((("again", left, body), *more), env), (body, env)]
            case _:
                what = effect_of(statement[1], env)
                return Machine(what, (*stack, (statements, env)))
    return ENDED


class Machines:
    """Carries handlers as machines."""

    def __init__(self, parts: Mapping[str, Participant]) -> None:
        self._parts = parts

    def begin(self, origin: Origin, handler: Begin) -> Machine:
        """Begin a handler."""
        program = self._parts[origin[0]]
        assert isinstance(program, Program)
        block, env = program.begun_by(origin[1:])
        return advance(((block, env),))

    def crash(self, who: str) -> None:
        """Do nothing: values stay."""


# Random systems -----------------------------------------------------------------------------


@dataclass(frozen=True)
class System:
    """Participants, bounds and shared stores."""

    parts: Mapping[str, Participant]
    bounds: Bounds
    stores: Mapping[str, str] | None = None


NAMES = ("a", "b", "c", "d")
LENGTHS = (1.0, 1.0, 2.0, 3.0)


class Maker:
    """Draws a system; equal seeds draw equal ones."""

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)
        self._names = NAMES[: self._random.choice((2, 2, 2, 3, 3, 4))]
        self._timers = self._random.random() < 0.35
        self._time = Random(f"{seed}: the clock")  # a die of its own: no other system changes
        self._clock = self._time.random() < 0.2

    def system(self) -> System:
        """Return a system."""
        draw, names = self._random, self._names
        count = draw.choice((1, 1, 1, 2))
        parts = {name: self._program(name, count if name == "a" else 0) for name in names}
        if "b" in parts and draw.random() < 0.5:  # most systems should be about something
            parts["a"] = self._sender(count)
            parts["b"] = replace(parts["b"], packet=self._receiver(parts["b"].packet))
        shared = draw.sample(names, 2) if draw.random() < 0.25 else []
        stores = dict.fromkeys(shared, "disk") or None
        return System(parts, self._bounds(), stores)

    def _bounds(self) -> Bounds:
        draw, names = self._random, self._names
        losses, copies, crashes = (draw.choice((0, 0, 1, 1)) for _ in range(3))
        links = None
        if draw.random() < 0.2:
            links = tuple((x, y) for x in names for y in names if draw.random() < 0.5)
        crashable = None
        if draw.random() < 0.6:
            crashable = tuple(name for name in names if draw.random() < 0.5)
        together: tuple[tuple[str, ...], ...] = ()
        if draw.random() < 0.1:
            two = draw.sample(names, 2)
            together = (tuple(x for x in two if crashable is None or x in crashable),)
        return Bounds(
            losses=losses, duplicates=copies, crashes=crashes,
            early_timeouts=draw.choice((0, 0, 0, 1)), failures=draw.choice((0, 0, 0, 0, 1)),
            reordering=draw.random() < 0.7, crashable=crashable, crash_together=together,
            links=links, clock_s=(0.0, 1.0) if self._clock else (0.0,),
        )  # fmt: skip

    def _sender(self, count: int) -> Program:
        draw = self._random
        body: list[Any] = []
        for message in payments(count):
            times = draw.choice((1, 2, FOREVER))
            heard = (("do", Confirm(message.id)), "break")
            wait = Receive(Ack(message.id), draw.choice(LENGTHS))
            body.append(("loop", times, (("do", Send("b", message)), ("if", wait, heard, ()))))
            if draw.random() < 0.3:
                body.append(("do", GiveUp(message.id)))
        return Program("b", boot=tuple(body), messages=payments(count))

    def _receiver(self, other: Block) -> Block:
        draw = self._random
        process: Block = draw.choice(((("do", "process"),), (("do", "once"),), (
            ("if", "marked", (), (("do", "process"), ("do", "mark"))),), (
            ("if", "marked", (), (("do", "mark"), ("do", "process"))),)))  # fmt: skip
        ack = (("do", "ack"),)
        parts = [process, ack] + ([other[:1]] if draw.random() < 0.3 else [])
        draw.shuffle(parts)
        return tuple(each for part in parts for each in part if isinstance(each, tuple))

    def _program(self, name: str, count: int) -> Program:
        draw = self._random
        first = draw.choice([other for other in self._names if other != name])
        timers: tuple[tuple[str, Block], ...] = ()
        if self._timers and draw.random() < 0.7:
            timers = tuple((t, self._block(name, 1, draw.randint(1, 2))) for t in ("x", "y"))
        start: Block = ()
        if count or draw.random() < 0.3:
            start = self._block(name, 2, draw.randint(1, 3), armed=bool(timers))
        packet = self._block(name, 2, draw.randint(1, 3), armed=bool(timers))
        if count:
            start = (("do", Send(first, Message("1"))), *start)
        return Program(first, start, packet, timers, payments(count) if count else ())

    def _block(
        self, name: str, depth: int, length: int, *, armed: bool = False, loop: bool = False
    ) -> Block:
        draw = self._random
        statements: list[Any] = []
        for _ in range(length):
            kind = draw.random()
            if armed and kind < 0.4:
                timer = draw.choice(("x", "y"))
                what = Arm(timer, draw.choice(LENGTHS)) if kind < 0.33 else Disarm(timer)
                statements.append(("do", what))
            elif depth and kind < 0.6:
                statements.append(self._branch(name, depth, loop=loop))
            else:
                statements.append(("do", self._effect(name)))
        return tuple(statements)

    def _branch(self, name: str, depth: int, *, loop: bool) -> Any:  # noqa: ANN401
        draw = self._random
        if not loop and draw.random() < 0.3:
            times = draw.choice((2, 3, FOREVER))
            body = self._block(name, depth - 1, 1, loop=True)
            wait = self._wait()
            return ("loop", times, (*body, ("if", wait, ("break",), ())))
        then = self._block(name, depth - 1, draw.randint(0, 2), loop=loop)
        otherwise = self._block(name, depth - 1, draw.randint(0, 1), loop=loop)
        if draw.random() < 0.2:
            then = (*then, draw.choice(("break", "end") if loop else ("end",)))
        return ("if", self._question(), then, otherwise)

    def _wait(self) -> Effect:
        draw = self._random
        for_s = draw.choice(LENGTHS)
        match = draw.choice(((), (Message,), (Ack,), (Ack("1"), Message("1"))))
        choices = (Receive(Ack("1"), for_s), ReceiveAny(*match, timeout_s=for_s), Wait(for_s))
        return draw.choice(choices)

    def _question(self) -> Any:  # noqa: ANN401
        draw = self._random
        if self._clock and self._time.random() < 0.4:
            return Now()
        return draw.choice((
            "marked", "once", IsMarked("2"), Load("n"), Load("m"), self._wait(), self._wait(),
            Atomic(Process(Message("1")), Mark("1"), unless_marked="1"),
            Atomic(Save("n", 1), Confirm("1"), only_if=("n", 0)),
            Atomic(Save("n", 0), GiveUp("1"), only_if=("n", 1), unless_marked="2"),
        ))  # fmt: skip

    def _effect(self, name: str) -> Any:  # noqa: ANN401
        draw = self._random
        others = [other for other in self._names if other != name]
        return draw.choice((
            "process", "once", "mark", "ack", "ack", "confirm",
            ("forward", draw.choice(others)), Send(draw.choice(others), Ack("1")),
            Save("n", 1), Save("m", 1, durable=False),
            Save("n", 0), Save("n", 1, store=name), Wait(draw.choice(LENGTHS)), GiveUp("1"),
            Mark("2"),
        ))  # fmt: skip


# The naive search ---------------------------------------------------------------------------

Left = tuple[int, int, int, int, int]
Ages = Mapping[tuple[str, str], float]
Moment = tuple[World, Left, Ages]


class TooLarge(Exception):
    """A system with more worlds than are worth a wait."""


def begin(system: System) -> Moment:
    """Return the beginning, on machines."""
    world = boot(system.parts, stores=system.stores, carry=Machines(system.parts))
    within = system.bounds
    left = (
        within.losses, within.duplicates, within.crashes, within.early_timeouts,
        within.failures,
    )  # fmt: skip
    world.clock_s = 0.0
    return world, left, ages_after({}, world, [], "")


def lengths(world: World) -> dict[tuple[str, str], float]:
    """Return how long each timer is that is armed now."""
    found = {}
    for who in world.participants:
        if (wait_s := world.timer_s(who)) is not None:
            found[who, ""] = wait_s
        found |= {(who, name): length_s for name, length_s in world.timers[who].items()}
    return found


def ages_after(
    ages: Ages, world: World, armed: list[tuple[str, str]], moved: str | None
) -> dict[tuple[str, str], float]:
    """Return how long each timer has run, after a step."""
    fresh = {*armed, (moved, "")}
    return {each: 0 if each in fresh else ages.get(each, 0) for each in lengths(world)}


def copy_of(world: World) -> World:
    """Return an equal world that can go another way, for handlers that are values."""
    twin = copy(world)
    twin.record = twin.on_sent = twin.on_armed = None
    twin.packets, twin.tasks = world.packets.copy(), world.tasks.copy()
    twin.memory, twin.timers = world.memory.copy(), world.timers.copy()
    twin.stores = {name: store.copy() for name, store in world.stores.items()}
    return twin


def after(moment: Moment, steps: tuple[Step, ...], left: Left) -> Moment:
    """Return the moment after these steps."""
    world, _, ages = moment
    twin = copy_of(world)
    for step in steps:
        armed: list[tuple[str, str]] = []
        twin.on_armed = lambda who, name, _, armed=armed: armed.append((who, name))
        moved = perform(twin, step)
        ages = ages_after(ages, twin, armed, moved)
    return twin, left, ages


def a_second_later(moment: Moment) -> Moment | None:
    """Let a second pass, where nobody is at work and no timer has to run out first."""
    world, left, ages = moment
    if any(world.local_effect(who) for who in world.participants):
        return None
    later = {}
    for each, length_s in lengths(world).items():
        busy = bool(each[1]) and world.tasks[each[0]] is not None
        if ages[each] >= length_s and not busy:
            return None
        later[each] = min(ages[each] + 1, length_s)
    return (world, left, later) if later != ages else None


def name_of(moment: Moment) -> Hashable:
    """Return a value that is equal for moments with one future."""
    world, left, ages = moment
    stores = tuple(store.key() for store in world.stores.values())
    memory = tuple(frozenset(kept.items()) for kept in world.memory.values())
    packets = tuple(packet[1:] for packet in world.packets.values())
    tasks = tuple(world.tasks.values())
    return tasks, stores, memory, packets, left, frozenset(ages.items()), world.clock_s


def ways(moment: Moment, within: Bounds) -> Iterator[tuple[tuple[Step, ...], Left]]:
    """Yield every step within the bounds, a crash of many as many, and what is left after."""
    world, left, ages = moment
    losses, copies, crashes, early, failures = left
    resting = not (world.packets or any(map(world.local_effect, world.participants)))
    for step in possible(world):
        match step:
            case Deliver(number) if within.reordering or is_first(world, number):
                yield (step,), left
            case Run(who):
                yield (step,), left
                if failures and isinstance(world.local_effect(who), CAN_FAIL):
                    failing: Any = type(world.local_effect(who))
                    yield (Fail(who, failing),), (losses, copies, crashes, early, failures - 1)
            case Restart():
                yield (step,), left
            case Timeout(who, _, name):
                if resting and ages[who, name] >= lengths(world)[who, name]:
                    yield (step,), left
                if early:
                    rest = (losses, copies, crashes, early - 1, failures)
                    yield (Timeout(who, True, name),), rest
            case Lose(number) if losses and faulty(world, number, within):
                yield (step,), (losses - 1, copies, crashes, early, failures)
            case Duplicate(number) if copies and faulty(world, number, within):
                yield (step,), (losses, copies - 1, crashes, early, failures)
            case Crash(who) if crashes and can_crash(who, within):
                group = next((g for g in within.crash_together if who in g), (who,))
                down = tuple(
                    replace(step, who=each, before=None)
                    for each in group if can_crash(each, within) and not world.is_down(each)
                )  # fmt: skip
                yield down, (losses, copies, crashes - 1, early, failures)
    for to_s in within.clock_s:
        if to_s > (world.clock_s or 0.0):
            yield (Tick(to_s),), left


def settled(moment: Moment, until: Step | None = None) -> Moment:
    """Return the moment after every local effect, up to the one where this step stops."""
    stop = until.before if isinstance(until, Crash) else None
    stop = until.effect if isinstance(until, Fail) else stop
    for who in moment[0].participants:
        here = stop if isinstance(until, Crash | Fail) and until.who == who else None
        while (effect := moment[0].local_effect(who)) and type(effect) is not here:
            moment = after(moment, (Run(who),), moment[1])
    return moment


def stops(moment: Moment, within: Bounds) -> Iterator[tuple[Moment, tuple[Step, ...], Left]]:
    """Yield the moments at which a script can stop effects that run by themselves, and how."""
    for who in moment[0].participants:
        kinds: dict[type[Effect], None] = {}
        ahead = moment
        while (effect := ahead[0].local_effect(who)) is not None:
            kinds[type(effect)] = None
            ahead = after(ahead, (Run(who),), ahead[1])
        for kind in kinds:
            at = settled(moment, Crash(who, before=kind))
            for taken, left in ways(at, within):
                struck = [each.who for each in taken if isinstance(each, Crash | Fail)]
                if any(map(at[0].local_effect, struck)):
                    yield at, taken, left


def is_first(world: World, number: int) -> bool:
    """Whether no packet is before this one on its link."""
    link = world.packets[number][1:3]
    return number == next(n for n, packet in world.packets.items() if packet[1:3] == link)


def faulty(world: World, number: int, within: Bounds) -> bool:
    """Whether this packet is on a link with faults."""
    return within.links is None or world.packets[number][1:3] in within.links


def can_crash(who: str, within: Bounds) -> bool:
    """Whether this one may crash."""
    return within.crashes > 0 and (within.crashable is None or who in within.crashable)


@dataclass
class Naive:
    """Every moment, with the ways between them: (moment, choices, steps, free of faults).

    Where effects run by themselves, a moment is the one after them.
    """

    moments: list[Moment]
    on: list[list[tuple[int, int, int, bool]]]

    def nearest(self, cost: int) -> list[float]:
        """Return how far each moment is, in choices (1) or in steps (2)."""
        far = [float("inf")] * len(self.moments)
        far[0], queue = 0, deque([0])
        while queue:
            here = queue.popleft()
            for way in self.on[here]:
                if far[here] + way[cost] < far[way[0]]:
                    far[way[0]] = far[here] + way[cost]
                    (queue.append if way[cost] else queue.appendleft)(way[0])
        return far

    def outcomes(self) -> list[Outcome]:
        """Return the outcome of each moment, if it ended there."""
        return [outcome(world) for world, _, _ in self.moments]

    def repeated(self) -> list[int]:
        """Return the moments in which something was processed twice."""
        return [
            number for number, (world, _, _) in enumerate(self.moments)
            if any(times > 1 for times in done(world).values())
        ]  # fmt: skip

    def backwards(self, start: Iterator[int]) -> set[int]:
        """Return all moments from which a way without faults leads to one of these."""
        before: list[list[int]] = [[] for _ in self.on]
        for number, on in enumerate(self.on):
            for other, _, _, free in on:
                if free:
                    before[other].append(number)
        found = set(start)
        waiting = list(found)
        while waiting:
            for other in before[waiting.pop()]:
                if other not in found:
                    found.add(other)
                    waiting.append(other)
        return found

    def ends(self) -> list[int]:
        """Return the moments in which nothing can happen any more without a fault."""
        return [n for n, on in enumerate(self.on) if not any(free for *_, free in on)]

    def doomed(self) -> set[int]:
        """Return the moments from which no way without faults processes every message."""
        ids = [message.id for message in self.moments[0][0].messages()]
        lost: set[int] = set()
        for each in ids:
            good = (n for n, (world, _, _) in enumerate(self.moments) if done(world).get(each))
            lost |= set(range(len(self.moments))) - self.backwards(good)
        return lost

    def stable(self) -> set[Outcome]:
        """Return the outcomes that no way without a fault can change any more."""
        found = self.outcomes()
        changes = (
            n for n, on in enumerate(self.on)
            if any(free and found[other] != found[n] for other, _, _, free in on)
        )  # fmt: skip
        unstable = self.backwards(changes)
        return {found[n] for n in range(len(found)) if n not in unstable}


def done(world: World) -> dict[str, int]:
    """Return how often each message was processed."""
    counts: dict[str, int] = {}
    for store in world.stores.values():
        for name, times in store.processed.items():
            counts[name] = counts.get(name, 0) + times
    return counts


def naive(system: System, moments_max: int, *, automatic: bool = False) -> Naive:
    """Try every step in every moment. Raises TooLarge beyond so many."""
    first = begin(system)
    numbers, moments = {name_of(first): 0}, [first]
    found = Naive([], [])
    for begun in moments:
        on = []
        moment = settled(begun) if automatic else begun
        found.moments.append(moment)
        taken_from = [(moment, *way) for way in ways(moment, system.bounds)]
        taken_from += stops(begun, system.bounds) if automatic else []
        nexts: list[tuple[Moment, int, int, bool]] = [
            (after(at, taken, left), isinstance(taken[0], Run) ^ 1, len(taken), left == at[1])
            for at, taken, left in taken_from
        ]
        if later := a_second_later(moment):
            nexts.append((later, 0, 0, True))
        for other, choices, steps, free in nexts:
            number = numbers.setdefault(name_of(other), len(moments))
            if number == len(moments):
                moments.append(other)
            on.append((number, choices, steps, free))
        found.on.append(on)
        if len(moments) > moments_max:
            raise TooLarge
    return found
