"""Payments through an SQS queue, with AWS's own client, boto3.

A queue is made for a run, under a name that nobody else has, and deleted after it, so that two
runs on one account never meet. `QueueSource` is what a consumer of this book reads from.

Book: 13-aws-sqs
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from ...core.effects import Message
from ...core.trace import Record
from ..consumer import AckRefused
from .server import is_aws, pass_time

UNCHECKED = {
    "region_name": "us-east-1", "aws_access_key_id": "book", "aws_secret_access_key": "book",
}  # fmt: skip
"""What an emulator is told, so that nobody's own credentials are looked for."""

_SESSION = boto3.Session()
# Its first client reads a megabyte of JSON. Consumers that are forked later inherit that.
_SESSION.client("sqs", endpoint_url="http://127.0.0.1", **UNCHECKED).close()

TIMEOUT_S = 60.0
POLL_S = 1
"""At AWS. A poll that does not wait asks some of its servers only, and may miss something."""

VISIBILITY_S = 30
"""For how long SQS hides what it has handed out, unless it is told another time."""

GROUP = "payments"
"""The message group of payments without a key: they keep their order."""

GONE = ("ReceiptHandleIsInvalid", "InvalidParameterValue", "MessageNotInflight")
"""What SQS answers to a receipt handle that is no longer the message's."""


def connect(url: str, *, attempts: int = 1) -> Any:  # noqa: ANN401  # boto3 makes its classes
    """Return boto3's client for the SQS at ``url``, which makes so many attempts in all.

    It retries by itself if told so, and then a caller does not see that it did.
    """
    retries = {"mode": "standard", "total_max_attempts": attempts}
    config = Config(retries=retries, connect_timeout=TIMEOUT_S, read_timeout=TIMEOUT_S + POLL_S)
    account = {} if is_aws(url) else UNCHECKED
    return _SESSION.client("sqs", endpoint_url=url, config=config, **account)


@contextmanager
def queue(
    sqs: Any,  # noqa: ANN401
    *,
    fifo: bool = False,
    visibility_s: int = VISIBILITY_S,
    **attributes: str,
) -> Iterator[str]:
    """Yield the URL of a queue that is deleted when the block ends.

    ``attributes`` are SQS's own, such as ``ContentBasedDeduplication="true"``.
    """
    name = f"delivery-semantics-{uuid4().hex}"
    asked = {"VisibilityTimeout": str(visibility_s), **attributes}
    if fifo:
        name, asked = f"{name}.fifo", {"FifoQueue": "true", **asked}
    url = sqs.create_queue(QueueName=name, Attributes=asked)["QueueUrl"]
    try:
        yield url
    finally:
        sqs.delete_queue(QueueUrl=url)


def dead_letters(sqs: Any, queue: str, *, receives_max: int) -> dict[str, Any]:  # noqa: ANN401
    """Return the attribute by which another queue puts into this one what it gives up."""
    asked = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])
    target = asked["Attributes"]["QueueArn"]
    policy = {"deadLetterTargetArn": target, "maxReceiveCount": receives_max}
    return {"RedrivePolicy": json.dumps(policy)}


def send_payment(
    sqs: Any,  # noqa: ANN401
    queue: str,
    payment: Message,
    *,
    key: str = "",
    deduplication: str | None = None,
    **content: Any,  # noqa: ANN401
) -> Mapping[str, Any]:
    """Send a payment, in one attempt, and return SQS's answer.

    In a FIFO queue ``key`` is its message group. ``deduplication`` is its id there: the
    payment's own if None; none is sent with "", for a queue that makes them of the content.
    ``content`` is in the body as well.
    """
    body = json.dumps({"id": payment.id, "amount": payment.amount, **content})
    fifo = {}
    if queue.endswith(".fifo"):
        fifo["MessageGroupId"] = key or GROUP
        if chosen := payment.id if deduplication is None else deduplication:
            fifo["MessageDeduplicationId"] = chosen
    answer: Mapping[str, Any] = sqs.send_message(QueueUrl=queue, MessageBody=body, **fifo)
    return answer


def receive_messages(
    sqs: Any,  # noqa: ANN401
    queue: str,
    **options: Any,  # noqa: ANN401
) -> list[dict[str, Any]]:
    """Return what SQS hands over now, one message unless ``MaxNumberOfMessages`` says more."""
    wait_s = POLL_S if is_aws(sqs.meta.endpoint_url) else 0
    answer = sqs.receive_message(
        QueueUrl=queue,
        MessageSystemAttributeNames=["All"],
        **{"WaitTimeSeconds": wait_s, **options},
    )
    found: list[dict[str, Any]] = answer.get("Messages", [])
    return found


def record(message: Mapping[str, Any]) -> Record:
    """Return what SQS handed over as a record of this book."""
    body, told = json.loads(message["Body"]), message["Attributes"]
    sequence = told.get("SequenceNumber")
    return Record(
        body["id"],
        body["amount"],
        key=told.get("MessageGroupId", ""),
        position=int(sequence) if sequence else None,
        delivery=int(told["ApproximateReceiveCount"]),
    )


class QueueSource:
    """A queue as a consumer reads it, one message at a time.

    What is handed over is hidden for ``visibility_s``, and comes again unless it is acked.
    """

    def __init__(self, url: str, queue: str, visibility_s: int = VISIBILITY_S) -> None:
        self._url, self._queue, self._visibility_s = url, queue, visibility_s
        self._sqs = connect(url)
        self._handles: dict[Record, str] = {}

    def take(self) -> Record | None:
        """Return what is handed over next; None once nothing is left, hidden or not.

        If all that is left is hidden, it waits until that is seen again.
        """
        while True:
            for message in receive_messages(self._sqs, self._queue):
                taken = record(message)
                self._handles[taken] = message["ReceiptHandle"]
                return taken
            if not any(counts(self._sqs, self._queue)):
                return None
            pass_time(self._url, self._visibility_s)

    def ack(self, record: Record) -> None:
        """Delete it. Raises AckRefused where SQS says that it is somebody else's by now."""
        if refused := delete(self._sqs, self._queue, self._handles[record]):
            raise AckRefused(refused)

    def close(self) -> None:
        """Close the connections."""
        self._sqs.close()


def delete(sqs: Any, queue: str, handle: str) -> str:  # noqa: ANN401
    """Delete what was handed over under ``handle``; return SQS's error for it, or ""."""
    try:
        sqs.delete_message(QueueUrl=queue, ReceiptHandle=handle)
    except ClientError as error:
        code = str(error.response["Error"]["Code"])
        if code not in GONE:
            raise
        return code
    return ""


def counts(sqs: Any, queue: str) -> tuple[int, int]:  # noqa: ANN401
    """Return how many messages can be handed over now, and how many are hidden."""
    seen, *hidden = (
        "ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible",
        "ApproximateNumberOfMessagesDelayed",
    )  # fmt: skip
    asked = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=[seen, *hidden])
    told = {name: int(count) for name, count in asked["Attributes"].items()}
    return told[seen], sum(told[name] for name in hidden)
