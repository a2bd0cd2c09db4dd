"""In which order messages were processed, and what positions and delivery numbers tell of them.

Book: 02-delivery-semantics
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping

from .effects import Payload
from .trace import Event, Record

Delivery = tuple[str, str]
"""A message's id, and the subscriber that is to process it."""


def group(payload: Payload | None) -> str:
    """Return the subscriber for whom a message was kept, "" where there is one only."""
    return payload.group if isinstance(payload, Record) else ""


def late(sent: Iterable[Event], effects: Iterable[Event]) -> Iterator[Delivery]:
    """Give what was processed after a later one of its key and its subscriber.

    Later is what has a higher position, and without positions what its sender first sent later.
    """
    first: dict[str, tuple[str, int]] = {}
    for event in sent:
        if event.payload and event.payload.kind != "ack":
            first.setdefault(event.payload.id, (event.who, len(first)))
    highest: dict[tuple[str, str | None, str], int] = {}
    for payload in (event.payload for event in effects if event.payload):
        queue, rank = _standing_in(payload, first)
        if rank < highest.setdefault(queue, rank):
            yield payload.id, queue[2]
        highest[queue] = max(rank, highest[queue])


def _standing_in(
    payload: Payload, first: Mapping[str, tuple[str, int]]
) -> tuple[tuple[str, str | None, str], int]:
    sender, rank = first.get(payload.id, ("", -1))
    if not isinstance(payload, Record):
        return ("", sender, ""), rank
    if payload.position is None:
        return (payload.key, sender, payload.group), rank
    return (payload.key, None, payload.group), payload.position


def redelivered(happened: Mapping[str, list[Event]]) -> Iterator[Delivery]:
    """Give what was delivered again, by its events, its delivery number or its position."""
    times = Counter(
        ((e.payload.id, group(e.payload)), "" if group(e.payload) else e.who)
        for e in happened["delivered"]
        if e.payload and e.payload.kind != "ack"
    )
    yield from (one for (one, _), n in times.items() if n > 1)
    at = Counter(
        (r.id, r.group, r.key, position) for r, position in _told(happened["processed"])
    )
    yield from ((id, group) for (id, group, *_), n in at.items() if n > 1)
    records = (e.payload for e in (*happened["delivered"], *happened["processed"]))
    yield from ((r.id, r.group) for r in records if isinstance(r, Record) and r.delivery > 1)


class Log:
    """Which ids the system told at which position of which key, and what was read of it."""

    def __init__(self, happened: Mapping[str, list[Event]], effects: Iterable[Event]) -> None:
        keys: dict[str, dict[int, dict[str, None]]] = defaultdict(lambda: defaultdict(dict))
        for kind in ("confirmed", "delivered", "processed"):
            for record, position in _told(happened[kind]):
                keys[record.key][position][record.id] = None
        self.keys = keys
        self.read: dict[tuple[str, str], list[int]] = defaultdict(list)
        for record, position in _told(effects):
            self.read[record.key, record.group].append(position)

    def two_at_one(self) -> Iterator[str]:
        """Give the ids at a position that has two."""
        slots = (ids for slots in self.keys.values() for ids in slots.values())
        return (id for ids in slots if len(ids) > 1 for id in ids)

    def one_at_two(self) -> Iterator[str]:
        """Give the ids that have two positions in one key."""
        for slots in self.keys.values():
            times = Counter(id for ids in slots.values() for id in ids)
            yield from (id for id, n in times.items() if n > 1)

    def passed(self, *, begun: bool = False) -> set[Delivery]:
        """Return what stands before the last that a subscriber read of a key, or beside it.

        With ``begun`` only what stands after the first one as well.
        """
        ends = [(at, min(read) if begun else -1, max(read)) for at, read in self.read.items()]
        return {
            (id, subscriber)
            for (key, subscriber), first, last in ends
            for position, ids in self.keys[key].items()
            if first < position <= last
            for id in ids
        }


def _told(events: Iterable[Event]) -> Iterator[tuple[Record, int]]:
    for event in events:
        record = event.payload
        if isinstance(record, Record) and record.position is not None:
            yield record, record.position
