"""The state of a run at one moment: participants, their disks and memory, packets in flight.

Nothing happens in a world by itself. Something outside chooses a step, and ``perform`` carries
it out; see there for the theory of operation.

Book: 02-delivery-semantics
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from itertools import chain
from types import NoneType
from typing import NamedTuple, cast

from .check import of_type
from .door import check_known, check_participants, check_stores
from .effects import (
    Answer, Effect, Kept, Message, Participant, Payload, Receive, ReceiveAny, Wait,
)  # fmt: skip
from .store import Disk, Store
from .tasks import Carrier, Task, Vetting
from .trace import Event, Trace


class Packet(NamedTuple):
    """One copy on the wire."""

    number: int
    source: str
    target: str
    payload: Payload


class _Down:
    """Stands in for the task of a participant that is down."""

    effect, line = None, 0

    def resume(self, answer: Answer) -> Task:
        raise AssertionError("a participant that is down was resumed")

    def fail(self) -> Task:
        raise AssertionError("a participant that is down has no effect to fail")


DOWN: Task = _Down()
WAITING = frozenset((Receive, ReceiveAny, Wait))


class World:
    """Participants, stores and packets at one moment. Change it only through ``perform``.

    ``stores`` maps a participant to the name of the store it uses, by default one of its own.
    ``record`` is called with each event, ``on_sent`` with each packet sent, and ``on_armed``
    with the participant, the name and the seconds of each timer; "" is that of a wait.
    ``carry`` says how handlers are carried, in this process and tried twice by default, see
    ``tasks`` and ``processes``.
    ``disks`` gives stores by name that are real; ``new_disk`` makes all others, in memory.
    ``clock_s`` is what the clock shows, None for ``time_s``; ``effects_max`` is how many
    effects a handler may ask for without a wait. Whoever is in ``at_once`` works up to its next
    wait in each step; the others stand at every local effect. Raises TypeError and ValueError
    for bad parameters, by name.
    """

    def __init__(
        self,
        participants: Mapping[str, Participant],
        *,
        stores: Mapping[str, str] | None = None,
        record: Callable[[Event], None] | None = None,
        carry: Carrier | None = None,
        disks: Mapping[str, Disk] | None = None,
        new_disk: Callable[[], Disk] = Store,
    ) -> None:
        check_participants(participants)
        self.participants = participants
        check_stores(stores, participants)
        names = {name: (stores or {}).get(name, name) for name in participants}
        sharing = Counter(names.values())
        self.shares_store = {name: sharing[store] > 1 for name, store in names.items()}
        self.store_names = names
        allowed = "a function of one event, or None"
        of_type("record", record, Callable, NoneType, allowed=allowed)
        self.record = record
        self.carry = Vetting() if carry is None else _checked(carry)
        self.on_sent: Callable[[Packet], None] | None = None
        self.on_armed: Callable[[str, str, float], None] | None = None
        self.time_s = 0.0
        self.clock_s: float | None = None
        self.effects_max = 100_000
        self.at_once: frozenset[str] = frozenset()
        self.packets_sent = 0
        self.packets: dict[int, Packet] = {}
        made = {store: new_disk() for store in (*names.values(), *names)}
        # A search copies and compares stores; it is given no disks.
        self.stores = cast("dict[str, Store]", {**made, **(disks or {})})
        self.memory: dict[str, dict[str, Kept]] = {name: {} for name in participants}
        self.timers: dict[str, dict[str, float]] = {name: {} for name in participants}
        self.tasks: dict[str, Task | None] = dict.fromkeys(participants)

    def check_known(self, parameter: str, name: str) -> None:
        """Raise ValueError unless ``name`` is one of the participants."""
        check_known(parameter, name, self.participants)

    # What a driver asks ---------------------------------------------------------------

    def local_effect(self, who: str) -> Effect | None:
        """Return the effect that ``Run(who)`` would carry out; None if it waits or is down."""
        task = self.tasks[who]
        if task is None or type(task.effect) in WAITING:
            return None
        return task.effect

    def timer_s(self, who: str) -> float | None:
        """Return how many seconds ``who`` waits, from when it began to; None if not."""
        task = self.tasks[who]
        effect = task.effect if task is not None else None
        if type(effect) is Receive or type(effect) is ReceiveAny:
            return effect.timeout_s
        return effect.delay_s if type(effect) is Wait else None

    def is_down(self, who: str) -> bool:
        """Tell whether ``who`` has crashed and not restarted."""
        return self.tasks[who] is DOWN

    def messages(self) -> tuple[Message, ...]:
        """Return all that the participants were given to send."""
        given = (getattr(each, "messages", ()) for each in self.participants.values())
        return tuple(chain.from_iterable(given))

    def trace(self, events: Iterable[Event]) -> Trace:
        """Return the trace of all the events that this world has noted.

        Raises ValueError for a payload whose id has become something else than a text.
        """
        return Trace.of_run(tuple(self.participants), self.messages(), tuple(events))

    def store(self, who: str, name: str = "") -> Disk:
        """Return the store that ``who`` uses; by its own name, a disk that nobody shares.

        Raises ValueError for another name.
        """
        used = self.store_names[who]
        if name == "":
            return self.stores[used]
        if name not in (used, who):
            raise ValueError(f"store: {who} asks for {name!r}; allowed: {used}, {who}")
        return self.stores[name]

    def note(
        self, what: str, who: str, payload: Payload | None = None, peer: str = "",
        packet: int = 0, copy_of: int = 0, note: str = "",
    ) -> None:  # fmt: skip
        """Record an event, if anybody listens."""
        if record := self.record:
            # It takes half the time of Event(…).
            record(_new(Event, (self.time_s, what, who, payload, peer, packet, copy_of, note)))


def _checked(carry: Carrier) -> Carrier:
    if isinstance(carry, type) or not hasattr(carry, "begin"):
        raise TypeError(f"carry is {carry!r}; allowed: a Carrier, or None")
    return carry


_new = tuple.__new__
