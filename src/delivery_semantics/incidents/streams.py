"""Incidents at logs and at MQTT: what is kept in the wrong order, or only in memory.

Book: incidents
"""

from __future__ import annotations

from dataclasses import dataclass

from .. import (
    Ack, Atomic, Bounds, Load, Message, Passive, Process, RetryUntilAcked, Save,
    Send, payments,
)  # fmt: skip
from ..core.effects import Handler, Payload
from ..protocols.log import Consumer, Topic
from ..protocols.mqtt import Control, Publisher
from ..protocols.mqtt import Subscriber as Released
from .incident import EVENTUALLY, Incident, Parts


def commits_first(mended: bool) -> Parts:
    """A consumer whose library stores the offset when it hands the record out."""
    return {"log": Topic(payments(1)), "consumer": Consumer("with" if mended else "before")}


@dataclass(frozen=True)
class Partition(Passive):
    """Append what comes and ack it; ``idempotent``: only with the next sequence number."""

    idempotent: bool

    def receive(self, source: str, payload: Payload) -> Handler:
        """Append a record; its id is its sequence number."""
        assert isinstance(payload, Message)
        number = int(payload.id)
        append = Process(payload), Save("sequence", number)
        before = ("sequence", number - 1) if self.idempotent else None
        yield Atomic(*append, only_if=before)
        yield Send(source, Ack(payload.id))


def producer_retries(mended: bool) -> Parts:
    """A producer that repeats what was not acked, and a broker that was killed meanwhile."""
    producer = RetryUntilAcked("partition", payments(1))
    return {"producer": producer, "partition": Partition(idempotent=mended)}


def sends_again(mended: bool) -> Parts:
    """A broker that has on disk what it is to send, and not that it was received."""
    return {"broker": Publisher(payments(1), remembers=mended), "subscriber": Released()}


@dataclass(frozen=True)
class Holding(Passive):
    """Process a message when it is released; until then hold it, on disk if ``durable``."""

    durable: bool

    def receive(self, source: str, payload: Payload) -> Handler:
        """Answer PUBLISH with PUBREC, PUBREL with PUBCOMP."""
        held = f"holds {payload.id}"
        if isinstance(payload, Message):
            yield Save(held, payload, durable=self.durable)
            yield Send(source, Control("PUBREC", payload.id))
            return
        message = yield Load(held)
        if message:
            yield Atomic(Process(message), Save(held, 0))
        yield Send(source, Control("PUBCOMP", payload.id))


def received_then_forgotten(mended: bool) -> Parts:
    """A client that has said PUBREC, and holds the message in memory."""
    return {"publisher": Publisher(payments(1)), "subscriber": Holding(durable=mended)}


def only(who: str) -> Bounds:
    """One crash, of this participant, and a network without a fault."""
    return Bounds(losses=0, duplicates=0, crashes=1, crashable=(who,), reordering=False)


STREAMS = {
    "an offset before the work": Incident(
        report="https://github.com/confluentinc/librdkafka/issues/1122", day="2017-03-16",
        parts=commits_first, claim=EVENTUALLY, bounds=only("consumer"),
    ),
    "a producer that retries": Incident(
        report="https://github.com/MaterializeInc/materialize/pull/3306", day="2020-06-08",
        parts=producer_retries, bounds=only("partition"),
    ),
    "QoS 2, and a disk that is behind": Incident(
        report="https://github.com/eclipse-mosquitto/mosquitto/issues/1726",
        day="2020-06-17", parts=sends_again, bounds=only("broker"),
    ),
    "QoS 2, held in memory": Incident(
        report="https://github.com/eclipse-paho/paho.mqtt.python/issues/883",
        day="2025-03-05", parts=received_then_forgotten, claim=EVENTUALLY,
        bounds=only("subscriber"),
    ),
}  # fmt: skip
