"""What a search is asked, and what it answers.

Book: 05-exactly-once-a-myth
"""

from __future__ import annotations

from dataclasses import dataclass

from .check import at_least
from .steps import Step
from .trace import Outcome, Trace


@dataclass(frozen=True, kw_only=True)
class Bounds:
    """How many faults of each kind one run may hold, and whether packets may overtake others.

    ``crashable`` names those who may crash; None means all. Raises ValueError below zero.
    """

    losses: int = 1
    duplicates: int = 1
    crashes: int = 1
    early_timeouts: int = 0
    reordering: bool = True
    crashable: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        for name in ("losses", "duplicates", "crashes", "early_timeouts"):
            at_least(name, getattr(self, name), 0)

    def __str__(self) -> str:
        faults = (
            (self.losses, "loss", "losses"),
            (self.duplicates, "duplicate", "duplicates"),
            (self.crashes, "crash", "crashes"),
            (self.early_timeouts, "early timeout", "early timeouts"),
        )
        counts = ", ".join(f"{n} {one if n == 1 else more}" for n, one, more in faults)
        order = "any order" if self.reordering else "order"
        who = "" if self.crashable is None else ", ".join(self.crashable) or "nobody"
        return f"at most {counts}; packets in {order}{who and f'; may crash: {who}'}"


@dataclass(frozen=True)
class Verdict:
    """Whether a property holds within the bounds, and if not a shortest run that breaks it."""

    claim: str
    counterexample: Trace | None
    steps: tuple[Step, ...] = ()

    @property
    def holds(self) -> bool:
        """True if no world within the bounds breaks the property."""
        return self.counterexample is None


@dataclass(frozen=True)
class Exploration:
    """What a search found: two verdicts, the number of worlds, every way a run can end."""

    never_more_than_once: Verdict
    at_least_once_eventually: Verdict
    worlds: int
    outcomes: tuple[Outcome, ...]
    bounds: Bounds
    messages: int

    @property
    def holds(self) -> bool:
        """True if no run within the bounds breaks either property."""
        return self.never_more_than_once.holds and self.at_least_once_eventually.holds

    def __str__(self) -> str:
        found = " · ".join(
            f"{verdict.claim}: {'holds' if verdict.holds else 'broken'}"
            for verdict in (self.never_more_than_once, self.at_least_once_eventually)
        )
        return f"{found} ({self.worlds:,} worlds; {self.scope()})"

    def scope(self) -> str:
        """Say what was searched: how many messages, within which bounds."""
        given = f"{self.messages} message{'' if self.messages == 1 else 's'}"
        return f"{given}, {self.bounds}"
