"""What the benchmark of the queues rests on: each message goes through, and all are counted."""

from __future__ import annotations

from typing import NoReturn

import pytest
import queues

from delivery_semantics.systems.server import ServerMissing

pytestmark = pytest.mark.slow


def test_each_kind_of_queue_of_sqs_takes_what_it_is_timed_for() -> None:
    with queues.sqs_kinds() as kinds:
        took = queues._measured(kinds, messages=3)
    assert [len(each) for each in took.values()] == [3, 3]
    first, second = queues._prices(took)
    assert first.times == 1
    assert [f"{one.system}, {one.guarantee}" for one in (first, second)] == list(took)


@pytest.mark.needs("kafka")
def test_each_producer_of_kafka_has_its_acks() -> None:
    with queues.kafka_kinds() as kinds:
        took = queues._measured(kinds, messages=queues.TURN)  # the longest transaction ends
    assert [len(each) for each in took.values()] == [queues.TURN] * 4


@pytest.mark.needs("rabbitmq")
def test_each_publisher_and_consumer_of_rabbitmq_takes_what_it_is_timed_for() -> None:
    with queues.rabbitmq_kinds() as kinds:
        took = queues._measured(kinds, messages=3)
    assert [len(each) for each in took.values()] == [3] * 4
    found = list(queues._prices(took))
    assert [one.times for one in found][::2] == [1, 1]  # each of the two has its own first
    assert len({one.system for one in found}) == 2


def test_a_system_that_is_not_there_is_left_out_in_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def missing() -> NoReturn:
        raise ServerMissing("no such server: this is how to get one")

    for name in ("kafka_kinds", "rabbitmq_kinds", "mqtt_kinds", "grpc_kinds"):
        monkeypatch.setattr(queues, name, missing)
    assert {one.system for one in queues.measured(messages=2)} == {"SQS (ministack)"}
    assert capsys.readouterr().out == "no such server: this is how to get one\n" * 4


@pytest.mark.needs("mqtt")
def test_each_level_of_mqtt_takes_what_it_is_timed_for() -> None:
    with queues.mqtt_kinds() as kinds:
        assert [len(each) for each in queues._measured(kinds, messages=3).values()] == [3, 3, 3]


def test_a_service_of_grpc_takes_what_it_is_timed_for_with_and_without_ids() -> None:
    with queues.grpc_kinds() as kinds:
        assert [len(each) for each in queues._measured(kinds, messages=3).values()] == [3, 3]
