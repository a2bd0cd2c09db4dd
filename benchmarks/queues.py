"""What a guarantee costs: messages per second, and the slowest of a hundred.

The kinds are measured in turns, a hundred messages each, within one run and on one server, so
that what else the machine does weighs on all alike. What counts is the ratio. That of SQS is
the emulator's, and says nothing about Amazon's machines.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager

from confluent_kafka import Producer

from delivery_semantics import Message
from delivery_semantics.experiments.which_guarantee import prices
from delivery_semantics.systems.grpc import client as grpc
from delivery_semantics.systems.grpc.request_id import WithRequestId
from delivery_semantics.systems.grpc.server import running as payments_service
from delivery_semantics.systems.kafka import client as kafka
from delivery_semantics.systems.kafka.server import running as broker
from delivery_semantics.systems.mqtt import client as mqtt
from delivery_semantics.systems.mqtt.server import running as mosquitto
from delivery_semantics.systems.rabbitmq import client as rabbitmq
from delivery_semantics.systems.rabbitmq.server import running as node
from delivery_semantics.systems.server import ServerMissing
from delivery_semantics.systems.sqs import client as sqs
from delivery_semantics.systems.sqs.server import running as emulator

MESSAGES, TURN = 1_000, 100
Through = Callable[[int], None]
"""Takes message number so-and-so from one end to the other."""


def table(
    messages: int = MESSAGES,
) -> tuple[str, tuple[str, ...], list[tuple[object, ...]]]:
    """Return title, head and rows; a system that cannot be had has none."""
    return (
        f"One message at a time, from end to end ({messages:,} each, in turns)",
        ("kind", "per second", "us, median", "us, p99", "times the first"),
        [
            (f"{one.system}, {one.guarantee}", one.per_second, one.median_us, one.p99_us,
             f"{one.times:.2f}")
            for one in measured(messages)
        ],
    )  # fmt: skip


def store(messages: int = MESSAGES) -> None:
    """Measure, and keep what was measured where the chapter on guarantees reads it."""
    prices.write(measured(messages))


def measured(messages: int) -> list[prices.Price]:
    """Measure every kind of every system that can be had."""
    found: list[prices.Price] = []
    for opened in (kafka_kinds, rabbitmq_kinds, sqs_kinds, mqtt_kinds, grpc_kinds):
        try:
            with opened() as kinds:
                found += _prices(_measured(kinds, messages))
        except ServerMissing as missing:
            print(missing)
    return found


def _measured(kinds: Mapping[str, Through], messages: int) -> dict[str, list[float]]:
    """Return the seconds that each message took, for each kind."""
    took: dict[str, list[float]] = {name: [] for name in kinds}
    for first in range(0, messages, TURN):
        for name, through in kinds.items():
            for number in range(first, min(first + TURN, messages)):
                began = time.perf_counter()
                through(number)
                took[name].append(time.perf_counter() - began)
    return took


def _prices(took: Mapping[str, list[float]]) -> Iterator[prices.Price]:
    plain: dict[str, float] = {}
    for name, each in took.items():
        system, _, guarantee = name.partition(", ")
        plain.setdefault(system, sum(each))
        p99 = statistics.quantiles(each, n=100)[-1]
        yield prices.Price(
            system, guarantee, int(len(each) / sum(each)), int(1e6 * statistics.median(each)),
            int(1e6 * p99), round(sum(each) / plain[system], 2),
        )  # fmt: skip


@contextmanager
def kafka_kinds() -> Iterator[dict[str, Through]]:
    """Yield producers of Kafka: send, and wait for the ack; some in a transaction."""
    with ExitStack() as stack:
        topic = stack.enter_context(kafka.topic(stack.enter_context(broker())))

        def acked(*, idempotent: bool) -> Through:
            made = kafka.producer(topic, enable_idempotence=idempotent)
            return lambda number: _sent(made, topic, number)

        def transactional(size: int) -> Through:
            made = kafka.transactional(topic, f"transactions of {size}")

            def send_in_transaction(number: int) -> None:
                if number % size == 0:
                    made.begin_transaction()
                _sent(made, topic, number)
                if number % size == size - 1:
                    made.commit_transaction()

            return send_in_transaction

        yield {
            "Kafka, plain": acked(idempotent=False),
            "Kafka, idempotent": acked(idempotent=True),
            "Kafka, a transaction for each": transactional(1),
            f"Kafka, a transaction for {TURN}": transactional(TURN),
        }


def _sent(made: Producer, topic: kafka.OwnTopic, number: int) -> None:
    [_] = kafka.send_payments(made, topic, Message(str(number)))


@contextmanager
def rabbitmq_kinds() -> Iterator[dict[str, Through]]:
    """Yield publishers to a quorum queue, and consumers of one: from the send to the ack.

    What they consume is sent without confirms, which would take its time beside theirs.
    """
    with ExitStack() as stack:
        url = stack.enter_context(node())

        def publish(queue: str, *, confirms: bool) -> Through:
            made = stack.enter_context(closing(rabbitmq.AmqpPublisher(url, confirms=confirms)))
            known = rabbitmq.CONFIRMED if confirms else rabbitmq.SENT

            def publish_one(number: int) -> None:
                assert made.publish(queue, Message(str(number))) == known

            return publish_one

        def consume(queue: str, *, auto_ack: bool) -> Through:
            send = publish(queue, confirms=False)
            channel = stack.enter_context(closing(rabbitmq.connect(url))).channel()
            handed = channel.consume(queue, auto_ack=auto_ack)

            def publish_and_consume(number: int) -> None:
                send(number)
                method, _, _ = next(handed)
                if not auto_ack:
                    channel.basic_ack(method.delivery_tag)

            return publish_and_consume

        first, second, third, fourth = (
            stack.enter_context(rabbitmq.queue(url)) for _ in range(4)
        )
        yield {
            "RabbitMQ publisher, no confirms": publish(first, confirms=False),
            "RabbitMQ publisher, confirms": publish(second, confirms=True),
            "RabbitMQ consumer, auto-ack": consume(third, auto_ack=True),
            "RabbitMQ consumer, manual ack": consume(fourth, auto_ack=False),
        }


@contextmanager
def sqs_kinds() -> Iterator[dict[str, Through]]:
    """Yield a standard and a FIFO queue: send, receive, delete."""
    with ExitStack() as stack:
        boto = sqs.connect(stack.enter_context(emulator()))
        stack.callback(boto.close)

        def through(queue: str) -> Through:
            def send_receive_delete(number: int) -> None:
                sqs.send_payment(boto, queue, Message(str(number)))
                [handed] = sqs.receive_messages(boto, queue)
                sqs.delete(boto, queue, handed["ReceiptHandle"])

            return send_receive_delete

        yield {
            f"SQS (ministack), {name}": through(stack.enter_context(sqs.queue(boto, fifo=fifo)))
            for name, fifo in (("standard", False), ("FIFO", True))
        }


@contextmanager
def mqtt_kinds() -> Iterator[dict[str, Through]]:
    """Yield MQTT's three levels, on both hops: publish, and hear."""
    with ExitStack() as stack:
        url = stack.enter_context(mosquitto())

        def through(quality: int) -> Through:
            topic, *ids = stack.enter_context(mqtt.names(url, "publisher", "subscriber"))
            publisher, subscriber = (stack.enter_context(mqtt.Peer(url, id)) for id in ids)
            subscriber.subscribe(topic, quality)

            def publish_and_hear(number: int) -> None:
                publisher.publish(topic, Message(str(number)), quality)
                subscriber.wait(lambda: subscriber.received)
                subscriber.received.popleft()

            return publish_and_hear

        yield {f"MQTT (mosquitto), QoS {quality}": through(quality) for quality in (0, 1, 2)}


@contextmanager
def grpc_kinds() -> Iterator[dict[str, Through]]:
    """Yield a service as it is, and one that carries each request id out once: call, reply."""
    with ExitStack() as stack:

        def through(*, once: bool) -> Through:
            address = stack.enter_context(payments_service(once=once))
            client = stack.enter_context(grpc.connected(address, [WithRequestId()]))

            def call(number: int) -> None:
                client.pay(Message(str(number)))

            return call

        yield {
            "gRPC, no server looks at ids": through(once=False),
            "gRPC, each request id once": through(once=True),
        }
