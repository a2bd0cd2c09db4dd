"""Where a suspended handler stands, as a value: its lines and everything that it holds.

Two handlers at one place with equal variables have one future, whatever lies behind them. So a
participant that polls for ever makes a finite graph. What a generator holds is more than its
variables: a ``for`` keeps its iterator, an expression its first half. CPython tells its garbage
collector of all of it, and here it is asked for the same. What does not show its content is
equal to nothing, and then nothing is merged that might differ.

Book: 05-exactly-once-a-myth
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Hashable, Iterator, Mapping
from contextlib import suppress
from dataclasses import is_dataclass
from functools import lru_cache, partial
from types import (
    BuiltinMethodType, CellType, CodeType, FunctionType, GeneratorType, ModuleType,
)  # fmt: skip
from typing import Any

from .effects import Message

DEPTH_MAX = 4
"""So many objects may stand in one another; a ring of them shows no content."""
CONSTANT = (type, CodeType, ModuleType)
ATOMS = (type(None), bool, int, float, str, bytes)
GATHERED: dict[type, Any] = {
    list: tuple, tuple: tuple, set: frozenset, frozenset: frozenset,
}  # fmt: skip
"""In what the values of a collection are kept, which can be hashed."""
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
    here = tuple((name, _variable(each)) for name, each in variables.items())
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


def _variable(each: Any) -> Hashable:  # noqa: ANN401  # of every type
    """Value a variable; a participant stays as it is, see ``vet``."""
    if callable(getattr(each, "start", None)) and callable(getattr(each, "receive", None)):
        return Same(each)
    return value_of(each, lambda _: Unlike())


def _hidden(each: object) -> Hashable:
    # A bare sequence may be the one that a loop walks by an index nobody is told of (3.15).
    if isinstance(each, (*ATOMS, GeneratorType, *ITERATORS)):
        return value_of(each)
    return Unlike()


class Same:
    """Equal for one object only, which it keeps alive."""

    __slots__ = ("it",)

    def __init__(self, it: object) -> None:
        self.it = it

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Same) and other.it is self.it

    def __hash__(self) -> int:
        return id(self.it)


def value_of(
    each: Any,  # noqa: ANN401  # of every type
    other: Callable[[Any], Hashable] = Same,
    depth: int = DEPTH_MAX,
) -> Hashable:
    """Return a value that is equal for equal contents; ``other`` values what shows none.

    1, 1.0 and True are not equal here, nor are 0.0 and -0.0.
    """
    kind = type(each)
    if kind in ATOMS:
        return kind, each if kind is not float else repr(each)
    if isinstance(each, CONSTANT):
        return Same(each)
    inner = partial(value_of, other=other, depth=depth)
    if kind is tuple and {*map(type, each)} <= {Message}:
        return kind, each  # a million messages are looked at in passing
    if kind in GATHERED:
        return kind, GATHERED[kind](map(inner, each))
    if kind is dict:
        return kind, tuple((inner(key), inner(value)) for key, value in each.items())
    if kind is GeneratorType:
        return standing(each) if each.gi_frame is not None else (kind, None)
    if depth == 0:
        return other(each)
    inner = partial(value_of, other=other, depth=depth - 1)
    if kind is FunctionType:
        return Same(each.__code__), tuple((name, inner(value)) for name, value in kept_by(each))
    if is_dataclass(kind):
        return kind, tuple((name, inner(value)) for name, value in attributes(each))
    return _reduced(each, inner, other)


def _reduced(
    each: Any,  # noqa: ANN401  # of every type
    inner: Callable[[Any], Hashable], other: Callable[[Any], Hashable],
) -> Hashable:  # fmt: skip
    """Return the value of what ``copy`` and ``pickle`` would make the same object of."""
    if isinstance(each, BuiltinMethodType) and each.__self__ is not None:
        return each.__name__, inner(each.__self__)
    try:
        made_of = each.__reduce_ex__(4)
    except Exception:  # whatever its class raises
        return other(each)
    if isinstance(made_of, str):  # its name: there is one of it
        return Same(each)
    made, arguments, *more = made_of
    state, *items = [*more, None, None, None][:3]
    listed = (tuple(map(inner, some or ())) for some in items)
    return Same(type(each)), inner(made), inner(arguments), inner(state), *listed


def kept_by(function: FunctionType) -> Iterator[tuple[str, Any]]:
    """Yield what a function closes over, its defaults and its attributes."""
    cells = zip(function.__code__.co_freevars, function.__closure__ or (), strict=True)
    for name, cell in cells:
        with suppress(ValueError):  # not filled yet
            yield name, cell.cell_contents
    for defaults in (function.__defaults__, function.__kwdefaults__):
        if defaults:
            yield f"a default of {function.__name__}", defaults
    yield from vars(function).items()


def attributes(each: object) -> Iterator[tuple[str, Any]]:
    """Yield the names and values of what an object of a Python class holds."""
    yield from vars(each).items() if hasattr(each, "__dict__") else ()
    kind: Any = type(each)
    for name in _slots(kind):
        if hasattr(each, name):
            yield name, getattr(each, name)


@lru_cache(maxsize=256)
def _slots(kind: type) -> tuple[str, ...]:
    """Return the names by which the slots of a class and of its bases are reached."""
    names = []
    for base in kind.__mro__:
        slots = vars(base).get("__slots__", ())
        for name in (slots,) if isinstance(slots, str) else slots:
            private = name.startswith("__") and not name.endswith("__")
            names.append(f"_{base.__name__.lstrip('_')}{name}" if private else name)
    return tuple(name for name in names if name != "__dict__")
