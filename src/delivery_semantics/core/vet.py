"""Handlers are tried twice, so that one that is no function of its answers is found at once.

A script, a seed, a search and sockets run one handler in four ways, and a search runs it many
times. All of that means something only if a handler that gets the same answers does the same
again. What breaks this is the first mistake of everybody who writes a receiver: a set of ids
on ``self``, which no crash clears; a clock; a die. Here a handler's answers are given to a
second one, and the effects are compared, as is what both could have written to: that also at
each crash and at the end of a run.

What is looked at: the participant's attributes and its class's, and of every function that can
be reached from it what it closes over, its defaults, and the globals that it names. What cannot
be looked into, an open file or a database, is found where it is asked.

Book: 02-delivery-semantics
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from types import CodeType, FrameType, FunctionType, ModuleType
from typing import Any, TypeVar

from .frames import ATOMS, attributes, kept_by, value_of

INSTEAD = (
    "a handler is a function of its arguments and its answers: keep what a crash spares with "
    "Save, Mark or Once, what it clears with Save(..., durable=False); ask Now() for the time"
)
CLOCKS = {"time", "datetime"}
NUMPYS = "numpy.random.mtrand"
CHANCE = {
    "random", "_random", "secrets", "uuid", "_uuid", "posix", "nt", "builtins",
    NUMPYS, "numpy.random._generator",
}  # fmt: skip
FILES = {"io", "_io", "sqlite3", "_sqlite3", "socket", "_socket"}
FILE = {"open", "stat", "listdir", "scandir"}
MACHINE = {"getpid", "getppid", "getcwd", "uname", "cpu_count", "times", "environ"}
ASKED = {
    "datetime": {"now", "utcnow", "today"},
    "posix": {"urandom", "getrandom"} | FILE | MACHINE,
    "nt": {"urandom"} | FILE | MACHINE,
    "builtins": {"id", "hash"},
    "io": FILE,
    "_io": FILE,
}
"""Of some modules, what asks anything outside; of the others everything does."""
ENVIRON = {"_Environ.__getitem__", "_Environ.__iter__"}
ALLOWED = {"time.struct_time", "datetime.timedelta", "numpy.random._generator.default_rng"}
Done = TypeVar("Done")
NOWHERE = (object(), None)
"""What was where nothing was."""
STATELESS = (FunctionType, property, staticmethod, classmethod, type, ModuleType)


class ImpureHandler(ValueError):
    """A handler that answers one history in two ways; the message names its participant."""


class Reach:
    """What one of a participant's methods could keep state in, to be looked at twice."""

    def __init__(self, who: str, begin: Callable[..., Any]) -> None:
        self.who = who
        method = getattr(begin, "func", begin)  # a partial one has its arguments already
        self._given = getattr(begin, "args", ())
        self._owner = getattr(method, "__self__", None)
        kinds = type(self._owner).__mro__ if self._owner is not None else ()
        self._kinds = [kind for kind in kinds if _is_own(kind.__module__)]
        self._functions: dict[FunctionType, None] = {}
        self._globals: dict[tuple[str, str], dict[str, Any]] = {}
        self._walk(method)
        for kind in self._kinds:
            for each in vars(kind).values():
                self._walk(each)
        for _, each in attributes(self._owner):
            self._walk(each)
        self._before = {place: (each, value_of(each)) for place, each in self._look()}

    def check_untouched(self) -> None:
        """Raise ImpureHandler if something is not as it was."""
        for place, each in self._look():
            before, value = self._before.get(place, NOWHERE)
            if each is before and (type(each) in ATOMS or value == (tuple, each)):
                continue  # its content was its value, as that of a million messages is
            if value != value_of(each):
                raise ImpureHandler(f"{self.who} keeps state in {place[1]}; {INSTEAD}")

    def _look(self) -> Iterator[tuple[tuple[Hashable, str], Any]]:
        """Yield where something can be kept, whose and by what name, and what is there."""
        for name, each in attributes(self._owner):
            yield ("self", f"self.{name}"), each
        for kind in self._kinds:
            for name, each in [*vars(kind).items()]:
                if not (name.startswith("__") or isinstance(each, STATELESS)):
                    yield (kind, f"{kind.__name__}.{name}"), each
        for (home, name), known in self._globals.items():
            if name in known:
                yield (home, name), known[name]
        for function in self._functions:
            for name, each in kept_by(function):
                if not isinstance(each, STATELESS):
                    yield (function, name), each
        for number, each in enumerate(self._given, start=1):
            yield ("given", f"argument {number}"), each

    def _walk(self, each: Any) -> None:  # noqa: ANN401  # of every type
        """Take in a function, with those that it names, closes over or wraps."""
        each = getattr(each, "__func__", getattr(each, "fget", each))
        if not isinstance(each, FunctionType):
            each = getattr(each, "__wrapped__", each)
        if isinstance(each, type) and _is_own(each.__module__) and each not in self._kinds:
            self._kinds.append(each)
        if not isinstance(each, FunctionType) or each in self._functions:
            return
        self._functions[each] = None
        if not _is_own(each.__module__):
            return
        known = each.__globals__
        for name in _names(each.__code__):
            value = known.get(name)
            self._walk(value)
            if not isinstance(value, STATELESS):
                self._globals[each.__module__, name] = known
        for _, value in kept_by(each):
            self._walk(value)


def _names(code: CodeType) -> Iterator[str]:
    """Yield what a function and those within it name: globals, and attributes of anything."""
    yield from code.co_names
    for each in code.co_consts:
        if isinstance(each, CodeType):
            yield from _names(each)


def _is_own(module: str | None) -> bool:
    """Whether this may be the work of whoever wrote the participant."""
    package = (module or "").partition(".")[0]
    return package not in sys.stdlib_module_names and package != __name__.partition(".")[0]


def watched(who: str, do: Callable[..., Done], *arguments: object) -> Done:
    """Do this; raise ImpureHandler where anything outside is asked: a clock, a die, a file.

    To watch makes a handler three times as slow, so it is watched only the first time.
    """
    asked: list[tuple[str, str]] = []

    def look(frame: FrameType, event: str, what: object) -> None:
        if event == "c_call" and (found := _outsider(what, frame)):
            asked.append(found)
        elif event == "call" and frame.f_code.co_qualname in ENVIRON and not _imports(frame):
            asked.append(("os", "environ"))

    profiler: Any = sys.getprofile()
    if profiler is not None and not callable(profiler):  # cProfile's, which sets itself only
        return do(*arguments)
    before, collects = _shared_dice(), gc.isenabled()
    gc.disable()  # others have it call them back, and then look at the time
    try:
        sys.setprofile(look)
        done = do(*arguments)
    finally:
        sys.setprofile(profiler)
        if collects:
            gc.enable()
    if before != _shared_dice():
        asked.append(("random", "gauss, or numpy.random"))
    if asked:
        raise ImpureHandler(f"{who} asks {_words(*asked[0])}; {INSTEAD}")
    return done


def _words(home: str, name: str) -> str:
    file = home in FILES or name in FILE
    beyond = "the machine" if name in MACHINE else "chance"
    what = "a clock" if home in CLOCKS else "a file" if file else beyond
    return f"{what}, by {home}.{name}"


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


def _outsider(what: Any, frame: FrameType) -> tuple[str, str] | None:  # noqa: ANN401
    """Return the module and the name of a clock, a die or a file, or None."""
    owner = getattr(what, "__self__", None)
    kind = owner if isinstance(owner, type) else type(owner)
    home = _home(getattr(what, "__module__", None), kind)
    if not home:
        return None
    name = getattr(what, "__name__", "?")
    if name not in ASKED.get(home, {name}) or f"{home}.{name}" in ALLOWED:
        return None
    if home == "builtins" and (name != what.__qualname__ or _is_content(frame)):
        return None
    return None if _own_die(what, frame) or _imports(frame) else (home, name)


@lru_cache(maxsize=256)
def _home(module: str | None, kind: type) -> str:
    """Return the first module outside that something is from, by itself or by its owner."""
    homes = (module, *(each.__module__ for each in kind.__mro__))
    return next((each for each in homes if each in CLOCKS | CHANCE | FILES), "")


def _is_content(frame: FrameType) -> bool:
    """Whether an address or a hash is asked for what has nothing to do with its number."""
    module = frame.f_globals.get("__name__")
    return frame.f_code.co_name.startswith("__") or not _is_own(module)


def _imports(frame: FrameType | None) -> bool:
    while frame is not None:
        if frame.f_code.co_name == "_find_and_load":
            return True
        frame = frame.f_back
    return False


def _shared_dice() -> Hashable:
    """Return what has changed where a die was cast without a call that is seen."""
    plain, numpys = _shared()
    array: Any = numpys.get_state() if numpys is not None else None
    return getattr(plain, "gauss_next", None), array and (array[1].tobytes(), *array[2:])


def _shared() -> tuple[Any, Any]:
    """Return the generators of random and of numpy.random, None where they are not imported."""
    get = sys.modules.get
    return getattr(get("random"), "_inst", None), getattr(get(NUMPYS), "_rand", None)


def _own_die(what: Any, frame: FrameType) -> bool:  # noqa: ANN401
    """Whether it is a generator of the participant's own, which a seed has made."""
    owner = getattr(what, "__self__", None)
    unseeded = what.__name__ == "seed" and frame.f_locals.get("a", owner) is None
    dice = ("Random", "RandomState", "Generator")
    known = any(owner is each for each in _shared())
    return type(owner).__name__ in dice and not known and not unseeded
