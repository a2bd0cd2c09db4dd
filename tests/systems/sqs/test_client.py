"""What a consumer gets from a queue, and that two runs never meet."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest
from botocore.exceptions import ClientError

from delivery_semantics import Message, Record, payments
from delivery_semantics.systems.consumer import AckRefused
from delivery_semantics.systems.sqs import client
from delivery_semantics.systems.sqs.server import pass_time

pytestmark = pytest.mark.slow


def read(url: str, queue: str) -> list[Record]:
    """Read a queue to its end, and ack each."""
    found = []
    with closing(client.QueueSource(url, queue)) as source:
        while record := source.take():
            found.append(record)
            source.ack(record)
    return found


def test_a_payment_comes_back_as_it_was_sent(url: str) -> None:
    with closing(client.connect(url)) as sqs, client.queue(sqs, fifo=True) as queue:
        client.send_payment(sqs, queue, Message("a", 17), key="Ada")
        client.send_payment(sqs, queue, Message("b", 4))
        assert read(url, queue) == [
            Record("a", 17, key="Ada", position=1, delivery=1),
            Record("b", 4, key=client.GROUP, position=2, delivery=1),
        ]
        assert client.counts(sqs, queue) == (0, 0)


def test_a_standard_queue_tells_no_key_and_no_position(url: str) -> None:
    with closing(client.connect(url)) as sqs, client.queue(sqs) as queue:
        client.send_payment(sqs, queue, Message("a"), key="Ada")
        assert read(url, queue) == [Record("a", 10, delivery=1)]


def test_what_is_hidden_is_waited_for_and_handed_over_again(url: str) -> None:
    with closing(client.connect(url)) as sqs, client.queue(sqs) as queue:
        client.send_payment(sqs, queue, Message("1"))
        client.receive_messages(sqs, queue)
        assert [record.delivery for record in read(url, queue)] == [2]


def test_an_ack_for_a_message_that_is_another_consumers_is_refused(url: str) -> None:
    with closing(client.connect(url)) as sqs, client.queue(sqs, fifo=True) as queue:
        client.send_payment(sqs, queue, Message("1"))
        with closing(client.QueueSource(url, queue)) as zombie:
            taken = zombie.take()
            assert taken is not None
            pass_time(url, client.VISIBILITY_S)
            assert client.receive_messages(sqs, queue)
            with pytest.raises(AckRefused, match="ReceiptHandleIsInvalid"):
                zombie.ack(taken)
        assert client.counts(sqs, queue) == (0, 1)


def test_other_errors_of_a_deletion_are_raised(url: str) -> None:
    with (
        closing(client.connect(url)) as sqs,
        pytest.raises(ClientError, match="does not exist"),
    ):
        client.delete(sqs, f"{url}/000000000000/nobody", "handle")


def test_a_queue_is_gone_after_its_block_also_after_an_error(url: str) -> None:
    with closing(client.connect(url)) as sqs:
        with pytest.raises(ZeroDivisionError), client.queue(sqs) as queue:
            raise ZeroDivisionError
        with pytest.raises(ClientError, match="does not exist"):
            client.counts(sqs, queue)


def test_two_runs_at_once_do_not_meet(url: str) -> None:
    def run(first: int) -> list[str]:
        with closing(client.connect(url)) as sqs, client.queue(sqs, fifo=True) as queue:
            for payment in payments(20, first=first):
                client.send_payment(sqs, queue, payment)
            return [record.id for record in read(url, queue)]

    with ThreadPoolExecutor(2) as threads:
        one, other = threads.map(run, (1, 101))
    assert one == [str(n) for n in range(1, 21)]
    assert other == [str(n) for n in range(101, 121)]
