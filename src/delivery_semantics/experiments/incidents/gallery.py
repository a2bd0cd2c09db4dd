"""All incidents of the page, for its panels and its table.

Book: incidents
"""

from __future__ import annotations

from ...core.check import one_of
from ...incidents import INCIDENTS
from ...show.diagram import sequence
from ...show.tables import Table, table
from ...show.view import View

AS_REPORTED, MENDED = "as reported", "mended"
VERSIONS = (AS_REPORTED, MENDED)


def incident_view(*, incident: str, version: str, seed: int = 1) -> View:
    """Show a shortest run of an incident, or one that the mended model survives."""
    one_of("incident", incident, INCIDENTS)
    one_of("version", version, VERSIONS)
    one = INCIDENTS[incident]
    found, verdict = one.search(mended=version == MENDED), one.verdict(mended=version == MENDED)
    if verdict.holds:
        picture = sequence(found.run(found.outcomes[-1]), title=f"Mended: {incident}")
        said = f"“{one.claim}” holds in all {found.worlds:,} worlds."
    else:
        picture = sequence(verdict, title=f"As reported: {incident}")
        said = f"“{one.claim}” is broken in {len(verdict.steps)} steps."
    numbers = {"worlds": found.worlds, "steps to break it": len(verdict.steps) or "none found"}
    return View(picture, numbers, f"{said} Bounds: {found.scope()}.")


def told(name: str) -> str:
    """Say what an incident's model changes, and what the search says of it before and after."""
    one = INCIDENTS[name]
    reported, mended = one.search(mended=False), one.search(mended=True)
    who, before, after = one.change()
    owed, paid = one.money()
    steps = len(one.verdict(mended=False).steps)
    said = "everything holds" if mended else f"“{one.claim}” holds"
    return "\n".join([
        f"as reported: “{one.claim}” is broken in {steps} steps; owed {owed}, paid {paid}",
        f"{who}:",
        f"  - {before}",
        f"  + {after}",
        f"mended: {said} in all {mended.worlds:,} worlds",
        f"searched: {reported.scope()}",
    ])  # fmt: skip


def incidents_table() -> Table:
    """Return a row for each incident: the year of its report, how it ends, and its searches."""
    every = list(INCIDENTS.values())
    reported, mended = ([i.search(mended=m) for i in every] for m in (False, True))
    columns: dict[str, list[str] | list[int]] = {
        "year": [one.day[:4] for one in every],
        "expected": [one.money()[0] for one in every],
        "paid": [one.money()[1] for one in every],
        "steps": [len(one.verdict(mended=False).steps) for one in every],
        "worlds": [found.worlds for found in reported],
        "mended": ["holds" if found else "broken" for found in mended],
        "its worlds": [found.worlds for found in mended],
    }
    caption = "A shortest run of each model as reported, and the search of the mended one"
    return table(columns, rows=list(INCIDENTS), rows_name="incident", caption=caption)
