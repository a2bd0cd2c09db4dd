"""Kafka, RabbitMQ and SQS as a queue of one payment, sent by each one's own client.

A setting of each is a function from where the broker answers to how the runs ended.

Book: 10-real-world-systems
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial

from ... import Participant, ProcessThenAck
from ...show.strips import End
from ...systems.consumer import Open
from ...systems.kafka import client as kafka_client
from ...systems.kafka import frames as kafka_frames
from ...systems.kafka.source import Reading
from ...systems.rabbitmq import client as rabbitmq_client
from ...systems.rabbitmq import frames as rabbitmq_frames
from ...systems.sqs import client as sqs_client
from ...systems.sqs import frames as sqs_frames
from ...systems.sqs.server import pass_time
from .path import PAYMENT, PAYMENTS, REPLY, REQUEST, ends_at_a_broker

PRODUCE = {REQUEST: ("produce", 1), REPLY: ("produce reply", 1)}
PUBLISH = {REQUEST: ("publish", 1), REPLY: ("confirm", 1)}
SEND = {REQUEST: ("SendMessage", 1), REPLY: ("SendMessage reply", 1)}
"""What is lost, by the names of each protocol's frames."""

BOTO3_ATTEMPTS = 3
"""What boto3 makes in its mode "standard", if it is not told another number."""


@contextmanager
def _kafka(address: str, commits: str, idempotent: bool, lost: str) -> Iterator[Open]:
    cut = dict.fromkeys([PRODUCE[lost]] if lost else [], 0)
    with kafka_client.topic(address) as topic:
        with kafka_frames.proxy(address, cut=cut) as proxy:
            through = topic.at(proxy.address)
            made = kafka_client.producer(through, enable_idempotence=idempotent)
            kafka_client.send_payments(made, through, *PAYMENTS)
        yield Reading(topic, commits=commits)


def kafka_ends(
    address: str, *, receiver: Participant | None = None, commits: str = "by hand",
    idempotent: bool = True,
) -> list[End]:  # fmt: skip
    """Send through Kafka, and consume with ``receiver``, by default one that acks last.

    ``commits`` is as for `Reading`, ``idempotent`` whether the producer is.
    """
    filled = partial(_kafka, address, commits, idempotent)
    return ends_at_a_broker(filled, receiver or ProcessThenAck())


@contextmanager
def _rabbitmq(url: str, confirms: bool, lost: str) -> Iterator[Open]:
    cut = dict.fromkeys([PUBLISH[lost]] if lost else [], 0)
    with rabbitmq_client.queue(url, kind=rabbitmq_client.CLASSIC) as queue:
        with rabbitmq_frames.proxy(url, cut=cut) as proxy:
            through = rabbitmq_frames.through(url, proxy.address)
            known = rabbitmq_client.IN_DOUBT
            while known == rabbitmq_client.IN_DOUBT:
                publisher = rabbitmq_client.AmqpPublisher(through, confirms=confirms)
                with closing(publisher):
                    known = publisher.publish(queue, PAYMENT)
        yield partial(rabbitmq_client.Deliveries, url, queue)


def rabbitmq_ends(
    url: str, *, receiver: Participant | None = None, confirms: bool = True
) -> list[End]:
    """Publish to a queue of RabbitMQ, and consume with acks by hand, as its clients do.

    A publisher with ``confirms`` asks again, under the same message id, what is in doubt.
    """
    return ends_at_a_broker(partial(_rabbitmq, url, confirms), receiver or ProcessThenAck())


@contextmanager
def _sqs(url: str, fifo: bool, lost: str) -> Iterator[Open]:
    cut = [SEND[lost]] if lost else []
    with closing(sqs_client.connect(url)) as sqs, sqs_client.queue(sqs, fifo=fifo) as queue:
        with (
            sqs_frames.between(url, lose=cut) as proxy,
            closing(
                sqs_client.connect(f"http://{proxy.address}", attempts=BOTO3_ATTEMPTS)
            ) as through,
        ):
            sqs_client.send_payment(through, queue, PAYMENT)
        yield partial(sqs_client.QueueSource, url, queue)


def sqs_ends(url: str, *, receiver: Participant | None = None, fifo: bool = True) -> list[End]:
    """Send through SQS with boto3's own retries, and delete what was processed."""
    again = partial(pass_time, url, sqs_client.VISIBILITY_S)
    return ends_at_a_broker(
        partial(_sqs, url, fifo), receiver or ProcessThenAck(), until_given_up=again
    )
