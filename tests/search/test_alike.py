"""A search takes two conditions for one only if nobody could tell them apart."""

from __future__ import annotations

import io
import types
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from delivery_semantics import (
    Ack,
    Arm,
    Bounds,
    Load,
    Message,
    Now,
    Passive,
    Process,
    Save,
    Send,
    Tick,
    Wait,
    explore,
    payments,
    simulate,
)
from delivery_semantics.core.effects import Handler, Payload

FAULTLESS = Bounds(losses=0, duplicates=0, crashes=0)
ONE = payments(1)


# What a handler holds -----------------------------------------------------------------------


@dataclass(frozen=True)
class Unequal:
    """Two with other numbers are equal, says its class."""

    number: int = field(default=0, compare=False)

    def more(self) -> Unequal:
        return Unequal(self.number + 1)


@dataclass(frozen=True)
class Listed:
    """It cannot be hashed."""

    numbers: list[int] = field(default_factory=list)

    def more(self) -> Listed:
        return Listed([*self.numbers, 1])


class Private:
    __slots__ = ("__number",)

    def __init__(self) -> None:
        self.__number = 0

    def more(self) -> Private:
        self.__number += 1
        return self

    @property
    def number(self) -> int:
        return self.__number


def counter() -> Callable[[], int]:
    number = 0

    def up() -> int:
        nonlocal number
        number += 1
        return number

    return up


def changed(box: Any, change: Callable[[Any], object]) -> Any:  # noqa: ANN401
    change(box)
    return box


# What makes it, what counts it up, and how far it is.
HELD: dict[str, tuple[Callable[[], Any], Callable[[Any], Any], Callable[[Any], int]]] = {
    "a field that is not compared": (Unequal, Unequal.more, lambda box: box.number),
    "a list in a dataclass": (Listed, Listed.more, lambda box: len(box.numbers)),
    "a private slot": (Private, Private.more, lambda box: box.number),
    "an attribute": (
        lambda: types.SimpleNamespace(n=0),
        lambda box: changed(box, lambda one: setattr(one, "n", one.n + 1)),
        lambda box: int(box.n),
    ),
    "a counter": (
        Counter, lambda box: changed(box, lambda one: one.update("x")), Counter.total,
    ),
    "a deque": (deque, lambda box: changed(box, lambda one: one.append(1)), len),
    "bytes that change": (bytearray, lambda box: changed(box, lambda one: one.append(1)), len),
    "a text in memory": (
        io.StringIO, lambda box: changed(box, lambda one: one.write("x")), io.StringIO.tell,
    ),
    "a closure": (
        lambda: [counter(), 0], lambda box: changed(box, count_up), lambda box: int(box[1]),
    ),
}  # fmt: skip


def count_up(box: list[Any]) -> None:
    box[1] = box[0]()


@pytest.mark.parametrize("name", HELD)
def test_a_handler_that_counts_comes_to_its_end(name: str) -> None:
    make, more, size = HELD[name]

    class Counts(Passive):
        messages = ONE

        def start(self) -> Handler:
            box = make()
            while size(box) < 5:
                yield Wait(1.0)
                box = more(box)
            yield Process(ONE[0])

    assert explore({"counts": Counts()}, FAULTLESS).holds


def test_a_function_that_counts_is_not_the_same_again() -> None:
    class Counts(Passive):
        messages = ONE

        def start(self) -> Handler:
            up = counter()
            while up() < 5:
                yield Wait(1.0)
            yield Process(ONE[0])

    assert explore({"counts": Counts()}, FAULTLESS).holds


# What is kept -------------------------------------------------------------------------------


@dataclass(frozen=True)
class Keeper(Passive):
    """It keeps one of two values, and processes if it then reads the second."""

    first: Any
    second: Any
    durable: bool
    messages: tuple[Message, ...] = ONE

    def start(self) -> Handler:
        yield Arm("look", 100.0)

    def receive(self, source: str, payload: Payload) -> Handler:
        value = self.first if payload.id == "first" else self.second
        yield Save("value", value, durable=self.durable)

    def timer(self, name: str) -> Handler:
        if repr((yield Load("value"))) == repr(self.second):
            yield Process(ONE[0])


@dataclass(frozen=True)
class Says(Passive):
    id: str

    def start(self) -> Handler:
        yield Send("keeper", Ack(self.id))


@pytest.mark.parametrize("durable", [True, False])
@pytest.mark.parametrize(
    ("first", "second"), [(1, True), (1, 1.0), (0.0, -0.0), ((1, 2), (True, 2)), (0, False)]
)
def test_what_is_kept_is_told_apart(first: object, second: object, durable: bool) -> None:
    parts = {"a": Says("first"), "b": Says("second"), "keeper": Keeper(first, second, durable)}
    assert {found[0][1] for found in explore(parts, FAULTLESS).outcomes} == {0, 1}


# Times --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Later(Passive):
    waits: tuple[float, ...]
    messages: tuple[Message, ...]

    def start(self) -> Handler:
        for delay_s in self.waits:
            yield Wait(delay_s)
        yield Send("first", self.messages[0])


class First(Passive):
    """It processes what arrives first, and nothing else."""

    def receive(self, source: str, payload: Payload) -> Handler:
        if not (yield Load("arrived")):
            yield Save("arrived", 1)
            yield Process(payload)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ((1 / 3,) * 3, (1.0,)),
        ((1 / 7,) * 7, (1.0,)),
        ((1 / 29,) * 29, (1.0,)),
        ((0.1,) * 3, (0.3,)),
        ((0.4e-9,) * 3, (0.6e-9,)),
        ((100.4e-9,) * 3, (301e-9,)),
        ((0.3, 0.3, 0.3, 1.0 - 0.3 - 0.3 - 0.3), (1.0,)),
        ((1e10,), (2e10,)),
        ((4e9, 4e9), (7e9,)),
        ((1e300,), (2e300,)),
    ],
    ids=str,
)
def test_a_seed_ends_in_a_way_that_the_search_has_found(
    a: tuple[float, ...], b: tuple[float, ...]
) -> None:
    """Whoever comes first, by however little, and whoever is named first."""
    one, other = Later(a, payments(1)), Later(b, payments(1, first=2))
    for parts in ({"a": one, "b": other}, {"b": other, "a": one}):
        racing = {**parts, "first": First()}
        found = explore(racing, FAULTLESS)
        assert simulate(racing, time_s_max=1e301).outcome() in found.outcomes


def test_the_shorter_of_two_times_is_first_however_long() -> None:
    for a, b in ((1e10, 2e10), (1e-10, 2e-10), (1 / 3, 0.34)):
        parts = {"a": Later((a,), payments(1)), "b": Later((b,), payments(1, first=2))}
        found = explore({**parts, "first": First()}, FAULTLESS)
        assert found.outcomes == ((("1", 1, ""), ("2", 0, "")),)


class Clocked(Passive):
    messages = ONE

    def start(self) -> Handler:
        yield Wait(1.0)
        if (yield Now()) >= 5:
            yield Process(ONE[0])
            yield Process(ONE[0])


@pytest.mark.parametrize(
    ("clock_s", "after", "times"),
    [((5.0,), (), {2}), ((0, 5), (), {0, 2}), ((0, 3), (Tick(7),), {2}), ((0,), (), {0})],
)
def test_the_clock_of_a_counterexample_is_that_of_the_search(
    clock_s: tuple[float, ...], after: tuple[Tick, ...], times: set[int]
) -> None:
    bounds = Bounds(losses=0, duplicates=0, crashes=0, clock_s=clock_s)
    found = explore({"clocked": Clocked()}, bounds, after=after)
    assert {outcome[0][1] for outcome in found.outcomes} == times
    assert all(found.run(outcome).outcome() == outcome for outcome in found.outcomes)
    if 2 in times:
        broken = found.never_more_than_once
        assert broken.counterexample is not None
        assert broken.counterexample.processed()["1"] == 2


def test_counts_of_a_library_are_numbers_too() -> None:
    none: Any = np.int64(0)
    bounds = Bounds(losses=none + 1, early_timeouts=none, failures=none)
    assert explore({"a": Later((), ONE), "first": First()}, bounds).worlds > 1
