"""The exercises of chapter 12.

Book: 12-rabbitmq
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from ... import (
    Bounds, Broker, HighWaterMark, Message, Participant, ProcessOnce, RetryUntilAcked, payments,
)  # fmt: skip
from ...core.world import World
from ..exercise import Exercise
from ..judges import called, number, searched
from ..reader import Defined

ACK_EACH = 10
TO_WORK_ON = 3 * ACK_EACH
UNREADABLE = (Message("1", 0), Message("2", 10))
"""Payments of which the first cannot be carried out."""


def _is_copy(delivery: Mapping[str, str | bool], seen: Collection[str | bool]) -> bool:
    return delivery["message_id"] in seen


def _next_step(heard: Collection[str]) -> str:
    if "return" in heard:
        return "no queue"
    return "stored" if "ack" in heard else "send again"


def _twice_at_worst() -> int:
    """How many were worked on and not acked, wherever the consumer is killed."""
    at_a_kill, acked = [0], 0
    for done in range(1, TO_WORK_ON + 1):
        at_a_kill.append(done - acked)
        if done % ACK_EACH == 0:
            acked = done
    return max(at_a_kill)


def _queue(names: Defined) -> Mapping[str, Participant]:
    return {
        "publisher": RetryUntilAcked("RabbitMQ", payments(1)),
        "RabbitMQ": Broker("consumer"),
        "consumer": names["Mine"](),
    }


def _stream(names: Defined) -> Mapping[str, Participant]:
    return {"publisher": names["Publisher"](), "stream": HighWaterMark()}


def _limited(names: Defined) -> Mapping[str, Participant]:
    return {
        "publisher": RetryUntilAcked("RabbitMQ", UNREADABLE),
        "RabbitMQ": Broker("consumer", deliveries_max=3),
        "consumer": names["Mine"](),
        "aside": ProcessOnce(),
    }


def _carried_out(world: World) -> bool:
    return "1" in world.stores["consumer"].processed


def _good_aside(world: World) -> bool:
    return "2" in world.stores["aside"].processed


EXERCISES = (
    Exercise(
        name="what-is-a-copy",
        title="what is a copy?",
        question="""
            A consumer skips what it has processed before. `delivery` has the `message_id`
            that the publisher gave, and the broker's flag `redelivered`; `seen` are the ids
            in the consumer's database. Change one line, so that copies are skipped, and
            nothing else is.
            """,
        start="""
def is_copy(delivery, seen):
    return delivery["redelivered"]
    # delivery: {"message_id": "7", "redelivered": False}
""",
        judge=called(
            "is_copy",
            _is_copy,
            {
                "published twice": ({"message_id": "7", "redelivered": False}, {"7"}),
                "not looked at": ({"message_id": "8", "redelivered": True}, {"7"}),
                "new": ({"message_id": "9", "redelivered": False}, {"7"}),
            },
        ),
        hints={
            "published twice": """
                The publisher has sent it twice. To the broker these are two messages, and
                neither was delivered before.
                """,
            "not looked at": """
                It was handed to a consumer that died before it looked. Skip it now, and
                nobody processes it.
                """,
            "new": "Nobody has seen it.",
        },
        solution="""
def is_copy(delivery, seen):
    return delivery["message_id"] in seen
""",
        why="""
            The flag is about deliveries of one broker, a copy is about effects. Only what was
            written down with the effect knows of those.
            """,
    ),
    Exercise(
        name="what-the-publisher-heard",
        title="what the publisher heard",
        question="""
            Confirms and `mandatory` are on. `heard` is what came back for one message, in
            order: "ack", "nack", "return", or nothing, if the connection was cut before.
            Return what follows: "stored", "no queue", or "send again".
            """,
        start="""
def next_step(heard):
    return "stored" if heard else "send again"
""",
        judge=called(
            "next_step",
            _next_step,
            {
                "returned": (["return", "ack"],),
                "stored": (["ack"],),
                "nacked": (["nack"],),
                "cut": ([],),
            },
        ),
        hints={
            "returned": """
                No queue wanted it, so it came back, and was confirmed after that. The same
                address will fail again.
                """,
            "stored": "An ack and no return: it is in a queue.",
            "nacked": "The broker could not take it. It has said so, and it may next time.",
            "cut": """
                The message or its confirm was lost, and nobody can say which. Only one
                mistake can be mended by the consumer.
                """,
        },
        solution="""
def next_step(heard):
    if "return" in heard:
        return "no queue"
    return "stored" if "ack" in heard else "send again"
""",
        why="""
            A confirm says that the broker has done what it had to do. Whether that was
            anything is said by the return, which comes before it. And silence is a doubt, so
            it is sent again under the same id.
            """,
    ),
    Exercise(
        name="acks-in-bulk",
        title="acks in bulk",
        question="""
            To save packets a consumer acks every tenth payment, with `multiple`: all up to it
            are acked at once. It works on 30 payments, one after the other, without a store of
            ids, and is killed once. How many payments are made twice, at worst?
            """,
        start="answer = 10 - 1",
        judge=number(_twice_at_worst),
        hints={
            "9": "Nine, if it is killed in the middle of the tenth. When is the tenth acked?",
            "1": "So it is with an ack for each payment. Which ones has the broker heard of?",
            "20": "The first ten were acked when the eleventh began.",
            "less": "All that is done and not acked is handed out again.",
            "more": "What was acked does not come again.",
        },
        solution="answer = 10",
        why="""
            Killed between the work on the tenth and its ack, all ten come again. Acks in bulk
            are no other guarantee, they are the same one with a larger number. With an id in
            the commit of the effect the number does not matter.
            """,
    ),
    Exercise(
        name="an-ack-in-any-case",
        title="an ack in any case",
        question="""
            The work of this consumer may fail once, and then nothing of it was done; or the
            consumer is killed once. The broker hands out again what it is not acked, or what
            it is told by `Nack(id)`. Change the consumer, so that the payment is made once.
            """,
        start="""
class Mine(Passive):
    def receive(self, source, payload):
        try:
            yield Once(payload.id, Process(payload))
        except EffectFailed:
            pass  # to the log, and on
        yield Send(source, Ack(payload.id))
""",
        judge=searched(
            _queue,
            Bounds(losses=0, duplicates=0, crashes=1, failures=1, crashable=("consumer",)),
        ),
        hints={
            "lost": """
                It was acked, and not done. The ack is the broker's leave to forget it: who
                may give that, and when?
                """,
            "twice": "A kill fell between the payment and what remembers it.",
        },
        solution="""
class Mine(Passive):
    def receive(self, source, payload):
        try:
            yield Once(payload.id, Process(payload))
            yield Send(source, Ack(payload.id))
        except EffectFailed:
            yield Send(source, Nack(payload.id))
""",
        why="""
            An ack in a `finally`, or behind an `except` that swallows, is an ack before the
            work. To say nothing would do as well: the broker waits, and asks again.
            """,
    ),
    Exercise(
        name="numbers-that-rise",
        title="numbers that rise",
        question="""
            A stream keeps the highest number of a publisher, and confirms and drops what is
            not above it. The ids of the payments are their numbers. One packet may be lost or
            copied, packets may overtake each other, and the publisher may be killed. Write
            it, so that both payments are stored, once.
            """,
        start="""
class Publisher(Passive):
    messages = payments(2)

    def start(self):
        for payment in self.messages:
            yield Send("stream", payment)
""",
        judge=searched(
            _stream,
            Bounds(losses=1, duplicates=1, crashes=1, crashable=("publisher",)),
        ),
        hints={
            "lost": """
                A payment was lost on its way, or another one with a higher number was there
                before it. What has to be known of payment 1, before payment 2 is sent?
                """,
            "twice": "A payment had two numbers. It may have one only, in all attempts.",
        },
        steps=(
            "`(yield Receive(Ack(payment.id), 1.0))` waits for a confirm: True if it came.",
            "Send a payment until it is confirmed, and the next one after that.",
        ),
        solution="""
class Publisher(Passive):
    messages = payments(2)

    def start(self):
        for payment in self.messages:
            confirmed = False
            while not confirmed:
                yield Send("stream", payment)
                confirmed = yield Receive(Ack(payment.id), 1.0)
""",
        why="""
            One at a time, in order, under numbers that belong to the payments. After a
            restart it begins with 1 again: the stream drops what it has, and confirms it. The
            memory is the stream's, and it is one number.
            """,
    ),
    Exercise(
        name="put-aside",
        title="put aside",
        question="""
            A payment of 0 cannot be carried out, now or ever. The queue has a delivery limit,
            here of three deliveries, and no dead-letter queue; what reaches the limit is
            gone. Design the consumer: such a payment has to be stored by the participant
            "aside", which answers with an `Ack` and knows copies. One packet may be lost.
            """,
        start="""
class Mine(Passive):
    def receive(self, source, payload):
        if source != "RabbitMQ":
            return  # an answer that nobody waits for any more
        if payload.amount == 0:
            yield Send(source, Nack(payload.id))
        else:
            yield Once(payload.id, Process(payload))
            yield Send(source, Ack(payload.id))
""",
        judge=searched(
            _limited,
            Bounds(losses=1, duplicates=0, crashes=0),
            never={"carried out": _carried_out, "good one aside": _good_aside},
        ),
        hints={
            "lost": """
                It was given back until it was gone, or it is acked and not stored aside: that
                packet can be lost as well. When may you ack it?
                """,
            "carried out": "The payment of 0 was processed by the consumer.",
            "good one aside": "A payment that can be carried out was put aside.",
            "twice": "A redelivery was processed again: a lost ack is enough for it.",
        },
        steps=(
            'Send it to "aside" and wait: `yield Receive(Ack(payload.id), 1.0)` answers True '
            "if it is stored.",
            "Ack it to the broker only then. If there was no answer, the broker hands it out "
            "again.",
        ),
        solution="""
class Mine(Passive):
    def receive(self, source, payload):
        if source != "RabbitMQ":
            return  # an answer that nobody waits for any more
        if payload.amount == 0:
            yield Send("aside", payload)
            if not (yield Receive(Ack(payload.id), 1.0)):
                return
        else:
            yield Once(payload.id, Process(payload))
        yield Send(source, Ack(payload.id))
""",
        why="""
            A consumer that puts a message aside is a publisher, and needs a confirm like any
            other. Until then it keeps its ack back. RabbitMQ's dead-letter queue does this
            for you, if you declare one.
            """,
    ),
)
