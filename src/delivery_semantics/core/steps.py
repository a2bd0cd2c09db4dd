"""Everything that can happen next in a world.

Book: 01-the-problem
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import get_args

from .check import not_negative, truth
from .effects import Effect


@dataclass(frozen=True, slots=True)
class Run:
    """``who`` carries out the local effect at which its handler stands."""

    who: str


@dataclass(frozen=True, slots=True)
class Deliver:
    """Packet number ``packet`` arrives; packets are numbered from 1 in the order sent."""

    packet: int


@dataclass(frozen=True, slots=True)
class Lose:
    """Packet number ``packet`` vanishes."""

    packet: int


@dataclass(frozen=True, slots=True)
class Duplicate:
    """The network copies packet number ``packet``; the copy gets the next free number."""

    packet: int


@dataclass(frozen=True, slots=True)
class Timeout:
    """The timer for which ``who`` waits fires, whether or not its time has really passed.

    ``name`` is that of a timer of ``Arm``; "" is the wait of a handler.
    Raises ValueError for a word instead of ``early``.
    """

    who: str
    early: bool = False
    name: str = ""

    def __post_init__(self) -> None:
        truth("early", self.early)


@dataclass(frozen=True, slots=True)
class Crash:
    """``who`` goes down: its handler and memory are gone, its disk stays.

    ``before`` names the kind of effect at which it must stand; None if it waits or is idle.
    """

    who: str
    before: type[Effect] | None = None


@dataclass(frozen=True, slots=True)
class Restart:
    """``who`` comes up again with what is on its disk, and runs ``start``."""

    who: str


@dataclass(frozen=True, slots=True)
class Fail:
    """The local effect at which ``who`` stands fails: nothing of it is done.

    ``effect`` names its kind; in a script, ``who`` goes on until it stands there.
    """

    who: str
    effect: type[Effect] | None = None


@dataclass(frozen=True, slots=True)
class Tick:
    """The clock that ``Now`` asks moves on to ``to_s``. Raises ValueError for no such time."""

    to_s: float

    def __post_init__(self) -> None:
        not_negative("to_s", self.to_s)


Step = Run | Deliver | Lose | Duplicate | Timeout | Crash | Restart | Fail | Tick
"""One thing that can happen next in a world."""

KINDS: dict[str, type] = {kind.__name__.lower(): kind for kind in get_args(Step)}
EFFECTS: dict[str, type] = {kind.__name__: kind for kind in get_args(Effect)}


def describe(step: Step) -> str:
    """Return the step as a reader would write it in a script."""
    given = [repr(_subject(step)), *(code for _, code in _details(step))]
    return f"{type(step).__name__}({', '.join(given)})"


def to_text(step: Step) -> str:
    """Return the step in short: ``deliver-1``, ``crash-bank-before-Mark``, ``timeout-shop``."""
    words = [str(_subject(step)), *(word for word, _ in _details(step))]
    return "-".join([type(step).__name__.lower(), *words])


def _subject(step: Step) -> object:
    return getattr(step, fields(step)[0].name)


def _details(step: Step) -> list[tuple[str, str]]:
    """Return what else there is to say, in short and as code."""
    match step:
        case Crash(_, before) if before is not None:
            return [(f"before-{_name(before)}", f"before={_name(before)}")]
        case Fail(_, effect) if effect is not None:
            return [(f"at-{_name(effect)}", _name(effect))]
        case Timeout(_, early, name):
            said = [("early", "early=True")] if early else []
            return [*said, (f"of-{name}", f"name={name!r}")] if name else said
    return []


def _name(kind: object) -> str:
    return getattr(kind, "__name__", repr(kind))


def from_text(text: str) -> Step:
    """Return the step that ``to_text`` wrote. Raises ValueError, which names the text."""
    kind, _, rest = text.partition("-")
    try:
        match kind:
            case "deliver" | "lose" | "duplicate":
                return KINDS[kind](int(rest))  # type: ignore[no-any-return]
            case "tick":
                return Tick(float(rest))
            case "run" | "restart" if rest:
                return KINDS[kind](rest)  # type: ignore[no-any-return]
            case "crash" if rest:
                who, before, effect = rest.rpartition("-before-")
                return Crash(who, before=EFFECTS[effect]) if before else Crash(rest)
            case "fail" if rest:
                who, at, effect = rest.rpartition("-at-")
                return Fail(who, EFFECTS[effect]) if at else Fail(rest)
            case "timeout" if rest:
                who, named, name = rest.partition("-of-")
                early = who.endswith("-early")
                return Timeout(who.removesuffix("-early"), early, name if named else "")
    except (ValueError, KeyError):
        pass
    raise ValueError(
        f"step is {text!r}; allowed: {', '.join(KINDS)}, then a packet's number, a moment or a "
        "participant, as in deliver-1, tick-300, crash-bank-before-Mark, fail-bank-at-Mark, "
        "timeout-shop, timeout-shop-early-of-retry"
    )
