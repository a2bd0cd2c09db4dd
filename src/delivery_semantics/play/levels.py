"""The receivers of a game, in the order of how hard they are to break.

Book: playground
"""

from __future__ import annotations

from inspect import getdoc

from .. import (
    AckThenProcess, MarkThenProcess, Participant, ProcessOnce, ProcessThenAck, ProcessThenMark,
)  # fmt: skip
from .game import Levels

LEVELS: dict[str, type[Participant]] = {
    receiver.__name__: receiver
    for receiver in (
        ProcessThenAck, AckThenProcess, ProcessThenMark, MarkThenProcess, ProcessOnce,
    )
}  # fmt: skip
"""The last is the lesson: it cannot be broken."""


def about(participant: type) -> str:
    """Return the first sentence of what a class says of itself."""
    return (getdoc(participant) or "").partition("\n\n")[0].replace("\n", " ")


def receivers(name: str, label: str, only: list[str] | None = None) -> Levels:
    """Return the choice of a receiver for the participant ``name``: all, or ``only`` these."""
    return Levels(name, label, {each: about(LEVELS[each]) for each in only or LEVELS})
