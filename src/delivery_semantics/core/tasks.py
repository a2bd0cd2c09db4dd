"""How a handler is carried that is in the middle of its work.

A run that only goes forward steps the generator itself. The first handlers of each participant
are tried twice, because a run means something only if they do the same again.

Book: 02-delivery-semantics
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from types import GeneratorType
from typing import Any, Protocol

from .effects import Answer, Effect, EffectFailed, Handler, Payload
from .frames import line, standing
from .vet import INSTEAD, ImpureHandler, Reach, nothing_outside


class Task(Protocol):
    """A handler standing at ``effect``; None means that it has finished."""

    @property
    def effect(self) -> Effect | None:
        """What the handler asks for now."""

    @property
    def line(self) -> int:
        """The line of source at which it stands, from 1; 0 if it has finished."""

    def resume(self, answer: Answer) -> Task:
        """Return the task after this answer."""

    def fail(self) -> Task:
        """Return the task after its effect failed: EffectFailed is raised in the handler."""


Origin = tuple[str, str] | tuple[str, str, Payload | str]
"""Whose handler it is, and what began it: "start", "timer" and its name, source and payload."""

Begin = Callable[[], Handler]


class Carrier(Protocol):
    """Begins handlers, and hears when a participant crashes."""

    def begin(self, origin: Origin, handler: Begin) -> Task:
        """Begin a handler; equal origins mean equal handlers."""

    def crash(self, who: str) -> None:
        """Let go of all that ``who`` was doing."""


class Running:
    """A live generator: fast, forward only. ``resume`` changes it in place.

    Raises TypeError, naming ``who``, for a function that is no generator and a bare ``yield``.
    """

    __slots__ = ("_handler", "_send", "effect", "who")

    def __init__(self, handler: Handler, who: str = "a participant") -> None:
        if not isinstance(handler, GeneratorType):
            raise TypeError(
                f"{who}: its handler returned {handler!r}; allowed: a generator, which is a "
                "function with `yield` in it; to do nothing: `yield from ()`"
            )
        self.who = who
        self._handler: GeneratorType[Effect, Any, None] = handler
        self._send: Callable[[Any], Effect] = handler.send
        self.effect: Effect | None = None
        Running.resume(self, None)

    @property
    def line(self) -> int:
        """The line of source at which it stands."""
        return line(self._handler)

    def resume(self, answer: Answer) -> Running:
        """Step the generator."""
        send = self._send
        try:
            self.effect = effect = send(answer)
        except StopIteration:
            self.effect = None
            return self
        except Exception as error:
            if error is not answer:
                error.add_note(f"raised in a handler of {self.who}")
            raise
        if effect is None:
            raise TypeError(
                f"{self.who} yielded nothing; allowed: an effect, `yield Process(message)`"
            )
        return self

    def gone_on(self) -> Running:
        """Return a task that is no more than this: the same generator, at the same place."""
        task = Running.__new__(Running)
        task.who, task.effect, task._handler = self.who, self.effect, self._handler
        task._send = task._handler.send
        return task

    def fail(self) -> Running:
        """Raise EffectFailed at its ``yield``; a handler that does not catch it ends there."""
        failed: Any = EffectFailed(f"{self.who}: {self.effect} failed")
        self._send = self._handler.throw
        try:
            return self.resume(failed)
        except EffectFailed:
            self.effect = None
            return self
        finally:
            self._send = self._handler.send

    def standing(self) -> Hashable:
        """Return a value that is equal for handlers with one future."""
        return standing(self._handler)


def go_on(task: Running, answer: Answer) -> Running:
    """Resume a task, or let its effect fail where the answer says so."""
    return task.fail() if type(answer) is EffectFailed else task.resume(answer)


class Generators:
    """Carries handlers as live generators."""

    def begin(self, origin: Origin, handler: Begin) -> Task:
        """Begin a handler."""
        return Running(handler(), origin[0])

    def crash(self, who: str) -> None:
        """Do nothing: a generator that nobody holds is gone."""


running = Generators()


# Tried twice --------------------------------------------------------------------------------

HANDLERS_TRIED, TRIED_MAX = 16, 64
"""So many handlers of each participant, and so many effects of each, are tried twice."""


class Vetting(Generators):
    """Carries handlers as live generators, and tries the first of each participant twice.

    Raises ImpureHandler.
    """

    def __init__(self) -> None:
        self._begun: dict[str, int] = {}
        self._reach: dict[str, Reach] = {}

    def begin(self, origin: Origin, handler: Begin) -> Task:
        """Begin a handler."""
        who = origin[0]
        begun = self._begun.get(who, 0)
        if begun == HANDLERS_TRIED:
            return Running(handler(), who)
        self._begun[who] = begun + 1
        if not begun:
            self._reach[who] = Reach(who, handler)
        return _Tried(handler, self._reach[who])


class _Tried(Running):
    """A live generator that is compared with another one, which gets the same answers."""

    __slots__ = ("_again", "_answers", "_effects", "_reach", "_watched")

    def __init__(self, begin: Begin, reach: Reach) -> None:
        self._again, self._reach = begin, reach
        self._answers: list[Answer] = []
        self._effects: list[Effect | None] = []
        self._watched = 0
        super().__init__(begin(), reach.who)
        self._try(None)

    def resume(self, answer: Answer) -> Running:
        """Step the generator, and look at the same step of the other one."""
        super().resume(answer)
        if len(self._effects) == TRIED_MAX:
            return self.gone_on()
        self._try(answer)
        return self

    def _try(self, answer: Answer) -> None:
        """Try twice at the end, and now and then on the way: at 2, 4, 8, … effects."""
        self._answers.append(answer)
        self._effects.append(self.effect)
        tried = len(self._effects)
        if self.effect is None or (tried > 1 and not tried & (tried - 1)):
            self._reach.check_untouched()
            try_again(self.who, self._again, self._effects, self._answers, self._watched)
            self._watched = tried


def try_again(
    who: str, begin: Begin, effects: Sequence[Effect | None], answers: Sequence[Answer],
    watched: int = 0,
) -> Running:  # fmt: skip
    """Give these answers to a new handler, and return it; the first of them begins it.

    So many of its effects were ``watched`` when it was tried before.
    Raises ImpureHandler if it does not ask for these effects, or asks anything outside.
    """
    with nothing_outside(who) as watch:
        if not watched:
            watch()
        again = Running(begin(), who)
        for number, effect in enumerate(effects):
            if number and number == watched:
                watch()
            if number:
                go_on(again, answers[number])
            if again.effect != effect:
                raise ImpureHandler(
                    f"{who} does not do the same again: with the same answers it asked first "
                    f"for {effect}, then for {again.effect}; {INSTEAD}"
                )
    return again
