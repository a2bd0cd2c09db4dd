"""Incidents at queues: times that are too short, acks too early, and nacks without end.

Book: incidents
"""

from __future__ import annotations

from dataclasses import dataclass

from .. import (
    Ack, AckThenProcess, Arm, Bounds, Broker, Load, Once, Participant, Passive, Process,
    ProcessOnce, ProcessThenAck, RetryUntilAcked, Save, Send, payments,
)  # fmt: skip
from ..core.effects import Handler, Payload
from ..protocols.queues import Parser
from .incident import EVENTUALLY, Incident, Parts


def through(broker: Broker, **others: Participant) -> Parts:
    """One payment from a shop through a broker."""
    return {"shop": RetryUntilAcked("broker", payments(1)), "broker": broker, **others}


@dataclass(frozen=True)
class SlowWorker(Passive):
    """Work ``work_s`` seconds on each delivery, then ack; ``marks`` what it has done."""

    work_s: float
    marks: bool

    def receive(self, source: str, payload: Payload) -> Handler:
        """Begin to work."""
        number = (yield Load("jobs")) + 1
        yield Save("jobs", number, durable=False)
        yield Save(f"job {number}", payload, durable=False)
        yield Arm(f"job {number}", self.work_s)

    def timer(self, name: str) -> Handler:
        """End the work of one delivery."""
        job = yield Load(name)
        yield Once(job.id, Process(job)) if self.marks else Process(job)
        yield Send("broker", Ack(job.id))


def waits_for_its_time(mended: bool, *, visibility_s: float = 2.0) -> Parts:
    """A task that waits four seconds in its worker, and a broker that waits for two."""
    worker = SlowWorker(4.0, marks=mended)
    return through(Broker("worker", visibility_s=visibility_s), worker=worker)


def eleven_seconds(mended: bool) -> Parts:
    """Work of eleven seconds, and a deadline of ten."""
    subscriber = SlowWorker(11.0, marks=mended)
    return through(Broker("subscriber", visibility_s=10.0), subscriber=subscriber)


def auto_ack(mended: bool) -> Parts:
    """A broker to which handed out is done, and an endpoint that is shut down."""
    broker = Broker("endpoint", visibility_s=30.0 if mended else None)
    return through(broker, endpoint=ProcessOnce())


def acks_too_soon(mended: bool) -> Parts:
    """A worker that acks a task when it takes it, and is killed at its work."""
    return through(Broker("worker"), worker=ProcessOnce() if mended else AckThenProcess())


def five_minutes(mended: bool) -> Parts:
    """A queue that knows an id for five minutes, and a copy that comes in the sixth."""
    broker = Broker("function", ids_max=None, window_s=300.0)
    return through(broker, function=ProcessOnce() if mended else ProcessThenAck())


def nack_loop(mended: bool) -> Parts:
    """A customer's consumer that refuses what it cannot read, and a broker that insists."""
    broker = Broker("consumer", deliveries_max=3 if mended else None, park="person")
    consumer = Parser(unreadable=("1",))
    return through(broker, consumer=consumer, person=ProcessThenAck())


QUEUES = {
    "a task that waits longer than its broker": Incident(
        report="https://github.com/celery/kombu/issues/337", day="2014-04-09",
        parts=waits_for_its_time,
    ),
    "an ack after its deadline": Incident(
        report="https://github.com/googleapis/google-cloud-java/issues/4242",
        day="2018-12-20", parts=eleven_seconds,
    ),
    "auto-ack and a shutdown": Incident(
        report="https://github.com/Particular/NServiceBus.RabbitMQ/issues/122",
        day="2016-01-28", parts=auto_ack, claim=EVENTUALLY,
        bounds=Bounds(losses=0, duplicates=0, crashes=1, crashable=("endpoint",)),
    ),
    "acks too soon": Incident(
        report="https://github.com/celery/celery/issues/14", day="2009-06-16",
        parts=acks_too_soon, claim=EVENTUALLY,
        bounds=Bounds(losses=0, duplicates=0, crashes=1, crashable=("worker",)),
    ),
    "five minutes of memory": Incident(
        report="https://github.com/aws-powertools/powertools-lambda-python/issues/2023",
        day="2023-03-24", parts=five_minutes,
        bounds=Bounds(
            losses=0, duplicates=1, crashes=0, links=(("shop", "broker"),),
            clock_s=(0, 360),
        ),
    ),
    "a nack without end": Incident(
        report="https://github.com/rabbitmq/rabbitmq-server/issues/1020", day="2016-11-02",
        parts=nack_loop, claim=EVENTUALLY,
    ),
}  # fmt: skip
