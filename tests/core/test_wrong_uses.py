"""Wrong uses: each error names who or what is wrong, the value, and what is allowed."""

# mypy: disable-error-code="arg-type, misc, type-var, return-value, call-overload"

from __future__ import annotations

import os
import random
import time
import uuid
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any, ClassVar

import pytest

from delivery_semantics import (
    EXACTLY_ONCE,
    Ack,
    AlternatingBitReceiver,
    Arm,
    Atomic,
    Bounds,
    Confirm,
    Crash,
    CrashPoint,
    Deliver,
    Disarm,
    Event,
    Fail,
    Faults,
    IsMarked,
    Load,
    Mark,
    Message,
    Network,
    Once,
    Outage,
    Passive,
    Process,
    ProcessOnce,
    Receive,
    RetryUntilAcked,
    Save,
    Semantic,
    Send,
    Timeout,
    Trace,
    Wait,
    audit,
    explore,
    payments,
    script,
    simulate,
)
from delivery_semantics.databases.connect import connect
from delivery_semantics.dedup.highest import Highest
from delivery_semantics.dedup.in_database import InDatabase
from delivery_semantics.dedup.in_memory import InMemory
from delivery_semantics.live.sockets import run_live
from delivery_semantics.theory.windows import effects_in_window


def pair(receiver: Any = None, messages: Any = None) -> dict[str, Any]:  # noqa: ANN401
    sender = RetryUntilAcked("receiver", messages or payments(1), attempts_max=2)
    return {"sender": sender, "receiver": ProcessOnce() if receiver is None else receiver}


def receiver(*effects: Callable[[Message], Any]) -> dict[str, Any]:
    """A pair whose receiver asks for these."""

    class Receiver(Passive):
        def receive(self, source: str, payload: Any) -> Any:  # noqa: ANN401
            for effect in effects:
                yield effect(payload)

    return pair(Receiver())


def body(receive: Callable[..., Any]) -> dict[str, Any]:
    """A pair whose receiver does this."""
    return pair(type("Receiver", (Passive,), {"receive": receive})())


# In each way of choosing --------------------------------------------------------------------

RUNS: dict[str, Callable[[Any], object]] = {
    "script": lambda parts: script(parts, Deliver(1)),
    "seed": lambda parts: simulate(parts, steps_max=1_000),
    "search": lambda parts: explore(parts, Bounds(crashes=0), worlds_max=1_000),
    "sockets": lambda parts: run_live(parts, time_scale=0.01),
}


@dataclass
class Unhashable:
    kind: ClassVar[str] = "message"
    id: str


@dataclass(frozen=True)
class Hidden:
    kind: ClassVar[str] = "message"
    id: str
    secret: int = field(default=0, repr=False)


class Textless:
    kind = "message"
    id = "1"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Textless)

    def __hash__(self) -> int:
        return 1


class Timerless:
    """All that a participant must have, but what runs for a timer."""

    start = Passive.start

    def receive(self, source: str, payload: Any) -> Any:  # noqa: ANN401
        yield Arm("retry", 1.0)


async def nothing() -> None:
    """What an ``async def`` is to whoever calls it."""


def bare(self: Any, source: str, payload: Any) -> Any:  # noqa: ANN401
    yield
    yield Process(payload)


def never_waits(self: Any, source: str, payload: Any) -> Any:  # noqa: ANN401
    while True:
        yield Save("n", 1)


def reads_for_ever(self: Any, source: str, payload: Any) -> Any:  # noqa: ANN401
    while True:
        yield Load("n")


def raises(self: Any, source: str, payload: Any) -> Any:  # noqa: ANN401
    yield Mark("1")
    raise ZeroDivisionError("by the handler")


SEEN: set[str] = set()


class OnSelf(Passive):
    def __init__(self) -> None:
        self.seen: set[str] = set()

    def receive(self, source: str, payload: Any) -> Any:  # noqa: ANN401
        self.seen.add(payload.id)
        yield Process(payload)


class OnClass(Passive):
    seen: ClassVar[list[str]] = []

    def receive(self, source: str, payload: Any) -> Any:  # noqa: ANN401
        self.seen.append(payload.id)
        yield Process(payload)


def on_global(self: Any, source: str, payload: Any) -> Any:  # noqa: ANN401
    SEEN.add(payload.id + str(len(SEEN)))
    yield Process(payload)


def on_closure() -> Callable[..., Any]:
    count = 0

    def receive(self: Any, source: str, payload: Any) -> Any:  # noqa: ANN401
        nonlocal count
        count += 1
        yield Process(payload)

    return receive


def on_default(self: Any, source: str, payload: Any, seen: Any = []) -> Any:  # noqa: ANN401, B006
    seen.append(payload.id)
    yield Process(payload)


def asking(what: Callable[[], object]) -> dict[str, Any]:
    def receive(self: Any, source: str, payload: Any) -> Any:  # noqa: ANN401
        what()
        yield Process(payload)

    return body(receive)


HANDLERS: dict[str, tuple[Callable[[], dict[str, Any]], tuple[str, ...]]] = {
    "no yield": (lambda: body(lambda self, s, p: None), ("receiver", "None", "generator")),
    "a list": (lambda: body(lambda self, s, p: [Process(p)]), ("receiver", "generator")),
    "a bare yield": (lambda: body(bare), ("receiver", "nothing", "effect")),
    "a class of effect": (lambda: receiver(lambda m: Send), ("receiver", "Send", "allowed")),
    "a word for an effect": (lambda: receiver(lambda m: "ack"), ("receiver", "'ack'")),
    "never waits": (lambda: body(never_waits), ("receiver", "without a wait", "Wait")),
    "reads for ever": (lambda: body(reads_for_ever), ("receiver", "without a wait", "Wait")),
    "raises": (lambda: body(raises), ("receiver", "by the handler")),
    "state on self": (lambda: pair(OnSelf()), ("receiver", "self.seen", "Save")),
    "state on the class": (lambda: pair(OnClass()), ("receiver", "seen", "Save")),
    "state in a global": (lambda: body(on_global), ("receiver", "SEEN", "Save")),
    "state in a closure": (lambda: body(on_closure()), ("receiver", "count", "Save")),
    "state in a default": (lambda: body(on_default), ("receiver", "default", "Save")),
    "a clock": (lambda: asking(time.time), ("receiver", "clock", "Now()")),
    "a monotonic clock": (lambda: asking(time.monotonic), ("receiver", "clock", "Now()")),
    "chance": (lambda: asking(random.random), ("receiver", "chance", "random")),
    "os.urandom": (lambda: asking(lambda: os.urandom(4)), ("receiver", "chance", "urandom")),
    "uuid4": (lambda: asking(uuid.uuid4), ("receiver", "chance", "urandom")),
    "process a word": (lambda: receiver(lambda m: Process(m.id)), ("receiver", "'1'")),
    "once without process": (lambda: receiver(lambda m: Once(m.id, m)), ("receiver", "Once(")),
    "save a list": (lambda: receiver(lambda m: Save("k", [1])), ("receiver", "'k'", "[1]")),
    "save a set": (lambda: receiver(lambda m: Save("k", {1})), ("receiver", "'k'", "{1}")),
    "save under a number": (lambda: receiver(lambda m: Save(1, 1)), ("receiver", "1", "text")),
    "durable a word": (
        lambda: receiver(lambda m: Save("k", 1, durable="no")),
        ("receiver", "durable", "'no'", "True, False"),
    ),
    "store unknown": (
        lambda: receiver(lambda m: Save("k", 1, store="db")), ("receiver", "'db'", "allowed"),
    ),
    "load under a number": (lambda: receiver(lambda m: Load(1)), ("receiver", "1", "text")),
    "mark a message": (lambda: receiver(lambda m: Mark(m)), ("receiver", "Message", "text")),
    "ask for a message": (lambda: receiver(lambda m: IsMarked(m)), ("receiver", "text")),
    "confirm a number": (lambda: receiver(lambda m: Confirm(1)), ("receiver", "1", "text")),
    "arm a number": (lambda: receiver(lambda m: Arm(1, 1.0)), ("receiver", "1", "text")),
    "a wait in a transaction": (
        lambda: receiver(lambda m: Atomic(Wait(1.0))), ("receiver", "Wait", "allowed"),
    ),
    "only_if a word": (
        lambda: receiver(lambda m: Atomic(Mark("1"), only_if="n")),
        ("receiver", "only_if", "'n'", "(key, value)"),
    ),
    "send a text": (lambda: receiver(lambda m: Send("sender", "hi")), ("receiver", "'hi'")),
    "send to nobody": (lambda: receiver(lambda m: Send("db", m)), ("to", "'db'", "sender")),
    "send the unhashable": (
        lambda: receiver(lambda m: Send("sender", Unhashable("1"))),
        ("receiver", "Unhashable", "compared"),
    ),
    "send what hides": (
        lambda: receiver(lambda m: Send("sender", Hidden("1"))), ("receiver", "secret"),
    ),
    "send the textless": (
        lambda: receiver(lambda m: Send("sender", Textless())), ("receiver", "text"),
    ),
    "send the id 1": (lambda: receiver(lambda m: Send("sender", Ack(1))), ("receiver", "id")),
    "receive a text": (lambda: receiver(lambda m: Receive("1", 1.0)), ("receiver", "'1'")),
    "arm nothing": (lambda: receiver(lambda m: Arm("", 1.0)), ("receiver", "''", "empty")),
    "disarm nothing": (lambda: receiver(lambda m: Disarm("")), ("receiver", "''", "empty")),
    "arm without a timer": (
        lambda: pair(Timerless()), ("receiver", "'retry'", "without a method timer", "allowed"),
    ),
    "wait a negative time": (lambda: receiver(lambda m: Wait(-1)), ("delay_s", "-1")),
    "wait for ever": (lambda: receiver(lambda m: Wait(float("inf"))), ("delay_s", "inf")),
    "receive for a word": (
        lambda: receiver(lambda m: Receive(m, "1 s")), ("timeout_s", "'1 s'"),
    ),
}  # fmt: skip


def said(call: Callable[[], object]) -> str:
    """What a wrong use is told, with the notes that Python shows below it."""
    with pytest.raises(Exception) as caught:  # noqa: PT011  # any, as long as it says this
        call()
    return "\n".join([str(caught.value), *getattr(caught.value, "__notes__", ())])


@pytest.mark.slow
@pytest.mark.parametrize("how", RUNS)
@pytest.mark.parametrize("name", HANDLERS)
def test_a_handler_that_is_wrong_is_named_whoever_chooses(name: str, how: str) -> None:
    parts, words = HANDLERS[name]
    SEEN.clear()
    told = said(lambda: RUNS[how](parts()))
    assert not [word for word in words if word not in told], told


# At the door --------------------------------------------------------------------------------


def in_a_database(**options: Any) -> InDatabase:  # noqa: ANN401
    """A store of ids in a database of its own, in memory."""
    with closing(connect("sqlite:///:memory:")) as database:
        return InDatabase(database, **options)


PAIR = pair()
LOSSY = Network(messages=Faults(loss=0.1))
DOOR: dict[str, tuple[Callable[[], object], tuple[str, ...]]] = {
    "participants a list": (lambda: simulate([ProcessOnce()]), ("participants",)),
    "participants none": (lambda: explore(None), ("participants", "None")),
    "a class": (lambda: simulate(pair(ProcessOnce)), ("receiver", "class ProcessOnce")),
    "a function": (lambda: simulate(pair(lambda s, m: None)), ("receiver", "Participant")),
    "messages one": (lambda: pair(messages=Message("1")), ("messages", "Message(")),
    "messages words": (lambda: pair(messages=("a", "b")), ("messages", "'a'")),
    "messages a set": (lambda: pair(messages={Message("1")}), ("messages", "tuple")),
    "messages a generator": (
        lambda: pair(messages=(Message(str(i)) for i in range(3))), ("messages", "tuple"),
    ),
    "id a number": (lambda: pair(messages=(Message(1),)), ("id", "1", "text")),
    "amount a text": (
        lambda: pair(messages=(Message("1", "ten"),)), ("amount", "'ten'", "whole"),
    ),
    "one id twice": (lambda: pair(messages=(Message("1"),) * 2), ("messages", "'1'", "twice")),
    "two senders, one id": (
        lambda: simulate({**PAIR, "other": PAIR["sender"]}), ("sender", "other", "'1'"),
    ),
    "a thousand million": (lambda: payments(10**9), ("count", "1000000000")),
    "network faults": (lambda: simulate(PAIR, Faults(loss=0.1)), ("network", "Network")),
    "network a rate": (lambda: simulate(PAIR, 0.1), ("network", "0.1")),
    "messages a rate": (lambda: Network(messages=0.1), ("messages", "0.1", "Faults")),
    "acks a rate": (lambda: Network(acks=0.1), ("acks", "0.1", "Faults")),
    "placed a list": (lambda: Network(placed=[1]), ("placed", "[1]", "mapping")),
    "crashes one": (
        lambda: simulate(PAIR, crashes=CrashPoint("receiver", Process, 0.5)), ("crashes",),
    ),
    "crashes names": (lambda: simulate(PAIR, crashes=("receiver",)), ("crashes", "CrashPoint")),
    "crash before a word": (lambda: CrashPoint("r", "Send", 0.5), ("before", "'Send'")),
    "outage not finite": (lambda: Outage("r", at_s=float("nan"), down_s=1.0), ("at_s", "nan")),
    "outage negative": (lambda: Outage("r", at_s=0.0, down_s=-1.0), ("down_s", "-1.0")),
    "bounds a mapping": (lambda: explore(PAIR, {"losses": 1}), ("bounds", "Bounds")),
    "bounds a number": (lambda: explore(PAIR, 1), ("bounds", "1")),
    "reordering a word": (lambda: Bounds(reordering="no"), ("reordering", "'no'", "True")),
    "crashable a word": (lambda: Bounds(crashable="receiver"), ("crashable", "tuple")),
    "links a word": (lambda: Bounds(links="ab"), ("links", "'ab'", "tuple")),
    "links of one": (
        lambda: explore(PAIR, Bounds(links=("sender",))), ("links", "(source, target)"),
    ),
    "links unknown": (
        lambda: explore(PAIR, Bounds(links=(("sender", "db"),))), ("links", "'db'"),
    ),
    "crashable unknown": (
        lambda: explore(PAIR, Bounds(crashable=("db",))), ("crashable", "'db'"),
    ),
    "two groups with one": (
        lambda: Bounds(crash_together=(("a", "b"), ("b", "c"))), ("crash_together", "'b'"),
    ),
    **{
        f"{name} without end": (lambda name=name: Bounds(**{name: 65_536}), (name, "65535"))
        for name in ("losses", "duplicates", "crashes", "early_timeouts", "failures")
    },
    "losses a fraction": (lambda: Bounds(losses=0.5), ("losses", "0.5", "whole")),
    "stores a list": (lambda: simulate(PAIR, stores=["receiver"]), ("stores", "mapping")),
    "stores a word": (lambda: script(PAIR, stores="db"), ("stores", "'db'", "mapping")),
    "seed huge": (lambda: simulate(PAIR, LOSSY, seed=10**70), ("seed", "allowed")),
    "seed a word": (lambda: simulate(PAIR, LOSSY, seed="1"), ("seed", "'1'")),
    "automatic a word": (lambda: script(PAIR, automatic="no"), ("automatic", "'no'")),
    "early a name": (lambda: Timeout("sender", "retry"), ("early", "'retry'", "True")),
    "durable a word, of a sender": (
        lambda: RetryUntilAcked("receiver", (), durable="no"), ("durable", "'no'", "True"),
    ),
    "durable a word, of a bit": (
        lambda: AlternatingBitReceiver(durable="no"), ("durable", "'no'", "True"),
    ),
    "sliding a word": (lambda: InMemory(sliding="no"), ("sliding", "'no'", "True")),
    "sliding a word, in a database": (
        lambda: in_a_database(sliding="no"), ("sliding", "'no'", "True"),
    ),
    "sliding a word, of a formula": (
        lambda: effects_in_window(retries=1, every_s=1.0, window_s=1.0, sliding="no"),
        ("sliding", "'no'", "True"),
    ),
    "gap_check a word": (lambda: Highest(gap_check="no"), ("gap_check", "'no'", "True")),
    "ordered a word": (
        lambda: Semantic("mine", (), "acked", ordered="no"), ("ordered", "'no'", "True"),
    ),
    "outside a word": (lambda: Trace(("a",), (), (), outside="no"), ("outside", "'no'")),
    "a step in words": (lambda: script(PAIR, "deliver"), ("step 1", "'deliver'", "Deliver")),
    "a crash of nobody": (lambda: script(PAIR, Crash("db")), ("step 1", "'db'", "possible")),
    "a crash before a message": (
        lambda: script(PAIR, Crash("receiver", before=Message)),
        ("step 1", "before", "Message", "possible"),
    ),
    "a crash before a word": (
        lambda: script(PAIR, Crash("receiver", before="Mark")), ("before", "'Mark'"),
    ),
    "a failure of a word": (
        lambda: script(PAIR, Fail("receiver", "Mark")), ("step 1", "'Mark'", "possible"),
    ),
    "backoff a number": (
        lambda: RetryUntilAcked("receiver", (), backoff=1), ("backoff", "1", "function"),
    ),
    "record a number": (lambda: simulate(PAIR, record=1), ("record", "1", "function")),
    "never a word": (lambda: explore(PAIR, never="twice"), ("never", "'twice'", "mapping")),
    "after a word": (lambda: explore(PAIR, after="deliver-1"), ("after", "'deliver-1'")),
    "audit a list": (lambda: audit([]), ("trace", "[]", "Trace")),
    "semantic a word": (
        lambda: audit(simulate(PAIR)).verdict("exactly once"), ("semantic", "'exactly once'"),
    ),
    "an unknown event": (
        lambda: Trace(("a",), (), (Event(0.0, "eaten", "a"),)), ("what", "'eaten'", "sent"),
    ),
    "events of an unknown kind": (lambda: simulate(PAIR).of("eaten"), ("what", "'eaten'")),
}  # fmt: skip


@pytest.mark.parametrize("name", DOOR)
def test_what_is_wrong_at_the_door_is_named(name: str) -> None:
    call, words = DOOR[name]
    told = said(call)
    assert not [word for word in words if word not in told], told


@pytest.mark.parametrize("how", RUNS)
def test_a_coroutine_is_no_generator(how: str) -> None:
    made = nothing()
    told = said(lambda: RUNS[how](body(lambda self, source, payload: made)))
    made.close()
    assert "receiver" in told
    assert "generator" in told


def test_a_right_use_is_told_nothing() -> None:
    """The pair that the wrong uses differ from."""
    assert audit(simulate(PAIR, LOSSY)).verdict(EXACTLY_ONCE)
    for run in RUNS.values():
        run(PAIR)


def closing_over(limit: int) -> Callable[..., Any]:
    """Return a handler for which ``limit`` is not its own."""

    def handler(self: object, source: str = "", payload: Any = None) -> Any:  # noqa: ANN401
        yield from [Process(payload)][:limit]

    return handler


def test_two_functions_may_close_over_one_name() -> None:
    """Each has its own: the one is not held against the other's."""
    kind = type("Two", (Passive,), {"receive": closing_over(1), "start": closing_over(0)})
    for run in RUNS.values():
        run({**PAIR, "receiver": kind()})
