"""One meaning of each step: whoever chooses, the same choices make the same run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st
from random_systems import copy_of

import delivery_semantics.core.effects
from delivery_semantics import (
    LOST,
    AlternatingBitReceiver,
    AlternatingBitSender,
    Bounds,
    Confirm,
    Crash,
    CrashPoint,
    Deliver,
    Duplicate,
    Event,
    FireAndForget,
    Lose,
    Mark,
    Message,
    Network,
    Once,
    Participant,
    Passive,
    Process,
    ProcessOnce,
    ProcessThenAck,
    Relay,
    Restart,
    RetryUntilAcked,
    Run,
    Save,
    Send,
    Step,
    Timeout,
    Trace,
    audit,
    explore,
    payments,
    script,
    simulate,
)
from delivery_semantics.core.effects import Handler
from delivery_semantics.core.network import Fate
from delivery_semantics.core.perform import boot, perform, possible
from delivery_semantics.core.script import run_local
from delivery_semantics.core.store import Store
from delivery_semantics.core.world import World
from delivery_semantics.participants.receivers import RECEIVERS
from delivery_semantics.search.explore import outcome
from delivery_semantics.search.histories import Histories

Parts = Mapping[str, Participant]

each_receiver = pytest.mark.parametrize("receiver", RECEIVERS)


def retrying(receiver: str, *, attempts_max: int | None = 4) -> Parts:
    sender = RetryUntilAcked("receiver", payments(1), attempts_max=attempts_max)
    return {"sender": sender, "receiver": RECEIVERS[receiver]()}


# The same fates, chosen in different ways -------------------------------------------------

Copies = Mapping[tuple[str, int], int]
"""How many copies of a packet arrive, by kind and number; 1 where nothing is said."""


def by_script(parts: Parts, copies: Copies) -> Trace:
    """Whoever is ready works, then the oldest packet arrives, then a timer fires."""
    world = boot(parts)
    steps: list[Step] = []
    decided, sent = 0, Counter[str]()

    def place(step: Step) -> None:
        perform(world, step)
        steps.append(step)

    while True:
        if (number := world.packets_sent) > decided:
            kind = world.packets[number].payload.kind
            sent[kind] += 1
            arriving = copies.get((kind, sent[kind]), 1)
            if arriving != 1:
                place(Duplicate(number) if arriving else Lose(number))
            decided = world.packets_sent
        busy = [who for who in parts if world.local_effect(who)]
        waiting = [who for who in parts if world.timer_s(who) is not None]
        if busy:
            place(Run(busy[0]))
        elif world.packets:
            place(Deliver(next(iter(world.packets))))
        elif waiting:
            place(Timeout(waiting[0]))
        else:
            return script(parts, *steps, automatic=False)


def by_seed(parts: Parts, copies: Copies) -> Trace:
    placed: dict[tuple[str, int], Fate] = {
        packet: (0.1,) * arriving for packet, arriving in copies.items()
    }
    return simulate(parts, Network(placed=placed))


# Whoever finds another way to choose what happens next adds it here, and nowhere else.
DRIVERS: dict[str, Callable[[Parts, Copies], Trace]] = {
    "script": by_script, "simulate": by_seed,
}  # fmt: skip

SCENARIOS: dict[str, tuple[Copies, dict[str, int]]] = {
    "nothing goes wrong": ({}, {}),
    "the message is lost": ({("message", 1): 0}, {}),
    "the ack is lost": ({("ack", 1): 0}, {"AckThenProcess": 2, "ProcessThenAck": 2}),
    "the message is copied": ({("message", 1): 2}, {"AckThenProcess": 2, "ProcessThenAck": 2}),
    "the ack is copied": ({("ack", 1): 2}, {}),
    "the book's first diagram": (
        {("message", 1): 0, ("ack", 1): 0}, {"AckThenProcess": 2, "ProcessThenAck": 2},
    ),
    "every ack is lost": (
        {("ack", number): 0 for number in range(1, 5)},
        {"AckThenProcess": 4, "ProcessThenAck": 4},
    ),
    "every message is lost": (
        {("message", number): 0 for number in range(1, 5)}, dict.fromkeys(RECEIVERS, 0),
    ),
}  # fmt: skip
"""What is placed, and how often the message is then processed, where that is not once."""


@pytest.mark.parametrize("driver", DRIVERS)
@pytest.mark.parametrize("scenario", SCENARIOS)
@each_receiver
def test_the_same_fates_make_the_same_run(scenario: str, receiver: str, driver: str) -> None:
    copies, processed = SCENARIOS[scenario]
    parts = retrying(receiver)
    trace = DRIVERS[driver](parts, copies)
    knows = "in doubt" if scenario.startswith("every") else "confirmed"
    assert trace.outcome() == (("1", processed.get(receiver, 1), knows),)
    for who in parts:
        assert trace.seen_by(who) == by_script(parts, copies).seen_by(who)
    assert timeless(follow(parts, trace)) == timeless(trace)


# A run is a path through the possible steps -----------------------------------------------


def timeless(trace: Trace) -> list[Event]:
    return [event._replace(time_s=0.0) for event in trace.events]


def step_of(event: Event) -> Step:
    """The step of which this is the first event."""
    match event.what:
        case "delivered" | "refused":
            return Deliver(event.packet)
        case "lost":
            return Lose(event.packet)
        case "duplicated":
            return Duplicate(event.copy_of)
        case "timed_out" | "waited":
            return Timeout(event.who, early=event.note == "early")
        case "crashed":
            before = event.note.removeprefix("before ")
            return Crash(
                event.who, getattr(delivery_semantics.core.effects, before) if before else None
            )
        case "restarted":
            return Restart(event.who)
    return Run(event.who)


def follow(parts: Parts, trace: Trace, stores: Mapping[str, str] | None = None) -> Trace:
    """Find the steps that a trace tells of, see that each was possible, and script them."""
    events: list[Event] = []
    world = boot(parts, stores=stores, record=events.append)
    steps: list[Step] = []
    while len(events) < len(trace.events):
        step = step_of(trace.events[len(events)])
        assert (Timeout(step.who) if isinstance(step, Timeout) else step) in possible(world)
        perform(world, step)
        steps.append(step)
    return script(parts, *steps, automatic=False, stores=stores)


class Faults(NamedTuple):
    """What went wrong in a run, counted as ``Bounds`` counts it."""

    losses: int
    duplicates: int
    crashes: int
    early_timeouts: int


def faults(trace: Trace) -> Faults:
    """A timer is early if it fires while a packet is in flight or somebody is down."""
    in_flight: set[int] = set()
    down: set[str] = set()
    early = 0
    for event in trace.events:
        match event.what:
            case "sent" | "duplicated":
                in_flight.add(event.packet)
            case "delivered" | "refused" | "lost":
                in_flight.remove(event.packet)
            case "crashed":
                down.add(event.who)
            case "restarted":
                down.remove(event.who)
            case "timed_out":
                early += bool(in_flight or down)
    kinds = ("lost", "duplicated", "crashed")
    losses, duplicates, crashes = (len(trace.of(kind)) for kind in kinds)
    return Faults(losses, duplicates, crashes, early)


def is_within(found: Faults, bounds: Bounds) -> bool:
    return all(count <= getattr(bounds, kind) for kind, count in found._asdict().items())


IN_TIME: Fate = (0.1,)
POSSIBLE_FATES = (IN_TIME, LOST, (1.35,), (0.1, 0.2), (0.1, 1.35), (1.05, 1.1))
"""In time, lost, late, two copies in time, one of two late, both late; the timer is at 1 s."""

CRASHES = (
    *(CrashPoint("receiver", kind, 0.5, down_s=0.3) for kind in (Process, Mark, Once, Send)),
    *(CrashPoint("sender", kind, 0.5, down_s=0.3) for kind in (Send, Confirm, Save)),
)


def runs(parts: Parts, *, crashes: int, every: int = 1) -> Iterator[Trace]:
    """Let up to two of the first six packets fare in every way, and someone crash meanwhile."""
    packets = [(kind, number) for number in (1, 2, 3) for kind in ("message", "ack")]
    points = (None, *CRASHES) if crashes else (None,)
    ways = product(POSSIBLE_FATES, repeat=len(packets))
    placed = [fates for fates in ways if len(packets) - fates.count(IN_TIME) <= 2]
    for seed, (fates, point) in list(enumerate(product(placed, points)))[::every]:
        network = Network(placed=dict(zip(packets, fates, strict=True)))
        yield simulate(parts, network, seed=seed, crashes=(point,) if point else ())


@pytest.mark.slow
@pytest.mark.parametrize("crashes", [0, 1])
@each_receiver
def test_simulated_outcomes_are_the_searched_ones(receiver: str, crashes: int) -> None:
    """None that the search does not know, and all that it knows."""
    within = Bounds(losses=1, duplicates=1, crashes=crashes, early_timeouts=1 - crashes)
    parts = retrying(receiver, attempts_max=None)  # else an outage could outlast them
    found = runs(parts, crashes=crashes)
    met = Counter(trace.outcome() for trace in found if is_within(faults(trace), within))
    assert met.total() > 200
    assert set(met) == set(explore(parts, within).outcomes)


@each_receiver
def test_a_simulated_run_is_a_path_of_possible_steps(receiver: str) -> None:
    parts = retrying(receiver)
    for trace in runs(parts, crashes=1, every=51):
        assert timeless(follow(parts, trace)) == timeless(trace)


@dataclass(frozen=True)
class ToBoth(Passive):
    """Hands its message to two workers."""

    messages: tuple[Message, ...] = payments(1)

    def start(self) -> Handler:
        for worker in ("worker a", "worker b"):
            yield Send(worker, self.messages[0])


# Walks ------------------------------------------------------------------------------------

SHARED = {"worker a": "database", "worker b": "database"}


class Cast(NamedTuple):
    """Who walks, and on which stores."""

    parts: Parts
    stores: Mapping[str, str] | None = None


CASTS: dict[str, Cast] = {
    **{name: Cast(retrying(name)) for name in RECEIVERS},
    "two messages": Cast(
        {"sender": RetryUntilAcked("receiver", payments(2), attempts_max=2, durable=False),
         "receiver": ProcessOnce()}
    ),
    "once": Cast(
        {"sender": FireAndForget("receiver", payments(3), interval_s=1.0),
         "receiver": ProcessThenAck()}
    ),
    "alternating bit": Cast(
        {"sender": AlternatingBitSender("receiver", payments(3), attempts_max=2),
         "receiver": AlternatingBitReceiver(durable=False)}
    ),
    "relay": Cast(
        {"sender": RetryUntilAcked("relay", payments(1), attempts_max=2),
         "relay": Relay("receiver", timeout_s=1.0, attempts_max=2),
         "receiver": ProcessOnce()}
    ),
    "two workers": Cast(
        {"sender": ToBoth(), "worker a": ProcessOnce(), "worker b": ProcessOnce()},
        SHARED,
    ),
}  # fmt: skip


def one_of(*names: str) -> st.SearchStrategy[str]:
    return st.sampled_from(names)


casts = one_of(*CASTS)
choices = st.lists(st.integers(0, 2**16), min_size=8, max_size=32)


class Walk:
    """A world, taken by one possible step after another."""

    def __init__(self, cast: Cast) -> None:
        self.cast = cast
        self.events: list[Event] = []
        self.world = boot(cast.parts, stores=cast.stores, record=self.events.append)
        self.steps: list[Step] = []

    def go(self, choice: int) -> Step:
        """Perform one of the possible steps; there is always one."""
        steps = possible(self.world)
        step = steps[choice % len(steps)]
        self.world.time_s = float(len(self.steps) + 1)
        perform(self.world, step)
        self.steps.append(step)
        return step

    def trace(self) -> Trace:
        return Trace(tuple(self.cast.parts), self.world.messages(), tuple(self.events))


def numbers(trace: Trace, *what: str) -> list[int]:
    return [event.packet for event in trace.of(*what)]


def contents(store: Store) -> object:
    return store.marked, store.processed, store.saved, store.settled


def disk(world: World, who: str) -> Store:
    return world.stores[world.store_names[who]]


@given(name=casts, choices=choices)
def test_a_packet_in_flight_was_sent_and_has_not_arrived(name: str, choices: list[int]) -> None:
    walk = Walk(CASTS[name])
    for choice in choices:
        walk.go(choice)
        trace = walk.trace()
        made = numbers(trace, "sent", "duplicated")
        gone = numbers(trace, "delivered", "refused", "lost")
        assert made == list(range(1, len(made) + 1))
        assert len(gone) == len(set(gone))
        assert set(walk.world.packets) == set(made) - set(gone)
        born = {event.packet: event for event in trace.of("sent", "duplicated")}
        for number, packet in walk.world.packets.items():
            origin = born[number]
            assert packet == (number, origin.who, origin.peer, origin.payload)


@given(name=casts, choices=choices)
def test_effects_on_state_are_never_undone(name: str, choices: list[int]) -> None:
    walk = Walk(CASTS[name])
    before = Counter[str]()
    for choice in choices:
        walk.go(choice)
        after = walk.trace().processed()
        assert before <= after
        on_disk = Counter[str]()
        for store in walk.world.stores.values():
            on_disk.update(store.processed)
        assert on_disk == after
        before = after


@given(name=casts, choices=choices)
def test_a_crash_takes_the_memory_and_the_handler_and_leaves_the_disk(
    name: str, choices: list[int]
) -> None:
    walk = Walk(CASTS[name])
    down: set[str] = set()
    for choice in choices:
        before = {who: contents(disk(walk.world, who).copy()) for who in walk.cast.parts}
        step = walk.go(choice)
        if isinstance(step, Crash | Restart):
            assert before == {who: contents(disk(walk.world, who)) for who in walk.cast.parts}
            assert walk.world.memory[step.who] == {}
            down ^= {step.who}
        assert down == {who for who in walk.cast.parts if walk.world.is_down(who)}
        for who in down:
            assert (walk.world.local_effect(who), walk.world.timer_s(who)) == (None, None)


@given(name=one_of("ProcessOnce", "two messages", "relay", "two workers"), choices=choices)
def test_exactly_once_processing_never_processes_twice(name: str, choices: list[int]) -> None:
    walk = Walk(CASTS[name])
    for choice in choices:
        walk.go(choice)
    assert set(walk.trace().processed().values()) <= {1}


@given(
    name=one_of("ProcessThenAck", "ProcessThenMark", "ProcessOnce", "relay"), choices=choices
)
def test_what_is_confirmed_was_processed(name: str, choices: list[int]) -> None:
    walk = Walk(CASTS[name])
    for choice in choices:
        walk.go(choice)
    assert all(n > 0 for _, n, knows in walk.trace().outcome() if knows == "confirmed")


@given(name=casts, choices=choices)
def test_a_walk_can_be_scripted(name: str, choices: list[int]) -> None:
    walk = Walk(CASTS[name])
    for choice in choices:
        walk.go(choice)
    trace = walk.trace()
    cast = walk.cast
    assert script(cast.parts, *walk.steps, automatic=False, stores=cast.stores) == trace
    assert timeless(follow(cast.parts, trace, cast.stores)) == timeless(trace)


@given(name=casts, choices=choices)
def test_suspended_and_running_handlers_agree_at_every_step(
    name: str, choices: list[int]
) -> None:
    """And a world that is copied goes its own way without touching the other."""
    walk = Walk(CASTS[name])
    cast = walk.cast
    world = boot(cast.parts, stores=cast.stores, carry=Histories())
    for choice in choices:
        step = walk.go(choice)
        astray = copy_of(world)
        perform(astray, possible(astray)[-1 - choice % len(possible(astray))])
        assert step in possible(world)
        perform(world, step)
        assert possible(world) == possible(walk.world)
        assert where(world) == where(walk.world)
    if not cast.stores:
        assert outcome(world) == walk.trace().outcome()


def where(world: World) -> object:
    """Everything that a world is, apart from how its handlers are carried."""
    stores = [contents(store) for store in world.stores.values()]
    effects = [task.effect if task else None for task in world.tasks.values()]
    return stores, effects, world.memory, world.packets


@pytest.mark.parametrize("second", ["heard", "unheard"])
@pytest.mark.parametrize("first", ["heard", "unheard"])
def test_an_ack_once_heard_is_not_put_in_doubt_later(first: str, second: str) -> None:
    """The sender settles, crashes before it has noted that, and settles again."""
    parts = retrying("ProcessOnce", attempts_max=1)
    events: list[Event] = []
    world = boot(parts, record=events.append)

    def attempt(heard: str) -> None:
        perform(world, Run("sender"))
        packet = world.packets_sent
        if heard == "unheard":
            perform(world, Lose(packet))
            perform(world, Timeout("sender"))
        else:
            perform(world, Deliver(packet))
            run_local(world)
            perform(world, Deliver(packet + 1))
        perform(world, Run("sender"))

    attempt(first)
    perform(world, Crash("sender", before=Save))
    perform(world, Restart("sender"))
    attempt(second)
    trace = Trace(tuple(parts), world.messages(), tuple(events))
    known = "confirmed" if "heard" in (first, second) else "in doubt"
    assert [knows for _, _, knows in trace.outcome()] == [known]
    assert trace.outcome() == outcome(world)
    assert audit(trace).in_doubt == (("1",) if known == "in doubt" else ())
