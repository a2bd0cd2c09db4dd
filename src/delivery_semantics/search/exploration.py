"""What a search is asked, and what it answers.

Book: 05-exactly-once-a-myth
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import chain, pairwise
from types import NoneType
from typing import ClassVar

from ..core.check import at_least, not_negative, of_type, truth
from ..core.steps import Crash, Run, Step, describe
from ..core.trace import Outcome, Trace

FAULTS_MAX = (1 << 16) - 1
"""So many faults of a kind are counted: each has 16 bits of a world's budget."""


@dataclass(frozen=True, kw_only=True)
class Bounds:
    """How many faults of each kind one run may hold, and whether packets may overtake others.

    ``crashable`` names those who may crash; None means all. Those of a group in
    ``crash_together``, all of them crashable, go down as one, for one crash. ``links`` are the
    pairs (source, target) on which packets can be lost and copied; None means all. ``failures``
    is how many effects may fail, of those that write. ``clock_s`` are the moments, in rising
    order, that the clock which ``Now`` asks can show: the first of them that ``after`` has not
    passed when the search begins, then one after the other at any time.
    Raises ValueError for a count below zero or beyond ``FAULTS_MAX``, TypeError for a word
    where names are allowed.
    """

    losses: int = 1
    duplicates: int = 1
    crashes: int = 1
    early_timeouts: int = 0
    failures: int = 0
    reordering: bool = True
    crashable: tuple[str, ...] | None = None
    crash_together: tuple[tuple[str, ...], ...] = ()
    links: tuple[tuple[str, str], ...] | None = None
    clock_s: tuple[float, ...] = (0.0,)

    def __post_init__(self) -> None:
        for name in ("losses", "duplicates", "crashes", "early_timeouts", "failures"):
            if at_least(name, number := getattr(self, name), 0) > FAULTS_MAX:
                raise ValueError(f"{name} is {number!r}; allowed: at most {FAULTS_MAX}")
        truth("reordering", self.reordering)
        for name in ("crashable", "links"):
            of_type(name, getattr(self, name), tuple, list, NoneType)
        for link in self.links or ():
            if not isinstance(link, tuple) or len(link) != 2:
                raise TypeError(f"links: {link!r} is no link; allowed: (source, target)")
        for group in of_type("crash_together", self.crash_together, tuple, list):
            of_type("crash_together", group, tuple, list)
        for who, groups in Counter(chain.from_iterable(self.crash_together)).items():
            if groups > 1:
                raise ValueError(f"crash_together: {who!r} is in two groups; allowed: one")
            if self.crashable is not None and who not in self.crashable:
                allowed = ", ".join(map(repr, self.crashable)) or "nobody"
                raise ValueError(f"crash_together: {who!r} may not crash; allowed: {allowed}")
        for moment in of_type("clock_s", self.clock_s, tuple, list):
            not_negative("clock_s", moment)
        if not self.clock_s or list(self.clock_s) != sorted(set(self.clock_s)):
            raise ValueError(
                f"clock_s is {self.clock_s!r}; allowed: moments in rising order, (0, 299, 301)"
            )

    def __str__(self) -> str:
        faults = [
            (self.losses, "loss", "losses"),
            (self.duplicates, "duplicate", "duplicates"),
            (self.crashes, "crash", "crashes"),
            (self.early_timeouts, "early timeout", "early timeouts"),
        ]
        faults += [(self.failures, "failure", "failures")] if self.failures else []
        counts = ", ".join(f"{n} {one if n == 1 else more}" for n, one, more in faults)
        order = "any order" if self.reordering else "order"
        who = "" if self.crashable is None else ", ".join(self.crashable) or "nobody"
        more = f"; may crash: {who}" if who else ""
        for group in self.crash_together:
            more += f"; crash together: {', '.join(group)}"
        if self.links is not None:
            links = ", ".join(f"{a} to {b}" for a, b in self.links) or "none"
            more += f"; faulty links: {links}"
        if len(self.clock_s) > 1:
            more += f"; clock at {', '.join(f'{moment:g}' for moment in self.clock_s)} s"
        return f"at most {counts}; packets in {order}{more}"


@dataclass(frozen=True)
class Verdict:
    """Whether a property holds within the bounds, and if not a shortest run that breaks it.

    Its steps have as few choices of the network, the timers and the crashes as any, and none of
    their effects can be left out. ``longer_by_at_most`` is what another order of effects could
    still save, or a way without a crash of many, which is one choice of several steps. ``loop``
    are the last of the steps if they can go on for ever, and only another fault could lead out;
    the counterexample then holds the way in, ``loop_event`` events, and one turn.
    """

    NEVER_TWICE: ClassVar[str] = "never more than once"
    EVENTUALLY: ClassVar[str] = "at least once, eventually"

    claim: str
    counterexample: Trace | None
    steps: tuple[Step, ...] = ()
    loop: tuple[Step, ...] = ()
    loop_event: int | None = None

    @property
    def holds(self) -> bool:
        """True if no world within the bounds breaks the property."""
        return self.counterexample is None

    @property
    def longer_by_at_most(self) -> int:
        """By how many steps the counterexample may be longer than a shortest one."""
        kinds = [type(step) for step in self.steps]
        return kinds.count(Run) + [*pairwise(kinds)].count((Crash, Crash))

    def __str__(self) -> str:
        if self.holds:
            return f"{self.claim}: holds"
        before = len(self.steps) - len(self.loop)
        steps = [describe(step) for step in self.steps]
        steps[before:] = [", ".join(["again and again", *steps[before:]])] if self.loop else []
        return f"{self.claim}: broken by {', '.join(steps)}"


@dataclass(frozen=True)
class Exploration:
    """What a search found: its verdicts, the number of worlds, every way a run can end.

    ``claims`` are the verdicts on claims of one's own. True if all of them hold.
    """

    never_more_than_once: Verdict
    at_least_once_eventually: Verdict
    worlds: int
    outcomes: tuple[Outcome, ...]
    bounds: Bounds
    messages: int
    claims: Mapping[str, Verdict] = field(default_factory=dict)
    _run: Callable[[Outcome], Trace] | None = field(default=None, repr=False, compare=False)

    @property
    def verdicts(self) -> tuple[Verdict, ...]:
        """All verdicts."""
        return self.never_more_than_once, self.at_least_once_eventually, *self.claims.values()

    @property
    def holds(self) -> bool:
        """True if no run within the bounds breaks a property."""
        return all(verdict.holds for verdict in self.verdicts)

    def __bool__(self) -> bool:
        return self.holds

    def __str__(self) -> str:
        found = " · ".join(
            f"{verdict.claim}: {'holds' if verdict.holds else 'broken'}"
            for verdict in self.verdicts
        )
        return f"{found} ({self.worlds:,} worlds; {self.scope()})"

    def __repr__(self) -> str:
        broken = [str(verdict) for verdict in self.verdicts if not verdict.holds]
        return "\n".join([str(self), *broken])

    def scope(self) -> str:
        """Say what was searched: how many messages, within which bounds."""
        given = f"{self.messages} message{'' if self.messages == 1 else 's'}"
        return f"{given}, {self.bounds}"

    def run(self, outcome: Outcome) -> Trace:
        """Return a run that ends like this. Raises ValueError for what is no outcome."""
        if outcome not in self.outcomes or self._run is None:
            allowed = ", ".join(map(str, self.outcomes))
            raise ValueError(f"outcome is {outcome!r}; allowed: {allowed}")
        return self._run(outcome)
