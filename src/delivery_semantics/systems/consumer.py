"""A consumer of a real system: its records go to a receiver of this package.

The handlers are those of every other run. Only the disk is a database and the broker is real:
what it hands over is delivered to the receiver, and the receiver's ack goes back to it. So
`AckThenProcess` commits an offset before the work; `ProcessThenAck` deletes a message after it.

Book: 10-real-world-systems
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from typing import Protocol

from ..core.effects import Ack, Message, Participant, Passive
from ..core.perform import boot, deliver, work
from ..core.trace import Event, Record
from ..core.world import Packet, World
from ..databases import connect
from ..databases.disk import DatabaseStore
from ..live.receiver import Announcing
from ..live.standing import Announcer

BROKER, CONSUMER = "broker", "consumer"


class Source(Protocol):
    """What a consumer gets from a real system."""

    def take(self) -> Record | None:
        """Return what is handed over next; None once everything was read to the end."""

    def ack(self, record: Record) -> None:
        """Tell the system that a record is done with. Raises AckRefused."""

    def close(self) -> None:
        """Give the connection back."""


class AckRefused(Exception):
    """The system does not take the ack, for instance from a consumer that it has given up."""


Open = Callable[[], Source]
"""Opens a source, in the consumer's own process: it can be pickled."""


def consume(open_source: Open, receiver: Participant, store: str, announcer: Announcer) -> None:
    """Read to the end, and hand each record to ``receiver``; its disk is ``store``, a URL.

    It stands before it takes a record, ("stands", "take"), before each effect, and before each
    statement of a transaction, ("within", statement). It says ("happened", event) for all that
    happens, and ("drained", None) in the end. Raises what the source and the database raise.
    """
    announcing = Announcing(announcer)
    with (
        closing(connect(store, synchronous="OFF")) as database,
        closing(open_source()) as source,
    ):
        consumer = _Consumer(source, announcer)
        participants = {CONSUMER: receiver, BROKER: Passive()}
        disks = {CONSUMER: DatabaseStore(database, announcing.within)}
        world = boot(participants, disks=disks, carry=announcing, record=consumer.tell)
        world.on_sent = lambda packet: consumer.ack(world, packet)
        announcer.stand(("stands", "take"))
        while (record := source.take()) is not None:
            consumer.deliver(world, record)
            announcer.stand(("stands", "take"))
        announcer.say(("drained", None))


class _Consumer:
    """What stands between the source and the receiver; ``held`` is the record in work."""

    def __init__(self, source: Source, announcer: Announcer) -> None:
        self._source, self._announcer = source, announcer
        self._held = Record("")

    def deliver(self, world: World, record: Record) -> None:
        """Let a record arrive, and the receiver work."""
        self._held = record
        number = world.packets_sent = world.packets_sent + 1
        message = Message(record.id, record.amount)
        world.packets[number] = Packet(number, BROKER, CONSUMER, message)
        deliver(world, number)
        work(world, CONSUMER)

    def ack(self, world: World, packet: Packet) -> None:
        """Take the receiver's ack to the source."""
        del world.packets[packet.number]
        arrived = Event(0.0, "delivered", BROKER, packet.payload, CONSUMER, packet.number)
        try:
            self._source.ack(self._held)
            events = [arrived]
        except AckRefused as refused:
            events = [arrived, arrived._replace(what="ignored", note=str(refused))]
        for event in events:
            self._announcer.say(("happened", event))

    def tell(self, event: Event) -> None:
        """Tell what happened, with what the system said of the record."""
        if event.payload and not isinstance(event.payload, Ack):
            event = event._replace(payload=self._held)
        self._announcer.say(("happened", event))
