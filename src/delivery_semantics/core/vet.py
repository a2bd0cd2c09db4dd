"""Handlers are tried twice, so that one that is no function of its answers is found at once.

A script, a seed, a search and sockets run one handler in four ways, and a search runs it many
times. All of that means something only if a handler that gets the same answers does the same
again. What breaks this is the first mistake of everybody who writes a receiver: a set of ids
on ``self``, which no crash clears; a clock; a die. Here a handler's answers are given to a
second one, and the effects are compared, as is what both could have written to.

Book: 02-delivery-semantics
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType, FunctionType, MethodType
from typing import Any

from .frames import ATOMS, attributes, value_of

INSTEAD = (
    "a handler is a function of its arguments and its answers: keep what a crash spares with "
    "Save, Mark or Once, what it clears with Save(..., durable=False); ask Now() for the time"
)
CLOCKS = {"time", "datetime"}
CHANCE = {"random", "_random", "secrets", "uuid", "posix", "nt"}
OUTSIDE = CLOCKS | CHANCE
ALLOWED = {"time.struct_time", "datetime.timedelta"}
PLAIN = {*ATOMS, list, tuple, dict, set, frozenset}


class ImpureHandler(ValueError):
    """A handler that answers one history in two ways; the message names its participant."""


class Reach:
    """What the handlers of one participant could keep state in, to be looked at twice."""

    def __init__(self, who: str, method: Callable[..., Any]) -> None:
        self.who = who
        method = getattr(method, "func", method)  # a partial one has its arguments already
        self._owner = getattr(method, "__self__", None)
        functions = [*_functions(method, self._owner)]
        self._globals = _globals(functions)
        self._closures = [f for f in functions if f.__closure__ or f.__defaults__]
        self._before: dict[tuple[str, str], Any] = {
            place: value_of(each) for place, each in self._look()
        }

    def check_untouched(self) -> None:
        """Raise ImpureHandler if something is not as it was."""
        for place, each in self._look():
            before = self._before.get(place)
            if before is not None and before[1] is each:
                continue  # its content was its value, as that of a million messages is
            if before != value_of(each):
                raise ImpureHandler(f"{self.who} keeps state in {place[1]}; {INSTEAD}")

    def _look(self) -> Iterator[tuple[tuple[str, str], Any]]:
        """Yield where something can be kept, whose and by what name, and what is there."""
        owner = self._owner
        if owner is not None:
            for name, each in attributes(owner):
                yield ("self", f"self.{name}"), each
            kind = type(owner)
            for name, each in vars(kind).items():
                if _is_plain(name, each):
                    yield (kind.__qualname__, f"{kind.__name__}.{name}"), each
        for known, names in self._globals:
            for name in names:
                if name in known and _is_plain(name, known[name]):
                    yield (known.get("__name__", ""), name), known[name]
        for number, function in enumerate(self._closures):
            for name, each in _own(function):
                if _is_plain(name, each):
                    yield (str(number), name), each


def _functions(method: Callable[..., Any], owner: object) -> Iterator[FunctionType]:
    if isinstance(method, MethodType):
        method = method.__func__
    if isinstance(method, FunctionType):
        yield method
    for kind in type(owner).__mro__[:-1] if owner is not None else ():
        yield from (each for each in vars(kind).values() if isinstance(each, FunctionType))


def _globals(functions: list[FunctionType]) -> list[tuple[dict[str, Any], list[str]]]:
    """Return the globals that functions may write to: plain ones, and those to come."""
    found: dict[int, tuple[dict[str, Any], dict[str, None]]] = {}
    for function in functions:
        known = function.__globals__
        names = found.setdefault(id(known), (known, {}))[1]
        for name in function.__code__.co_names:
            if name not in known or _is_plain(name, known[name]):
                names[name] = None
    return [(known, [*names]) for known, names in found.values()]


def _own(function: FunctionType) -> Iterator[tuple[str, Any]]:
    """Yield what a function closes over, and its defaults."""
    for name, cell in zip(
        function.__code__.co_freevars, function.__closure__ or (), strict=True
    ):
        with suppress(ValueError):  # not filled yet
            yield name, cell.cell_contents
    if function.__defaults__:
        yield f"a default of {function.__name__}", function.__defaults__


def _is_plain(name: str, each: object) -> bool:
    return type(each) in PLAIN and not name.startswith("__")


@contextmanager
def nothing_outside(who: str) -> Iterator[Callable[[], None]]:
    """Raise ImpureHandler where a clock is read or a die is cast, once what is given is called.

    To watch makes a handler three times as slow, so what has been watched before is left out.
    """
    asked: list[str] = []

    def look(frame: FrameType, event: str, what: object) -> None:
        if event == "c_call" and (name := _outsider(what)) and not _own_die(what, frame):
            asked.append(name)

    profiler: Any = sys.getprofile()
    if profiler is not None and not callable(profiler):  # cProfile's, which sets itself only
        yield lambda: None
        return
    with collection_paused():  # others have it call them back, and then look at the time
        try:
            yield lambda: sys.setprofile(look)
        finally:
            sys.setprofile(profiler)
    if asked:
        what = "a clock" if asked[0].split(".")[0] in CLOCKS else "chance"
        raise ImpureHandler(f"{who} asks {what}, by {asked[0]}; {INSTEAD}")


@contextmanager
def collection_paused() -> Iterator[None]:
    """Pause the collection of cycles: a long run makes many objects, and ties none into one.

    They count as old afterwards, or the first collection would look through all of them.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            if not gc.get_freeze_count():  # else somebody has frozen objects, who keeps them so
                gc.freeze()
                gc.unfreeze()
            gc.enable()


def _outsider(what: Any) -> str:  # noqa: ANN401  # a built-in function
    """Return the name of a clock or a die, or ""."""
    owner = getattr(what, "__self__", None)
    home = getattr(what, "__module__", None) or getattr(owner, "__module__", None)
    home = home or type(owner).__module__
    if home not in OUTSIDE:
        return ""
    name = f"{home}.{getattr(what, '__qualname__', '?')}"
    if home == "datetime":
        return name if what.__name__ in ("now", "utcnow", "today") else ""
    if home in ("posix", "nt"):
        return name if what.__name__ in ("urandom", "getrandom") else ""
    return name if name not in ALLOWED else ""


def _own_die(what: Any, frame: FrameType) -> bool:  # noqa: ANN401
    """Whether it is a generator of the participant's own, which a seed has made."""
    owner = getattr(what, "__self__", None)
    shared = getattr(sys.modules.get("random"), "_inst", None)
    return type(owner).__name__ == "Random" and owner is not shared
