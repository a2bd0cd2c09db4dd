"""Wrong uses: each error names who or what is wrong, the value, and what is allowed."""

# mypy: disable-error-code="arg-type, misc, type-var, return-value, call-overload"

from __future__ import annotations

import functools
import io
import itertools
import math
import os
import random
import time
import uuid
from collections import Counter, defaultdict, deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import numpy as np
import pytest

from delivery_semantics import (
    EXACTLY_ONCE,
    Ack,
    AlternatingBitReceiver,
    AlternatingBitSender,
    Arm,
    Atomic,
    Bounds,
    Broker,
    Confirm,
    Crash,
    CrashPoint,
    Deliver,
    Disarm,
    Event,
    Exponential,
    Fail,
    Faults,
    FireAndForget,
    Fixed,
    FullJitter,
    HighWaterMark,
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
    ReceiveAny,
    Record,
    Relay,
    RetryUntilAcked,
    Save,
    Semantic,
    Send,
    Tick,
    Timeout,
    Trace,
    Wait,
    audit,
    explore,
    payments,
    script,
    simulate,
    sweep,
)
from delivery_semantics.databases.connect import connect
from delivery_semantics.dedup.highest import Highest
from delivery_semantics.dedup.in_database import InDatabase
from delivery_semantics.dedup.in_memory import InMemory
from delivery_semantics.live.campaign import kill_campaign
from delivery_semantics.live.log import from_lines, to_lines
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


@dataclass(frozen=True)
class Carries:
    kind: ClassVar[str] = "message"
    id: str
    data: object = None


@dataclass(frozen=True, repr=False)
class Titled:
    kind: ClassVar[str] = "message"
    id: str
    secret: int = 77

    def __repr__(self) -> str:
        return f"Titled {self.id}"


class Wider(Message):
    """A message with more than its fields."""

    def __init__(self, id: str, secret: int) -> None:
        super().__init__(id)
        self.secret = secret


class ByName:
    """No dataclass, and equal to all of its name."""

    kind = "message"

    def __init__(self, id: str) -> None:
        self.id = id

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ByName) and other.id == self.id

    def __hash__(self) -> int:
        return hash(self.id)

    def __repr__(self) -> str:
        return f"ByName({self.id!r})"


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


class NoneOnSelf(Passive):
    def receive(self, source: str, payload: Any) -> Any:  # noqa: ANN401
        self.last = None
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


# What one handler writes and does not read: to try it twice shows no other effects.

BOXES: dict[str, tuple[Callable[[], Any], Callable[[Any], object]]] = {
    "a deque": (deque, lambda box: box.append(1)),
    "a counter": (Counter, lambda box: box.update("x")),
    "a defaultdict": (lambda: defaultdict(list), lambda box: box["x"].append(1)),
    "a count": (itertools.count, next),
    "an iterator": (lambda: iter(range(99)), next),
    "a generator": (lambda: (n for n in range(99)), next),
    "bytes": (bytearray, lambda box: box.append(1)),
    "an array": (lambda: np.zeros(1), lambda box: box.__iadd__(1)),
    "a die": (lambda: random.Random(7), lambda box: box.random()),
    "a die of a library": (lambda: np.random.default_rng(7), lambda box: box.random()),
    "a text in memory": (io.StringIO, lambda box: box.write("x")),
    "an object in a list": (
        lambda: [SimpleNamespace(n=0)], lambda box: setattr(box[0], "n", box[0].n + 1),
    ),
    "a class of its own": (
        lambda: type("Own", (dict,), {})(), lambda box: box.update({len(box): 1}),
    ),
}  # fmt: skip


def writing(write: Callable[[Any], object]) -> Callable[..., Any]:
    def receive(self: Any, source: str, payload: Any) -> Any:  # noqa: ANN401
        yield Process(payload)
        write(self)
        yield Send(source, Ack(payload.id))

    return receive


def boxed(make: Callable[[], Any], write: Callable[[Any], object]) -> dict[str, Any]:
    kind = type("Boxed", (Passive,), {"receive": writing(lambda self: write(self.box))})
    made = kind()
    made.box = make()
    return pair(made)


NUMBERED: Counter[str] = Counter()
HELD = SimpleNamespace(n=0)


class Held:
    n = 0


class Base(Passive):
    inherited: ClassVar[set[int]] = set()


class Private(Passive):
    __slots__ = ("__hidden",)

    def __init__(self) -> None:
        self.__hidden: list[int] = []

    def receive(self, source: str, payload: Any) -> Any:  # noqa: ANN401
        yield Process(payload)
        self.__hidden.append(1)
        yield Send(source, Ack(payload.id))


class Day(date):
    """A day of its own kind."""


def numbered() -> None:
    NUMBERED["x"] += 1


def by_a_helper(self: Any, source: str, payload: Any) -> Any:  # noqa: ANN401
    yield from helper(source, payload)


def helper(source: str, payload: Any) -> Any:  # noqa: ANN401
    yield Process(payload)
    numbered()
    yield Send(source, Ack(payload.id))


def in_a_list(self: Any, source: str, payload: Any) -> Any:  # noqa: ANN401
    yield Process(payload)
    _ = [NUMBERED.update(each) for each in "x"]
    yield Send(source, Ack(payload.id))


def on_an_object(self: Any, source: str, payload: Any) -> Any:  # noqa: ANN401
    yield Process(payload)
    HELD.n += 1
    yield Send(source, Ack(payload.id))


def on_a_class(self: Any, source: str, payload: Any) -> Any:  # noqa: ANN401
    yield Process(payload)
    Held.n += 1
    yield Send(source, Ack(payload.id))


def on_a_named_default(self: Any, source: str, payload: Any, *, seen: Any = []) -> Any:  # noqa: ANN401, B006
    yield Process(payload)
    seen.append(1)
    yield Send(source, Ack(payload.id))


def on_a_partial(seen: list[int], source: str, payload: Any) -> Any:  # noqa: ANN401
    yield Process(payload)
    seen.append(1)
    yield Send(source, Ack(payload.id))


def counted(function: Callable[..., Any]) -> Callable[..., Any]:
    calls: list[int] = []

    @functools.wraps(function)
    def call(*arguments: Any) -> Any:  # noqa: ANN401
        calls.append(1)
        return function(*arguments)

    return call


def changes_what_came(self: Any, source: str, payload: Any) -> Any:  # noqa: ANN401
    payload.amount += 1
    yield Process(payload)
    yield Send(source, Ack(payload.id))


def changes_what_it_asked(self: Any, source: str, payload: Any) -> Any:  # noqa: ANN401
    ack = Ack(payload.id)
    yield Send(source, ack)
    ack.id = "other"
    yield Process(payload)


def of_functions() -> Any:  # noqa: ANN401
    """A participant that is no more than its functions."""
    seen: list[int] = []

    def receive(source: str, payload: Any) -> Any:  # noqa: ANN401
        yield Process(payload)
        seen.append(1)
        yield Send(source, Ack(payload.id))

    return SimpleNamespace(start=Passive().start, receive=receive)


def with_receive(receive: Any) -> dict[str, Any]:  # noqa: ANN401
    made: Any = Passive()
    made.receive = receive
    return pair(made)


@functools.cache
def first_coin(number: int) -> bool:
    return random.random() < 2


COIN = itertools.count()


STATE: dict[str, tuple[Callable[[], dict[str, Any]], tuple[str, ...]]] = {
    **{
        name: (lambda one=one: boxed(*one), ("receiver", "self.box", "Save"))
        for name, one in BOXES.items()
    },
    "a base class": (
        lambda: pair(type("R", (Base,), {
            "receive": writing(lambda self: self.inherited.add(len(self.inherited))),
        })()),
        ("receiver", "Base.inherited"),
    ),
    "a private slot": (lambda: pair(Private()), ("receiver", "hidden")),
    "a global of a helper": (lambda: body(by_a_helper), ("receiver", "NUMBERED")),
    "a global in a comprehension": (lambda: body(in_a_list), ("receiver", "NUMBERED")),
    "a global object": (lambda: body(on_an_object), ("receiver", "HELD")),
    "another class": (lambda: body(on_a_class), ("receiver", "Held.n")),
    "a default by name": (lambda: body(on_a_named_default), ("receiver", "default")),
    "a partial function": (
        lambda: with_receive(functools.partial(on_a_partial, [])), ("receiver", "argument"),
    ),
    "a decorator": (lambda: body(counted(writing(lambda self: None))), ("receiver", "calls")),
    "functions only": (lambda: pair(of_functions()), ("receiver", "seen")),
    "what came": (lambda: body(changes_what_came), ("receiver", "argument 2")),
    "what it asked for": (
        lambda: body(changes_what_it_asked), ("receiver", "'other'", "later"),
    ),
    "a file": (lambda: asking(lambda: Path(__file__).exists()), ("receiver", "a file", "stat")),
    "an open file": (
        lambda: asking(lambda: Path(__file__).open().close()), ("receiver", "a file", "open"),
    ),
    "a die without a seed": (lambda: asking(lambda: random.Random()), ("receiver", "chance")),
    "the die of a library": (lambda: asking(np.random.random), ("receiver", "chance")),
    "half of two dice": (lambda: asking(lambda: random.gauss(0, 1)), ("receiver", "chance")),
    "a die that is kept": (
        lambda: asking(lambda: first_coin(next(COIN))), ("receiver", "chance"),
    ),
    "the process": (lambda: asking(os.getpid), ("receiver", "the machine", "getpid")),
    "the environment": (
        lambda: asking(lambda: os.environ.get("HOME")), ("receiver", "the machine", "environ"),
    ),
    "a variable": (lambda: asking(lambda: os.getenv("X")), ("receiver", "machine", "environ")),
    "an address": (lambda: asking(lambda: id(object())), ("receiver", "chance", "id")),
    "a hash of a text": (lambda: asking(lambda: hash("x")), ("receiver", "chance", "hash")),
    "a day": (lambda: asking(Day.today), ("receiver", "clock", "today")),
    "uuid1": (lambda: asking(uuid.uuid1), ("receiver", "_uuid")),
}  # fmt: skip


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
    "None on self": (lambda: pair(NoneOnSelf()), ("receiver", "self.last", "Save")),
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
    "save no number": (
        lambda: receiver(lambda m: Save("k", math.nan)), ("receiver", "'k'", "nan"),
    ),
    "save to None": (
        lambda: receiver(lambda m: Save("k", 1, store=None)), ("receiver", "None"),
    ),
    "save in memory, to an unknown store": (
        lambda: receiver(lambda m: Save("k", 1, durable=False, store="db")),
        ("receiver", "'db'"),
    ),
    "load a list": (lambda: receiver(lambda m: Load("k", [])), ("receiver", "default", "[]")),
    "load no number": (
        lambda: receiver(lambda m: Load("k", math.nan)), ("receiver", "default", "nan"),
    ),
    "only if a list": (
        lambda: receiver(lambda m: Atomic(Mark("1"), only_if=("k", [0]))),
        ("receiver", "only_if", "[0]"),
    ),
    "process a word, if at all": (
        lambda: receiver(lambda m: Atomic(Process("x"), only_if=("k", 5))), ("receiver", "'x'"),
    ),
    "process an ack": (lambda: receiver(lambda m: Process(Ack("1"))), ("receiver", "Ack")),
    **{
        f"process the amount {amount!r}": (
            lambda amount=amount: receiver(lambda m: Process(Message("1", amount))),
            ("receiver", "amount", repr(amount), "whole"),
        )
        for amount in ("ten", math.nan, True, 10.5, None)
    },
    "send to a list": (lambda: receiver(lambda m: Send(["sender"], m)), ("receiver", "to")),
    **{
        f"send what holds {value!r}"[:40]: (
            lambda value=value: receiver(lambda m: Send("sender", Carries("1", value))),
            ("receiver", "Carries", "data"),
        )
        for value in ([1], frozenset("a"), len, math.nan, {"a": 1})
    },
    "send a title": (
        lambda: receiver(lambda m: Send("sender", Titled("1"))), ("receiver", "Titled", "text"),
    ),
    "send more than its fields": (
        lambda: receiver(lambda m: Send("sender", Wider("1", 7))), ("receiver", "secret"),
    ),
    "send what goes by its name": (
        lambda: receiver(lambda m: Send("sender", ByName("1"))), ("receiver", "compared"),
    ),
    "receive any number": (
        lambda: receiver(lambda m: ReceiveAny(int, timeout_s=1.0)), ("receiver", "int"),
    ),
    "a wrong number of arguments": (
        lambda: body(lambda self: None), ("receiver", "positional"),
    ),
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


@pytest.mark.parametrize("how", [how for how in RUNS if how != "sockets"])
@pytest.mark.parametrize("name", STATE)
def test_state_of_ones_own_is_found_wherever_it_is(name: str, how: str) -> None:
    parts, words = STATE[name]
    told = said(lambda: RUNS[how](parts()))
    assert not [word for word in words if word not in told], told


def test_what_comes_of_a_seed_is_no_chance() -> None:
    parts = asking(lambda: (random.Random(7).random(), np.random.default_rng(7).random()))
    for how in ("script", "seed", "search"):
        RUNS[how](parts)


class Late(Passive):
    """Keeps state from the 41st message on."""

    def __init__(self) -> None:
        self.seen: set[str] = set()

    def receive(self, source: str, payload: Any) -> Any:  # noqa: ANN401
        yield Process(payload)
        if int(payload.id) > 40:
            self.seen.add(payload.id)
        yield Send(source, Ack(payload.id))


LATE: dict[str, Callable[[dict[str, Any]], object]] = {
    "at a crash": lambda parts: simulate(
        parts, crashes=(Outage("receiver", at_s=100.0, down_s=1.0),)
    ),
    "at the end of a seed's run": simulate,
    "at the end of a script": lambda parts: script(parts, *map(Deliver, range(1, 91))),
    "at the end of a run over sockets": lambda parts: run_live(parts, time_scale=0.001),
}


@pytest.mark.parametrize("where", LATE)
def test_state_that_comes_late_is_found(where: str) -> None:
    parts = pair(Late(), payments(60))
    assert "receiver keeps state in self.seen" in said(lambda: LATE[where](parts))


class Finally(Passive):
    """Asks for something where nobody carries it out: when it is ended."""

    def receive(self, source: str, payload: Any) -> Any:  # noqa: ANN401
        try:
            yield Process(payload)
            yield Wait(1.0)
        finally:
            yield Send(source, Ack(payload.id))


class Stubborn(Passive):
    """Goes on whatever ends it."""

    def receive(self, source: str, payload: Any) -> Any:  # noqa: ANN401
        with suppress(BaseException):
            yield Wait(1.0)
        yield Process(payload)


class Complaining(Passive):
    """Raises what looks like the word of a generator that goes on."""

    def receive(self, source: str, payload: Any) -> Any:  # noqa: ANN401
        try:
            yield Wait(1.0)
        finally:
            raise RuntimeError("by its own finally")


ENDED: dict[str, Callable[[dict[str, Any]], object]] = {
    "by a crash": lambda parts: script(parts, Deliver(1), Crash("receiver")),
    "with the script": lambda parts: script(parts, Deliver(1)),
    "in a search": explore,
    "in a simulated crash": lambda parts: simulate(
        parts, crashes=(Outage("receiver", at_s=0.5, down_s=1.0),)
    ),
}


@pytest.mark.parametrize("kind", [Finally, Stubborn])
@pytest.mark.parametrize("how", ENDED)
def test_a_handler_that_goes_on_when_it_is_ended_is_named(how: str, kind: Any) -> None:  # noqa: ANN401
    told = said(lambda: ENDED[how](pair(kind())))
    assert "receiver yields once more when it is ended" in told


@pytest.mark.parametrize("how", ENDED)
def test_an_error_where_a_handler_is_ended_names_it(how: str) -> None:
    told = said(lambda: ENDED[how](pair(Complaining())))
    assert "by its own finally" in told
    assert "raised in a handler of receiver" in told


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


def claiming(name: str, claim: Callable[[Any], Any], named: Any = "mine") -> object:  # noqa: ANN401
    return explore(PAIR, **{name: {named: claim}})


async def coroutine(cell: int) -> int:
    return cell


def shut_down() -> ThreadPoolExecutor:
    with ThreadPoolExecutor(1) as pool:
        return pool


def raising(kind: type[Exception]) -> Any:  # noqa: ANN401
    def messages(self: object) -> Any:  # noqa: ANN401
        raise kind("by the property")

    return type("Sender", (Passive,), {"messages": property(messages)})()


def telling(attempts: object) -> Callable[[str, int], float]:
    """A policy that tells so."""

    def policy(message_id: str, attempt: int) -> float:
        return 1.0

    policy.attempts_told = attempts  # type: ignore[attr-defined]
    return policy


def told_of(event: Event) -> Trace:
    return Trace(("a",), (), (event,))


PAIR = pair()
EVENT = Event(0.0, "processed", "a", Message("1"))
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
    "a group with one who may not crash": (
        lambda: Bounds(crashable=("a",), crash_together=(("a", "b"),)),
        ("crash_together", "'b'", "'a'"),
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
    **{
        f"{name} answers {answer!r}": (
            lambda name=name, answer=answer: claiming(name, lambda _: answer),
            (name, "'mine'", repr(answer), "True, False"),
        )
        for name in ("never", "at_the_end")
        for answer in (None, 0, "no")
    },
    **{
        f"{name} raises": (
            lambda name=name: claiming(name, lambda _: 1 / 0), (name, "'mine'", "zero"),
        )
        for name in ("never", "at_the_end")
    },
    "a claim without a name": (
        lambda: claiming("never", claim=bool, named=None), ("never", "None", "mapping"),
    ),
    "one name for two claims": (
        lambda: explore(PAIR, never={"mine": bool}, at_the_end={"mine": bool}),
        ("at_the_end", "'mine'"),
    ),
    "crashable a list in a tuple": (
        lambda: explore(PAIR, Bounds(crashable=(["receiver"],))), ("crashable", "['receiver']"),
    ),
    "an outage of a list": (
        lambda: simulate(PAIR, crashes=(Outage(["receiver"], at_s=1.0, down_s=1.0),)),
        ("crashes", "['receiver']"),
    ),
    "a crash of a list": (lambda: script(PAIR, Crash(["receiver"])), ("step 1", "possible")),
    "a failure of a list": (lambda: script(PAIR, Fail(["receiver"])), ("step 1", "possible")),
    "a tick back": (lambda: script(PAIR, Tick(5), Tick(1)), ("step 2", "Tick", "5 or later")),
    **{
        f"{name} {value!r} {how.__name__}": (
            lambda name=name, value=value, how=how: how(PAIR, **{name: value}),
            (name, repr(value), "allowed"),
        )
        for how in (simulate, run_live)
        for name, value in (
            ("network", 0), ("network", {}), ("record", 0), ("record", ""), ("carry", 1),
            ("carry", 0), ("carry", "x"),
        )
    },
    "on_open a number": (lambda: run_live(PAIR, on_open=1), ("on_open", "1", "function")),
    "placed at True": (lambda: Network(placed={("ack", True): ()}), ("placed", "True")),
    **{
        f"{kind.__name__} of {name!r}": (
            lambda kind=kind, name=name: kind(name, payments(1)),
            ("receiver", repr(name), "str"),
        )
        for kind in (RetryUntilAcked, FireAndForget, AlternatingBitSender)
        for name in (None, 5, ["r"])
    },
    "a consumer of no name": (lambda: Broker(None), ("consumer", "None")),
    "a park of no name": (lambda: Broker("consumer", park=5), ("park", "5")),
    "next of no name": (
        lambda: Relay(5, timeout_s=1.0, attempts_max=1), ("next", "5"),
    ),
    "backoff a class": (
        lambda: RetryUntilAcked("receiver", (), backoff=Fixed), ("backoff", "function"),
    ),
    "an amount in parts": (lambda: payments(1, amount=1.5), ("amount", "1.5", "whole")),
    "a number too long": (
        lambda: simulate(pair(HighWaterMark(), (Message("9" * 5_000),))),
        ("message.id", "whole number"),
    ),
    "names a word": (lambda: Trace("ab", (), ()), ("names", "'ab'", "tuple")),
    "names a number": (lambda: Trace((1,), (), ()), ("names", "1", "text")),
    "messages none": (lambda: Trace(("a",), None, ()), ("messages", "None", "tuple")),
    "events none": (lambda: Trace(("a",), (), None), ("events", "None", "tuple")),
    **{
        f"an event's {name} {value!r}": (
            lambda name=name, value=value: told_of(EVENT._replace(**{name: value})),
            (name, repr(value), "allowed"),
        )
        for name, value in (
            ("who", None), ("time_s", "x"), ("packet", "7"), ("packet", -1), ("payload", "1"),
            ("payload", {"id": "1"}),
        )
    },
    "an event's id": (
        lambda: told_of(EVENT._replace(payload=Message(1))), ("id", "1", "text"),
    ),
    "an event's amount": (
        lambda: audit(told_of(EVENT._replace(payload=Message("1", "ten")))),
        ("amount", "'ten'", "whole"),
    ),
    **{
        f"a record's {name} {value!r}": (
            lambda name=name, value=value: Record(**{"id": "1", name: value}),
            (name, repr(value), "allowed"),
        )
        for name, value in (
            ("id", 5), ("key", 5), ("group", None), ("amount", "ten"), ("amount", True),
        )
    },
    **{
        f"allows {value!r}"[:20]: (
            lambda value=value: Semantic("mine", value, "acked"),
            ("allows", "tuple of findings"),
        )
        for value in ("lost", None, {"lost"}, iter(("lost",)))
    },
    "a semantic of no name": (lambda: Semantic(5, (), "acked"), ("name", "5")),
    "cells a mapping": (lambda: sweep({"a": 1}, fn=str), ("cells", "{'a': 1}")),
    "cells bytes": (lambda: sweep(b"ab", fn=str), ("cells", "b'ab'")),
    "fn a coroutine": (lambda: sweep([1], fn=coroutine), ("fn", "coroutine", "allowed")),
    "an executor that is shut down": (
        lambda: sweep([1], fn=str, executor=shut_down()), ("executor", "shutdown", "allowed"),
    ),
    **{
        f"messages that raise {kind.__name__}": (
            lambda kind=kind: simulate({"sender": raising(kind)}),
            ("messages of sender", "by the property"),
        )
        for kind in (KeyError, AttributeError)
    },
    **{
        f"attempts_told {told!r}": (
            lambda told=told: RetryUntilAcked("receiver", (), backoff=telling(told)),
            ("attempts_told", "backoff", repr(told)),
        )
        for told in ("two", 0, 1.5)
    },
    **{
        f"{kind.__name__} from above its most": (
            lambda kind=kind: kind(2.0, 1.0), ("delay_s_max", "1.0", "delay_s_base", "2.0"),
        )
        for kind in (Exponential, FullJitter)
    },
    "stores in a list": (
        lambda: kill_campaign(PAIR, ["sqlite:///x"]), ("stores", "iterator", "'sqlite:///x'"),
    ),
    "stores that run out": (lambda: kill_campaign(PAIR, iter(())), ("stores", "run out")),
    "lines none": (lambda: from_lines(None), ("lines", "None")),
    "lines numbers": (lambda: from_lines(range(1, 2)), ("line 1", "1")),
    "lines of a word": (lambda: list(to_lines("x")), ("trace", "'x'", "Trace")),
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
