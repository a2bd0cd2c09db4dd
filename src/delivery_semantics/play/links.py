"""Links that open a game: at its beginning, in its shortest run, or mended.

Book: incidents
"""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import quote

from .. import explore
from ..core.steps import to_text
from .game import Chosen, Game
from .views import finished


def link(game: Game, given: Chosen, steps: Sequence[str] = ()) -> str:
    """Return the fragment of an address that opens a game after these steps."""
    parts = [game.id, game.goal().id, *game.values(given).values(), *steps]
    return "#" + "/".join(map(quote, parts))


def shortest(game: Game, given: Chosen) -> list[str]:
    """Return the steps that lead to the goal; where none do, once round what has no end."""
    found: list[str] | None = finished(game, given, "", ())["steps"]
    if found is None:
        every = explore(game.built(given), game.bounds, stores=game.stores, automatic=True)
        found = [to_text(step) for step in every.at_least_once_eventually.steps]
    return found
