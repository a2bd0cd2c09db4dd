"""An incident: who reported what, the model of it, and the change that mends the model.

Book: incidents
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache

from .. import Bounds, Exploration, Participant, Verdict, explore

NEVER, EVENTUALLY = Verdict.NEVER_TWICE, Verdict.EVENTUALLY
Parts = Mapping[str, Participant]
NO_FAULT = Bounds(losses=0, duplicates=0, crashes=0)
"""Nothing is lost or copied and nobody crashes; packets still take any time, in any order."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Incident:
    """A public report, and its model as it was reported and mended.

    ``report`` is the address of the report, ``day`` when it was written, as year-month-day.
    ``parts`` makes the participants, mended or not; ``claim`` is what breaks as reported.
    ``stores`` are those of ``explore``.
    """

    report: str
    day: str
    parts: Callable[[bool], Parts]
    claim: str = NEVER
    bounds: Bounds = NO_FAULT
    stores: Mapping[str, str] | None = None

    @property
    def thread(self) -> str:
        """The report's name: the project and the number of the thread."""
        _, _, _, _, project, _, number = self.report.split("/")
        return f"{project} #{number}"

    def search(self, *, mended: bool) -> Exploration:
        """Search every run within the bounds; each search is made once."""
        return _search(self, mended)

    def verdict(self, *, mended: bool) -> Verdict:
        """Return the verdict on the claim."""
        verdicts = self.search(mended=mended).verdicts
        return next(each for each in verdicts if each.claim == self.claim)

    def money(self) -> tuple[int, int]:
        """Return what was owed and what was paid in the shortest run that breaks the claim."""
        trace = self.verdict(mended=False).counterexample
        assert trace is not None, f"{self.thread}: the model does not break {self.claim!r}"
        done = trace.processed()
        owed = sum(message.amount for message in trace.messages)
        return owed, sum(done[message.id] * message.amount for message in trace.messages)

    def change(self) -> tuple[str, str, str]:
        """Return who is changed, and what they are before and after: the same for all."""
        before, after = self.parts(False), self.parts(True)
        who = [name for name in before if _text(before[name]) != _text(after[name])]
        [change] = {_differing(before[name], after[name]) for name in who}
        return ", ".join(who), *change


@cache
def _search(incident: Incident, mended: bool) -> Exploration:
    return explore(incident.parts(mended), incident.bounds, stores=incident.stores)


def _arguments(participant: Participant) -> dict[str, str]:
    names = getattr(participant, "__dataclass_fields__", ())
    return {name: repr(getattr(participant, name)) for name in names}


def _text(participant: Participant, only: frozenset[str] | None = None) -> str:
    given = _arguments(participant).items()
    inside = ", ".join(f"{name}={value}" for name, value in given if not only or name in only)
    return f"{type(participant).__name__}({inside})"


def _differing(before: Participant, after: Participant) -> tuple[str, str]:
    """Return both with the arguments in which they differ, or by their classes alone."""
    if type(before) is not type(after):
        return type(before).__name__, type(after).__name__
    old, new = _arguments(before), _arguments(after)
    names = frozenset(name for name in old if old[name] != new[name])
    return _text(before, names), _text(after, names)
