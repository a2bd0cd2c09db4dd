"""The incidents as games: each model, as reported and mended, and the promise that it breaks.

Book: incidents
"""

from __future__ import annotations

import re
from functools import partial
from inspect import getdoc

from .. import Verdict
from ..core.world import World
from ..incidents import INCIDENTS, Incident
from ..search.position import position
from .game import NEVER, SKIPPED, TWICE, Cast, Game, Goal, Levels

MODEL = Levels(
    "model", "The model is", {"as-reported": "", "mended": ""}, then="Now try it mended"
)  # fmt: skip


def made(world: World) -> bool:
    """Tell if every payment was made."""
    return not position(world).missing


OUT = Goal("made", "Get the payment made", "The payment is made.", made, good=True)
ENDLESS = {
    "an offset before the work": (SKIPPED, "It polls for ever, so that no run ends."),
    "a nack without end": (OUT, "What is refused comes back, so that no run ends. Can it?"),
}
"""Goals where no run ends, and a sentence on why."""


def game(name: str, incident: Incident) -> Game:
    """Return an incident's game, with the code of whom its mend changes."""
    usual = TWICE if incident.claim == Verdict.NEVER_TWICE else NEVER
    goal, endless = ENDLESS.get(name, (usual, ""))
    return Game(
        identity(name),
        partial(_parts, incident),
        incident.bounds,
        goals=(goal,),
        settings=(MODEL,),
        stores=incident.stores,
        code=incident.change()[0],
        about=" ".join(filter(None, [getdoc(incident.parts), endless])),
    )


def identity(name: str) -> str:
    """Return an incident's name as it stands in a link."""
    return "-".join(re.findall(r"\w+", name.lower()))


def _parts(incident: Incident, model: str) -> Cast:
    return incident.parts(model == "mended")


INCIDENT_GAMES = {
    each.id: each for each in (game(name, one) for name, one in INCIDENTS.items())
}
"""The game of each incident, by the name that it has in a link."""
