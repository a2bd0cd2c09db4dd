"""A producer, SQS and consumers, and a log of what passed between them.

The client is boto3, the queue is real, and a proxy stands between the two. What is drawn is
what the proxy told, in its order, and what a consumer did with what it got.

Book: 13-aws-sqs
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import Any

from botocore.exceptions import ConnectionClosedError

from ... import Message, Record, Trace
from ...core.effects import Payload
from ...live.run_log import LabelledAck, LabelledMessage, RunLog
from ...systems.frames import FrameName
from ...systems.http.framing import Passed
from ...systems.sqs import client, frames
from ...systems.sqs.server import is_aws, pass_time

PRODUCER, QUEUE, CONSUMER, SECOND = "producer", "SQS", "consumer", "second consumer"
UNTOLD = tuple(Passed(way, 0, "forwarded", "", "") for way in ("request", "reply"))
"""What has passed where there is no proxy to tell it, and an answer came."""
FIRST_SEND = "SendMessage reply", 1


def at_the_consumers(trace: Trace) -> Trace:
    """Return what is drawn of a long run: what was handed over, processed and put aside.

    The requests around it, to send and to delete, are left out.
    """
    return replace(trace, events=tuple(
        event for event in trace.events
        if event.payload is None
        or isinstance(event.payload, Record)
        or event.what == "dead_lettered"
    ))  # fmt: skip


@dataclass(frozen=True)
class Handed:
    """A payment as a consumer got it. The receipt ``handle`` is good for this delivery only.

    ``message`` is SQS's own id of the message, ``record`` what it tells of it besides.
    """

    payment: Message
    record: Record
    handle: str
    message: str

    @classmethod
    def of(cls, message: Mapping[str, Any]) -> Handed:
        """Read it from SQS's own words."""
        record = client.record(message)
        payment = Message(record.id, record.amount)
        return cls(payment, record, message["ReceiptHandle"], message["MessageId"])


class SQSLab(RunLog):
    """One run over one queue, as `lab` makes it; what is asked of it here is in its trace."""

    def __init__(self, url: str, queue: str, address: str, passed: list[Passed]) -> None:
        super().__init__((PRODUCER, QUEUE, CONSUMER), ())
        self.url, self.queue = url, queue
        self.sqs = client.connect(address)
        self._passed = passed

    def send(
        self,
        payment: Message,
        *,
        key: str = "",
        deduplication: str | None = None,
        **content: Any,  # noqa: ANN401
    ) -> str | None:
        """Make one attempt to send; return SQS's id of the message, None without an answer.

        ``content`` is in the message's body besides.
        """
        self.about(payment)
        label = f"SendMessage {payment.id}" + (f", id {deduplication}" if deduplication else "")
        request = LabelledMessage(payment.id, payment.amount, label)
        answer = self._ask(
            PRODUCER, request, f"OK {payment.id}",
            lambda: client.send_payment(
                self.sqs, self.queue, payment,
                key=key, deduplication=deduplication, **content,
            ),
        )  # fmt: skip
        if answer is None:
            return None
        self.note("confirmed", PRODUCER, payment)
        return str(answer["MessageId"])

    def receive(self, who: str = CONSUMER, **options: Any) -> list[Handed]:  # noqa: ANN401
        """Return what SQS hands to a consumer now; nothing, if nothing can be seen."""
        self.meet(who)
        found = client.receive_messages(self.sqs, self.queue, **options)
        self._passed.clear()
        handed = [Handed.of(message) for message in found]
        for one in handed:
            self.packet(QUEUE, who, one.record)
        return handed

    def process(self, handed: Handed, who: str = CONSUMER) -> None:
        """Have the effect: the money moves."""
        self.note("processed", who, handed.record)

    def delete(self, handed: Handed, who: str = CONSUMER) -> str | None:
        """Delete what was handed over; return SQS's error or "", None without an answer."""
        id = handed.payment.id
        asked = LabelledAck(id, f"DeleteMessage {id}")
        answer: str | None = self._ask(
            who, asked, f"OK {id}",
            lambda: client.delete(self.sqs, self.queue, handed.handle),
        )  # fmt: skip
        return answer

    def extend(self, handed: Handed, seconds: int, who: str = CONSUMER) -> None:
        """Have the message hidden for ``seconds`` from now on."""
        id = handed.payment.id
        asked = LabelledAck(id, f"ChangeMessageVisibility {id}, {seconds} s")
        self._ask(who, asked, f"OK {id}", lambda: self._hide(handed, seconds))

    def wait(self, seconds: float, who: str) -> None:
        """Let time pass, until a timer of ``who`` has run out."""
        self.meet(who)
        pass_time(self.url, seconds)
        if seconds:
            self.note("timed_out", who, note=f"after {seconds:g} s")

    def _hide(self, handed: Handed, seconds: int) -> str:
        self.sqs.change_message_visibility(
            QueueUrl=self.queue, ReceiptHandle=handed.handle, VisibilityTimeout=seconds
        )
        return ""

    def _ask(self, who: str, asked: Payload, answer: str, call: Callable[[], Any]) -> Any:  # noqa: ANN401
        """Ask, and write down what the proxy tells of it; None if no answer came."""
        self.meet(who)
        self._passed.clear()
        try:
            got = call()
        except ConnectionClosedError:
            got = None
        words = answer if got is None or not isinstance(got, str) or not got else got
        for passed in self._passed or UNTOLD:
            reply = passed.way.endswith("reply")
            said = LabelledAck(asked.id, words) if reply else asked
            self.packet(
                *((QUEUE, who) if reply else (who, QUEUE)), said,
                lost=passed.fate != "forwarded",
            )  # fmt: skip
            if passed.fate != "forwarded":
                self.note("timed_out", who, note="cut")
        return got


@contextmanager
def lab(
    url: str,
    *,
    fifo: bool = False,
    lose: Iterable[FrameName] = (),
    visibility_s: int = client.VISIBILITY_S,
    **attributes: str,
) -> Iterator[SQSLab]:
    """Make a queue for one run at the SQS of ``url``; ``lose`` is the proxy's.

    At AWS there is none, and what a client hears is all that is told; see `frames.between`.
    """
    passed: list[Passed] = []
    with ExitStack() as stack:
        sqs = client.connect(url)
        stack.callback(sqs.close)
        queue = stack.enter_context(
            client.queue(sqs, fifo=fifo, visibility_s=visibility_s, **attributes)
        )
        address = url
        if lose or not is_aws(url):
            proxy = stack.enter_context(frames.between(url, lose=lose, tell=passed.append))
            address = f"http://{proxy.address}"
        made = SQSLab(url, queue, address, passed)
        stack.callback(made.sqs.close)
        yield made
