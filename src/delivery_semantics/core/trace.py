"""One record of what happened, whoever chose it.

Scripts, seeds, searches and sockets all write the same events. Diagrams, tables, metrics and
the audit read them; nothing is executed again to draw a picture.

Book: 01-the-problem
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Any, ClassVar, NamedTuple

from .check import at_least, of_type, truth
from .effects import Ack, Message, Payload

RUN = (
    "sent", "lost", "duplicated", "delivered", "refused", "ignored", "processed", "marked",
    "checked", "loaded", "asked", "skipped", "saved", "timed_out", "waited", "crashed",
    "restarted", "confirmed", "gave_up", "raised",
)  # fmt: skip
"""What happens in a run of this package; only what others may have written is loaded."""
PARKED = ("rejected", "dead_lettered", "expired", "returned")
"""What a real system does with a message instead of handing it over."""
LOGGED = (
    "failed", "aborted", "drained", *PARKED, "killed", "paused", "resumed", "partitioned",
    "healed",
)  # fmt: skip
"""What only the log of a real system tells."""
WHAT = RUN + LOGGED

Outcome = tuple[tuple[str, int, str], ...]
"""For each message: its id, how often it was processed, what its sender knows ("" nothing)."""


@dataclass(frozen=True, slots=True)
class Record:
    """A message as a real system keeps it and hands it over.

    ``position`` is its place among those of the same ``key`` (a partition, a message group),
    None if not told. ``delivery`` counts how often it was handed over, from 1; 0 if not told.
    ``group`` is the subscriber for whom, "" where there is one only.
    Raises ValueError for a position or a delivery below zero, TypeError for what is no text.
    """

    kind: ClassVar[str] = "message"
    id: str
    amount: int = 0
    key: str = ""
    position: int | None = None
    delivery: int = 0
    group: str = ""

    def __post_init__(self) -> None:
        for name in ("id", "key", "group"):
            of_type(name, getattr(self, name), str)
        if type(self.amount) is not int:
            raise ValueError(f"amount is {self.amount!r}; allowed: a whole number")
        if self.position is not None:
            at_least("position", self.position, 0)
        at_least("delivery", self.delivery, 0)


class Event(NamedTuple):
    """One thing that happened at ``who``.

    ``what`` is one of ``WHAT``. ``packet`` numbers packets from 1 in the order they were sent
    (0: no packet), ``peer`` is the packet's other end, ``copy_of`` the packet that the network
    duplicated. ``time_s`` is seconds in a simulated or live run, the step's number in a script.
    """

    time_s: float
    what: str
    who: str
    payload: Payload | None = None
    peer: str = ""
    packet: int = 0
    copy_of: int = 0
    note: str = ""


@dataclass(frozen=True)
class Trace:
    """Who took part, which messages were to be sent, and every event in its order.

    ``outside`` marks the log of somebody else's run: it may stop before the run did.
    Raises ValueError for an id or an amount of the wrong type, and for an unknown event.
    """

    names: tuple[str, ...]
    messages: tuple[Message, ...]
    events: tuple[Event, ...]
    outside: bool = False

    def __post_init__(self) -> None:
        truth("outside", self.outside)
        for name in ("names", "messages", "events"):
            of_type(name, getattr(self, name), tuple, list)
        for name in self.names:
            if not isinstance(name, str):
                raise ValueError(f"names: {name!r} is none; allowed: text")
        for message in self.messages:
            if not isinstance(message, Message):
                raise ValueError(f"messages: {message!r} is none; allowed: Message")
            if not isinstance(message.id, str):
                raise ValueError(f"id of a message is {message.id!r}; allowed: text")
            if type(message.amount) is not int:
                raise ValueError(f"amount is {message.amount!r}; allowed: a whole number")
        _check_events(self.events, _usual)

    @classmethod
    def of_run(
        cls, names: tuple[str, ...], messages: tuple[Message, ...], events: tuple[Event, ...]
    ) -> Trace:
        """Return the trace of what a world has noted; only the payloads are checked."""
        trace = cls(names, messages, ())
        _check_events(events, _usual_payloads)
        object.__setattr__(trace, "events", events)
        return trace

    def of(self, *what: str) -> tuple[Event, ...]:
        """Return the events of these kinds. Raises ValueError for an unknown kind."""
        check_kinds(what)
        return tuple(event for event in self.events if event.what in what)

    def seen_by(self, who: str) -> tuple[tuple[str, str], ...]:
        """Return all that ``who`` can know: its own events as (what, payload), without times.

        Two traces with the same view leave ``who`` no way to tell them apart: a timer that
        fires early looks like any other, nobody sees at which point it crashes itself, nor
        why a transaction was skipped. What it asked the clock or others' disk is among them.
        Raises ValueError for a name that took no part.
        """
        if who not in self.names:
            raise ValueError(f"who: {who!r} took no part; allowed: {', '.join(self.names)}")
        hidden = ("lost", "duplicated", "refused")
        return tuple(
            (event.what, _seen(event))
            for event in self.events
            if event.who == who and event.what not in hidden
        )

    def processed(self) -> Counter[str]:
        """Return how often each message id was processed; absent means never."""
        return Counter(e.payload.id for e in self.events if e.what == "processed" and e.payload)

    def outcome(self) -> Outcome:
        """Return how the run ended, message by message."""
        effects = self.processed()
        knows = {e.payload.id: "in doubt" for e in self.of("gave_up") if e.payload}
        knows |= {e.payload.id: "confirmed" for e in self.of("confirmed") if e.payload}
        return tuple((m.id, effects[m.id], knows.get(m.id, "")) for m in self.messages)

    def metrics(self) -> dict[str, int | float]:
        """Count packets, effects and outcomes; ``span_s`` is the time of the last event."""
        counts = Counter(event.what for event in self.events)
        sent = Counter(e.payload.kind for e in self.of("sent") if e.payload)
        effects = self.processed()
        return {
            "messages": len(self.messages),
            "attempts": sent["message"],
            "acks sent": sent["ack"],
            "packets lost": counts["lost"],
            "packets duplicated": counts["duplicated"],
            "delivered": counts["delivered"],
            "timeouts": counts["timed_out"],
            "crashes": counts["crashed"],
            "processed": sum(effects.values()),
            "processed again": sum(effects.values()) - len(effects),
            "confirmed": counts["confirmed"],
            "in doubt": counts["gave_up"],
            "span_s": self.events[-1].time_s if self.events else 0.0,
        }

    def digest(self) -> str:
        """Return a hash of every event; equal digests mean equal runs."""
        lines = "\n".join(repr(tuple(event)) for event in self.events)
        return hashlib.blake2b(lines.encode(), digest_size=8).hexdigest()


def check_kinds(kinds: Iterable[str]) -> None:
    """Raise ValueError for a kind of event that is not in ``WHAT``."""
    for kind in kinds:
        if kind not in WHAT:
            raise ValueError(f"what: {kind!r} is no event; allowed: {', '.join(WHAT)}")


def _check_events(events: Sequence[Event], usual: Callable[[Sequence[Event]], bool]) -> None:
    """Raise ValueError for what no event has; look closer if some of them are not usual."""
    try:
        look_closer = not usual(events)
    except (AttributeError, TypeError) as error:
        raise ValueError("events: what is there is none; allowed: Event") from error
    for event in events if look_closer else ():
        _check_event(event)


def _usual(events: Sequence[Event]) -> bool:
    """Whether no event needs a closer look: of a million, each is looked at in passing."""
    if not _usual_payloads(events):
        return False
    check_kinds({event.what for event in events})
    return (
        {type(event.time_s) for event in events} <= {float, int}
        and {type(event.who) for event in events} <= {str}
        and {type(event.packet) for event in events} <= {int}
        and min((event.packet for event in events), default=0) >= 0
    )


def _usual_payloads(events: Sequence[Event]) -> bool:
    payloads = [each for event in events if (each := event.payload) is not None]
    if not {*map(type, payloads)} <= {Message, Ack, Record}:
        return False
    return {type(payload.id) for payload in payloads} <= {str}


def _check_event(event: Event) -> None:
    """Raise ValueError for a value that no event has, by its name."""
    values: dict[str, Any] = event._asdict()
    time_s, who, payload = (values[name] for name in ("time_s", "who", "payload"))
    check_kinds([event.what])
    if isinstance(time_s, bool) or not isinstance(time_s, Real):
        raise ValueError(f"time_s is {time_s!r}; allowed: a number")
    if not isinstance(who, str):
        raise ValueError(f"who is {who!r}; allowed: text")
    at_least("packet", event.packet, 0)
    if payload is not None and not (hasattr(payload, "kind") and hasattr(payload, "id")):
        raise ValueError(f"payload is {payload!r}; allowed: a payload, or None")
    if payload is not None and not isinstance(payload.id, str):
        raise ValueError(f"id of {payload!r} is {payload.id!r}; allowed: text")


def _seen(event: Event) -> str:
    """Return what tells this event from others of its kind, for whom it happens to."""
    match event.what:
        case "sent":
            return f"{event.payload!r} to {event.peer}"
        case "delivered" | "ignored" if event.payload:
            return f"{event.payload!r} from {event.peer}"
        case "checked":
            return f"{event.payload!r}: {event.note}"
        case "timed_out" | "waited":
            return "" if event.note == "early" else event.note.removesuffix(", early")
        case "crashed":
            return ""
        case "skipped":
            return repr(event.payload) if event.payload else ""
        case _:
            return repr(event.payload) if event.payload else event.note
