"""A game in a notebook: a widget with a kernel, and a page that plays without one.

Displayed, a `Playground` runs in the kernel of JupyterLab. What it stores in the notebook is
the first picture and the game's name, with which the published page asks Python in the page for
the rest. Both have the same script, `play.js`, and the same functions of `views` behind it.

Book: playground
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import partial
from importlib import resources
from typing import Any

import anywidget
import traitlets

from .. import Bounds, Participant
from ..show.picture import words
from .calls import described
from .game import Game, Goal
from .games import ALL_GAMES, find
from .incidents import identity
from .links import link, shortest
from .views import finished, scored, shown

_FILES = resources.files(__package__)


class Playground(anywidget.AnyWidget):
    """A sequence diagram that the reader plays on: be the network.

    `Playground(participants, bounds, goal=…)` makes a game of any participants, and
    `Playground("one-payment")` shows one that the book has, by its name. On the published page
    only those can be played beyond their first picture. With ``openings``, words and links of
    this game, it is folded up until one of them is followed.
    Raises ValueError for a name or a goal that there is not.
    """

    _esm = (_FILES / "play.js").read_text(encoding="utf-8")
    _css = (_FILES / "play.css").read_text(encoding="utf-8")
    data = traitlets.Dict().tag(sync=True)

    def __init__(
        self,
        participants: Mapping[str, Participant] | Game | str,
        bounds: Bounds | None = None,
        *,
        goal: Goal | None = None,
        title: str = "",
        openings: Mapping[str, str] | None = None,
    ) -> None:
        if isinstance(participants, str):
            participants = find(participants)
        if not isinstance(participants, Game):
            participants = Game("own", participants, bounds or Bounds())
        self.game = participants
        self.goal = self.game.goal(goal.id if goal else "")
        self.title = title or f"Be the network. {self.goal.words}."
        self.openings = openings or {}
        self._answers = {
            "view": partial(shown, self.game),
            "finish": partial(finished, self.game),
            "score": partial(scored, self.game),
        }
        super().__init__(data=self.described())
        self.on_msg(self._answer)

    def described(self) -> dict[str, Any]:
        """Return what a front end is told of the game before it asks for a view."""
        openings = {"openings": self.openings} if self.openings else {}
        return self.game.described(self.title, self.goal) | openings

    def view(self, *steps: str, **settings: str) -> dict[str, Any]:
        """Return what is shown after these steps, as in a link: "deliver-1", "lose-2"."""
        return shown(self.game, settings, self.goal.id, steps, "wide")

    def _answer(self, _widget: object, content: dict[str, Any], _buffers: object) -> None:
        """Answer a call of the page: {id, name, args}, with {id, value} or {id, error}."""
        arguments = {k: v for k, v in content["args"].items() if k != "game"}
        try:
            said = {"value": self._answers[content["name"]](**arguments)}
        except Exception as error:  # the page shows it to the reader
            said = {"error": described(error)}
        self.send({"id": content["id"], **said})

    def __repr__(self) -> str:
        return f"Playground: {self.title}"

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:  # noqa: ANN401  # a bundle, or with data
        found = super()._repr_mimebundle_(**kwargs)
        live = found[0] if isinstance(found, tuple) else found
        return {**(live or {}), "text/plain": repr(self), "text/html": self.page()}

    def page(self) -> str:
        """Return the playground as the published page has it before its script runs."""
        data = words(json.dumps(self.described(), ensure_ascii=False))
        playable = self.game.id in ALL_GAMES
        named = f' data-playground="{data}"' if playable else ""
        if self.openings:
            links = (f'<a href="{at}">{words(name)}</a>' for name, at in self.openings.items())
            line = f'<p class="play-openings">{"".join(links)}</p>'
            return f'<div class="playground"{named}>{line}</div>'
        first = self.view()
        return "\n".join([
            f'<figure class="playground"{named}>',
            f'<figcaption class="play-title">{words(self.title)}</figcaption>',
            f'<p class="play-about">{words(self.game.about)}</p>' if self.game.about else "",
            f'<div class="play-first">{first["svg"]}</div>',
            '<p class="play-still">This picture is played by hand where scripts can run.</p>',
            "</figure>",
        ])  # fmt: skip


def played(incident: str) -> Playground:
    """Return the playground of an incident, folded up behind the links that open it."""
    game = find(identity(incident))
    openings = {
        "Play it": link(game, {}),
        "Its shortest run": link(game, {}, shortest(game, {})),
        "Mended": link(game, {"model": "mended"}),
    }
    return Playground(game, openings=openings)
