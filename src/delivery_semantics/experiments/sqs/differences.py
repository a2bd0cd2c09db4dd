"""Where the emulator does not do what AWS documents, found by asking it.

Each question is a few requests, and the answer is what came back. What AWS says is cited with
the page; it was read in November 2026, and not measured at AWS.

Book: 13-aws-sqs
"""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from ... import payments
from ...systems.sqs import client
from ...systems.sqs.server import pass_time

[PAYMENT] = payments(1)
HALF_A_DAY_S = 43_200


class Asker:
    """An SQS and one of its queues, for one question."""

    def __init__(self, url: str, sqs: Any, queue: str) -> None:  # noqa: ANN401
        self.url, self.sqs, self.queue = url, sqs, queue

    def send(self, **options: Any) -> str:  # noqa: ANN401
        """Send the payment; return SQS's id of the message."""
        return str(client.send_payment(self.sqs, self.queue, PAYMENT, **options)["MessageId"])

    def take(self, **options: Any) -> list[str]:  # noqa: ANN401
        """Return the receipt handles of what can be seen."""
        found = client.receive_messages(
            self.sqs, self.queue, **{"MaxNumberOfMessages": 10, **options}
        )
        return [message["ReceiptHandle"] for message in found]

    def delete(self, handle: str) -> str:
        """Return how a deletion is answered."""
        return "refused" if client.delete(self.sqs, self.queue, handle) else "OK"

    def hide(self, handle: str, seconds: int) -> str:
        """Return how a change of the visibility timeout is answered."""
        return _answered(
            lambda: self.sqs.change_message_visibility(
                QueueUrl=self.queue, ReceiptHandle=handle, VisibilityTimeout=seconds
            )
        )


@dataclass(frozen=True)
class Question:
    """What is asked, how, what AWS says, and on which of its pages."""

    words: str
    ask: Callable[[Asker], str]
    aws: str
    page: str
    fifo: bool = False
    attributes: tuple[tuple[str, str], ...] = ()


def _copy_after_delete(asked: Asker) -> str:
    asked.send()
    asked.delete(asked.take()[0])
    asked.send()
    return "not delivered" if not asked.take() else "delivered"


def _same_id_two_groups(asked: Asker) -> str:
    for key in ("Ada", "Bob"):
        asked.send(key=key)
    return f"{len(asked.take())} delivered"


def _receive_again(asked: Asker) -> str:
    asked.send()
    attempts = [asked.take(ReceiveRequestAttemptId="attempt") for _ in range(2)]
    return "the same again" if attempts[0] == attempts[1] else "nothing"


def _standard_with_id(asked: Asker) -> str:
    return _answered(
        lambda: asked.sqs.send_message(
            QueueUrl=asked.queue, MessageBody="{}", MessageDeduplicationId="1"
        )
    )


def _old_handle(asked: Asker) -> str:
    asked.send()
    [old] = asked.take()
    pass_time(asked.url, client.VISIBILITY_S)
    asked.take()
    return asked.delete(old)


def _late_delete(asked: Asker) -> str:
    asked.send()
    [handle] = asked.take()
    pass_time(asked.url, client.VISIBILITY_S)
    return asked.delete(handle)


def _late_extension(asked: Asker) -> str:
    asked.send()
    [handle] = asked.take()
    pass_time(asked.url, client.VISIBILITY_S)
    return asked.hide(handle, client.VISIBILITY_S)


def _beyond_half_a_day(asked: Asker) -> str:
    asked.send()
    [handle] = asked.take()
    pass_time(asked.url, 10)
    return asked.hide(handle, HALF_A_DAY_S)


def _group_in_flight(asked: Asker) -> str:
    for number in ("1", "2"):
        asked.send(deduplication=number)
    asked.take(MaxNumberOfMessages=1)
    return "nothing" if not asked.take() else "the next one"


def _dead_letters_of_another_kind(asked: Asker) -> str:
    policy = client.dead_letters(asked.sqs, asked.queue, receives_max=1)
    return _answered(lambda: _make(asked.sqs, policy))


def _make(sqs: Any, attributes: dict[str, Any]) -> None:  # noqa: ANN401
    with client.queue(sqs, **attributes):
        pass


def _move_task(asked: Asker) -> str:
    policy = client.dead_letters(asked.sqs, asked.queue, receives_max=1)
    source = json.loads(policy["RedrivePolicy"])["deadLetterTargetArn"]
    with client.queue(asked.sqs, **policy):
        return _answered(lambda: asked.sqs.start_message_move_task(SourceArn=source))


def _order_and_copies(asked: Asker) -> str:
    for payment in payments(50):
        client.send_payment(asked.sqs, asked.queue, payment)
    got = []
    while found := client.receive_messages(asked.sqs, asked.queue):
        got += [int(client.record(one).id) for one in found]
    return "in order, each once" if got == list(range(1, 51)) else "out of order, or copies"


def _answered(call: Callable[[], object]) -> str:
    try:
        call()
    except ClientError as error:
        missing = error.response["Error"]["Code"] == "InvalidAction"
        return "no such action" if missing else "refused"
    return "OK"


SEND, RECEIVE = "SendMessage", "ReceiveMessage"
DELETE, CHANGE = "DeleteMessage", "ChangeMessageVisibility"
GROUPS = (("DeduplicationScope", "messageGroup"), ("FifoThroughputLimit", "perMessageGroupId"))

QUESTIONS = (
    Question("FIFO: a copy within five minutes, the first one deleted", _copy_after_delete,
             "not delivered", "FIFO queue key terms", fifo=True),
    Question("FIFO: one id in two groups", _same_id_two_groups,
             "1 delivered", SEND, fifo=True),
    Question("… with DeduplicationScope=messageGroup", _same_id_two_groups,
             "2 delivered", "High throughput for FIFO queues", fifo=True, attributes=GROUPS),
    Question("FIFO: the next one of a group in flight", _group_in_flight,
             "nothing", "FIFO delivery logic", fifo=True),
    Question("FIFO: ReceiveRequestAttemptId used again", _receive_again,
             "the same again", RECEIVE, fifo=True),
    Question("FIFO: delete after the visibility timeout", _late_delete,
             "refused", "ReceiveMessage; aws-sdk-js 1750", fifo=True),
    Question("Standard: delete after the visibility timeout", _late_delete,
             "OK", "localstack pull request 12442"),
    Question("Standard: delete with an older receipt handle", _old_handle,
             "OK", DELETE),
    Question("Visibility changed after its timeout", _late_extension,
             "refused", CHANGE),
    Question("Visibility to more than 12 hours in all", _beyond_half_a_day,
             "refused", CHANGE),
    Question("Standard: a MessageDeduplicationId", _standard_with_id,
             "refused", SEND),
    Question("Standard: dead letters into a FIFO queue", _dead_letters_of_another_kind,
             "refused", "Configure a dead-letter queue", fifo=True),
    Question("StartMessageMoveTask, the redrive of AWS", _move_task,
             "OK", "StartMessageMoveTask"),
    Question("Standard: fifty messages, read at leisure", _order_and_copies,
             "out of order, or copies", "Standard queues"),
)  # fmt: skip


def answers(url: str) -> list[str]:
    """Ask each of ``QUESTIONS`` of the SQS at ``url``, on a queue of its own."""
    with closing(client.connect(url)) as sqs:
        return [_answer(url, sqs, question) for question in QUESTIONS]


def _answer(url: str, sqs: Any, question: Question) -> str:  # noqa: ANN401
    attributes: dict[str, Any] = dict(question.attributes)
    with client.queue(sqs, fifo=question.fifo, **attributes) as queue:
        return question.ask(Asker(url, sqs, queue))
