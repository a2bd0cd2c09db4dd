"""How a handler is carried that is in the middle of its work.

A run that only goes forward steps the generator itself. A search must go back and branch, and
a generator cannot be copied; but a suspended handler is fully described by how it began and
the answers it has had so far. So the search keeps that, and replays when it needs the next
effect. Equal histories share one object: comparing two suspended handlers is comparing two
addresses.

Book: 05-exactly-once-a-myth
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from .effects import Answer, Effect, Handler, Payload


class Task(Protocol):
    """A handler standing at ``effect``; None means that it has finished."""

    @property
    def effect(self) -> Effect | None:
        """What the handler asks for now."""

    def resume(self, answer: Answer) -> Task:
        """Return the task after this answer."""


Origin = tuple[str, str] | tuple[str, str, Payload]
"""Whose handler it is, and what began it: "start", or a packet's source and payload."""


class Carrier(Protocol):
    """Begins handlers, and hears when a participant crashes."""

    def begin(self, origin: Origin, handler: Callable[[], Handler]) -> Task:
        """Begin a handler; equal origins mean equal handlers."""

    def crash(self, who: str) -> None:
        """Let go of all that ``who`` was doing."""


class Running:
    """A live generator: fast, forward only. ``resume`` changes it in place."""

    __slots__ = ("_send", "effect")

    def __init__(self, handler: Handler) -> None:
        self._send = handler.send
        self.effect: Effect | None = next(handler, None)

    def resume(self, answer: Answer) -> Running:
        """Step the generator."""
        try:
            self.effect = self._send(answer)
        except StopIteration:
            self.effect = None
        return self


class Generators:
    """Carries handlers as live generators; ``origin`` is not needed."""

    def begin(self, origin: Origin, handler: Callable[[], Handler]) -> Task:
        """Begin a handler."""
        return Running(handler())

    def crash(self, who: str) -> None:
        """Do nothing: a generator that nobody holds is gone."""


running = Generators()


class Suspended:
    """A value: how the handler began, and the answers so far. ``resume`` returns another."""

    __slots__ = ("_answers", "_begin", "_next", "effect")

    def __init__(self, begin: Callable[[], Handler], answers: tuple[Answer, ...] = ()) -> None:
        self._begin = begin
        self._answers = answers
        self._next: dict[Answer, Suspended] = {}
        handler = Running(begin())
        for answer in answers:
            handler.resume(answer)
        self.effect = handler.effect

    def resume(self, answer: Answer) -> Suspended:
        """Return the one task that has this answer after these."""
        task = self._next.get(answer)
        if task is None:
            task = self._next[answer] = Suspended(self._begin, (*self._answers, answer))
        return task


class Histories:
    """Carries handlers as values, shared by everything that uses this carrier."""

    def __init__(self) -> None:
        self._origins: dict[Origin, Suspended] = {}

    def begin(self, origin: Origin, handler: Callable[[], Handler]) -> Task:
        """Return the one task that began like this."""
        task = self._origins.get(origin)
        if task is None:
            task = self._origins[origin] = Suspended(handler)
        return task

    def crash(self, who: str) -> None:
        """Do nothing: values stay."""


def suspending() -> Carrier:
    """Return a carrier whose tasks are values."""
    return Histories()
