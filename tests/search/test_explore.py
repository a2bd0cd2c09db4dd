"""The search: the taxonomy that falls out of it, its counterexamples, and a slower search."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Hashable, Iterator, Mapping
from dataclasses import dataclass

import golden
import pytest
from random_systems import copy_of

from delivery_semantics import (
    Ack,
    AlternatingBitReceiver,
    AlternatingBitSender,
    Bounds,
    Crash,
    Deliver,
    Duplicate,
    Exploration,
    FireAndForget,
    HighWaterMark,
    IsMarked,
    Lose,
    Mark,
    MarkThenProcess,
    Message,
    Participant,
    Passive,
    Process,
    ProcessOnce,
    ProcessThenAck,
    ProcessThenMark,
    Relay,
    Restart,
    RetryUntilAcked,
    Run,
    Send,
    Step,
    Timeout,
    UnboundedRun,
    Wait,
    explore,
    payments,
    script,
)
from delivery_semantics.core.effects import Handler, Payload
from delivery_semantics.core.perform import boot, perform, possible
from delivery_semantics.core.steps import describe
from delivery_semantics.core.trace import Outcome
from delivery_semantics.core.world import World
from delivery_semantics.participants.receivers import RECEIVERS as BY_NAME
from delivery_semantics.search.explore import outcome
from delivery_semantics.search.histories import Histories
from delivery_semantics.show.mermaid import mermaid

Parts = Mapping[str, Participant]
Stores = Mapping[str, str] | None


def retry(count: int = 1, *, attempts_max: int | None = None) -> Participant:
    return RetryUntilAcked("receiver", payments(count), attempts_max=attempts_max)


def once(count: int = 1) -> Participant:
    return FireAndForget("receiver", payments(count))


def forgetful(count: int = 1) -> Participant:
    return RetryUntilAcked("receiver", payments(count), durable=False)


def bounds(
    losses: int = 0, duplicates: int = 0, crashes: int = 0, early_timeouts: int = 0,
    *, reordering: bool = True, crashable: tuple[str, ...] | None = None,
) -> Bounds:  # fmt: skip
    """Bounds that begin with nothing instead of one of each."""
    return Bounds(
        losses=losses, duplicates=duplicates, crashes=crashes, early_timeouts=early_timeouts,
        reordering=reordering, crashable=crashable,
    )  # fmt: skip


# The taxonomy -----------------------------------------------------------------------------

FAULTS = {
    "nothing": bounds(),
    "loss": bounds(losses=1),
    "copy": bounds(duplicates=1),
    "early": bounds(early_timeouts=1),
    "receiver": bounds(crashes=1, crashable=("receiver",)),
    "sender": bounds(crashes=1, crashable=("sender",)),
    "all": bounds(1, 1, 1, 1),
}
"""What one run may hold: a loss, a copy, a timer that fires early, a crash, or one of each."""

TAXONOMY = """
                          nothing  loss  copy  early  receiver  sender  all
once      AckThenProcess    1       01    1+    1       01        01     ?
once      ProcessThenAck    1       01    1+    1       01        01     ?
once      MarkThenProcess   1       01    1     1       01        01     01
once      ProcessThenMark   1       01    1     1       01        01     ?
once      ProcessOnce       1       01    1     1       01        01     01
once      HighWaterMark     1       01    1     1       01        01     01
retry     AckThenProcess    1       1+    1+    1+      01        1+     ?
retry     ProcessThenAck    1       1+    1+    1+      1+        1+     1+
retry     MarkThenProcess   1       1     1     1       01        1      01
retry     ProcessThenMark   1       1     1     1       1+        1      1+
retry     ProcessOnce       1       1     1     1       1         1      1
retry     HighWaterMark     1       1     1     1       01        1      01
forgetful ProcessThenAck    1       1+    1+    1+      1+        01     ?
forgetful ProcessOnce       1       1     1     1       1         01     01
"""
"""How often one message can be processed: 1, 0 or 1, 1 or more, or any number of times."""


def promise(found: Exploration) -> str:
    """How the table says what holds."""
    holds = found.never_more_than_once.holds, found.at_least_once_eventually.holds
    return {
        (True, True): "1", (True, False): "01", (False, True): "1+", (False, False): "?",
    }[holds]  # fmt: skip


SENDERS: dict[str, Callable[[], Participant]] = {
    "once": once, "retry": retry, "forgetful": forgetful,
}  # fmt: skip
RECEIVERS = {**BY_NAME, "HighWaterMark": HighWaterMark}


def pair(sender: str, receiver: str) -> Parts:
    return {"sender": SENDERS[sender](), "receiver": RECEIVERS[receiver]()}


def cells() -> Iterator[tuple[str, str, str, str]]:
    """Sender, receiver, fault and promise of each cell."""
    faults, *rows = TAXONOMY.strip().splitlines()
    for row in rows:
        sender, receiver, *promises = row.split()
        for fault, expected in zip(faults.split(), promises, strict=True):
            yield sender, receiver, fault, expected


CELLS = list(cells())


@pytest.mark.parametrize(("sender", "receiver", "fault", "expected"), CELLS)
def test_the_taxonomy(sender: str, receiver: str, fault: str, expected: str) -> None:
    found = explore(pair(sender, receiver), FAULTS[fault])
    assert promise(found) == expected
    assert found.holds == (expected == "1")


def test_the_table_leaves_no_receiver_and_no_fault_out() -> None:
    named = {(sender, receiver) for sender, receiver, _, _ in CELLS}
    assert {(s, r) for s in ("once", "retry") for r in RECEIVERS} <= named
    assert {fault for _, _, fault, _ in CELLS} == set(FAULTS)


def test_two_halves_make_a_guarantee() -> None:
    """Retry or not, ack before or after the work: with a loss and a receiver that crashes."""
    faults = bounds(losses=1, crashes=1, crashable=("receiver",))
    found = {
        (sender, receiver): promise(explore(pair(sender, receiver), faults))
        for sender in ("once", "retry") for receiver in ("AckThenProcess", "ProcessThenAck")
    }  # fmt: skip
    assert found == {
        ("once", "AckThenProcess"): "01", ("once", "ProcessThenAck"): "01",
        ("retry", "AckThenProcess"): "?", ("retry", "ProcessThenAck"): "1+",
    }  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("receiver", ["ProcessThenAck", "MarkThenProcess", "ProcessOnce"])
def test_a_second_message_changes_no_verdict(receiver: str) -> None:
    parts = {"sender": retry(2), "receiver": RECEIVERS[receiver]()}
    assert ("retry", receiver, "all", promise(explore(parts, Bounds()))) in CELLS


@pytest.mark.parametrize(
    ("attempts", "holds"), [(1, False), (2, False), (3, True), (None, True)]
)
def test_a_sender_with_no_more_attempts_than_faults_is_not_at_least_once(
    attempts: int | None, holds: bool
) -> None:
    parts = {"sender": retry(attempts_max=attempts), "receiver": ProcessOnce()}
    found = explore(parts, bounds(losses=2))
    assert found.at_least_once_eventually.holds == holds
    assert (("1", 0, "in doubt"),) in found.outcomes or holds


# Other protocols --------------------------------------------------------------------------


@dataclass(frozen=True)
class Redelivery(Passive):
    """A queue that hands a message to a second worker while the first is still at it."""

    messages: tuple[Message, ...] = payments(1)

    def start(self) -> Handler:
        for message in self.messages:
            yield Send("worker a", message)
            yield Send("worker b", message)


SHARED = {"worker a": "database", "worker b": "database"}


def two_workers(worker: Callable[[], Participant]) -> Parts:
    return {"queue": Redelivery(), "worker a": worker(), "worker b": worker()}


@pytest.mark.parametrize(
    ("worker", "crashes", "expected"),
    [
        (MarkThenProcess, 0, "1+"), (ProcessThenMark, 0, "1+"), (ProcessOnce, 0, "1"),
        (MarkThenProcess, 1, "?"), (ProcessOnce, 1, "1"), (ProcessOnce, 2, "01"),
    ],
)  # fmt: skip
def test_two_workers_on_one_store_convict_check_then_act(
    worker: Callable[[], Participant], crashes: int, expected: str
) -> None:
    faults = bounds(crashes=crashes, crashable=("worker a", "worker b"))
    found = explore(two_workers(worker), faults, stores=SHARED)
    assert promise(found) == expected


def test_two_workers_with_a_store_each_repeat_whatever_they_do() -> None:
    found = explore(two_workers(ProcessOnce), bounds())
    assert not found.never_more_than_once.holds


def alternating_bit(*, durable: bool = True, count: int = 3) -> Parts:
    return {
        "sender": AlternatingBitSender("receiver", payments(count)),
        "receiver": AlternatingBitReceiver(durable=durable),
    }


@pytest.mark.parametrize(
    ("durable", "faults", "expected"),
    [
        (True, bounds(1, 1, 0, 1, reordering=False), "1"),
        (True, bounds(duplicates=1), "?"),
        (True, bounds(early_timeouts=1), "?"),
        (True, bounds(1, 1, 1, reordering=False, crashable=("receiver",)), "1"),
        (False, bounds(1, 1, 1, reordering=False, crashable=("receiver",)), "?"),
        (False, bounds(1, 1, 0, 1, reordering=False), "1"),
    ],
    ids=[
        "queue",
        "copy",
        "early",
        "crash with a durable bit",
        "crash that forgets",
        "no crash",
    ],
)
def test_the_alternating_bit_needs_a_queue_and_a_memory(
    durable: bool, faults: Bounds, expected: str
) -> None:
    found = explore(alternating_bit(durable=durable), faults)
    assert promise(found) == expected


@pytest.mark.parametrize(("reordering", "expected"), [(False, "1"), (True, "01")])
def test_a_high_water_mark_loses_what_was_overtaken(reordering: bool, expected: str) -> None:
    """No duplicates, in order, no packet lost, no crash - and yet a message is lost."""
    parts = {"sender": once(3), "receiver": HighWaterMark()}
    found = explore(parts, bounds(reordering=reordering))
    assert promise(found) == expected


def test_a_relay_that_acks_only_when_it_was_acked_keeps_the_promise() -> None:
    parts = {
        "sender": RetryUntilAcked("relay", payments(1), attempts_max=3),
        "relay": Relay("receiver", timeout_s=1.0, attempts_max=2),
        "receiver": ProcessOnce(),
    }
    found = explore(parts, bounds(losses=1))
    assert promise(found) == "1"
    # The sender's three seconds are longer than the relay's two, whatever a packet takes.
    assert found.outcomes == ((("1", 1, "confirmed"),),)


@dataclass(frozen=True)
class Echo(Passive):
    """It was asked for one thing and does another, twice."""

    def receive(self, source: str, payload: object) -> Handler:
        yield Process(Message("another"))
        yield Process(Message("another"))


def test_an_effect_that_nobody_asked_for_counts_as_well() -> None:
    found = explore({"sender": once(), "receiver": Echo()}, bounds())
    assert not found.never_more_than_once.holds
    assert not found.at_least_once_eventually.holds


# Counterexamples --------------------------------------------------------------------------


class SkipsInSilence(Passive):
    """It marks, processes and acks; a marked message it neither processes nor acks."""

    def receive(self, source: str, payload: Payload) -> Handler:
        assert isinstance(payload, Message)
        if not (yield IsMarked(payload.id)):
            yield Mark(payload.id)
            yield Process(payload)
            yield Send(source, Ack(payload.id))


STORED: dict[str, tuple[Parts, Bounds, Stores]] = {
    **{
        f"retry-{receiver}": (pair("retry", receiver), Bounds(), None) for receiver in RECEIVERS
    },
    "once-ProcessOnce": (pair("once", "ProcessOnce"), Bounds(), None),
    "early-ProcessThenAck": (pair("retry", "ProcessThenAck"), bounds(early_timeouts=1), None),
    "two-workers-MarkThenProcess": (two_workers(MarkThenProcess), bounds(), SHARED),
    "two-workers-ProcessOnce": (two_workers(ProcessOnce), bounds(), SHARED),
    "alternating-bit-queue": (alternating_bit(), bounds(1, 1, 0, 1, reordering=False), None),
    "alternating-bit-reordering": (alternating_bit(), bounds(early_timeouts=1), None),
    "alternating-bit-crash": (
        alternating_bit(durable=False, count=2),
        bounds(1, 1, 1, reordering=False, crashable=("receiver",)),
        None,
    ),
    "silent-copies": ({"sender": retry(), "receiver": SkipsInSilence()}, Bounds(), None),
    "overtaken-HighWaterMark": (
        {"sender": once(3), "receiver": HighWaterMark()}, bounds(), None,
    ),
}  # fmt: skip


def report(found: Exploration) -> str:
    """The verdicts with their bounds, and each counterexample, as steps and as a diagram."""
    lines = [str(found)]
    for verdict in (found.never_more_than_once, found.at_least_once_eventually):
        if verdict.counterexample is not None:
            lines += ["", f"{verdict.claim}: broken by"]
            lines += [f"  {describe(step)}" for step in verdict.steps]
            lines += ["", mermaid(verdict).rstrip()]
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("name", STORED)
def test_verdicts_worlds_and_counterexamples_are_as_stored(name: str) -> None:
    parts, within, stores = STORED[name]
    golden.check(f"{name}.txt", report(explore(parts, within, stores=stores)))


@pytest.mark.parametrize("name", STORED)
def test_a_counterexample_is_a_run_within_the_bounds_that_breaks_the_claim(name: str) -> None:
    parts, within, stores = STORED[name]
    found = explore(parts, within, stores=stores)
    twice, never = found.never_more_than_once, found.at_least_once_eventually
    for verdict in (twice, never):
        steps = verdict.steps
        assert verdict.holds == (verdict.counterexample is None) == (not steps)
        assert sum(isinstance(step, Lose) for step in steps) <= within.losses
        assert sum(isinstance(step, Duplicate) for step in steps) <= within.duplicates
        assert sum(isinstance(step, Crash) for step in steps) <= within.crashes
        early = sum(isinstance(step, Timeout) and step.early for step in steps)
        assert early <= within.early_timeouts
        if verdict.counterexample is not None:
            replayed = script(parts, *steps, automatic=False, stores=stores)
            assert verdict.counterexample == replayed
    if twice.counterexample is not None:
        assert max(twice.counterexample.processed().values()) == 2
    if never.counterexample is not None:
        assert 0 in [times for _, times, _ in never.counterexample.outcome()]
        assert never.counterexample.outcome() in found.outcomes
        assert bool(never.loop) == (never.loop_event is not None)


# An independent search --------------------------------------------------------------------


@dataclass
class Found:
    """What the naive search found: the fewest choices to each break, and all the ends."""

    repeated: int | None
    missing: int | None
    ends: set[Outcome]


Left = tuple[int, int, int, int]


def naive(parts: Parts, within: Bounds, stores: Stores = None) -> Found:
    """Try every possible step in every world, with neither merging nor reduction.

    Only worlds that are equal down to the numbers of their packets' order are tried once. As
    in ``explore``, the effects of whoever cannot crash and shares no store are no choices.
    """
    root = boot(parts, stores=stores, carry=Histories())
    left = (within.losses, within.duplicates, within.crashes, within.early_timeouts)
    best: dict[Hashable, int] = {}
    queue = deque([(root, left, 0)])
    found = Found(None, None, set())
    while queue:
        world, left, choices = queue.popleft()
        if best.setdefault(known_as(world, left), choices) < choices:
            continue
        counts = effects(world)
        if found.repeated is None and max(counts.values(), default=0) > 1:
            found.repeated = choices
        steps = list(allowed(world, within, left))
        if all(after != left for _, after in steps):
            found.ends.add(outcome(world))
            if found.missing is None and any(m.id not in counts for m in world.messages()):
                found.missing = choices
        for step, after in steps:
            twin = copy_of(world)
            perform(twin, step)
            cost = choices + is_choice(step)
            if best.get(name := known_as(twin, after), cost + 1) > cost:
                best[name] = cost
                add = queue.append if cost > choices else queue.appendleft
                add((twin, after, cost))
    return found


def effects(world: World) -> dict[str, int]:
    counts: dict[str, int] = {}
    for store in world.stores.values():
        for name, times in store.processed.items():
            counts[name] = counts.get(name, 0) + times
    return counts


def known_as(world: World, left: Left) -> Hashable:
    stores = [
        (sorted(s.marked), sorted(s.processed.items()), sorted(s.saved.items()), str(s.settled))
        for s in world.stores.values()
    ]
    memory = [sorted(saved.items()) for saved in world.memory.values()]
    packets = [packet[1:] for packet in world.packets.values()]
    tasks = tuple(id(task) for task in world.tasks.values())
    return tasks, repr((stores, memory, packets)), left


def allowed(world: World, within: Bounds, left: Left) -> Iterator[tuple[Step, Left]]:
    """Every possible step that the faults left allow, and what is left after it."""
    losses, copies, crashes, early = left
    resting = not (world.packets or any(map(world.local_effect, world.participants)))
    for step in possible(world):
        match step:
            case Deliver(number) if not (within.reordering or is_first(world, number)):
                pass
            case Run() | Restart() | Deliver():
                yield step, left
            case Timeout() if resting:
                yield step, left
            case Timeout(who) if early:
                yield Timeout(who, early=True), (losses, copies, crashes, early - 1)
            case Lose() if losses:
                yield step, (losses - 1, copies, crashes, early)
            case Duplicate() if copies:
                yield step, (losses, copies - 1, crashes, early)
            case Crash(who) if crashes and can_crash(who, within):
                yield step, (losses, copies, crashes - 1, early)


def is_first(world: World, number: int) -> bool:
    link = world.packets[number][1:3]
    return number == next(n for n, packet in world.packets.items() if packet[1:3] == link)


def can_crash(who: str, within: Bounds) -> bool:
    return within.crashes > 0 and (within.crashable is None or who in within.crashable)


def is_choice(step: Step) -> bool:
    return not isinstance(step, Run)


COMPARED: dict[str, tuple[Parts, Bounds, Stores]] = {
    **{
        f"{sender} {receiver} {fault}": (
            pair(sender, receiver), FAULTS[fault], None,
        )
        for sender in ("once", "retry") for receiver in RECEIVERS
        for fault in ("loss", "copy", "early", "receiver", "sender")
    },
    **{
        f"retry {receiver} default": (
            {"sender": retry(), "receiver": RECEIVERS[receiver]()},
            Bounds(),
            None,
        )
        for receiver in RECEIVERS
    },
    **{
        f"two workers, {worker.__name__}, a copy and a crash": (
            two_workers(worker),
            bounds(duplicates=1, crashes=1, crashable=("worker a",)),
            SHARED,
        )
        for worker in (MarkThenProcess, ProcessOnce)
    },
    "a crash to spare": (pair("once", "ProcessOnce"), bounds(1, 0, 2), None),
    **{
        name: STORED[name]
        for name in STORED if name.startswith(("two-workers", "alternating", "overtaken"))
    },
}  # fmt: skip


@pytest.mark.parametrize("name", COMPARED)
def test_a_naive_search_finds_the_same_and_nothing_shorter(name: str) -> None:
    parts, within, stores = COMPARED[name]
    found = explore(parts, within, stores=stores)
    slow = naive(parts, within, stores)
    for verdict, fewest in (
        (found.never_more_than_once, slow.repeated),
        (found.at_least_once_eventually, slow.missing),
    ):
        choices = sum(is_choice(step) for step in verdict.steps)
        assert (None if verdict.holds else choices) == fewest, verdict.claim
    assert set(found.outcomes) == slow.ends


# Bounds and limits ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("within", "said"),
    [
        (Bounds(),
         "at most 1 loss, 1 duplicate, 1 crash, 0 early timeouts; packets in any order"),
        (bounds(2, 0, 3, 1, reordering=False),
         "at most 2 losses, 0 duplicates, 3 crashes, 1 early timeout; packets in order"),
        (Bounds(crashable=("sender", "receiver")),
         "at most 1 loss, 1 duplicate, 1 crash, 0 early timeouts; packets in any order; "
         "may crash: sender, receiver"),
        (Bounds(crashable=()),
         "at most 1 loss, 1 duplicate, 1 crash, 0 early timeouts; packets in any order; "
         "may crash: nobody"),
    ],
)  # fmt: skip
def test_bounds_are_said_in_full(within: Bounds, said: str) -> None:
    assert str(within) == said


def test_a_verdict_never_comes_without_its_bounds() -> None:
    found = explore({"sender": once(2), "receiver": ProcessOnce()}, bounds(losses=1))
    assert str(found) == (
        "never more than once: holds · at least once, eventually: broken "
        f"(20 worlds; 2 messages, {bounds(losses=1)})"
    )
    assert "; 1 message, at most " in str(
        explore({"sender": once(), "receiver": ProcessOnce()})
    )


@dataclass(frozen=True)
class Counter(Passive):
    """It counts for ever, so it is never again as it was."""

    def start(self) -> Handler:
        count = 0
        while True:
            count += 1
            yield Wait(1.0)


def test_a_search_without_end_is_an_error_that_names_who_has_none() -> None:
    parts = {"sender": retry(), "receiver": ProcessOnce(), "counter": Counter()}
    with pytest.raises(UnboundedRun) as error:
        explore(parts, bounds(), worlds_max=200)
    assert str(error.value).startswith(f"worlds_max: more than 200 worlds within {bounds()}; ")
    assert "or let counter come to where it has been: " in str(error.value)


def test_many_messages_without_end_are_said_to_be_many() -> None:
    parts = {"sender": retry(3), "receiver": ProcessOnce()}
    with pytest.raises(UnboundedRun, match="give senders fewer messages"):
        explore(parts, Bounds(), worlds_max=50)


def test_a_sender_that_nobody_answers_goes_round_for_ever_and_the_loop_is_found() -> None:
    found = explore({"sender": retry(), "receiver": Passive()}, bounds())
    verdict = found.at_least_once_eventually
    assert not verdict.holds
    choices = [describe(step) for step in verdict.loop if not isinstance(step, Run)]
    assert choices == ["Deliver(1)", "Timeout('sender')"]
    assert verdict.counterexample is not None
    way_in = verdict.steps[: -len(verdict.loop)]
    before = script({"sender": retry(), "receiver": Passive()}, *way_in, automatic=False).events
    assert verdict.counterexample.events[: verdict.loop_event] == before


def test_a_search_may_end_exactly_at_its_limit() -> None:
    parts = {"sender": retry(), "receiver": ProcessOnce()}
    worlds = explore(parts).worlds
    assert explore(parts, worlds_max=worlds).worlds == worlds
    with pytest.raises(UnboundedRun):
        explore(parts, worlds_max=worlds - 1)


def test_a_sender_without_limit_can_be_searched_as_the_faults_have_one() -> None:
    endless = {"sender": retry(), "receiver": ProcessThenAck()}
    limited = {"sender": retry(attempts_max=9), "receiver": ProcessThenAck()}
    within = Bounds(crashes=0)
    assert explore(endless, within).outcomes == explore(limited, within).outcomes


def test_an_outage_may_last_longer_than_any_number_of_attempts() -> None:
    parts = {"sender": retry(attempts_max=9), "receiver": ProcessOnce()}
    found = explore(parts, bounds(crashes=1, crashable=("receiver",)))
    assert not found.at_least_once_eventually.holds
    assert (("1", 0, "in doubt"),) in found.outcomes


def test_who_may_not_crash_does_not() -> None:
    parts = {"sender": retry(), "receiver": ProcessThenMark()}
    found = explore(parts, Bounds(crashes=3, crashable=()))
    assert found.never_more_than_once.holds
    assert found.outcomes == explore(parts, Bounds(crashes=0)).outcomes
