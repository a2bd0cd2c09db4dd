"""Where a suspended handler stands, as a value: its lines and everything that it holds.

Two handlers at one place with equal variables have one future, whatever lies behind them. So a
participant that polls for ever makes a finite graph. What a generator holds is more than its
variables: a ``for`` keeps its iterator, an expression its first half. CPython tells its garbage
collector of all of it, and here it is asked for the same. What cannot be compared by value is
compared by address, and then nothing is merged that might differ.

Book: 05-exactly-once-a-myth
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Hashable, Mapping
from dataclasses import is_dataclass
from functools import lru_cache, partial
from types import CellType, CodeType, FunctionType, GeneratorType
from typing import Any

ATOMS = (type(None), bool, int, float, str, bytes)
_WALKED: tuple[Any, ...] = (range(0), range(2**70), (), [], "", "ä")
ITERATORS: tuple[type, ...] = (*{type(iter(each)): None for each in _WALKED}, enumerate, zip)
ITERATORS += (reversed, map)


class Unlike:
    """Equal to nothing but itself: stands for what cannot be compared."""


def standing(handler: GeneratorType[Any, Any, Any]) -> Hashable:
    """Return a value that is equal for handlers with one future."""
    frame = handler.gi_frame
    assert frame is not None, "a handler that has ended stands nowhere"
    variables = dict(frame.f_locals)
    held = tuple(_hidden(each) for each in _on_the_stack(handler, variables))
    here = tuple((name, value_of(each)) for name, each in variables.items())
    return (frame.f_code, frame.f_lasti, here, held)


def line(handler: GeneratorType[Any, Any, Any]) -> int:
    """Return the line of source, from 1, at which the innermost generator stands; 0: ended."""
    while isinstance(inner := handler.gi_yieldfrom, GeneratorType):
        handler = inner
    return handler.gi_frame.f_lineno if handler.gi_frame is not None else 0


def _on_the_stack(
    handler: GeneratorType[Any, Any, Any], variables: Mapping[str, Any]
) -> list[Any]:
    """Return what the frame holds besides its variables."""
    held = gc.get_referents(handler)
    after = max((n for n, each in enumerate(held) if isinstance(each, CodeType)), default=-1)
    if after + 1 < len(held) and isinstance(held[after + 1], FunctionType):
        after += 1
    held = [each for each in held[after + 1 :] if not isinstance(each, CellType)]
    for variable in variables.values():
        for number, each in enumerate(held):
            if each is variable:
                del held[number]
                break
    return held


def _hidden(each: object) -> Hashable:
    # A bare sequence may be the one that a loop walks by an index nobody is told of (3.15).
    if isinstance(each, (*ATOMS, GeneratorType, *ITERATORS)):
        return value_of(each)
    return Unlike()


def by_address(each: object) -> Hashable:
    """Return what no other object is equal to while this one lives."""
    return type(each), id(each)


def value_of(
    each: Any,  # noqa: ANN401  # of every type
    other: Callable[[Any], Hashable] = by_address,
) -> Hashable:
    """Return a value that is equal for equal contents; ``other`` values what has none.

    Whoever compares addresses keeps the objects alive, or an address may come again.
    """
    kind, inner = type(each), partial(value_of, other=other)
    if kind in ATOMS:
        return kind, each
    if kind is tuple and all(map(_by_content, set(map(type, each)))):
        return kind, each  # a million messages are looked at in passing
    if kind in (list, tuple):
        return kind, tuple(map(inner, each))
    if kind in (set, frozenset):
        return kind, frozenset(map(inner, each))
    if kind is dict:
        return kind, tuple((inner(key), inner(value)) for key, value in each.items())
    if kind is GeneratorType:
        return standing(each) if each.gi_frame is not None else (kind, None)
    if kind in ITERATORS:
        _, walked, *position = each.__reduce__()
        return kind, inner(walked), *position
    if kind is range or _by_content(kind):  # type: ignore[arg-type]  # a class hashes
        return kind, each
    return other(each)


@lru_cache(maxsize=256)
def _by_content(kind: type) -> bool:
    return is_dataclass(kind) and kind.__hash__ is not None
