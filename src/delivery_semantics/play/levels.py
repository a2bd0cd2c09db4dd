"""The receivers of a game, in the order of how hard they are to break.

Book: playground
"""

from __future__ import annotations

from .. import (
    AckThenProcess, MarkThenProcess, Participant, ProcessOnce, ProcessThenAck, ProcessThenMark,
)  # fmt: skip
from .code import about
from .game import Levels

LEVELS: dict[str, type[Participant]] = {
    receiver.__name__: receiver
    for receiver in (
        ProcessThenAck, AckThenProcess, ProcessThenMark, MarkThenProcess, ProcessOnce,
    )
}  # fmt: skip
"""The last is the lesson: it cannot be broken."""


def receivers(name: str, label: str, only: list[str] | None = None) -> Levels:
    """Return the choice of a receiver for the participant ``name``: all, or ``only`` these."""
    return Levels(name, label, {each: about(LEVELS[each]) for each in only or LEVELS})
