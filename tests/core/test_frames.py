"""Handlers that stand alike have one future, whatever lies behind them."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from delivery_semantics.core.frames import standing

Walk = Generator[object, int, Any]
Answers = list[int]


def polls() -> Walk:
    while not (yield "?"):
        pass
    yield "told"


def remembers_the_last() -> Walk:
    last = 0
    while True:
        last = yield last


def counts(most: int = 4) -> Walk:
    total = 0
    while total < most:
        total += yield total
    return total


def goes_from(items: Callable[[], Iterable[object]]) -> Callable[[], Walk]:
    def walk() -> Walk:
        for each in items():
            if (yield each) == 2:
                break
        yield "end"

    return walk


def nested() -> Walk:
    for outer in range(2):
        for inner in ("a", "b"):
            yield outer, inner


def adds_in_one_line() -> Walk:
    yield (yield 1) + (yield 2) * (yield 3)


def delegates() -> Walk:
    yield (yield from counts(3))
    yield from remembers_the_last()


def collects() -> Walk:
    seen: dict[int, list[int]] = {}
    while len(seen) < 3:
        answer = yield sorted(seen)
        seen.setdefault(answer, []).append(1)


def tries() -> Walk:
    left = 0
    while True:
        try:
            left = 1 // (2 - (yield left))
        except ZeroDivisionError:
            yield "out"


WALKS: dict[str, Callable[[], Walk]] = {
    walk.__name__: walk
    for walk in (
        polls, remembers_the_last, counts, nested, adds_in_one_line, delegates, collects, tries,
    )
} | {
    "range": goes_from(lambda: range(3)),
    "a tuple": goes_from(lambda: (1, 1, 2)),
    "a list": goes_from(lambda: [1, 1, 2]),
    "a dict": goes_from(lambda: {1: 2, 3: 4}.items()),
    "a set": goes_from(lambda: {7}),
    "a text": goes_from(lambda: "aab"),
    "enumerate": goes_from(lambda: enumerate("aab")),
    "zip": goes_from(lambda: zip("aab", [1, 1, 1], strict=True)),
    "reversed": goes_from(lambda: reversed([1, 1, 2])),
    "map": goes_from(lambda: map(abs, [1, 1, 2])),
    "a generator": goes_from(lambda: (each % 2 for each in range(4))),
}  # fmt: skip


def asked(walk: Walk, answers: Iterable[int]) -> Iterator[object]:
    """What a walk that stands somewhere asks next, up to its end."""
    for answer in answers:
        try:
            yield walk.send(answer)
        except StopIteration as end:
            yield "ended", end.value
            return


def begun(kind: str, answers: Answers) -> Walk | None:
    """A walk after these answers, or None if it has ended."""
    walk = WALKS[kind]()
    next(walk)
    for _ in asked(walk, answers):
        pass
    return walk if walk.gi_frame is not None else None  # type: ignore[attr-defined]


answers = st.lists(st.integers(0, 2), max_size=5)


@given(kind=st.sampled_from(sorted(WALKS)), one=answers, other=answers, ahead=answers)
def test_who_stands_alike_goes_on_alike(
    kind: str, one: Answers, other: Answers, ahead: Answers
) -> None:
    first, second = begun(kind, one), begun(kind, other)
    if first is None or second is None:
        return
    places: list[Any] = [standing(first), standing(second)]  # type: ignore[arg-type]
    if places[0] == places[1]:
        assert hash(places[0]) == hash(places[1])
        assert list(asked(first, ahead)) == list(asked(second, ahead))


@pytest.mark.parametrize(
    ("kind", "one", "other", "alike"),
    [
        ("polls", [0], [0, 0, 0], True),
        ("polls", [], [1], False),
        ("remembers_the_last", [1, 2], [0, 0, 2], True),
        ("remembers_the_last", [1, 2], [2, 1], False),
        ("counts", [1, 1], [2, 0, 0], True),
        ("counts", [1, 1], [1], False),
        ("delegates", [1, 1], [2], True),
        ("delegates", [1], [2], False),
        ("collects", [1, 2], [1, 2], True),
        ("collects", [1], [1, 1], False),
        ("adds_in_one_line", [1], [2], False),
        ("range", [0], [1], True),
        ("range", [0], [0, 0], False),
        ("a tuple", [], [0], False),
        ("a list", [], [0], False),
        ("enumerate", [], [0], False),
        ("a generator", [], [0, 0], False),
        ("tries", [], [0], True),
        ("tries", [0], [2], False),
    ],
)
def test_what_tells_two_apart(kind: str, one: Answers, other: Answers, alike: bool) -> None:
    first, second = begun(kind, one), begun(kind, other)
    assert first is not None
    assert second is not None
    assert (standing(first) == standing(second)) is alike  # type: ignore[arg-type]
