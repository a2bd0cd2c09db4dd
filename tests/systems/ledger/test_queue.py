"""The queue on either broker: stored when send returns, handed over until it is acked."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import pytest

from delivery_semantics.experiments.ledger.brokers import BROKERS
from delivery_semantics.systems.ledger.queue import QueueDown, open_queue

NOBODY = "127.0.0.1:1"
EACH = [
    pytest.param(name, marks=[pytest.mark.slow, pytest.mark.needs(name.lower())])
    for name in BROKERS
]


@pytest.fixture(params=EACH, scope="module")
def url(request: pytest.FixtureRequest) -> Iterator[str]:
    kind = BROKERS[request.param]
    with (
        kind.start() as broker,
        kind.queue(broker.address) as name,
        kind.network(broker.address) as way,
    ):
        yield kind.url(way.address, name)


def test_what_is_taken_is_handed_over_until_it_is_acked(url: str) -> None:
    with closing(open_queue(url)) as relay, closing(open_queue(url)) as first:
        for number in "12":
            relay.send(number, f"body {number}")
        one = first.take()
        assert one is not None
        assert (one.message_id, one.body) == ("1", "body 1")
        assert first.take() == one
    with closing(open_queue(url)) as second:  # the first one went without an ack
        again = second.take()
        assert again is not None
        assert again.message_id == "1"
        second.ack(again)
        two = second.take()
        assert two is not None
        assert two.message_id == "2"
        second.ack(two)
        assert second.take() is None


def test_whoever_finds_no_broker_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("delivery_semantics.systems.ledger.on_kafka.TIMEOUT_S", 0.1)
    for url in (f"kafka://{NOBODY}/topic", f"amqp://{NOBODY}/queue"):
        queue = open_queue(url)
        with pytest.raises(QueueDown, match=r"Kafka|RabbitMQ"):
            queue.send("1", "body")
        with pytest.raises(QueueDown, match=r"Kafka|RabbitMQ"):
            queue.take()


@pytest.mark.parametrize(
    "url", ["", "kafka://", "kafka://host", "http://host/queue", "amqp:/q"]
)
def test_a_setting_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"queue is .*; allowed: kafka://HOST:PORT/TOPIC"):
        open_queue(url)
