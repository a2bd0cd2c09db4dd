"""A game: participants, what may happen to them, and what the reader tries to bring about.

Book: playground
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import KW_ONLY, dataclass
from itertools import product
from typing import Any

from .. import Bounds, Participant
from ..core.world import World
from ..search.position import position

Cast = Mapping[str, Participant]
Chosen = Mapping[str, str]
"""A value for each choice of a game, by the setting's name."""


@dataclass(frozen=True)
class Goal:
    """What the reader tries: ``reached`` tells if a world is there.

    ``id`` names it in a link, ``words`` ask for it ("Make the customer pay twice"), ``done``
    says that it has happened, or says of a world what has. A ``good`` one keeps a promise,
    where the others break one.
    """

    id: str
    words: str
    done: str | Callable[[World], str]
    reached: Callable[[World], bool]
    good: bool = False

    def said(self, world: World) -> str:
        """Say what has happened; "" where it has not."""
        if not self.reached(world):
            return ""
        return self.done if isinstance(self.done, str) else self.done(world)


@dataclass(frozen=True)
class Levels:
    """One thing that the reader can choose before the run: ``label`` asks, ``values`` answer.

    ``values`` maps each value, a word without a slash, to a sentence on it, or to "". They are
    in the order of difficulty: a game goes on from one to the next, and ``then`` asks to.
    Raises ValueError for fewer than two.
    """

    name: str
    label: str
    values: Mapping[str, str]
    then: str = "Now try {value}"

    def __post_init__(self) -> None:
        if len(self.values) < 2 or any("/" in value for value in self.values):
            allowed = "allowed: two or more, without a slash"
            raise ValueError(f"values are {list(self.values)!r}; {allowed}")


def twice(world: World) -> bool:
    """Tell if a message was processed more than once."""
    return bool(position(world).repeated)


def lost(world: World) -> bool:
    """Tell if all is over, and somebody who sent believes in what never happened."""
    here = position(world)
    known = {id for store in world.stores.values() for id in store.settled}
    return here.ended and any(id in known for id in here.missing)


def never_paid(world: World) -> bool:
    """Tell if all is over and a message was never processed, whatever anybody believes."""
    here = position(world)
    return here.ended and bool(here.missing)


def skipped(world: World) -> bool:
    """Tell if a consumer's offset is behind a payment that was not made and is in no hand."""
    disk = world.stores["consumer"]
    at_work = world.local_effect("consumer") is not None
    return bool(disk.saved.get("offset", 0)) and not disk.processed and not at_work


TWICE = Goal(
    "paid-twice", "Make the customer pay twice", "The customer paid twice.", twice
)  # fmt: skip
LOST = Goal(
    "lost", "Lose a payment whose ack arrived",
    "The payment is lost, and its sender believes that it is made.", lost,
)  # fmt: skip
SKIPPED = Goal(
    "skipped", "Skip a payment", "The offset has passed a payment that was not made.", skipped
)  # fmt: skip
NEVER = Goal("never-paid", "Lose a payment", "The payment was never made.", never_paid)


@dataclass(frozen=True)
class Game:
    """``participants`` within ``bounds``, and the goals that they leave to a player.

    ``participants`` is a mapping of names to participants, or a function from the value of each
    of the ``settings``, by name, to one. The ``bounds`` are the search's: what they allow none
    of is not offered to the player either. ``code`` names the participant whose handler stands
    beside the picture, ``does`` says what it is to process a message, and ``about`` says in a
    sentence who takes part. ``id`` is its name in a link. ``stores`` is as for ``explore``.
    Raises ValueError for no goal, and for a ``code`` that takes no part.
    """

    id: str
    participants: Cast | Callable[..., Cast]
    bounds: Bounds
    _: KW_ONLY
    goals: tuple[Goal, ...] = (TWICE, LOST)
    settings: tuple[Levels, ...] = ()
    stores: Mapping[str, str] | None = None
    code: str = ""
    does: str = "takes {amount}"
    about: str = ""

    def __post_init__(self) -> None:
        if not self.goals:
            raise ValueError("goals are empty; allowed: one or more")
        names = list(self.built({}))
        if self.code not in ("", *names):
            raise ValueError(f"code is {self.code!r}; allowed: one of {names!r}")

    def values(self, given: Chosen) -> dict[str, str]:
        """Return a value for each setting: what is given, or else the first.

        Raises ValueError for a setting or a value that there is not.
        """
        for name in given:
            if name not in (each.name for each in self.settings):
                allowed = [each.name for each in self.settings]
                raise ValueError(f"setting is {name!r}; allowed: {allowed!r}")
        found = {}
        for setting in self.settings:
            value = given.get(setting.name, next(iter(setting.values)))
            if value not in setting.values:
                allowed = list(setting.values)
                raise ValueError(f"{setting.name} is {value!r}; allowed: {allowed!r}")
            found[setting.name] = value
        return found

    def described(self, title: str, goal: Goal) -> dict[str, Any]:
        """Return what a front end is told of the game before it asks for a view, as JSON."""
        return {
            "game": self.id,
            "title": title,
            "about": self.about,
            "goal": goal.id,
            "goals": [{"id": each.id, "words": each.words} for each in self.goals],
            "settings": [
                {"name": s.name, "label": s.label, "values": list(s.values)}
                for s in self.settings
            ],
        }

    def built(self, given: Chosen) -> Cast:
        """Return the participants at these values of the settings."""
        if callable(self.participants):
            return self.participants(**self.values(given))
        return self.participants

    def positions(self) -> list[dict[str, str]]:
        """Return every combination of the settings' values."""
        names = [setting.name for setting in self.settings]
        grid = product(*(setting.values for setting in self.settings))
        return [dict(zip(names, values, strict=True)) for values in grid]

    def goal(self, id: str = "") -> Goal:
        """Return the goal of this id, the first for "". Raises ValueError for another."""
        for goal in self.goals:
            if id in ("", goal.id):
                return goal
        raise ValueError(f"goal is {id!r}; allowed: {[goal.id for goal in self.goals]!r}")
