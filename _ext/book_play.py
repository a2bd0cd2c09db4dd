"""The first views of every playground, made with the page: they need no Python in the browser.

What Python would answer to the first steps, and to those that lead on to each goal, is written
to _static/playgrounds, by the same functions, one file for each game, setting and width. Of an
incident it is the beginning and the shortest run.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.util.typing import ExtensionMetadata

from delivery_semantics.play.board import WIDTHS
from delivery_semantics.play.game import Chosen, Game
from delivery_semantics.play.games import ALL_GAMES, find
from delivery_semantics.play.incidents import INCIDENT_GAMES
from delivery_semantics.play.links import shortest
from delivery_semantics.play.views import finished, scored, shown

FOLDER = "_static/playgrounds"
PLAY = Path(str(resources.files("delivery_semantics.play")))
FILES = [PLAY / "play.css", PLAY / "play.js"]
DEPTHS = {"one-payment": 2, **dict.fromkeys(INCIDENT_GAMES, 0)}
"""So many steps of any kind are built, 1 for other games; of a way to the goal, all."""
LIKELY = {"one-payment": [["deliver-1", "lose-2", "timeout-shop", "deliver-3"]]}
"""Ways that a new reader takes."""


def built(game: Game, values: Chosen, width: str) -> dict[str, Any]:
    """Return the views of the first steps, by their steps, and a score for each goal."""
    ways, scores = searched(game.id, tuple(values.items()))
    views = {"/".join(way): shown(game, values, game.goal().id, way, width) for way in ways}
    return {"views": views, "scores": scores}


@cache
def searched(name: str, chosen: tuple[tuple[str, str], ...]) -> tuple[list[list[str]], Any]:
    """Return the ways to be built, and the scores: they are the same at any width."""
    game, values = find(name), dict(chosen)
    scores = {each.id: scored(game, values, each.id) for each in game.goals}
    return list(_ways(game, values, game.goal().id)), scores


def _ways(game: Game, values: Chosen, goal: str) -> Iterator[list[str]]:
    layer: list[list[str]] = [[]]
    depth = DEPTHS.get(game.id, 1)
    for _ in range(depth):
        yield from layer
        layer = [[*steps, step] for steps in layer for step in offered(game, values, steps)]
    yield from layer
    if game.id in INCIDENT_GAMES:
        ways = [shortest(game, values)]
    else:
        ways = [finished(game, values, goal, ())["steps"] or [], *LIKELY.get(game.id, [])]
    for way in ways:
        if not shown(game, values, goal, way, "wide")["trouble"]:
            yield from (way[:number] for number in range(depth + 1, len(way) + 1))


def offered(game: Game, values: Chosen, steps: list[str]) -> list[str]:
    """Return the steps that can be taken after these."""
    groups = shown(game, values, game.goal().id, steps, "wide")["groups"]
    return [button["step"] for group in groups for button in group["buttons"]]


def write(folder: Path) -> None:
    """Write the files of every game."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for game in ALL_GAMES.values():
        for values in game.positions():
            for width in WIDTHS:
                name = ".".join([game.id, *values.values(), width])
                text = json.dumps(built(game, values, width), ensure_ascii=False)
                (folder / f"{name}.json").write_text(text, encoding="utf-8")


def add_files(app: Sphinx, config: Config) -> None:
    """Take the script and the style from the package, where each stands once."""
    config.html_static_path += [str(path) for path in FILES]


def add_views(app: Sphinx, exception: Exception | None) -> None:
    """Put the views into the site when its pages are written."""
    if exception is None and app.builder.format == "html":
        write(Path(app.outdir) / FOLDER)


def setup(app: Sphinx) -> ExtensionMetadata:
    """Register what is done at the beginning and at the end of a build."""
    app.connect("config-inited", add_files)
    app.connect("build-finished", add_views)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
