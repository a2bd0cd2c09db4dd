"""The proxy names what passes as SQS does, and loses what it is told to lose."""

from __future__ import annotations

from contextlib import closing

import pytest
from botocore.exceptions import ConnectionClosedError

from delivery_semantics import Message, payments
from delivery_semantics.systems.http.framing import Passed
from delivery_semantics.systems.sqs import client
from delivery_semantics.systems.sqs.frames import OTHER, between
from delivery_semantics.systems.sqs.server import pass_time

pytestmark = pytest.mark.slow


def test_each_request_and_reply_has_the_name_of_its_action(url: str) -> None:
    told: list[Passed] = []
    with between(url, tell=told.append) as proxy:
        through = f"http://{proxy.address}"
        with closing(client.connect(through)) as sqs, client.queue(sqs) as queue:
            for payment in payments(2):
                client.send_payment(sqs, queue, payment)
            client.receive_messages(sqs, queue)
        pass_time(through, 0)
    assert [passed.name for passed in told][:10] == [
        ("CreateQueue", 1), ("CreateQueue reply", 1),
        ("SendMessage", 1), ("SendMessage reply", 1),
        ("SendMessage", 2), ("SendMessage reply", 2),
        ("ReceiveMessage", 1), ("ReceiveMessage reply", 1),
        ("DeleteQueue", 1), ("DeleteQueue reply", 1),
    ]  # fmt: skip
    assert told[-1].name == (f"{OTHER} reply", 1)
    assert {passed.fate for passed in told} == {"forwarded"}


@pytest.mark.parametrize(("lost", "stored"), [("SendMessage", 1), ("SendMessage reply", 2)])
def test_a_lost_request_leaves_nothing_and_a_lost_reply_a_message(
    url: str, lost: str, stored: int
) -> None:
    with closing(client.connect(url)) as sqs, client.queue(sqs) as queue:
        with (
            between(url, lose=[(lost, 2)]) as proxy,
            closing(client.connect(f"http://{proxy.address}")) as through,
        ):
            client.send_payment(through, queue, Message("1"))
            with pytest.raises(ConnectionClosedError):
                client.send_payment(through, queue, Message("2"))
        assert client.counts(sqs, queue) == (stored, 0)


def test_botos_own_retry_sends_the_same_request_again(url: str) -> None:
    told: list[Passed] = []
    with closing(client.connect(url)) as sqs, client.queue(sqs, fifo=True) as queue:
        with between(url, lose=[("SendMessage reply", 1)], tell=told.append) as proxy:
            through = client.connect(f"http://{proxy.address}", attempts=2)
            client.send_payment(through, queue, Message("1"))
            through.close()
        assert client.counts(sqs, queue) == (1, 0)
    assert [passed.number for passed in told if passed.way == "SendMessage"] == [1, 2]
