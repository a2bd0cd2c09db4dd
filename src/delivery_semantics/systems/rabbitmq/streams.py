"""Streams: logs of RabbitMQ that drop what a named publisher has sent before.

A publisher with a name numbers its messages. The broker keeps the highest number of each name,
and what is not above it is confirmed and not stored. Source: RabbitMQ, "Streams", section
"Deduplication for Published Messages".

Book: 12-rabbitmq
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from urllib.parse import unquote, urlsplit
from uuid import uuid4

from rstream import AMQPMessage, Producer, Properties
from rstream.exceptions import ServerError

from ...core.effects import Message
from ...core.trace import Record
from .client import CONFIRMED, IN_DOUBT, connect, publish
from .frames import stream_port

STREAM = "stream"
"""The kind of queue that a stream is; see `client.queue`."""
FIRST, PREFETCH = "first", 100


def publish_numbered(
    url: str,
    stream: str,
    messages: Iterable[tuple[int, Message]],
    *,
    name: str | None,
    port: int = 0,
    timeout_s: int = 60,
) -> list[str]:
    """Publish messages with these numbers as the publisher ``name``; what is known of each.

    It ends at the first that is in doubt. Without a name nothing is dropped. ``port``: another
    than the broker's own, such as a proxy's.
    """

    async def publishing() -> list[str]:
        place, known = urlsplit(url), []
        producer = Producer(
            place.hostname or "", port or stream_port(url), load_balancer_mode=bool(port),
            username=unquote(place.username or ""), password=unquote(place.password or ""),
        )  # fmt: skip
        await producer.start()
        try:
            for number, message in messages:
                known.append(await _known(producer, stream, number, message, name, timeout_s))
                if known[-1] == IN_DOUBT:
                    break
        finally:
            await producer.close()
        return known

    with ThreadPoolExecutor(1) as thread:  # a notebook has an event loop in its own
        return thread.submit(asyncio.run, publishing()).result()


async def _known(
    producer: Producer, stream: str, number: int, message: Message, name: str | None,
    timeout_s: int,
) -> str:  # fmt: skip
    properties = Properties(message_id=message.id)
    wire = AMQPMessage(body=str(message.amount).encode(), properties=properties)
    wire.publishing_id = number
    try:
        await producer.send_wait(stream, wire, publisher_name=name, timeout=timeout_s)
    except (TimeoutError, ConnectionError, ServerError):
        return IN_DOUBT
    return CONFIRMED


def read(url: str, stream: str) -> list[Record]:
    """Return what a stream holds, each with its position, from the first to the last.

    A last message is put behind the others, and read until it comes.
    """
    last = Message(uuid4().hex)
    publish(url, stream, [last])
    found: list[Record] = []
    with closing(connect(url)) as connection:
        channel = connection.channel()
        channel.basic_qos(prefetch_count=PREFETCH)
        begin = {"x-stream-offset": FIRST}
        for method, properties, body in channel.consume(stream, arguments=begin):
            assert method.delivery_tag
            channel.basic_ack(method.delivery_tag)
            if properties.message_id == last.id:
                return found
            position = int(properties.headers["x-stream-offset"])
            found.append(Record(properties.message_id, int(body), position=position))
    return found
