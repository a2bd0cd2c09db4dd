"""The steps of a run in their order, and which of them one commit holds.

A place between two steps has words: "before Mark", "after Send", "inside Once, before commit".
A campaign that has killed a process at every place knows all of its steps by them. So do the
effects that a handler yields, and the statements that a database announces.

Book: 07-deduplication
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import NamedTuple, get_args

from ...core.effects import Atomic, Effect, Once, Send

TRANSACTION = "transaction"
"""What holds the statements from BEGIN to COMMIT."""

NOTHING = "the first"
"""In "before the first": a place before all steps."""

_PLACE = re.compile(r"(?:inside (?P<commit>[^,]+), )?(?P<side>before|after) (?P<step>.+)")


@dataclass(frozen=True)
class Commit:
    """Steps that one commit makes true together, or not at all."""

    name: str
    steps: tuple[str, ...]


class Place(NamedTuple):
    """A place between steps: on which ``side`` of which ``step``, inside which ``commit``."""

    side: str
    step: str
    commit: str = ""


class StepBox(NamedTuple):
    """A step on a track, inside ``commit`` unless that is empty."""

    name: str
    commit: str = ""


class Slot(NamedTuple):
    """A place on a track: ``number`` counts from 0, in the order given."""

    number: int
    commit: str = ""


Element = StepBox | Slot
Steps = Sequence[str | Commit]


def read_place(words: str) -> Place:
    """Return the place that ``words`` name. Raises ValueError for words of another form."""
    found = _PLACE.fullmatch(words)
    if found is None:
        allowed = "allowed: before STEP, after STEP, inside COMMIT, before STEP"
        raise ValueError(f"step is {words!r}; {allowed}")
    return Place(found["side"], found["step"], found["commit"] or "")


def track(run: Iterable[str | Effect]) -> tuple[str | Commit, ...]:
    """Return the steps of a run: each by its name, those that share a commit as a `Commit`.

    ``run`` has places in words, as a campaign names them ("before Mark", "inside Once, before
    mark"), or the effects of a handler, or statements from BEGIN to COMMIT and steps by their
    bare names. Raises TypeError for anything else.
    """
    places: list[str] = []
    for one in run:
        if isinstance(one, str):
            places.append(one if _PLACE.fullmatch(one) else f"before {one}")
        elif isinstance(one, get_args(Effect)):
            places += _of_effect(one)
        else:
            raise TypeError(f"run holds {one!r}; allowed: effects, and steps in words")
    boxes = [one for one in elements(places) if isinstance(one, StepBox)]
    return tuple(_gathered(boxes))


def elements(places: Sequence[str]) -> list[Element]:
    """Return the steps and the places of a track, in order, from the places in words.

    A place that comes twice in a row is that of the same step in its next round.
    Raises ValueError as `read_place` does.
    """
    found: list[Element] = []
    known = [read_place(words) for words in places]
    within = ""  # the commit that statements are in, from BEGIN to COMMIT
    for number, place in enumerate(known):
        commit = place.commit or within
        if place.side == "after":
            if _last_box(found) != place.step:
                found.append(StepBox(place.step, commit))
            found.append(Slot(number, commit))
            continue
        found.append(Slot(number, commit))
        if place.step == NOTHING:
            continue
        if known[number + 1 : number + 2] and known[number + 1].commit == place.step:
            continue  # the step is that commit, whose steps follow
        within = TRANSACTION if place.step == "BEGIN" else within
        found.append(StepBox(place.step, place.commit or within))
        within = "" if place.step == "COMMIT" else within
    return found


def unfold(steps: Steps) -> list[StepBox]:
    """Return each step as a box, those of a commit inside it."""
    found: list[StepBox] = []
    for one in steps:
        if isinstance(one, Commit):
            found += [StepBox(name, one.name) for name in one.steps]
        else:
            found.append(StepBox(one))
    return found


def _last_box(found: Sequence[Element]) -> str:
    return next((one.name for one in reversed(found) if isinstance(one, StepBox)), "")


def _gathered(boxes: Iterable[StepBox]) -> Iterator[str | Commit]:
    """Put the steps of one commit together."""
    for commit, group in groupby(boxes, key=lambda box: box.commit):
        names = tuple(box.name for box in group)
        if commit:
            yield Commit(commit, names)
        else:
            yield from names


def _of_effect(effect: Effect) -> list[str]:
    match effect:
        case Once():
            inside = ["Process", "Mark"]
        case Atomic(effects):
            inside = [type(each).__name__ for each in effects]
        case Send(_, payload):
            return [f"before {payload.kind.capitalize()}"]
        case _:
            return [f"before {type(effect).__name__}"]
    name = type(effect).__name__
    return [f"before {name}", *(f"inside {name}, before {each}" for each in inside)]
