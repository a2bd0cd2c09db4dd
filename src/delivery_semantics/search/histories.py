"""How a search carries a handler that is in the middle of its work: as a value.

A search must go back and branch, and a generator cannot be copied; but a suspended handler is
fully described by how it began and the answers it has had so far. So the search keeps that, and
replays when it needs the next effect. Handlers that stand at one place with equal variables
share one object: comparing two suspended handlers is comparing two addresses.

Book: 05-exactly-once-a-myth
"""

from __future__ import annotations

from collections.abc import Hashable

from ..core.effects import Answer, EffectFailed
from ..core.frames import value_of
from ..core.tasks import (
    TRIED_MAX, Begin, Origin, Reaches, Running, Task, check_unchanged, go_on, made, text_of,
    try_again,
)  # fmt: skip
from ..core.vet import watched


class Suspended:
    """A value: how the handler began, and the answers so far. ``resume`` returns another."""

    __slots__ = (
        "_histories", "_next", "answers", "begin", "effect", "effects", "line", "live", "who",
    )  # fmt: skip

    def __init__(
        self, live: Running, begin: Begin, histories: Histories,
        effects: tuple[str, ...], answers: tuple[Answer, ...],
    ) -> None:  # fmt: skip
        self.live: Running | None = live
        self.who = live.who
        self.begin, self.effects, self.answers = begin, effects, answers
        self.effect, self.line = live.effect, live.line
        self._histories = histories
        self._next: dict[Hashable, Suspended] = {}

    def resume(self, answer: Answer) -> Suspended:
        """Return the one task that stands where this answer leads."""
        key = value_of(answer)
        task = self._next.get(key)
        if task is None:
            task = self._next[key] = self._histories.after(self, answer)
        return task

    def fail(self) -> Suspended:
        """Return the one task that stands where a failure of its effect leads."""
        task = self._next.get(EffectFailed)
        if task is None:
            task = self._next[EffectFailed] = self._histories.after(self, EffectFailed())
        return task


class Histories:
    """Carries handlers as values, shared by everything that uses this carrier.

    Raises ImpureHandler.
    """

    def __init__(self) -> None:
        self._origins: dict[Hashable, Suspended] = {}
        self._standing: dict[Hashable, Suspended] = {}
        self._reaches = Reaches()

    def begin(self, origin: Origin, handler: Begin) -> Task:
        """Return the one task that began like this."""
        began = value_of(origin)
        task = self._origins.get(began)
        if task is None:
            who = origin[0]
            self._reaches.of(who, handler)
            live = watched(who, lambda: Running(made(handler, who), who))
            task = self._origins[began] = self._at(
                live, handler, (text_of(live.effect),), (None,)
            )
        return task

    def after(self, task: Suspended, answer: Answer) -> Suspended:
        """Return the task that stands where this answer to that one leads."""
        live, task.live = task.live, None
        if live is None:
            live = try_again(task.who, task.begin, task.effects, task.answers)
        watched(task.who, go_on, live, answer)
        check_unchanged(task.who, task.effect, task.effects[-1])
        effects = (*task.effects, text_of(live.effect))
        return self._at(live, task.begin, effects, (*task.answers, answer))

    def crash(self, who: str) -> None:
        """Do nothing: values stay."""

    def _at(
        self, live: Running, begin: Begin, effects: tuple[str, ...],
        answers: tuple[Answer, ...],
    ) -> Suspended:  # fmt: skip
        """Return the task that stands where this live one does."""
        effect = live.effect
        place = (live.who, value_of(effect), live.standing() if effect is not None else None)
        task = self._standing.get(place)
        if task is not None:
            task.live = task.live or live
            return task
        task = self._standing[place] = Suspended(live, begin, self, effects, answers)
        # A long history is tried again now and then: each time costs its whole length.
        if len(effects) <= TRIED_MAX or not len(effects) & (len(effects) - 1):
            self._reaches.of(live.who, begin).check_untouched()
            try_again(live.who, begin, effects, answers).end(live)
        return task
