"""Everything that can happen next in a world.

Book: 01-the-problem
"""

from __future__ import annotations

from dataclasses import dataclass

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
    """The timer for which ``who`` waits fires, whether or not its time has really passed."""

    who: str
    early: bool = False


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


Step = Run | Deliver | Lose | Duplicate | Timeout | Crash | Restart
"""One thing that can happen next in a world."""


def describe(step: Step) -> str:
    """Return the step as a reader would write it in a script."""
    match step:
        case Crash(who, before) if before is not None:
            return f"Crash({who!r}, before={before.__name__})"
        case Timeout(who, True):
            return f"Timeout({who!r}, early=True)"
        case Deliver(packet) | Lose(packet) | Duplicate(packet):
            return f"{type(step).__name__}({packet!r})"
    return f"{type(step).__name__}({step.who!r})"
