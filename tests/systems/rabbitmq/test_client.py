"""What a publisher and a consumer are told by a real broker, and what the audit says of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import partial
from typing import Any

import pika
import pytest

from delivery_semantics import (
    AT_LEAST_ONCE,
    EXACTLY_ONCE,
    AckThenProcess,
    Participant,
    ProcessOnce,
    ProcessThenAck,
    audit,
    payments,
)
from delivery_semantics.core.trace import Record
from delivery_semantics.systems.consumer import AckRefused, Open
from delivery_semantics.systems.lab import kill_at_each_step
from delivery_semantics.systems.rabbitmq.client import (
    CLASSIC,
    CONFIRMED,
    IN_DOUBT,
    QUORUM,
    RETURNED,
    SENT,
    AmqpPublisher,
    Deliveries,
    connect,
    depth,
    drain,
    publish,
    queue,
)
from delivery_semantics.systems.rabbitmq.frames import proxy, stream_port, through
from delivery_semantics.systems.rabbitmq.streams import STREAM, publish_numbered, read

pytestmark = [pytest.mark.slow, pytest.mark.needs("rabbitmq")]


def test_a_lost_confirm_leaves_a_publisher_in_doubt_and_the_message_stored(url: str) -> None:
    told: list[tuple[tuple[str, int], str]] = []
    with (
        queue(url) as name,
        proxy(
            url, cut={("confirm", 2): 0}, tell=lambda f, fate: told.append((f.name, fate))
        ) as cut,
        closing(AmqpPublisher(through(url, cut.address))) as publisher,
    ):
        known = [publisher.publish(name, message) for message in payments(3)]
        assert known == [CONFIRMED, IN_DOUBT, IN_DOUBT]
        assert ids(url, name) == ["1", "2"]
    assert (("confirm", 2), "lost") in told
    assert ("publish", 3) not in dict(told)


def test_what_goes_to_no_queue_is_confirmed_and_with_mandatory_returned_too(url: str) -> None:
    told: list[str] = []
    with proxy(url, tell=lambda frame, fate: told.append(frame.name[0])) as cut:
        for mandatory, known in ((False, CONFIRMED), (True, RETURNED)):
            with closing(
                AmqpPublisher(through(url, cut.address), mandatory=mandatory)
            ) as publisher:
                assert publisher.publish("no such queue", payments(1)[0]) == known
        with closing(AmqpPublisher(through(url, cut.address), confirms=False)) as publisher:
            assert publisher.publish("no such queue", payments(1)[0]) == SENT
    seen = [name for name in told if name in ("publish", "confirm", "return")]
    assert seen == ["publish", "confirm", "publish", "return", "confirm", "publish"]


def test_what_was_not_acked_comes_again_and_says_so(url: str) -> None:
    for kind, again in ((QUORUM, 2), (CLASSIC, 0)):
        with queue(url, kind=kind) as name:
            publish(url, name, payments(1))
            for delivery in (1, again):
                with closing(Deliveries(url, name)) as source:
                    record = source.take()
                    assert record
                    assert record.delivery == delivery
            assert ids(url, name) == ["1"]


def test_a_message_that_is_given_back_too_often_goes_to_the_dead_letters(url: str) -> None:
    with (
        queue(url) as dead,
        queue(
            url, delivery_limit=2, dead_letter_exchange="", dead_letter_routing_key=dead
        ) as name,
    ):
        publish(url, name, payments(1))
        with closing(Deliveries(url, name)) as source:
            deliveries = 0
            while record := source.take():
                deliveries += 1
                source.refuse(record)
        assert deliveries == 3
        with closing(Deliveries(url, dead)) as source:
            assert source.take()


def test_an_ack_that_the_broker_does_not_take_is_refused(url: str) -> None:
    with queue(url) as name:
        publish(url, name, payments(1))
        with proxy(url) as cut:
            source = Deliveries(through(url, cut.address), name)
            record = source.take()
            assert record
        with pytest.raises(AckRefused):  # the connection has gone with the proxy
            source.ack(record)
        source.close()
        assert ids(url, name) == ["1"]


def test_a_queue_is_deleted_also_when_the_block_raises(url: str) -> None:
    names = []

    def fail() -> None:
        with queue(url) as name:
            names.append(name)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    with closing(connect(url)) as connection, pytest.raises(pika.exceptions.ChannelClosed):
        connection.channel().queue_declare(names[0], passive=True)


def test_two_runs_at_the_same_time_on_one_broker_do_not_meet(url: str) -> None:
    with queue(url) as mine, queue(url) as yours:
        publish(url, mine, payments(2))
        publish(url, yours, payments(3))
        assert (depth(url, mine), depth(url, yours)) == (2, 3)
        with closing(Deliveries(url, mine)) as one, closing(Deliveries(url, yours)) as other:
            assert one.take() == other.take() == Record("1", 10, delivery=1)
        assert (ids(url, mine), ids(url, yours)) == (["1", "2"], ["1", "2", "3"])


@contextmanager
def filled(url: str, *, kind: str = QUORUM, auto_ack: bool = False) -> Iterator[Open]:
    with queue(url, kind=kind) as name:
        publish(url, name, payments(2))
        yield partial(Deliveries, url, name, auto_ack=auto_ack, prefetch=0 if auto_ack else 1)


@pytest.mark.parametrize(
    ("receiver", "auto_ack", "verdicts"),
    [
        (AckThenProcess(), False, (False, False)),
        (ProcessThenAck(), False, (True, False)),
        (ProcessOnce(), False, (True, True)),
        (ProcessOnce(), True, (False, False)),
    ],
    ids=["ack first", "process first", "once", "auto-ack"],
)
def test_the_audit_convicts_what_is_unsafe_and_acquits_what_is_safe(
    url: str, receiver: Participant, auto_ack: bool, verdicts: tuple[bool, bool]
) -> None:
    kind = CLASSIC if auto_ack else QUORUM
    endings = kill_at_each_step(
        partial(filled, url, kind=kind, auto_ack=auto_ack), receiver, payments(2)
    )
    for semantic, holds in zip((AT_LEAST_ONCE, EXACTLY_ONCE), verdicts, strict=True):
        found = {audit(ending.trace).verdict(semantic).partition(":")[0] for ending in endings}
        assert found <= {"ok", "broken"}
        assert ("broken" not in found) == holds
    assert len(endings) > 4


def test_a_stream_drops_what_a_named_publisher_sends_again(url: str) -> None:
    numbered = list(enumerate(payments(4), start=1))
    for name, there in (("shop", ["1", "2", "3", "4"]), (None, ["1", "2", "1", "2", "3", "4"])):
        with queue(url, kind=STREAM) as stream:
            known = publish_numbered(url, stream, numbered[:2], name=name)
            known += publish_numbered(url, stream, numbered, name=name)
            assert known == [CONFIRMED] * 6
            assert [record.id for record in read(url, stream)] == there


def test_a_stream_confirms_and_loses_what_has_a_lower_number(url: str) -> None:
    first, second, third = payments(3)
    with queue(url, kind=STREAM) as stream:
        numbered = [(10, first), (5, second), (11, third)]
        assert publish_numbered(url, stream, numbered, name="shop") == [CONFIRMED] * 3
        assert [record.id for record in read(url, stream)] == ["1", "3"]


def test_a_stream_whose_confirm_was_lost_takes_the_retry_for_what_it_is(url: str) -> None:
    numbered = list(enumerate(payments(3), start=1))
    with (
        queue(url, kind=STREAM) as stream,
        proxy(url, streams=True, lose={("confirm", 2)}) as cut,
    ):
        port = int(cut.address.rpartition(":")[2])
        assert port != stream_port(url)
        known = publish_numbered(url, stream, numbered, name="shop", port=port, timeout_s=10)
        assert known == [CONFIRMED, IN_DOUBT]
        assert publish_numbered(url, stream, numbered, name="shop") == [CONFIRMED] * 3
        assert [record.id for record in read(url, stream)] == ["1", "2", "3"]


def ids(url: str, name: str) -> list[str]:
    """Return the ids of what a queue hands over, all of which is acked."""
    return [record.id for record in drain(url, name)]


@pytest.mark.parametrize("made", ["a consumer", "a publisher"])
def test_what_cannot_be_made_leaves_no_connection(
    url: str, made: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[pika.BlockingConnection] = []

    def connected(*arguments: Any, **named: Any) -> pika.BlockingConnection:  # noqa: ANN401
        opened.append(connect(*arguments, **named))
        return opened[-1]

    def refuse(channel: object) -> None:
        raise pika.exceptions.ChannelClosed(540, "no confirms here")

    monkeypatch.setattr("delivery_semantics.systems.rabbitmq.client.connect", connected)
    channel = pika.adapters.blocking_connection.BlockingChannel
    monkeypatch.setattr(channel, "confirm_delivery", refuse)
    makes: dict[str, Callable[[], object]] = {
        "a consumer": partial(Deliveries, url, "nobody's"),
        "a publisher": partial(AmqpPublisher, url),
    }
    with pytest.raises(pika.exceptions.ChannelClosed):
        makes[made]()
    assert [connection.is_closed for connection in opened] == [True]
