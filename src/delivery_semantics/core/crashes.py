"""Where and when a participant goes down, in simulated and in live runs.

Book: 02-delivery-semantics
"""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import get_args

from .answers import READS
from .check import not_negative, positive, probability
from .effects import Effect
from .world import WAITING

# Before a wait, or a read that nobody notices, nothing new is lost: name what comes after it.
CAN_CRASH_BEFORE = tuple(kind for kind in get_args(Effect) if kind not in (*WAITING, *READS))


@dataclass(frozen=True)
class CrashPoint:
    """``who`` crashes before an effect of this kind, with this probability each time.

    It restarts ``down_s`` seconds later. Raises ValueError for a value out of range.
    """

    who: str
    before: type[Effect]
    probability: float
    _: KW_ONLY
    down_s: float = 0.1

    def __post_init__(self) -> None:
        if self.before not in CAN_CRASH_BEFORE:
            allowed = ", ".join(kind.__name__ for kind in CAN_CRASH_BEFORE)
            raise ValueError(f"before is {self.before!r}; allowed: {allowed}")
        probability("probability", self.probability)
        positive("down_s", self.down_s)


@dataclass(frozen=True)
class Outage:
    """``who`` crashes at a fixed time and restarts ``down_s`` seconds later."""

    who: str
    _: KW_ONLY
    at_s: float
    down_s: float

    def __post_init__(self) -> None:
        not_negative("at_s", self.at_s)
        positive("down_s", self.down_s)


Crashes = tuple[CrashPoint | Outage, ...]
