"""Copies of messages that arrive at a store at given times, and the trace that they leave.

Book: 07-deduplication
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from ... import Ack, Event, Message, Trace
from ...core.effects import Payload
from ...dedup import DedupStore, Id, NotRemembered


class Copy(NamedTuple):
    """One attempt: when it arrives, what it says, and the id by which a receiver knows it.

    ``clock_s`` is what the receiver's clock says then, by default the truth. ``id`` is by
    default the message's own.
    """

    at_s: float
    message: Message
    id: Id = ""
    source: str = "sender"
    clock_s: float | None = None


def received(copies: Iterable[Copy], store: DedupStore) -> Trace:
    """Let each copy arrive: the first one is processed, others are skipped, and all are acked.

    A sender repeats what it has no ack of, so the ack of every copy but a message's last one is
    lost. What the store refuses is neither processed nor acked.
    """
    told = list(copies)
    last = {copy.message.id: number for number, copy in enumerate(told)}
    events: list[Event] = []
    packet = 0
    for number, copy in enumerate(told):
        packet += 2  # the message and its ack
        heard = last[copy.message.id] == number
        events += _arrival(copy, store, packet - 1, heard=heard)
    names = dict.fromkeys((*(copy.source for copy in told), "receiver"))
    messages = {copy.message.id: copy.message for copy in told}
    return Trace(tuple(names), tuple(messages.values()), tuple(events))


def _arrival(copy: Copy, store: DedupStore, packet: int, *, heard: bool) -> list[Event]:
    at_s, message, ack = copy.at_s, copy.message, Ack(copy.message.id)

    def event(what: str, who: str, payload: Payload, peer: str = "", packet: int = 0) -> Event:
        return Event(at_s, what, who, payload, peer, packet)

    events = [
        event("sent", copy.source, message, "receiver", packet),
        event("delivered", "receiver", message, copy.source, packet),
    ]
    try:
        clock_s = at_s if copy.clock_s is None else copy.clock_s
        new = store.first_time(copy.id or message.id, clock_s)
    except NotRemembered:
        return [*events, event("timed_out", copy.source, message)]
    events.append(event("processed" if new else "skipped", "receiver", message))
    events.append(event("sent", "receiver", ack, copy.source, packet + 1))
    if not heard:
        lost = event("lost", "receiver", ack, copy.source, packet + 1)
        return [*events, lost, event("timed_out", copy.source, message)]
    arrives = event("delivered", copy.source, ack, "receiver", packet + 1)
    return [*events, arrives, event("confirmed", copy.source, ack)]


def repeated(message: Message, times_s: Iterable[float]) -> list[Copy]:
    """Return one copy of a message for each of these times."""
    return [Copy(at_s, message) for at_s in times_s]
