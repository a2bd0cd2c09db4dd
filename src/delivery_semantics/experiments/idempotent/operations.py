"""The law of idempotence, f(f(x)) = f(x), as something that can be run against a system.

An operation is anything that can be called and replies; its effect is the state in which it
leaves the system. The law speaks about the effect alone: the reply to a duplicate may differ.
The surprising thing is what the law does not cover: a duplicate that comes late, after
somebody else has changed the state, is a different question, and has a law of its own here.

Book: 06-idempotent-operations
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Generic, Protocol, TypeVar

State = TypeVar("State")
Operation = Callable[[], object]
"""Does something to a system, and returns the reply."""


class System(Protocol[State]):
    """What operations change: it can be put into a state, and looked at."""

    def put_into(self, state: State) -> None:
        """Make ``state`` the state, whatever was there before."""

    def look(self) -> State:
        """Return the state."""


@dataclass(frozen=True)
class Finding(Generic[State]):
    """Whether a law held in each of ``states`` states, and the state that tells most.

    That is the first state which broke the law, or one in which the copy got another reply, or
    the first of all. From ``state``, ``expected`` and ``found`` are the ends without the copy
    and with it, ``replies`` those of the operation and of its copy.
    """

    states: int
    state: State
    expected: State
    found: State
    replies: tuple[object, object]

    @property
    def holds(self) -> bool:
        """Whether no state broke the law."""
        return self.expected == self.found


def idempotent(
    system: System[State], operation: Operation, states: Iterable[State]
) -> Finding[State]:
    """Try f(f(x)) = f(x) in each of these states. Raises ValueError for no states."""
    return _compare(system, (operation,), operation, states)


def overtaken(
    system: System[State], operation: Operation, meanwhile: Operation, states: Iterable[State]
) -> Finding[State]:
    """Try f(g(f(x))) = g(f(x)): the copy of f comes late, after ``meanwhile``, which is g.

    Raises ValueError for no states.
    """
    return _compare(system, (operation, meanwhile), operation, states)


def _compare(
    system: System[State],
    operations: tuple[Operation, ...],
    copy: Operation,
    states: Iterable[State],
) -> Finding[State]:
    found: list[Finding[State]] = []
    for state in states:
        system.put_into(state)
        first, *_ = [operation() for operation in operations]
        expected = system.look()
        replies = (first, copy())
        found.append(Finding(0, state, expected, system.look(), replies))
    if not found:
        raise ValueError("states is empty; allowed: at least one state")
    broken = next((one for one in found if not one.holds), None)
    telling = next((one for one in found if len(set(map(repr, one.replies))) > 1), found[0])
    return replace(broken or telling, states=len(found))
