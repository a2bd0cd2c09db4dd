"""How a handler is carried that is in the middle of its work.

A run that only goes forward steps the generator itself. The first handlers of each participant
are tried twice, because a run means something only if they do the same again.

Book: 02-delivery-semantics
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Sequence
from contextlib import suppress
from types import GeneratorType
from typing import Any, Protocol

from .effects import Answer, Effect, EffectFailed, Handler, Payload
from .frames import line, standing
from .vet import INSTEAD, ImpureHandler, Reach, watched


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

    def end(self, twin: Running | None = None) -> None:
        """End it where it stands, as a crash does.

        Raises TypeError, naming ``who``, for a handler that asks for something then, and ends
        its ``twin`` too.
        """
        try:
            self._handler.close()
        except Exception as error:
            goes_on = self._handler.gi_frame is not None
            for each in 2 * [task for task in (self, twin) if task]:  # one may go on once
                with suppress(Exception):
                    each._handler.close()
            if not goes_on:  # the error is its own
                error.add_note(f"raised in a handler of {self.who}")
                raise
            raise TypeError(
                f"{self.who} yields once more when it is ended; allowed: no `yield` in "
                "`finally`, nor where BaseException is caught: who crashes does nothing more"
            ) from error

    def standing(self) -> Hashable:
        """Return a value that is equal for handlers with one future."""
        return standing(self._handler)


def made(begin: Begin, who: str) -> Handler:
    """Make a handler; an error of whoever makes it names ``who``."""
    try:
        return begin()
    except Exception as error:
        error.add_note(f"raised by what makes a handler of {who}")
        raise


def go_on(task: Running, answer: Answer) -> Running:
    """Resume a task, or let its effect fail where the answer says so."""
    return task.fail() if type(answer) is EffectFailed else task.resume(answer)


class Generators:
    """Carries handlers as live generators."""

    def begin(self, origin: Origin, handler: Begin) -> Task:
        """Begin a handler."""
        return Running(made(handler, origin[0]), origin[0])

    def crash(self, who: str) -> None:
        """Do nothing: a generator that nobody holds is gone."""


running = Generators()


# Tried twice --------------------------------------------------------------------------------

HANDLERS_TRIED, TRIED_MAX = 16, 64
"""So many handlers of each participant, and so many effects of each, are tried twice."""


class Reaches:
    """What the methods of participants could keep state in."""

    def __init__(self) -> None:
        self._known: dict[str, dict[Hashable, Reach]] = defaultdict(dict)

    def of(self, who: str, begin: Begin) -> Reach:
        """Return what the method could keep state in that begins like this."""
        known, method = self._known[who], getattr(begin, "func", begin)
        if method not in known:
            known[method] = Reach(who, begin)
        return known[method]

    def check_untouched(self, *names: str) -> None:
        """Raise ImpureHandler if anything of theirs is not as it was."""
        for who in names:
            for reach in self._known[who].values():
                reach.check_untouched()


class Vetting(Generators):
    """Carries handlers as live generators, and tries the first of each participant twice.

    Raises ImpureHandler.
    """

    def __init__(self) -> None:
        self._begun: dict[str, int] = {}
        self._reaches = Reaches()

    def begin(self, origin: Origin, handler: Begin) -> Task:
        """Begin a handler."""
        who = origin[0]
        begun = self._begun.get(who, 0)
        if begun == HANDLERS_TRIED:
            return Running(made(handler, who), who)
        self._begun[who] = begun + 1
        return _Tried(handler, self._reaches.of(who, handler))

    def crash(self, who: str) -> None:
        """Look whether it has left behind what a crash would clear."""
        self.check_untouched(who)

    def check_untouched(self, *names: str) -> None:
        """Raise ImpureHandler if something is not as it was in which these keep state."""
        self._reaches.check_untouched(*names)


class _Tried(Running):
    """A live generator that is compared with another one, which gets the same answers."""

    __slots__ = ("_again", "_answers", "_effects", "_reach")

    def __init__(self, begin: Begin, reach: Reach) -> None:
        self._again, self._reach = begin, reach
        self._answers: list[Answer] = []
        self._effects: list[str] = []
        who = reach.who
        watched(who, lambda: Running.__init__(self, made(begin, who), who))
        self._try(None)

    def resume(self, answer: Answer) -> Running:
        """Step the generator, and look at the same step of the other one."""
        if len(self._effects) == TRIED_MAX:
            super().resume(answer)
            return self.gone_on()
        asked = self.effect
        watched(self.who, super().resume, answer)
        check_unchanged(self.who, asked, self._effects[-1])
        self._try(answer)
        return self

    def _try(self, answer: Answer) -> None:
        """Try twice at the end, and now and then on the way: at 2, 4, 8, … effects."""
        self._answers.append(answer)
        self._effects.append(text_of(self.effect))
        tried = len(self._effects)
        if self.effect is None or (tried > 1 and not tried & (tried - 1)):
            self._reach.check_untouched()
            try_again(self.who, self._again, self._effects, self._answers).end(self)


def text_of(effect: Effect | None) -> str:
    """Return the text of an effect, without the addresses in it."""
    text = repr(effect)
    if " at 0x" not in text:
        return text
    text, *more = text.split(" at 0x")
    return text + "".join(part.lstrip("0123456789abcdefABCDEF") for part in more)


def check_unchanged(who: str, effect: Effect | None, text: str) -> None:
    """Raise ImpureHandler if an effect has not the text any more that it was asked for with."""
    if text_of(effect) != text:
        raise ImpureHandler(f"{who} asked for {text} and made it {effect!r} later; {INSTEAD}")


def try_again(
    who: str, begin: Begin, effects: Sequence[str], answers: Sequence[Answer]
) -> Running:
    """Give these answers to a new handler, and return it; the first of them begins it.

    Raises ImpureHandler if it does not ask for these effects, by their texts: what a handler
    has changed since would be equal to itself.
    """
    again = Running(made(begin, who), who)
    for number, effect in enumerate(effects):
        if number:
            go_on(again, answers[number])
        if text_of(again.effect) != effect:
            raise ImpureHandler(
                f"{who} does not do the same again: with the same answers it asked first "
                f"for {effect}, then for {again.effect}; {INSTEAD}"
            )
    return again
