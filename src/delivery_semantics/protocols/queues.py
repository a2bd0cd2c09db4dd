"""A queue with a visibility time, its deduplication window, and a message that nobody can eat.

Sources: Amazon, "Amazon SQS Developer Guide", on visibility timeout, on dead-letter queues and
on exactly-once processing; RabbitMQ, "Consumer Acknowledgements", on requeue.

Book: protocols
"""

from __future__ import annotations

from dataclasses import dataclass

from .. import (
    Ack, Bounds, Broker, EffectFailed, Exploration, Message, Nack, Participant, Passive,
    Process, ProcessThenAck, RetryUntilAcked, Send, explore, payments,
)  # fmt: skip
from ..core.effects import Handler, Payload


def through(broker: Broker, bounds: Bounds, **others: Participant) -> Exploration:
    """Search every run of one message from a producer through a broker to its consumers."""
    producer = RetryUntilAcked("broker", payments(1))
    return explore({"producer": producer, "broker": broker, **others}, bounds)


EARLY = Bounds(losses=0, duplicates=0, crashes=0, early_timeouts=1)


def visibility(consumer: Participant) -> Exploration:
    """Search with a timer that may end while the consumer is at work."""
    return through(Broker("consumer", visibility_s=30.0), EARLY, consumer=consumer)


COPY = Bounds(
    losses=0, duplicates=1, crashes=0, links=(("producer", "broker"),), clock_s=(0, 299, 301)
)


def window(*, window_s: float | None) -> Exploration:
    """Search with a copy that the network may hold back for longer than the window."""
    broker = Broker("consumer", ids_max=None, window_s=window_s)
    return through(broker, COPY, consumer=ProcessThenAck())


@dataclass(frozen=True)
class Parser(Passive):
    """Process and ack; nack what it cannot read, and what fails."""

    unreadable: tuple[str, ...] = ()

    def receive(self, source: str, payload: Payload) -> Handler:
        """Say how it went."""
        if not isinstance(payload, Message) or payload.id in self.unreadable:
            yield Send(source, Nack(payload.id))
            return
        try:
            yield Process(payload)
        except EffectFailed:
            yield Send(source, Nack(payload.id))
        else:
            yield Send(source, Ack(payload.id))


NO_FAULT = Bounds(losses=0, duplicates=0, crashes=0)


def poison(deliveries_max: int | None, *, bounds: Bounds = NO_FAULT) -> Exploration:
    """Search with a consumer that cannot read the message, and a person who can."""
    broker = Broker("consumer", deliveries_max=deliveries_max, park="person")
    consumer = Parser(unreadable=("1",))
    return through(broker, bounds, consumer=consumer, person=ProcessThenAck())


def failing() -> Exploration:
    """Search with a consumer whose effect may fail once."""
    failures = Bounds(losses=0, duplicates=0, crashes=0, failures=1, crashable=())
    return through(Broker("consumer"), failures, consumer=Parser())
